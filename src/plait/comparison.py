"""Compare: variants of one recipe trained on one split, and one table of what each cost and scored."""

import itertools
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from plait import flow
from plait.data.gather import Progress
from plait.errors import RecipeError
from plait.files import write_text
from plait.recipe import read_recipe
from plait.run import Run, free_folder

COMPARISON = "comparison.json"


def compare(
    data: str,
    vary: Sequence[str],
    *,
    seeds: int = 1,
    seed: int = 0,
    changes: Sequence[str] = (),
    out: str | Path | None = None,
    test: bool = False,
    say: Callable[[str], None] = flow.silent,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Trains every combination of ``vary`` ("network.2.cell=lstm,gru") with ``seeds`` seeds, all on one split.

    Scores are of the validation part, which is what variants may be chosen by; with ``test`` the test part's stand
    beside them. Writes comparison.json and comparison.md into ``out`` (default runs/NAME-compare-1, -2, ...), which
    holds the runs too; called again with the same ``out`` it goes on where it stopped. Raises RecipeError for a
    variant that cannot be before anything is trained.
    """
    task = flow.task_of(data, options.get("format"))
    variants = [list(one) for one in itertools.product(*map(_alternatives, vary))]
    for variant in variants:
        read_recipe(options.get("recipe"), [*changes, *variant], task)
    folder = Path(out) if out is not None else free_folder(data, "-compare")
    runs: dict[str, list[dict[str, Any]]] = {}
    for number, variant in enumerate(variants, start=1):
        name = ", ".join(variant)
        for drawn in range(seed, seed + seeds):
            say(f"variant {number} of {len(variants)}: {name}, seed {drawn}")
            place = folder / f"{number}-seed-{drawn}"
            asked = [*changes, *variant, f"data.split_seed={seed}"]
            run = _trained(data, place, say, progress, changes=asked, seed=drawn, **options)
            if not run.finished:
                return _written(folder, data, runs, finished=False)
            runs.setdefault(name, []).append(_measured(run, test, progress))
    return _written(folder, data, runs, finished=True)


def table(comparison: dict[str, Any]) -> list[list[str]]:
    """Header and rows, as shown: score with interval, spread over seeds, time, parameters."""
    tested = any("test" in row for row in comparison["variants"])
    header = [
        "variant",
        f"validation {comparison['metric']}",
        *(["test"] if tested else []),
        "seconds",
        "parameters",
    ]
    rows = [header]
    for row in comparison["variants"]:
        scores = [_shown(row["validation"]), *([_shown(row["test"])] if tested else [])]
        rows.append([row["variant"], *scores, f"{row['training_seconds']:.0f}", f"{row['parameters']:,}"])
    return rows


def _alternatives(vary: str) -> list[str]:
    """ "a.b=x,y" to ["a.b=x", "a.b=y"]; values are YAML, so a list stands in brackets."""
    place, equals, text = vary.partition("=")
    try:
        values = yaml.safe_load(f"[{text}]") if equals else None
    except yaml.YAMLError as error:
        raise RecipeError(f"--vary {vary}: {text!r} is not a list of YAML values: {error}") from error
    if not values:
        raise RecipeError(
            f"--vary {vary}: expected key=value,value, for example --vary network.2.cell=lstm,gru"
        )
    return [
        f"{place}={json.dumps(value)}" if not isinstance(value, str) else f"{place}={value}"
        for value in values
    ]


def _trained(
    data: str, place: Path, say: Callable[[str], None], progress: Progress | None, **options: Any
) -> Run:
    """The run at ``place``: finished before, gone on with, or begun."""
    if not (place / "recipe.yaml").exists():
        return flow.train(data, out=place, say=say, progress=progress, **options)
    run = Run.open(place)
    return run if run.finished else flow.train(resume=place, say=say, progress=progress)


def _measured(run: Run, test: bool, progress: Progress | None) -> dict[str, Any]:
    report = flow.test(run, progress=progress) if test else run.read("report.json")
    return {
        "run": str(run.folder),
        "metric": report["metric"],
        "validation": report["splits"]["validation"],
        **({"test": report["splits"]["test"]} if test else {}),
        "training_seconds": report["training_seconds"],
        "parameters": report["parameters"],
    }


def _written(
    folder: Path, data: str, runs: dict[str, list[dict[str, Any]]], finished: bool
) -> dict[str, Any]:
    comparison = {
        "data": data,
        "metric": next((one["metric"] for measured in runs.values() for one in measured), None),
        "folder": str(folder),
        "finished": finished,
        "variants": [_row(name, measured) for name, measured in runs.items()],
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / COMPARISON, json.dumps(comparison, ensure_ascii=False, indent=1))
    header, *rows = table(comparison)
    lines = [header, ["---"] * len(header), *rows]
    write_text(folder / "comparison.md", "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
    return comparison


def _row(name: str, measured: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [part for part in ("validation", "test") if part in measured[0]]
    scores: dict[str, Any] = {part: _mean_score([one[part] for one in measured]) for part in parts}
    return {
        "variant": name,
        **scores,
        "training_seconds": statistics.fmean(one["training_seconds"] for one in measured),
        "parameters": measured[0]["parameters"],
        "runs": [one["run"] for one in measured],
    }


def _mean_score(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over seeds. Its interval is the mean of theirs: all are asked the same examples, so more seeds do not
    make the sample of examples larger."""
    means = {key: statistics.fmean(one[key] for one in scores) for key in ("value", "low", "high")}
    values = [one["value"] for one in scores]
    return means | {
        "examples": scores[0]["examples"],
        "seeds": len(scores),
        "least": min(values),
        "most": max(values),
    }


def _shown(score: dict[str, Any]) -> str:
    text = f"{score['value']:.4f} ({score['low']:.4f} to {score['high']:.4f})"
    return text if score["seeds"] == 1 else f"{text}, seeds {score['least']:.4f} to {score['most']:.4f}"

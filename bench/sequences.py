"""Test scores of sequence tagging and language modeling on public sets, with the default recipes where nothing is said.

python bench/sequences.py DATA [conll2000 ewt weibo shakespeare] [--seeds N]: DATA holds conll2000/, ud_english_ewt/,
weibo_ner/ and tinyshakespeare/. Official splits; of tinyshakespeare the last tenth is the test, which chooses nothing.
Writes bench/results/sequences.json.
"""

import argparse
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import added

import plait

RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class Set:
    """``files`` of a folder, and what is changed of the default recipe."""

    files: str
    recipe: str | None = None
    changes: tuple[str, ...] = ()


SETS = {
    "conll2000": Set("conll2000/*.txt", "sequence-tagging-features.yaml"),
    "ewt": Set("ud_english_ewt/*.conllu.gz", None, ("data.label=upos",)),
    "weibo": Set("weibo_ner/weiboNER*"),
    "shakespeare": Set("tinyshakespeare/input.txt"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a value of the recipe")
    asked = parser.parse_args()
    for name in asked.sets:
        runs = [
            _run(asked.data, SETS[name], seed, asked.minutes, asked.changes) for seed in range(asked.seeds)
        ]
        added("sequences", name, _summary(runs))


def _run(data: Path, of: Set, seed: int, minutes: float | None, changes: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        place.mkdir()
        for path in data.glob(of.files):
            shutil.copy(path, place)
        recipe = RECIPES / of.recipe if of.recipe else None
        model = plait.train(
            place,
            recipe=recipe,
            changes=[*of.changes, *changes],
            minutes=minutes,
            seed=seed,
            out=Path(folder) / "run",
        )
        report = model.test()
        print(seed, report["metric"], report["value"], report["low"], report["high"], flush=True)
    return {
        "metric": report["metric"],
        "value": report["value"],
        "nats": report["scores"].get("nats_per_token"),
        "baseline": report["baseline"]["value"],
        "seconds": report["training_seconds"],
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    values = [run["value"] for run in runs]
    nats = [run["nats"] for run in runs if run["nats"] is not None]
    return {
        "metric": runs[0]["metric"],
        "value": round(statistics.fmean(values), 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
        **({"nats": [round(one, 4) for one in nats]} if nats else {}),
        "baseline": round(statistics.fmean(run["baseline"] for run in runs), 4),
        "runs": len(runs),
        "seconds": round(statistics.fmean(run["seconds"] for run in runs), 1),
    }


if __name__ == "__main__":
    main()

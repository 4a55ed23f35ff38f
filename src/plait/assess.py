"""A trained network and data to numbers: the report of a run."""

import base64
import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from plait.data.batches import EvaluationBatches
from plait.data.gather import Gathered
from plait.data.store import PictureStore
from plait.evaluation.intervals import standard_error
from plait.evaluation.speed import latency_ms
from plait.layers import Map, network_table
from plait.recipe import Recipe
from plait.run import WEIGHTS, Run
from plait.settle import picture_input
from plait.tasks.task import PictureNetwork, Task, outputs

EVALUATION_BATCH = 256
TRAIN_SAMPLE = 2000
BASELINE_SAMPLE = 5000
MISTAKES = 16


@dataclass(frozen=True)
class Part:
    """One split, opened: its rows, its pictures and its targets."""

    gathered: Gathered
    store: PictureStore
    targets: Tensor

    @classmethod
    def open(cls, gathered: Gathered, recipe: Recipe, task: Task, rows: int | None = None) -> "Part":
        """``rows`` limits it to an even sample."""
        if rows is not None and len(gathered.table) > rows:
            gathered = gathered.take(np.linspace(0, len(gathered.table) - 1, rows).astype(np.int64))
        return cls(gathered, pictures(gathered, recipe), task.encode(gathered.table))

    def center(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (rows, height, width, channels) as the network sees them."""
        return self.store.center(rows).numpy().transpose(0, 2, 3, 1)


@dataclass(frozen=True)
class Judged:
    """What the network said of a part: scores, probabilities (examples, classes), targets as numbers."""

    part: Part
    scores: dict[str, Any]
    probabilities: np.ndarray


def pictures(gathered: Gathered, recipe: Recipe) -> PictureStore:
    """The part's decoded pictures, within the recipe's budget of memory."""
    return PictureStore(
        gathered.table,
        picture_input(recipe),
        recipe.data.cache_mb * 1_000_000,
        max_pixels=recipe.data.max_pixels,
    )


def judge(task: Task, network: PictureNetwork, part: Part) -> Judged:
    """Scores every example of ``part`` in float32."""
    logits, _ = outputs(network, EvaluationBatches(part.store, part.targets, EVALUATION_BATCH))
    probabilities = task.decode(logits.numpy())
    return Judged(part, task.score(part.targets.numpy(), probabilities), probabilities)


def validation_scores(
    task: Task, loss_of: Callable[[Tensor, Tensor], Tensor], network: torch.nn.Module, part: Part
) -> dict[str, float]:
    """``score`` (higher is better), its standard ``error`` and ``loss`` in training, by whatever precision is on."""
    logits, targets = outputs(network, EvaluationBatches(part.store, part.targets, EVALUATION_BATCH))
    with torch.no_grad():
        loss = float(loss_of(logits, targets))
    if targets.dim() == 1:
        share = float((logits.argmax(1) == targets).float().mean())
        return {"score": share, "error": (share * (1 - share) / len(targets)) ** 0.5, "loss": loss}
    scores = task.score(targets.numpy(), task.decode(logits.numpy()))
    return {
        "score": float(scores["value"]),
        "error": standard_error(scores["low"], scores["high"]),
        "loss": loss,
    }


def training_report(
    run: Run, train: Part, validation: Part, gathered: Gathered, outcome: dict[str, Any]
) -> dict[str, Any]:
    """The report after training: training and validation scores; the test part stays unread."""
    started = time.perf_counter()
    task, network = run.task(), run.network()
    sample = Part.open(train.gathered, run.recipe, task, TRAIN_SAMPLE)
    judged = {"train": judge(task, network, sample), "validation": judge(task, network, validation)}
    report = _common(run, network) | {
        "splits": {name: _split(one) for name, one in judged.items()},
        "overlap": {"validation": gathered.overlap()["validation"]},
        "left_out": [problem.to_json() for problem in gathered.errors],
        "findings": [problem.to_json() for problem in gathered.findings],
        "training_seconds": outcome["training_seconds"],
        "history": outcome["history"],
    }
    return _headline(report, run, judged["validation"], train, "validation") | {
        "seconds": time.perf_counter() - started
    }


def test_report(run: Run, test: Gathered, train: Gathered | None, overlap: int) -> dict[str, Any]:
    """The report after a test, with what training knew beside it. ``train`` is what the baseline is fitted on."""
    started = time.perf_counter()
    task, network = run.task(), run.network()
    judged = judge(task, network, Part.open(test, run.recipe, task))
    before = run.read("report.json")
    fitted_on = None if train is None else Part.open(train, run.recipe, task, BASELINE_SAMPLE)
    report = before | _common(run, network)
    report["splits"] = {name: one for name, one in before["splits"].items() if name != "test"} | {
        "test": _split(judged)
    }
    report["overlap"] = before["overlap"] | {"test": overlap}
    report["tested_on"] = test.table.source
    return _headline(report, run, judged, fitted_on, "test") | {"seconds": time.perf_counter() - started}


def _common(run: Run, network: PictureNetwork) -> dict[str, Any]:
    input = run.spec.input
    picture = torch.zeros(1, input.channels, input.height, input.width, dtype=torch.uint8)

    def answer() -> None:
        with torch.inference_mode():
            network(picture)

    return {
        "task": run.spec.task,
        "network": network_table(network.body, Map(input.channels, input.height, input.width)),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_bytes": (run.folder / WEIGHTS).stat().st_size,
        "latency_ms": latency_ms(answer),
        "environment": run.read("environment.json"),
        "recipe": run.recipe.to_yaml(),
    }


def _headline(
    report: dict[str, Any], run: Run, judged: Judged, fitted_on: Part | None, split: str
) -> dict[str, Any]:
    """The report of one split: its metric, interval and baselines, its scores in full, its worst mistakes."""
    task, scores = run.task(), judged.scores
    baselines = _baselines(task, fitted_on, judged.part)
    return report | {
        "split": split,
        "metric": task.metric,
        "higher_is_better": True,
        "value": scores["value"],
        "low": scores["low"],
        "high": scores["high"],
        "examples": len(judged.part.targets),
        "baseline": max(baselines, key=lambda one: float(one["value"])) if baselines else None,
        "baselines": baselines,
        "scores": scores,
        "classes": task.classes,
        "mistakes": _mistakes(task, judged),
    }


def _baselines(task: Task, fitted_on: Part | None, part: Part) -> list[dict[str, Any]]:
    if fitted_on is None:
        return []
    rows = np.linspace(0, len(fitted_on.targets) - 1, min(BASELINE_SAMPLE, len(fitted_on.targets))).astype(
        np.int64
    )
    everything = np.arange(len(part.targets))
    return task.baseline(
        fitted_on.center(rows), fitted_on.targets.numpy()[rows], part.center(everything), part.targets.numpy()
    )


def _split(judged: Judged) -> dict[str, Any]:
    scores = judged.scores
    return {
        "value": scores["value"],
        "low": scores["low"],
        "high": scores["high"],
        "examples": len(judged.part.targets),
    }


def _mistakes(task: Task, judged: Judged) -> list[dict[str, Any]]:
    """The wrong answers given with the most confidence."""
    targets = judged.part.targets.numpy()
    wrong = (judged.probabilities >= 0.5) != (targets > 0.5) if targets.ndim == 2 else None
    is_wrong = judged.probabilities.argmax(1) != targets if wrong is None else wrong.any(axis=1)
    rows = np.flatnonzero(is_wrong)
    rows = rows[np.argsort(-judged.probabilities[rows].max(axis=1), kind="stable")][:MISTAKES]
    table = judged.part.gathered.table
    shown = [task.show(int(row), table, judged.probabilities[row]) for row in rows]
    thumbnails: Iterable[np.ndarray] = judged.part.center(rows) if len(rows) else []
    return [one | {"thumbnail": _png(picture)} for one, picture in zip(shown, thumbnails, strict=True)]


def _png(picture: np.ndarray) -> str:
    """A data URI of a small PNG."""
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    image.thumbnail((112, 112))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

"""A trained network and data to numbers: the report of a run."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from plait.data.batches import Targets
from plait.data.gather import Gathered
from plait.evaluation.speed import latency_ms
from plait.layers import Stack, network_table
from plait.media import Medium
from plait.run import WEIGHTS, Run, RunPredictor
from plait.tasks import Task
from plait.tasks.task import Loss, Output

MISTAKES = 16


@dataclass(frozen=True)
class Part:
    """One split, opened: its rows, its inputs and its targets."""

    gathered: Gathered
    medium: Medium
    store: Any
    targets: Targets

    @classmethod
    def open(cls, gathered: Gathered, run: Run, rows: int | None = None, *, training: bool = False) -> "Part":
        """``rows`` limits it to an even sample; ``training`` opens it as augmentation needs it."""
        if rows is not None:
            gathered = run.medium.sample(gathered, rows)
        input = run.medium.kept(run.spec.input, run.recipe) if training else run.spec.input
        store = run.medium.open(gathered, run.recipe, input)
        return cls(gathered, run.medium, store, run.task().encode(gathered.table))

    def as_answered(self, run: Run) -> "Part":
        """The same as answers see it: itself, or as many rows as baselines take, where training keeps more of each."""
        if run.medium.kept(run.spec.input, run.recipe) == run.spec.input:
            return self
        return Part.open(self.gathered, run, run.medium.baseline_rows)

    def outputs(self, task: Task, network: nn.Module) -> Iterable[Output]:
        """The network's outputs of every row, by batches."""
        return task.outputs(network, self.medium.evaluation_batches(self.store, self.targets))

    def plain(self, rows: np.ndarray) -> Any:
        """The inputs of ``rows`` as baselines take them."""
        return self.medium.plain(self.store, self.gathered, rows)


@dataclass(frozen=True)
class Judged:
    """What the network said of a part: scores, and the task's answers."""

    part: Part
    scores: dict[str, Any]
    answers: Any


def judge(task: Task, network: nn.Module, part: Part) -> Judged:
    """Scores every example of ``part`` in float32."""
    answers = task.answers(part.outputs(task, network))
    return Judged(part, task.score(part.targets, answers), answers)


def validation_scores(task: Task, loss: Loss, network: nn.Module, part: Part) -> dict[str, Any]:
    """``score`` (higher is better), its standard ``error`` and ``loss`` in training, by whatever precision is on."""
    return task.validate(part.outputs(task, network), part.targets, loss)


def training_report(
    run: Run, train: Part, validation: Part, gathered: Gathered, outcome: dict[str, Any]
) -> tuple[Run, dict[str, Any]]:
    """The run, which knows now how its answers are read, and the report after training: training and validation scores;
    the test part stays unread."""
    started = time.perf_counter()
    run = run.with_spec(input=run.medium.untuned(run.spec.input))
    task, network = run.task(), run.network()
    sample = Part.open(train.gathered, run, run.medium.train_rows)
    judged = {"train": judge(task, network, sample), "validation": judge(task, network, validation)}
    run = run.with_spec(input=run.medium.tuned(run.spec.input, judged["validation"].scores))
    report = _common(run, network, validation) | {
        "splits": {name: _split(one) for name, one in judged.items()},
        "overlap": {"validation": gathered.overlap()["validation"]},
        "left_out": [problem.to_json() for problem in gathered.errors],
        "findings": [problem.to_json() for problem in gathered.findings],
        "training_seconds": outcome["training_seconds"],
        "history": outcome["history"],
        "samples": run.medium.samples(RunPredictor(run, network)),
        "kept_classes": _kept_classes(run, validation, judged["validation"]),
    }
    seconds = {"seconds": time.perf_counter() - started}
    headline = _headline(report, run, judged["validation"], train.as_answered(run), "validation")
    return run, headline | seconds


def _kept_classes(run: Run, validation: Part, judged: Judged) -> list[dict[str, Any]]:
    """Of the classes that the run which this one was started from had too, AP50 on this validation part before and
    after; nothing where all classes are the same."""
    if run.data["start_from"] is None:
        return []
    source = Run.open(run.data["start_from"])
    shared = [name for name in source.spec.classes if name in run.spec.classes]
    same = set(source.spec.classes) == set(run.spec.classes)
    if source.spec.task != run.spec.task or not shared or same:
        return []
    gathered = run.medium.of_classes(validation.gathered, shared)
    if gathered is None:
        return []
    before = judge(source.task(), source.network(), Part.open(gathered, source)).scores["classes"]
    scores = [{one["name"]: one["ap50"] for one in rows} for rows in (before, judged.scores["classes"])]
    return [{"name": name, "before": scores[0][name], "after": scores[1][name]} for name in shared]


def test_report(run: Run, test: Gathered, train: Gathered | None, overlap: int) -> dict[str, Any]:
    """The report after a test, with what training knew beside it. ``train`` is what the baseline is fitted on."""
    started = time.perf_counter()
    task, network = run.task(), run.network()
    judged = judge(task, network, Part.open(test, run))
    before = run.read("report.json")
    fitted_on = None if train is None else Part.open(train, run, run.medium.baseline_rows)
    report = before | _common(run, network, judged.part)
    report["splits"] = {name: one for name, one in before["splits"].items() if name != "test"} | {
        "test": _split(judged)
    }
    report["overlap"] = before["overlap"] | {"test": overlap}
    report["tested_on"] = test.table.source
    return _headline(report, run, judged, fitted_on, "test") | {"seconds": time.perf_counter() - started}


def _common(run: Run, network: nn.Module, part: Part) -> dict[str, Any]:
    """What is known of the network whatever its scores; ``part`` is what its speed is measured on, where one random
    input does not show it."""
    one = [torch.from_numpy(array) for array in run.spec.input.examples(1, seed=1)]
    body = network.body
    assert isinstance(body, Stack)

    def answer() -> None:
        with torch.inference_mode():
            network(*one)

    return {
        "task": run.spec.task,
        "noun": run.medium.noun,
        "network": network_table(body, run.medium.arriving(run.spec.input))
        + run.medium.behind(run.recipe, len(run.spec.classes)),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_bytes": (run.folder / WEIGHTS).stat().st_size,
        "latency_ms": latency_ms(answer),
        "environment": run.read("environment.json"),
        "recipe": run.recipe.to_yaml(),
        **run.medium.speed(RunPredictor(run, network), part.store, part.gathered),
    }


def _headline(
    report: dict[str, Any], run: Run, judged: Judged, fitted_on: Part | None, split: str
) -> dict[str, Any]:
    """The report of one split: its metric, interval and baselines, its scores in full, its worst mistakes."""
    task, scores = run.task(), judged.scores
    baselines = _baselines(task, fitted_on, judged.part)
    best = max if task.higher_is_better else min
    return report | {
        "split": split,
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "value": scores["value"],
        "low": scores["low"],
        "high": scores["high"],
        "examples": len(judged.part.targets),
        "baseline": best(baselines, key=lambda one: float(one["value"])) if baselines else None,
        "baselines": baselines,
        "scores": scores,
        "classes": task.classes,
        "mistakes": _mistakes(task, judged),
    }


def _baselines(task: Task, fitted_on: Part | None, part: Part) -> list[dict[str, Any]]:
    if fitted_on is None:
        return []
    count = len(fitted_on.targets)
    rows = np.linspace(0, count - 1, min(fitted_on.medium.baseline_rows, count)).astype(np.int64)
    everything = np.arange(len(part.targets))
    return task.baseline(
        fitted_on.plain(rows), task.some(fitted_on.targets, rows), part.plain(everything), part.targets
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
    part = judged.part
    shown = task.mistakes(part.gathered.table, part.targets, judged.answers, MISTAKES)
    thumbnails = part.medium.thumbnails(part.store, np.array(list(shown), np.int64))
    heard = part.medium.heard(part.store, np.array(list(shown), np.int64))
    return [
        one | beside | {"thumbnail": picture}
        for one, beside, picture in zip(shown.values(), heard, thumbnails, strict=True)
    ]

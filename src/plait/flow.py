"""The whole story on one page: inspect, train, test, predict, export. Each verb reads from top to bottom."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait import __version__
from plait.assess import Part, test_report, training_report, validation_scores
from plait.data.augmentation import Augmentation
from plait.data.batches import TrainingBatches, steps_per_epoch
from plait.data.gather import Gathered, Progress, gather, look, refuse
from plait.deployment.export import export as export_network
from plait.errors import DataError, RunError
from plait.evaluation.saving import write_report
from plait.inference.spec import ModelSpec
from plait.layers import Map, Pretrained, Stack, network_table
from plait.recipe import Recipe, read_recipe
from plait.run import Run, RunPredictor, new_folder
from plait.settle import mean_and_std, picture_input, settle, settle_mirror
from plait.start import copy_weights, fetch_backbones, use_backbone
from plait.training import Job
from plait.training import train as train_network

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Says nothing."""


def inspect(
    data: str | None = None,
    recipe: str | Path | None = None,
    changes: Sequence[str] = (),
    format: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What is in ``data`` and what is wrong with it, and the recipe's network as a table.

    Raises DataError only where there is no data at all: everything found is in the answer.
    """
    asked = read_recipe(recipe, changes)
    answer: dict[str, Any] = {"task": asked.task}
    if data is not None:
        found = look(data, asked.data, format, progress=progress)
        answer |= _description(found)
        asked = settle(partial(_asked, recipe, changes), found) if len(found.table) else asked
    input = picture_input(asked)
    arriving = Map(input.channels, input.height, input.width)
    layers = asked.layers()
    return answer | {"input": str(arriving), "network": network_table(Stack(*layers), arriving)}


def train(
    data: str | None = None,
    *,
    recipe: str | Path | None = None,
    changes: Sequence[str] = (),
    minutes: float | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    skip_bad: bool = False,
    pretrained: str | None = None,
    start_from: str | Path | None = None,
    resume: str | Path | None = None,
    format: str | None = None,
    network: nn.Module | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
    say: Say = silent,
    progress: Progress | None = None,
) -> Run:
    """Trains a network on ``data`` and returns its run; ``resume`` goes on with an interrupted one.

    ``changes`` are recipe values such as "training.epochs=5". The test part is never read. Parts of the user's own:
    ``network``, a module that takes float maps (batch, channels, height, width), normalized, and gives what the task's
    head takes, or the logits (batch, classes); ``loss(logits, targets)``, whose targets are class numbers (batch,), or
    each class's share (batch, classes) where pictures are mixed or have several labels; ``optimizer(parameters)``,
    whose step sizes the recipe's schedule multiplies. A run records their names and asks for them when it is opened
    or resumed: nothing is imported by name. Raises DataError, RecipeError, NetworkError or RunError before training
    starts.
    """
    own = OwnParts(network, loss, optimizer)
    if resume is not None:
        return _resume(Run.open(resume, network), own, say, progress)
    if data is None:
        raise DataError("no data was named: give a folder or a table, or `digits` for the embedded pictures")
    asking = partial(_asked, recipe, changes, minutes, seed, pretrained, own=network)
    asked = asking()
    _refuse_impossible(asked)
    folder = new_folder(data, out)
    gathered = gather(data, asked.data, asked.split_seed, format, skip_bad, progress)
    say(_counts(gathered))
    settled = settle(asking, gathered.part("train"))
    origin = {
        "source": data,
        "format": format,
        "skip_bad": skip_bad,
        "start_from": None if start_from is None else str(start_from),
        "own": own.names(),
    }
    return _fit(_create(folder, settled, gathered, origin), gathered, own, say)


def test(
    run: Run,
    data: str | None = None,
    *,
    skip_bad: bool = False,
    format: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Scores ``run`` on its own test part, or on ``data`` (its test part, or all of it where it has none).

    Writes report.json and report.html into the run and returns the report. Raises DataError, RunError.
    """
    if data is None:
        gathered = _own_data(run, progress)
        tested = gathered.part("test")
        trained: Gathered | None = gathered.part("train")
    else:
        found = look(data, run.recipe.data, format, progress=progress, training=False)
        refuse(found, skip_bad)
        tested = found.part("test") if (found.table.frame["split"] == "test").any() else found
        trained = _train_part(run, progress)
    if len(tested.table) == 0:
        raise DataError(
            f"{tested.table.source} has no test part: name the data to test on, plait test {run.folder} DATA"
        )
    digests = run.train_digests()
    report = test_report(run, tested, trained, sum(digest in digests for digest in tested.digests))
    headline = {key: report[key] for key in ("metric", "value", "low", "high", "examples")}
    write_report(report, run.with_spec(scores=headline).folder)
    return report


def export(run: Run, path: str | Path) -> Path:
    """Writes the run's network as one ONNX file that answers as PyTorch does, or raises ModelError."""
    export_network(run.network(), run.spec, Path(path))
    return Path(path)


def _asked(
    recipe: str | Path | None,
    changes: Sequence[str],
    minutes: float | None = None,
    seed: int | None = None,
    pretrained: str | None = None,
    small: bool = False,
    own: nn.Module | None = None,
) -> Recipe:
    adapt = None if pretrained is None else partial(use_backbone, name=pretrained)
    asked = read_recipe(recipe, changes, adapt=adapt, small=small)
    asked = asked if own is None else asked.with_own(own)
    given = {"minutes": minutes, "seed": seed}
    return asked.with_values(training={key: value for key, value in given.items() if value is not None})


def _refuse_impossible(asked: Recipe) -> None:
    """A network that cannot work is refused before any data is read, where the recipe says the picture's size."""
    layers = asked.layers()
    if asked.data.image_size != "auto":
        input = picture_input(asked)
        Stack(*layers).output(Map(input.channels, input.height, input.width))


def _create(folder: Path, recipe: Recipe, gathered: Gathered, origin: dict[str, Any]) -> Run:
    """Classes are those of the training part; the run records everything that is known before training."""
    train = gathered.part("train")
    classes = train.table.classes
    counts = train.table.counts(classes)
    spec = ModelSpec(
        task=recipe.task,
        classes=classes,
        several_labels=train.table.several_labels,
        input=picture_input(recipe),
        recipe=recipe.model_dump(mode="json"),
        scores=None,
        plait_version=__version__,
        trained_on="",
    )
    data = origin | {"fingerprint": gathered.fingerprint, "counts": counts, "classes": classes}
    return Run.create(folder, recipe, spec, data, gathered)


def _fit(run: Run, gathered: Gathered, own: "OwnParts", say: Say, resume: bool = False) -> Run:
    """Trains ``run`` on the gathered data, saves the weights and writes the first report."""
    task = run.task()
    # Of an interrupted training; until the new one is written, the run has none.
    (run.folder / "report.json").unlink(missing_ok=True)
    train, validation = (Part.open(gathered.part(name), run.recipe, task) for name in ("train", "validation"))
    run = run.with_recipe(settle_mirror(run.recipe, train.store, train.targets.numpy()))
    backbones = [layer for layer in run.recipe.layers() if isinstance(layer, Pretrained)]
    statistics = backbones[0].statistics if backbones else mean_and_std(train.store, run.recipe.training.seed)
    network = run.empty_network(*statistics)
    if backbones:
        fetch_backbones(network)
    if run.data["start_from"]:
        copy_weights(network, run.spec.classes, Run.open(run.data["start_from"]), say)
    say(
        f"{run.folder}: {len(train.targets)} pictures, {sum(p.numel() for p in network.parameters()):,} parameters"
    )
    outcome = train_network(_job(run, network, train, validation, gathered.fingerprint, own, resume))
    run = run.after_training(outcome)
    report = training_report(run, train, validation, gathered, run.read("training.json"))
    write_report(report, run.folder)
    return run


def _job(
    run: Run,
    network: Any,
    train: Part,
    validation: Part,
    fingerprint: str,
    own: "OwnParts",
    resume: bool,
) -> Job:
    task, options = run.task(), run.recipe.training
    size = int(options.batch_size)

    augmentation = Augmentation(run.recipe.augmentation, run.spec.input)

    def batches(start: int, total: int) -> TrainingBatches:
        return TrainingBatches(train.store, train.targets, size, options.seed, augmentation, total, start)

    return Job(
        network=network,
        loss=own.loss or task.loss,
        batches=batches,
        steps_per_epoch=steps_per_epoch(len(train.targets), size),
        validate=lambda network: validation_scores(task, own.loss or task.loss, network, validation),
        mix=task.augment,
        options=options,
        folder=run.folder,
        fingerprint=fingerprint,
        resume=resume,
        make_optimizer=own.optimizer,
        save=run.save_weights,
    )


def _resume(run: Run, own: "OwnParts", say: Say, progress: Progress | None) -> Run:
    own.refuse_others(run)
    if run.finished:
        say(f"{run.folder} has finished already; nothing to do")
        return run
    return _fit(run, _own_data(run, progress), own, say, resume=True)


def _own_data(run: Run, progress: Progress | None) -> Gathered:
    """The data the run was made from; raises RunError where it has changed since."""
    origin, recipe = run.data, run.recipe
    gathered = gather(
        origin["source"], recipe.data, recipe.split_seed, origin["format"], origin["skip_bad"], progress
    )
    if gathered.fingerprint != origin["fingerprint"]:
        raise RunError(
            f"{origin['source']} has changed since {run.folder} was trained on it: undo the change or train anew "
            f"(to test on other data, name it: plait test {run.folder} DATA)"
        )
    return gathered


def _train_part(run: Run, progress: Progress | None) -> Gathered | None:
    """The run's training part for fitting a baseline, or None where it is gone or changed."""
    try:
        return _own_data(run, progress).part("train")
    except (DataError, RunError):
        return None


def _description(found: Gathered) -> dict[str, Any]:
    """What ``plait inspect`` says of the data."""
    table = found.table
    sides = found.sizes.min(axis=1) if len(table) else np.zeros(0)
    order = np.argsort(sides, kind="stable")
    size = ["{}x{}".format(*found.sizes[row]) for row in order]
    return {
        "source": table.source,
        "format": table.format,
        "examples": len(table),
        "several_labels": table.several_labels,
        "classes": dict(zip(table.classes, table.counts(table.classes), strict=True)),
        "splits": {str(name): int(count) for name, count in table.frame["split"].value_counts().items()},
        "pictures": {
            "smallest": size[0] if size else None,
            "median": size[len(size) // 2] if size else None,
            "largest": size[-1] if size else None,
            "color": "grey" if found.grey else "color",
        },
        "errors": [problem.to_json() for problem in found.errors],
        "findings": [problem.to_json() for problem in found.findings],
        "advice": _advice(found),
    }


def _advice(found: Gathered) -> list[str]:
    """What to do next, in the user's words."""
    if found.errors:
        return [f"{len(found.errors)} problems stop training: mend them, or train with --skip-bad"]
    return [f"next: plait train {found.table.source}"]


def _counts(gathered: Gathered) -> str:
    parts = gathered.table.frame["split"].value_counts()
    counted = ", ".join(f"{parts.get(name, 0)} {name}" for name in ("train", "validation", "test"))
    left_out = f"; {len(gathered.errors)} left out" if gathered.errors else ""
    return f"{gathered.table.source}: {counted}; {len(gathered.table.classes)} classes{left_out}"


def predictor(run: Run) -> RunPredictor:
    """The run's network behind the interface of a deployed model."""
    return RunPredictor(run)


def open_run(path: str | Path, network: nn.Module | None = None) -> Run:
    """Raises RunError where ``path`` is no run; ``network`` is the user's module that it was trained on."""
    return Run.open(path, network)


@dataclass(frozen=True)
class OwnParts:
    """What the user gave in place of the recipe's."""

    network: nn.Module | None
    loss: Callable[[Tensor, Tensor], Tensor] | None
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None

    def names(self) -> dict[str, str]:
        """Of those given."""
        given = {"network": self.network, "loss": self.loss, "optimizer": self.optimizer}
        return {
            part: getattr(value, "__name__", type(value).__name__)
            for part, value in given.items()
            if value is not None
        }

    def refuse_others(self, run: Run) -> None:
        """Raises RunError where ``run`` was trained with parts of other names."""
        if self.names() != run.data["own"]:
            raise RunError(
                f"{run.folder} was trained with {run.data['own'] or 'no parts of your own'}, and is to go on with "
                f"{self.names() or 'none'}: give the same to plait.train(resume=...)"
            )

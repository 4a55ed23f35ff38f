"""The whole story on one page: inspect, train, test, predict, export. Each verb reads from top to bottom."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from plait import __version__
from plait.assess import Part, test_report, training_report, validation_scores
from plait.data.batches import Batch
from plait.data.gather import Gathered, Progress, gather, look, refuse
from plait.data.readers import recognize
from plait.deployment.export import export as export_network
from plait.description import counts, description, problems
from plait.errors import DataError, ModelError, PlaitError, RunError, counted
from plait.evaluation.metrics import Metric, metric
from plait.evaluation.saving import write_report
from plait.files import unwritable_explained
from plait.inference.spec import ModelSpec
from plait.layers import Stack, network_table
from plait.media import MEDIA
from plait.own_parts import OwnParts
from plait.pretraining import pretrain
from plait.recipe import TASK_OF, Recipe, read_recipe
from plait.run import Run, RunPredictor, new_folder
from plait.start import copy_weights, fetch_backbones, take_vectors, use_backbone
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
    *,
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
) -> dict[str, Any]:
    """What is in ``data`` and what is wrong with it, and the recipe's network as a table.

    Raises DataError only where there is no data at all: everything found is in the answer.
    """
    asking = partial(_asked, task_of(data, format), recipe, [*_columns(text, label, encoding), *changes])
    asked = asking()
    medium = MEDIA[asked.task]
    medium.refuse_impossible(asked)
    answer: dict[str, Any] = {"task": asked.task}
    found = None
    if data is not None:
        found = look(data, asked.data, format, progress=progress)
        if len(found.table):
            asked = medium.settle(asking, found)
        if len(found.part("", "train").table):
            found = found.without(medium.impossible(asked, found))
        answer |= description(found) | medium.describe(found, asked) | problems(found)
    arriving = medium.preview(asked, found)
    classes = 1 if found is None else max(1, len(found.table.classes))
    table = network_table(Stack(*asked.layers()), arriving) + medium.behind(asked, classes)
    return answer | {"input": str(arriving), "network": table}


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
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
    network: nn.Module | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
    say: Say = silent,
    progress: Progress | None = None,
) -> Run:
    """Trains a network on ``data`` and returns its run; ``resume`` goes on with an interrupted one.

    ``changes`` are recipe values such as "training.epochs=5"; ``text``, ``label`` (columns of a table) and
    ``encoding`` stand for those of the section data. The test part is never read. Parts of the user's own:
    ``network``, a module that takes float maps (batch, channels, height, width), normalized, or token numbers (batch,
    time), 0 behind a text's end, and ``lengths`` if it asks for them, and gives what the task's head takes, or the
    logits (batch, classes);
    ``loss(logits, targets)``, whose targets are class numbers (batch,), or each class's share (batch, classes) where
    pictures are mixed or have several labels; ``optimizer(parameters)``, whose step sizes the recipe's schedule
    multiplies. A run records their names and asks for them when it is opened or resumed: nothing is imported by name.
    Raises DataError, RecipeError, NetworkError or RunError before training starts.
    """
    own = OwnParts(network, loss, optimizer)
    if resume is not None:
        return _resume(Run.open(resume, network), own, say, progress)
    if data is None:
        raise DataError("no data was named: give a folder or a table, or `digits` for the embedded pictures")
    changes = [*_columns(text, label, encoding), *changes]
    asking = partial(_asked, task_of(data, format), recipe, changes, minutes, seed, pretrained, own=network)
    asked = asking()
    MEDIA[asked.task].refuse_impossible(asked)
    folder = new_folder(data, out)
    gathered = gather(data, asked.data, asked.split_seed, format, skip_bad, progress)
    say(counts(gathered))
    settled = MEDIA[asked.task].settle(asking, gathered.part("train"))
    gathered = _possible(gathered, settled, skip_bad)
    for remark in MEDIA[asked.task].remarks(settled, gathered.part("train")):
        say(remark)
    origin = {
        "source": data,
        "format": format,
        "skip_bad": skip_bad,
        "start_from": None if start_from is None else str(start_from),
        "own": own.names(),
    }
    run = _create(folder, settled, gathered, origin)
    try:
        return _fit(run, gathered, own, say)
    except PlaitError:
        if not run.started:
            run.discard()
        raise


def test(
    run: Run,
    data: str | None = None,
    *,
    skip_bad: bool = False,
    format: str | None = None,
    encoding: str | None = None,
    changes: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Scores ``run`` on its own test part, or on ``data`` (its test part, or all of it where it has none), whose files
    of text may be in another ``encoding``.

    ``changes`` of how answers are read ("decoding.width=16") hold for the run from now on. Writes report.json and
    report.html into the run and returns the report. Raises DataError, RecipeError, RunError.
    """
    recipe = run.recipe.answering(changes)
    own = _own_data(run, progress) if changes or data is None else None
    if data is None:
        assert own is not None
        tested = own.part("test")
    else:
        options = run.recipe.data
        if encoding is not None:
            options = run.recipe.with_values(data={"encoding": encoding}).data
        found = look(data, options, format, progress=progress, training=False)
        refuse(found, skip_bad)
        tested = found.part("test") if (found.table.frame["split"] == "test").any() else found
        run.task().refuse_unknown(tested.table)
    trained = _train_part(run, progress) if own is None else own.part("train")
    if len(tested.table) == 0:
        raise DataError(
            f"{tested.table.source} has no test part: name the data to test on, plait test {run.folder} DATA"
        )
    if changes:
        assert own is not None
        with unwritable_explained(run.folder, "test again"):
            run = _answering(run, recipe, own)
    digests = run.train_digests()
    report = test_report(run, tested, trained, sum(digest in digests for digest in tested.digests))
    headline = {key: report[key] for key in ("metric", "value", "low", "high", "examples")}
    with unwritable_explained(run.folder, "test again"):
        write_report(report, run.with_spec(scores=headline).folder)
    return report


def _answering(run: Run, recipe: Recipe, gathered: Gathered) -> Run:
    """``run``, whose answers are read by ``recipe`` from now on; its report on training and validation is made anew."""
    input = run.medium.input(recipe, gathered.part("train"))
    run = run.with_recipe(recipe).with_spec(input=input)
    train, validation = (Part.open(gathered.part(name), run) for name in ("train", "validation"))
    run, report = training_report(run, train, validation, gathered, run.read("training.json"))
    write_report(report, run.folder)
    return run


def export(run: Run, path: str | Path) -> Path:
    """Writes the run's network as one ONNX file that answers as PyTorch does, or raises ModelError."""
    if Path(path).suffix.lower() != ".onnx":
        raise ModelError(
            f"{path} does not end in .onnx, as a model's name must: plait export {run.folder} model.onnx"
        )
    export_network(run.network(), run.spec, Path(path))
    return Path(path)


def task_of(data: str | None, format: str | None) -> str:
    """The task that ``data`` is for, where the recipe names none; raises DataError for what is not recognized."""
    return TASK_OF["pictures" if data is None else recognize(data, format).content]


def _columns(text: str | None, label: str | None, encoding: str | None) -> list[str]:
    given = {"text": text, "label": label, "encoding": encoding}
    return [f"data.{name}={json.dumps(value)}" for name, value in given.items() if value is not None]


def _asked(
    task: str,
    recipe: str | Path | None,
    changes: Sequence[str],
    minutes: float | None = None,
    seed: int | None = None,
    pretrained: str | None = None,
    instead: str | None = None,
    own: nn.Module | None = None,
) -> Recipe:
    adapt = None if pretrained is None else partial(use_backbone, name=pretrained)
    asked = read_recipe(recipe, changes, task, adapt=adapt, instead=instead)
    asked = asked if own is None else asked.with_own(own)
    given = {"minutes": minutes, "seed": seed}
    return asked.with_values(training={key: value for key, value in given.items() if value is not None})


def _create(folder: Path, recipe: Recipe, gathered: Gathered, origin: dict[str, Any]) -> Run:
    """Classes are those of the training part; the run records everything that is known before training."""
    train = gathered.part("train")
    classes = MEDIA[recipe.task].classes(recipe, train)
    counts = train.table.counts(classes)
    spec = ModelSpec(
        task=recipe.task,
        classes=classes,
        several_labels=train.table.several_labels,
        input=MEDIA[recipe.task].input(recipe, train),
        recipe=recipe.model_dump(mode="json"),
        scores=None,
        plait_version=__version__,
        trained_on="",
    )
    MEDIA[recipe.task].task(spec, recipe, counts)  # refuses what it cannot do before there is a folder
    data = origin | {"fingerprint": gathered.fingerprint, "counts": counts, "classes": classes}
    return Run.create(folder, recipe, spec, data, gathered)


def _fit(run: Run, gathered: Gathered, own: OwnParts, say: Say, resume: bool = False) -> Run:
    """Trains ``run`` on the gathered data, saves the weights and writes the first report."""
    # Of an interrupted training; until the new one is written, the run has none.
    (run.folder / "report.json").unlink(missing_ok=True)
    train = Part.open(gathered.part("train"), run, training=True)
    validation = Part.open(gathered.part("validation"), run)
    run = run.with_recipe(run.medium.settle_opened(run.recipe, train.store, train.targets))
    network = run.empty_network()
    hints = run.medium.fit(network, train.store, train.targets, train.gathered, run.recipe)
    fetch_backbones(network)
    take_vectors(network, run, say)
    if run.data["start_from"]:
        copy_weights(network, run, Run.open(run.data["start_from"]), say)
    parameters = sum(p.numel() for p in network.parameters())
    say(f"{run.folder}: {counted(len(train.targets), run.medium.noun)}, {parameters:,} parameters")
    before = pretrain(network, run, train.gathered, validation.store, gathered.fingerprint, say, resume)
    outcome = train_network(_job(run, network, train, validation, hints, gathered.fingerprint, own, resume))
    outcome = replace(outcome, seconds=before + outcome.seconds)
    with unwritable_explained(run.folder, f"go on with plait train --resume {run.folder}"):
        run = run.after_training(outcome)
        run, report = training_report(run, train, validation, gathered, run.read("training.json"))
        write_report(report, run.folder)
    return run


def _job(
    run: Run,
    network: nn.Module,
    train: Part,
    validation: Part,
    hints: Tensor | None,
    fingerprint: str,
    own: OwnParts,
    resume: bool,
) -> Job:
    task, recipe = run.task(), run.recipe
    loss = own.loss or task.loss

    def batches(start: int, total: int) -> Iterable[Batch]:
        return run.medium.training_batches(
            train.store, train.targets, hints, recipe, run.spec.input, start, total
        )

    return Job(
        network=network,
        loss=loss,
        batches=batches,
        steps_per_epoch=run.medium.steps_per_epoch(recipe, len(train.targets)),
        validate=lambda network: validation_scores(task, loss, network, validation),
        mix=task.augment,
        options=recipe.training,
        folder=run.folder,
        fingerprint=fingerprint,
        resume=resume,
        make_optimizer=own.optimizer,
        shown=partial(_shown, metric(task.metric)),
        save=run.save_weights,
    )


def _shown(of: Metric, score: float) -> str:
    if of.share and of.higher_is_better:
        return f"score {score:.4f}"
    return f"{of.name} {of.factor * score:.4f}" + (" %" if of.share else "")


def _resume(run: Run, own: OwnParts, say: Say, progress: Progress | None) -> Run:
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
    gathered = _possible(gathered, recipe, origin["skip_bad"])
    if gathered.fingerprint != origin["fingerprint"]:
        raise RunError(
            f"{origin['source']} has changed since {run.folder} was trained on it: undo the change or train anew "
            f"(to test on other data, name it: plait test {run.folder} DATA)"
        )
    return gathered


def _possible(gathered: Gathered, recipe: Recipe, skip_bad: bool) -> Gathered:
    """Without the rows that the recipe's network cannot learn from; a DataError unless they are to be skipped."""
    faults = MEDIA[recipe.task].impossible(recipe, gathered)
    if not faults:
        return gathered
    left = gathered.without(faults)
    refuse(left, skip_bad)
    return left


def _train_part(run: Run, progress: Progress | None) -> Gathered | None:
    """The run's training part for fitting a baseline, or None where it is gone or changed."""
    try:
        return _own_data(run, progress).part("train")
    except (DataError, RunError):
        return None


def predictor(run: Run) -> RunPredictor:
    """The run's network behind the interface of a deployed model."""
    return RunPredictor(run)


def open_run(path: str | Path, network: nn.Module | None = None) -> Run:
    """Raises RunError where ``path`` is no run; ``network`` is the user's module that it was trained on."""
    return Run.open(path, network)

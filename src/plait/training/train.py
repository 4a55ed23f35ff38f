"""Train: the story of one training, from the plan to the network that holds the chosen weights."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import torch
from torch import nn

from plait.errors import RunError
from plait.files import unwritable_explained
from plait.layers import native
from plait.training.allocator import keep_memory
from plait.training.checkpoint import Checkpoint, Checkpoints, Tensors
from plait.training.interrupt import Interrupt
from plait.training.job import Job, Outcome
from plait.training.plan import Plan, make_plan, read_plan
from plait.training.precision import autocast
from plait.training.progress import make_progress
from plait.training.record import Record


def train(job: Job) -> Outcome:
    """Trains ``job.network`` in place: it ends with the best validation's weights, in evaluation mode.

    Ctrl-C or SIGTERM stops it after the step at hand, everything saved. Killed at any moment and resumed, a run on the
    same machine ends with the same weights, bit for bit. Raises RunError where the folder cannot be written
    or resumed, or where the loss is no number any more.
    """
    checkpoints = Checkpoints(job.folder / "checkpoints", job.run)
    with unwritable_explained(job.folder, f"go on with plait train --resume {job.run}"):
        job.folder.mkdir(parents=True, exist_ok=True)
        keep_memory()
        plan, found = _resumed(job, checkpoints) if job.resume else (_begun(job, checkpoints), None)
        with _threads(plan.threads):
            return _run(job, plan, checkpoints, found)


def _begun(job: Job, checkpoints: Checkpoints) -> Plan:
    if checkpoints.folder.exists():
        raise RunError(
            f"{job.folder} holds checkpoints already: go on with plait train --resume {job.run}, "
            "or choose another folder"
        )
    return make_plan(job)


def _resumed(job: Job, checkpoints: Checkpoints) -> tuple[Plan, Checkpoint | None]:
    """A run killed before it had a plan or a checkpoint begins again, which comes to the same."""
    plan = read_plan(job) or make_plan(job)
    return plan, checkpoints.newest()


def _run(job: Job, plan: Plan, checkpoints: Checkpoints, found: Checkpoint | None) -> Outcome:
    from plait.training.watch import stopped_early

    record = Record() if found is None else Record.from_json(found.state["record"])
    if found is not None and (record.step >= plan.total_steps or stopped_early(job, record)):
        _load(job.network, found.best)
        _save(job)
        return _outcome(job, plan, record, interrupted=False)
    with Interrupt() as interrupt:
        record, best = _fit(job, plan, checkpoints, interrupt, record.step if found else None)
        if best:
            _load(job.network, best)
        _save(job)
    stopped = record.step >= plan.total_steps or stopped_early(job, record)
    return _outcome(job, plan, record, interrupted=interrupt.requested and not stopped)


def _fit(
    job: Job, plan: Plan, checkpoints: Checkpoints, interrupt: Interrupt, start: int | None
) -> tuple[Record, Tensors]:
    # Lightning takes seconds to import, and a command that only asks for help must not wait for it.
    from plait.training.engine import Training, fit
    from plait.training.events import Events
    from plait.training.watch import Watch

    module = Training(job, plan)
    with (
        closing(make_progress(start or 0, plan.total_steps, job.shown)) as progress,
        closing(Events(job.folder, start or 0)) as events,
    ):
        progress.say(
            f"{plan.total_steps} steps in {plan.precision}, {plan.threads} threads, {native.described()}"
        )
        fit(module, Watch(module, checkpoints, interrupt, progress, events), checkpoints, start)
    if not module.best:
        _score_unfinished(job, plan, module.chosen, module.record)
        return module.record, module.chosen.state_dict()
    return module.record, module.best


def _score_unfinished(job: Job, plan: Plan, network: nn.Module, record: Record) -> None:
    """Stopped before the first validation, a run still owes the score of its weights."""
    with autocast(plan.precision):
        record.best_score = job.validate(network)["score"]
    record.best_step = record.step


def _load(network: nn.Module, weights: Tensors) -> None:
    network.cpu().load_state_dict(dict(weights))
    network.eval()


def _save(job: Job) -> None:
    if job.save is not None:
        job.save(job.network)


def _outcome(job: Job, plan: Plan, record: Record, interrupted: bool) -> Outcome:
    return Outcome(
        steps=record.step,
        best_step=record.best_step,
        best_score=record.best_score,
        history=record.history,
        seconds=record.seconds,
        interrupted=interrupted,
        precision=plan.precision,
        folder=job.folder,
    )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sums are split among threads, so a resumed run uses as many as the first."""
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)

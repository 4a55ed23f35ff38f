"""Plan: what is settled before the first step: number of steps, precision, threads. plan.json keeps it."""

import json
import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import torch

from plait.errors import RunError
from plait.files import write_text
from plait.layers import native
from plait.training.job import Job
from plait.training.measure import choose_precision, steps_in
from plait.training.options import TrainingOptions

MOST_VALIDATIONS = 100


@dataclass(frozen=True)
class Plan:
    """``total_steps`` and the ``precision`` word, with what a resumed run must share with the first."""

    total_steps: int
    precision: str
    threads: int
    kernels: str
    """The instruction set that PyTorch's own kernels use, and whether recurrence has compiled ones."""
    fingerprint: str
    options: dict[str, Any]


def make_plan(job: Job) -> Plan:
    """Settles precision and steps, by measurement where the recipe leaves them open, and writes plan.json."""
    precision = choose_precision(job)
    total = steps_in(job, precision, job.options.minutes) if job.options.minutes else asked_steps(job)
    plan = Plan(total, precision, torch.get_num_threads(), _kernels(), job.fingerprint, _options(job.options))
    write_text(job.folder / "plan.json", json.dumps(asdict(plan), indent=1))
    return plan


def read_plan(job: Job) -> Plan | None:
    """What ``job``'s folder recorded, None without; raises RunError where the job has become another."""
    path = job.folder / "plan.json"
    if not path.exists():
        return None
    try:
        plan = Plan(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {error}; the run cannot be resumed") from error
    _refuse_differences(job, plan)
    return plan


def asked_steps(job: Job) -> int:
    """Steps of the whole run by the recipe's steps or epochs."""
    if job.options.steps is not None:
        return job.options.steps
    assert job.options.epochs != "auto", "auto epochs are settled before training"
    return max(1, math.ceil(job.options.epochs * job.steps_per_epoch / job.options.accumulate))


def validations(job: Job, total: int) -> frozenset[int]:
    """The steps after which to validate: ends of epochs, at most about a hundred, and the last step."""
    steps_an_epoch = job.steps_per_epoch / job.options.accumulate
    epochs = math.floor(total / steps_an_epoch)
    apart = max(1, math.ceil(epochs / MOST_VALIDATIONS), math.ceil(1 / steps_an_epoch))
    return frozenset(
        {math.floor(epoch * steps_an_epoch) for epoch in range(apart, epochs + 1, apart)} | {total}
    )


def _refuse_differences(job: Job, plan: Plan) -> None:
    differences = [
        f"training.{name} was {before!r} and is {_options(job.options).get(name)!r}"
        for name, before in plan.options.items()
        if before != _options(job.options).get(name)
    ]
    if plan.fingerprint != job.fingerprint:
        differences.append(f"the data's fingerprint was {plan.fingerprint} and is {job.fingerprint}")
    if job.options.minutes is None and plan.total_steps != asked_steps(job):
        differences.append(f"the number of steps was {plan.total_steps} and is {asked_steps(job)}")
    if differences:
        raise RunError(
            f"{job.run} cannot be resumed: it would become another run: {'; '.join(differences)}. "
            "Undo the change, or train anew in another folder"
        )
    if plan.kernels != _kernels():
        warnings.warn(
            f"{job.run} was begun with {plan.kernels} and goes on with {_kernels()}: its weights differ "
            "in the last bits from what the first machine would have given",
            UserWarning,
            stacklevel=2,
        )


def _options(options: TrainingOptions) -> dict[str, Any]:
    values: dict[str, Any] = options.model_dump(mode="json")
    return values


def _kernels() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.backends.cpu.get_cpu_capability()}, {native.described()}"

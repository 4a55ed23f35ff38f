"""How fast steps are on this machine: which precision pays, how many steps fit into the minutes."""

import dataclasses
import itertools
import time
from collections.abc import Iterable

import torch
from torch import Tensor

from plait.data.batches import Batch
from plait.training.averaging import averaged_copy
from plait.training.job import Job
from plait.training.precision import autocast, device, has_bfloat16, placed
from plait.training.stepper import Stepper, step_groups, to_device

PRECISION_SECONDS = 0.25
SPEED_SECONDS = 3.0
GAIN = 0.9
"""bfloat16 costs digits, so it must save at least a tenth of the time."""
MOST_STEPS = 300
RESERVE = 0.03
"""Share of the minutes kept for checkpoints and the uneven speed of real machines."""


def choose_precision(job: Job) -> str:
    """The recipe's; for auto bfloat16 where the hardware has it and this network's steps are faster in it."""
    if job.options.precision != "auto":
        return job.options.precision
    if not has_bfloat16():
        return "float32"
    group = next(iter(step_groups(job, 0, 1)))
    seconds = {
        precision: _seconds_a_step(job, precision, itertools.repeat(group, MOST_STEPS), PRECISION_SECONDS)
        for precision in ("float32", "bfloat16")
    }
    return "bfloat16" if seconds["bfloat16"] < GAIN * seconds["float32"] else "float32"


def steps_in(job: Job, precision: str, minutes: float) -> int:
    """Steps that fit into ``minutes`` with their validations, the batches' making included; at least 1.

    Steps may cost more towards the end (larger pictures), so some of each quarter are timed.
    """
    quarters = [step_groups(job, quarter * MOST_STEPS // 4, MOST_STEPS) for quarter in range(4)]
    step = sum(_seconds_a_step(job, precision, groups, SPEED_SECONDS / 4) for groups in quarters) / 4
    validation = _seconds_a_validation(job, precision)
    budget = minutes * 60 * (1 - RESERVE)
    steps_an_epoch = max(1.0, job.steps_per_epoch / job.options.accumulate)
    one_an_epoch = budget / (step + validation / steps_an_epoch)
    a_hundred_in_all = (budget - 100 * validation) / step
    return max(1, int(max(one_an_epoch, a_hundred_in_all)))


def _seconds_a_step(job: Job, precision: str, groups: Iterable[list[Batch]], seconds: float) -> float:
    """Mean over ``seconds``, by a copy of the network thrown away after; two steps warm up."""
    job = dataclasses.replace(job, options=job.options.model_copy(update={"freeze": 0}))
    network = placed(averaged_copy(job.network)).requires_grad_(True).train()
    stepper = Stepper(job, network, averaged_copy(network), MOST_STEPS)
    started, counted = 0.0, 0
    for step, group in enumerate(groups):
        if step == 2:
            started = _now()
        with autocast(precision):
            stepper.advance(step, [to_device(batch, device()) for batch in group], _backward)
        counted = max(1, step - 1)
        if step > 2 and _now() - started > seconds:
            break
    return (_now() - started) / counted


def _seconds_a_validation(job: Job, precision: str) -> float:
    network = placed(averaged_copy(job.network))
    started = _now()
    with autocast(precision):
        job.validate(network)
    return _now() - started


def _backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def _now() -> float:
    """Seconds, after everything asked of the GPU is done."""
    if device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()

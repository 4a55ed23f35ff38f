"""The learning rate as a pure function of the step, so that resuming needs nothing but its number."""

import math
from collections.abc import Callable

from plait.training.options import ScheduleOptions


def rate(options: ScheduleOptions, step: int, total: int) -> float:
    """The factor on the learning rate in ``step`` (from 0) of ``total``, in 0..1."""
    return SCHEDULES[options.name](options.warmup * total, step, total)


def cosine(warmup: float, step: int, total: int) -> float:
    """A linear rise, then half a cosine to 0 after the last step (Loshchilov & Hutter 2017, eq. 5)."""
    if step < warmup:
        return _rise(warmup, step)
    return (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def linear(warmup: float, step: int, total: int) -> float:
    """A linear rise, then a linear fall to 0 after the last step."""
    return _rise(warmup, step) if step < warmup else (total - step) / (total - warmup)


def one_cycle(warmup: float, step: int, total: int) -> float:
    """From 1/25 up to 1 and down to 1/250,000, both along a cosine (Smith & Topin 2018)."""
    peak = warmup - 1
    if step < peak:
        return _anneal(1 / 25, 1.0, step / peak)
    return _anneal(1.0, 1 / 250_000, (step - peak) / max(total - 1 - peak, 1))


def step_down(warmup: float, step: int, total: int) -> float:
    """A linear rise, then 1, a tenth after half the steps, a hundredth after three quarters."""
    drops = (2 * step >= total) + (4 * step >= 3 * total)
    return min(_rise(warmup, step), float(0.1**drops))


def constant(warmup: float, step: int, total: int) -> float:
    """A linear rise, then 1."""
    return _rise(warmup, step)


SCHEDULES: dict[str, Callable[[float, int, int], float]] = {
    "one-cycle": one_cycle,
    "cosine": cosine,
    "linear": linear,
    "step": step_down,
    "constant": constant,
}


def _rise(warmup: float, step: int) -> float:
    return min(1.0, (step + 1) / (warmup + 1))


def _anneal(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

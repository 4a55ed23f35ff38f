"""Speed: how long one answer takes, as someone waiting for it would see it."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

WARM_UP = 3
RUNS = 30
SECONDS = 2.0

Answer = Callable[[], object]


def latency_ms(answer: Answer, runs: int = RUNS, seconds: float = SECONDS) -> float:
    """The median milliseconds of a call of ``answer``, after a few to warm up.

    ``runs`` calls are measured, or as many as begin within ``seconds``, at least 3.
    """
    _warm_up(answer)
    return 1000 * statistics.median(_measured(repeat(answer, runs), seconds))


def real_time_factor(answers: Sequence[Answer], lengths: Sequence[float], seconds: float = SECONDS) -> float:
    """Seconds of computing a second of input: the time of all calls, divided by the seconds that their inputs last.

    ``answers``, whose inputs have these ``lengths``, are called one after the other, after a few of the first to warm
    up: all of them, or as many as begin within ``seconds``, at least 3.
    """
    _warm_up(answers[0])
    measured = _measured(answers, seconds)
    return sum(measured) / sum(lengths[: len(measured)])


def _warm_up(answer: Answer) -> None:
    for _ in range(WARM_UP):
        answer()


def _measured(answers: Iterable[Answer], seconds: float) -> list[float]:
    """The seconds of each call."""
    measured: list[float] = []
    end = time.perf_counter() + seconds
    for answer in answers:
        if len(measured) >= 3 and time.perf_counter() >= end:
            break
        started = time.perf_counter()
        answer()
        measured.append(time.perf_counter() - started)
    return measured

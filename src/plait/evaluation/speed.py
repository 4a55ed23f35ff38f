"""Speed: how long one answer takes, as someone waiting for it would see it."""

import statistics
import time
from collections.abc import Callable

WARM_UP = 3
RUNS = 30
SECONDS = 2.0


def latency_ms(answer: Callable[[], object], runs: int = RUNS, seconds: float = SECONDS) -> float:
    """The median milliseconds of a call of ``answer``, after a few to warm up.

    ``runs`` calls are measured, or as many as begin within ``seconds``, at least 3.
    """
    for _ in range(WARM_UP):
        answer()
    measured: list[float] = []
    end = time.perf_counter() + seconds
    while len(measured) < 3 or (len(measured) < runs and time.perf_counter() < end):
        started = time.perf_counter()
        answer()
        measured.append(time.perf_counter() - started)
    return 1000 * statistics.median(measured)

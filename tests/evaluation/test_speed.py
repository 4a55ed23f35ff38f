"""Latency is the median of calls after warming up."""

import time

from plait.evaluation.speed import WARM_UP, latency_ms


def test_latency_is_measured_after_warming_up() -> None:
    waits = iter([0.2] * WARM_UP + [0.005] * 20)
    calls: list[float] = []

    def answer() -> None:
        calls.append(next(waits))
        time.sleep(calls[-1])

    measured = latency_ms(answer, runs=10)
    assert len(calls) == WARM_UP + 10
    assert 4.9 <= measured < 100


def test_a_slow_answer_is_asked_three_times_only() -> None:
    calls: list[None] = []

    def answer() -> None:
        calls.append(None)
        time.sleep(0.01)

    latency_ms(answer, seconds=0.0)
    assert len(calls) == WARM_UP + 3

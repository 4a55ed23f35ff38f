"""Latency is the median of calls after warming up."""

import time

from plait.evaluation.speed import WARM_UP, latency_ms, real_time_factor


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


def test_the_real_time_factor_is_the_time_of_all_divided_by_their_lengths() -> None:
    answers = [lambda: time.sleep(0.01), *[lambda: time.sleep(0.03)] * 4]
    assert 0.1 <= real_time_factor(answers, [0.1, 0.3, 0.3, 100.0, 100.0], seconds=0.0) < 0.5

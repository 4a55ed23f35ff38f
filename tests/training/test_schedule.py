"""Schedules against PyTorch's own, and the properties each promises."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plait.training.options import ScheduleOptions
from plait.training.schedule import SCHEDULES, rate

TOTAL = 40


def rates(name: str, warmup: float, total: int = TOTAL) -> list[float]:
    options = ScheduleOptions.model_validate({"name": name, "warmup": warmup})
    return [rate(options, step, total) for step in range(total)]


def torchs(make: type[torch.optim.lr_scheduler.LRScheduler], *args: float, **options: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = make(optimizer, *args, **options)
    found = []
    for _ in range(TOTAL):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def test_one_cycle_is_torchs() -> None:
    reference = torchs(
        torch.optim.lr_scheduler.OneCycleLR, 1.0, total_steps=TOTAL, pct_start=0.25, final_div_factor=1e4
    )
    assert rates("one-cycle", 0.25) == pytest.approx(reference)


def test_cosine_without_warmup_is_torchs() -> None:
    assert rates("cosine", 0.0) == pytest.approx(torchs(torch.optim.lr_scheduler.CosineAnnealingLR, TOTAL))


def test_linear_without_warmup_is_torchs() -> None:
    reference = torchs(
        torch.optim.lr_scheduler.LinearLR, start_factor=1.0, end_factor=1 / TOTAL, total_iters=TOTAL - 1
    )
    assert rates("linear", 0.0) == pytest.approx(reference)


def test_step_drops_at_half_and_three_quarters() -> None:
    assert rates("step", 0.0) == pytest.approx([1.0] * 20 + [0.1] * 10 + [0.01] * 10)


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 0.9), st.integers(1, 500))
def test_rates_rise_then_fall_and_stay_in_range(name: str, warmup: float, total: int) -> None:
    found = rates(name, warmup, total)
    top = found.index(max(found))
    assert all(0 < one <= 1 + 1e-9 for one in found)
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)

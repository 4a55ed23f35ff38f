"""Random numbers that depend on their place alone: the same for any batch, unrelated from place to place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from plait.data.chance import Purpose, plan_order, uniform

PINNED = [[0.860099841950021, 0.16035779033744946], [0.728650352220463, 0.016903792155111397]]
PINNED_ORDER = [3, 6, 5, 4, 2, 0, 1, 7]
SEEDS = st.integers(-(2**40), 2**64)


@given(SEEDS, st.integers(0, 10**6), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_numbers_of_a_row_do_not_depend_on_the_other_rows(seed: int, epoch: int, rows: list[int]) -> None:
    together = uniform(seed, epoch, rows, 5)
    assert ((together >= 0) & (together < 1)).all()
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(together[place], uniform(seed, epoch, [row], 5)[0])
        np.testing.assert_array_equal(together[place, :2], uniform(seed, epoch, [row], 2)[0])


def test_seed_epoch_row_draw_and_purpose_each_give_other_numbers() -> None:
    base = uniform(1, 2, [3], 4)
    for other in (uniform(0, 2, [3], 4), uniform(1, 1, [3], 4), uniform(1, 2, [2], 4)):
        assert not np.isin(other, base).any()
    assert not np.isin(uniform(1, 2, [3], 4, Purpose.MIXING), base).any()
    assert uniform(2, 1, [3], 1) != uniform(1, 2, [3], 1)


def test_the_numbers_are_pinned_so_that_runs_can_be_repeated_in_years() -> None:
    np.testing.assert_array_equal(uniform(7, 3, [0, 5], 2), PINNED)
    assert plan_order(7, 3, 8).tolist() == PINNED_ORDER


def test_even_over_the_unit_interval_along_every_axis() -> None:
    count, bins = 20_000, 64
    samples = {
        "rows": uniform(0, 0, np.arange(count), 1).ravel(),
        "draws": uniform(0, 0, [0], count).ravel(),
        "epochs": np.concatenate([uniform(0, epoch, [0], 1)[0] for epoch in range(count // 10)]),
        "seeds": np.concatenate([uniform(seed, 0, [0], 1)[0] for seed in range(count // 10)]),
    }
    for name, sample in samples.items():
        found = np.histogram(sample, bins, (0, 1))[0]
        expected = len(sample) / bins
        assert ((found - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, bins - 1), name
        assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < 4 / len(sample) ** 0.5, name


def test_draws_of_one_row_are_unrelated() -> None:
    correlation = np.corrcoef(uniform(3, 1, np.arange(10_000), 12).T)
    assert abs(correlation - np.eye(12)).max() < 0.045


@given(SEEDS, st.integers(0, 100), st.integers(1, 300))
def test_an_order_is_a_permutation_that_changes_with_the_epoch(seed: int, epoch: int, examples: int) -> None:
    order = plan_order(seed, epoch, examples)
    assert sorted(order) == list(range(examples))
    if examples > 30:
        assert (order != plan_order(seed, epoch + 1, examples)).any()


def test_every_row_is_first_about_as_often() -> None:
    first = [plan_order(0, epoch, 10)[0] for epoch in range(3000)]
    found = np.bincount(first, minlength=10)
    assert ((found - 300) ** 2 / 300).sum() < chi2.ppf(0.9999, 9)


def test_an_order_cannot_be_changed_by_who_reads_it() -> None:
    with pytest.raises(ValueError, match="read-only"):
        plan_order(0, 0, 4)[0] = 1

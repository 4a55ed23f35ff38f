"""The scores of a language model, and the n-grams it is held against."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.evaluation.kneser_ney import KneserNey
from plait.evaluation.language_scores import block_error, language_scores


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=60),
    st.lists(st.integers(0, 3), max_size=8),
    st.integers(1, 5),
)
def test_probabilities_of_every_next_token_add_to_one(
    train: list[int], before: list[int], order: int
) -> None:
    counted = KneserNey(np.array(train), 4, order)
    chances = [math.exp(-counted.nats(np.array([*before, token]))[-1]) for token in range(4)]
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= 0


def test_bigrams_are_those_of_the_paper() -> None:
    """By the formula of Chen and Goodman 1999, section 4.1.6, written out over dictionaries."""
    chance = np.random.default_rng(0)
    train = chance.integers(0, 5, 300) % chance.integers(1, 6, 300)
    pairs = Counter(zip(train[:-1].tolist(), train[1:].tolist(), strict=True))
    once, twice = (sum(count == times for count in pairs.values()) for times in (1, 2))
    discount = once / (once + 2 * twice)
    before = {token: {pair[0] for pair in pairs if pair[1] == token} for token in range(5)}
    continued = np.array([len(before[token]) for token in range(5)])
    ones, twos = (continued == 1).sum(), (continued == 2).sum()
    lower_discount = ones / (ones + 2 * twos) if ones and twos else 0.5
    total = continued.sum()
    lower = np.maximum(continued - lower_discount, 0) / total
    lower = lower + lower_discount * (continued > 0).sum() / total / 5
    history, token = int(train[0]), int(train[1])
    count = sum(pairs[history, other] for other in range(5))
    followers = sum((history, other) in pairs for other in range(5))
    expected = max(pairs[history, token] - discount, 0) / count + discount * followers / count * lower[token]
    assert math.exp(-KneserNey(train, 5, 2).nats(train[:2])[1]) == pytest.approx(expected)


def test_a_repeated_text_is_foreseen() -> None:
    counted = KneserNey(np.tile(np.arange(7), 50), 7, 4)
    assert counted.nats(np.tile(np.arange(7), 3))[7:].max() < 0.05


def test_bits_are_of_characters_and_bytes() -> None:
    nats = np.full(10, 3 * math.log(2))
    scores = language_scores(nats, np.zeros(10), np.full(10, 2), 30)
    assert scores["value"] == pytest.approx(1.5)
    assert scores["bits_per_byte"] == pytest.approx(1.0)
    assert scores["perplexity"] == pytest.approx(8)
    assert scores["low"] == pytest.approx(1.5) == scores["high"]


def test_the_interval_of_one_or_two_tokens_is_wide() -> None:
    one = language_scores(np.array([2.0]), np.zeros(1), np.ones(1, np.int64), 1)
    assert one["low"] < one["value"] / 2 < 1.5 * one["value"] < one["high"]
    two = language_scores(np.array([2.0, 3.0]), np.zeros(2), np.ones(2, np.int64), 2)
    # Student's t of one degree of freedom, where a normal's reach is 1.96 errors.
    assert two["high"] - two["value"] == pytest.approx(12.71 * 0.5 / math.log(2), rel=1e-3)


def test_what_has_no_number_costs_its_name() -> None:
    naming = np.array([0.0, 20.0])
    scores = language_scores(np.zeros(2), naming, np.array([1, 1]), 2)
    assert scores["value"] == pytest.approx(10)
    assert scores["unknown"] == 0.5


def test_the_error_is_that_of_independent_tokens_where_they_are() -> None:
    chance = np.random.default_rng(0)
    errors = [block_error(chance.exponential(1, 5000), np.ones(5000, np.int64)) for _ in range(50)]
    assert np.mean(errors) == pytest.approx(1 / math.sqrt(5000), rel=0.1)
    alike = np.repeat(chance.exponential(1, 500), 10)
    assert block_error(alike, np.ones(5000, np.int64)) == pytest.approx(1 / math.sqrt(500), rel=0.3)

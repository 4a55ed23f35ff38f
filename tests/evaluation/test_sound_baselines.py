"""Baselines for sounds: better where there is something to hear, and quiet where there is not."""

import numpy as np

from plait.evaluation.sound_baselines import sound_baselines


def test_the_majority_and_a_line_through_the_means() -> None:
    generator = np.random.default_rng(0)
    targets = np.array([3] * 60 + [7] * 40)
    rows = generator.normal(size=(100, 6)) * [1, 1, 1, 1, 1, 1000] + 3.0 * (targets == 7)[:, None]
    rows[:, 4] = 5.0  # A channel that never changes.
    found = sound_baselines(rows, targets, rows, targets)
    assert [one["name"] for one in found] == ["most frequent class", "logistic regression"]
    assert found[0]["value"] == 0.6
    assert found[1]["value"] > 0.95
    assert sound_baselines(list(rows), targets, list(rows), targets) == found


def test_one_class_has_no_line_and_nothing_has_no_baselines() -> None:
    rows, targets = np.ones((4, 2)), np.zeros(4, np.int64)
    assert [one["value"] for one in sound_baselines(rows, targets, rows, targets)] == [1.0]
    assert sound_baselines(rows[:0], targets[:0], rows, targets) == []
    assert sound_baselines(rows, targets, rows[:0], targets[:0]) == []

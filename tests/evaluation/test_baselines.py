"""Baselines are fitted on training pictures alone, and beat each other in the order one expects on digits."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score
from sklearn.neighbors import NearestCentroid

from plait.evaluation.baselines import baselines, shrink

from .samples import digits, several_answers


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_:UserWarning")  # pixels that are always black
def test_one_class_against_scikit_learn() -> None:
    train, train_targets, test, test_targets = digits()
    found = {one["name"]: one["value"] for one in baselines(train, train_targets, test, test_targets)}
    rows, test_rows = (part.reshape(len(part), -1) / 255 for part in (train, test))
    constant = DummyClassifier().fit(rows, train_targets).score(test_rows, test_targets)
    assert found["most frequent class"] == pytest.approx(constant)
    centroid = NearestCentroid().fit(rows, train_targets).score(test_rows, test_targets)
    assert found["nearest centroid"] == pytest.approx(centroid, abs=1 / len(test))
    assert found["logistic regression"] > 0.93


def test_several_labels_beat_the_constant_answer() -> None:
    train, _, test, _ = digits()
    wanted, tested, _ = several_answers()
    found = {one["name"]: one["value"] for one in baselines(train, wanted, test, tested)}
    everything = f1_score(tested, np.ones_like(tested), average="micro")
    assert found["most frequent labels"] == pytest.approx(everything)
    assert found["linear regression"] > found["most frequent labels"] + 0.1


def test_a_class_missing_from_training_is_never_answered() -> None:
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    pictures[:2] = 255
    found = baselines(pictures, np.array([2, 2, 5, 5]), pictures, np.array([2, 2, 5, 0]))
    assert {one["name"]: one["value"] for one in found} == {
        "most frequent class": 0.5,
        "nearest centroid": 0.75,
        "logistic regression": 0.75,
    }


def test_one_class_and_no_examples() -> None:
    pictures = np.zeros((3, 8, 8, 1), np.uint8)
    ones = np.ones(3, np.int64)
    assert [one["value"] for one in baselines(pictures, ones, pictures, ones)] == [1.0, 1.0]
    assert baselines(pictures[:0], ones[:0], pictures, ones) == []
    assert baselines(pictures, ones, pictures[:0], ones[:0]) == []


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0]])
def test_labels_that_never_change_are_no_error(labels: list[int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    targets = np.array([labels, [1, 0, 1]], np.float32).T
    assert len(baselines(pictures, targets, pictures, targets)) == 2
    single = targets[:, :1]
    assert len(baselines(pictures, single, pictures, single)) == 2


def test_shrinking_averages_areas_and_never_enlarges() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (300, 32, 48, 3), dtype=np.uint8)
    rows = shrink(pictures)
    areas = pictures.reshape(300, 16, 2, 16, 3, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(rows, areas.reshape(300, -1), atol=1e-6)
    assert shrink(pictures[:, :8, :9]).shape == (300, 8 * 9 * 3)

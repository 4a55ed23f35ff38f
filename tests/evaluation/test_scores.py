"""Scores are those of scikit-learn and torchmetrics; intervals are SciPy's; undefined values are None."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics
from torchmetrics import classification as tm

from plait.errors import RunError
from plait.evaluation.intervals import bootstrap_f1, bootstrap_share, wilson
from plait.evaluation.scores import auroc, classification_scores, several_label_scores

from .samples import answers, several_answers

NAMES = [str(number) for number in range(10)]


def random_answers(seed: int, examples: int = 200, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, classes - 1, examples)  # the last class never occurs as a target
    logits = generator.normal(size=(examples, classes)) + 1.5 * np.eye(classes)[targets]
    return targets, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "make", [answers, lambda: answers(20), lambda: random_answers(0), lambda: random_answers(1)]
)
def test_one_class_is_scored_as_the_references_do(make: Callable[[], tuple[np.ndarray, np.ndarray]]) -> None:
    targets, probabilities = make()
    classes = probabilities.shape[1]
    scores = classification_scores(targets, probabilities, [str(number) for number in range(classes)])
    given_ = probabilities.argmax(1)
    assert scores["accuracy"] == scores["value"] == metrics.accuracy_score(targets, given_)
    assert scores["macro_f1"] == pytest.approx(
        metrics.f1_score(targets, given_, average="macro", zero_division=0)
    )
    labels = list(range(classes))
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(targets, probabilities, labels=labels))
    assert scores["confusion"] == metrics.confusion_matrix(targets, given_, labels=labels).tolist()
    measures = metrics.precision_recall_fscore_support(targets, given_, labels=labels, zero_division=np.nan)
    for name, reference in zip(("precision", "recall", "f1", "support"), measures, strict=True):
        ours = [np.nan if one[name] is None else one[name] for one in scores["classes"]]
        np.testing.assert_allclose(ours, reference, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_and_macro_f1_are_torchmetrics(seed: int) -> None:
    targets, probabilities = random_answers(seed, examples=500)
    scores = classification_scores(targets, probabilities, list("abcdefg"))
    given_, wanted = torch.from_numpy(probabilities), torch.from_numpy(targets)
    error = tm.MulticlassCalibrationError(7, n_bins=15, norm="l1")(given_, wanted)
    assert scores["calibration_error"] == pytest.approx(float(error), abs=1e-6)
    assert scores["macro_f1"] == pytest.approx(
        float(tm.MulticlassF1Score(7, average="macro")(given_, wanted))
    )


def test_several_labels_are_scored_as_the_references_do() -> None:
    _, targets, probabilities = several_answers()
    scores = several_label_scores(targets, probabilities, ["even", "small", "round"])
    given_ = probabilities >= 0.5
    assert scores["value"] == pytest.approx(metrics.f1_score(targets, given_, average="micro"))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(targets, given_, average="macro"))
    assert scores["exact_match"] == pytest.approx(metrics.accuracy_score(targets, given_))
    reference = tm.MultilabelF1Score(3, average="micro")(
        torch.from_numpy(probabilities), torch.from_numpy(targets).int()
    )
    assert scores["value"] == pytest.approx(float(reference))
    losses = [
        metrics.log_loss(wanted, answer) for wanted, answer in zip(targets.T, probabilities.T, strict=True)
    ]
    assert scores["log_loss"] == pytest.approx(np.mean(losses))
    assert scores["low"] < scores["value"] < scores["high"]


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    correct, n = counts
    reference = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert wilson(correct, n) == pytest.approx((reference.low, reference.high), abs=1e-9)
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1


def test_wilson_of_nothing_says_nothing_and_impossible_counts_are_refused() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="7 of 5 correct"):
        wilson(7, 5)


def test_bootstrap_is_seeded_and_about_as_wide_as_wilson_for_one_label_an_example() -> None:
    right = np.random.default_rng(0).random(400) < 0.9
    counts = np.stack([right, ~right, ~right], axis=1).astype(np.int64)  # micro F1 is then the accuracy
    assert bootstrap_f1(counts) == bootstrap_f1(counts)
    assert bootstrap_f1(counts) != bootstrap_f1(counts, seed=1)
    assert bootstrap_f1(counts) == pytest.approx(wilson(int(right.sum()), 400), abs=0.012)


def test_an_interval_of_faultless_labels_is_no_point() -> None:
    targets = np.tile([[1.0, 0.0]], (50, 1))
    scores = several_label_scores(targets, targets, ["a", "b"])
    assert (scores["low"], scores["high"]) == wilson(50, 50)
    wrong = several_label_scores(targets, 1 - targets, ["a", "b"])
    assert (wrong["value"], wrong["low"], wrong["high"]) == (0.0, *wilson(0, 50))


@pytest.mark.parametrize("n", [1, 2, 50])
def test_examples_that_are_few_or_alike_give_no_narrow_interval(n: int) -> None:
    alike = np.tile([1, 1, 1], (n, 1))
    assert bootstrap_f1(alike) == pytest.approx(wilson(n / 2, n))
    assert bootstrap_share(alike[:, 0], 2 * alike[:, 1]) == pytest.approx(wilson(n / 2, n))
    low, high = bootstrap_f1(np.array([[3, 1, 0], [1, 2, 2]]))
    assert (low, high) == pytest.approx(wilson(2 * 8 / 13, 2))


def test_nothing_wanted_and_nothing_said_is_right() -> None:
    nothing = np.zeros((4, 2))
    scores = several_label_scores(nothing, nothing, ["a", "b"])
    assert scores["value"] == 1.0
    assert scores["macro_f1"] is None


@given(st.integers(0, 10_000))
def test_order_of_examples_changes_nothing(seed: int) -> None:
    targets, probabilities = random_answers(seed, examples=40)
    order = np.random.default_rng(seed).permutation(40)
    one, other = (
        classification_scores(*pair, list("abcdefg"))
        for pair in ((targets, probabilities), (targets[order], probabilities[order]))
    )
    assert one["confusion"] == other["confusion"]
    assert one["log_loss"] == pytest.approx(other["log_loss"])
    assert one["calibration_error"] == pytest.approx(other["calibration_error"])


def test_undefined_scores_are_none_and_all_are_strict_json() -> None:
    scores = classification_scores(
        np.array([0, 0]), np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]), ["a", "b", "c"]
    )
    assert [one["recall"] for one in scores["classes"]] == [0.5, None, None]
    assert [one["f1"] for one in scores["classes"]][2] is None
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_a_certain_mistake_has_a_finite_loss() -> None:
    scores = classification_scores(np.array([1]), np.array([[1.0, 0.0]]), ["a", "b"])
    assert 30 < scores["log_loss"] < 40


def test_most_confused_pairs_come_first() -> None:
    targets = np.array([0, 0, 0, 1, 2, 2])
    scores = classification_scores(targets, np.eye(3)[[1, 1, 0, 1, 0, 2]], ["cat", "dog", "owl"])
    assert scores["confused"] == [
        {"target": "cat", "prediction": "dog", "count": 2, "share": 2 / 3},
        {"target": "owl", "prediction": "cat", "count": 1, "share": 0.5},
    ]


def test_answers_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(RunError, match="1 of 2 examples: training has diverged"):
        classification_scores(np.array([0, 1]), np.array([[np.nan, 1], [0, 1]]), ["a", "b"])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(2, 3\)"):
        classification_scores(np.array([0, 1]), np.eye(2), ["a", "b", "c"])
    with pytest.raises(ValueError, match="no examples"):
        classification_scores(np.zeros(0, np.int64), np.zeros((0, 2)), ["a", "b"])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_auroc_is_that_of_the_reference(pairs: list[tuple[bool, int]]) -> None:
    targets, scores = (np.array(column) for column in zip(*pairs, strict=True))
    if targets.all() or not targets.any():
        assert auroc(targets, scores) is None
    else:
        assert auroc(targets, scores) == pytest.approx(metrics.roc_auc_score(targets, scores))


def test_two_classes_have_an_auroc() -> None:
    targets, probabilities = random_answers(3, classes=3)
    two = probabilities[:, :2] / probabilities[:, :2].sum(axis=1, keepdims=True)
    assert classification_scores(targets, two, ["no", "yes"])["auroc"] == pytest.approx(
        metrics.roc_auc_score(targets, two[:, 1])
    )
    assert "auroc" not in classification_scores(targets, probabilities, ["a", "b", "c"])

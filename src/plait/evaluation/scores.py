"""Scores: targets and probabilities to plain numbers that JSON can hold (None where a score is undefined)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from plait.errors import RunError
from plait.evaluation.intervals import bootstrap_f1, f1, wilson

BINS = 15
"""Of confidence, for the calibration error."""
PAIRS = 20
"""Most confused pairs kept."""
THRESHOLD = 0.5
"""A label is given from this probability on."""


def classification_scores(
    targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Every score of one class an example: accuracy with Wilson's interval first.

    ``targets`` (examples,) class numbers, ``probabilities`` (examples, classes) with rows that sum to 1.
    Macro F1 is the mean over classes that occur in the targets or the answers (as in scikit-learn and
    torchmetrics); of two classes there is the AUROC too; the calibration error is that of Guo et al. 2017, eq. 3,
    over 15 bins. Raises RunError for answers that are not numbers, ValueError for shapes that do not fit and for no
    examples.
    """
    targets, probabilities = _checked(targets, probabilities, (len(targets), len(classes)))
    answers = probabilities.argmax(axis=1)
    confusion = _confusion(targets, answers, len(classes))
    right = np.diag(confusion)
    low, high = wilson(int(right.sum()), len(targets))
    value = float(right.sum() / len(targets))
    by_class = per_class(classes, right, confusion.sum(axis=0) - right, confusion.sum(axis=1) - right)
    return {
        "metric": "accuracy",
        "value": value,
        "low": low,
        "high": high,
        "examples": len(targets),
        "accuracy": value,
        "macro_f1": macro(by_class),
        "log_loss": _log_loss(probabilities[np.arange(len(targets)), targets]),
        **({"auroc": auroc(targets, probabilities[:, 1])} if len(classes) == 2 else {}),
        **_calibration(probabilities.max(axis=1), answers == targets),
        "classes": by_class,
        "confusion": confusion.tolist(),
        "confused": confused(confusion, classes),
    }


def several_label_scores(
    targets: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Every score of any number of labels an example: micro F1 with a bootstrap interval first.

    ``targets`` 0 or 1 and ``probabilities``, both (examples, classes); a label is given from probability
    0.5 on. Raises as ``classification_scores``.
    """
    targets, probabilities = _checked(targets, probabilities, (len(targets), len(classes)))
    wanted, given = targets > 0, probabilities >= THRESHOLD
    kinds = np.stack([wanted & given, ~wanted & given, wanted & ~given], axis=2).astype(np.int64)
    low, high = bootstrap_f1(kinds.sum(axis=1))
    value = _number(f1(*kinds.sum(axis=(0, 1)).astype(np.float64)))
    by_class = per_class(classes, *kinds.sum(axis=0).T)
    return {
        "metric": "micro_f1",
        "value": 1.0 if value is None else value,
        "low": low,
        "high": high,
        "examples": len(targets),
        "micro_f1": value,
        "macro_f1": macro(by_class),
        "exact_match": float((wanted == given).all(axis=1).mean()),
        "log_loss": _log_loss(np.where(wanted, probabilities, 1 - probabilities)),
        "classes": by_class,
    }


def auroc(targets: np.ndarray, scores: np.ndarray) -> float | None:
    """How likely an example of class 1 has a higher score than one of class 0, ties counting half: the area under the
    ROC curve (Hanley and McNeil 1982). None where one of the classes is absent."""
    positive = targets == 1
    count = int(positive.sum())
    if count in (0, len(targets)):
        return None
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(targets) - count)))


def _checked(
    targets: np.ndarray, probabilities: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    if probabilities.shape != shape:
        raise ValueError(
            f"probabilities of shape {probabilities.shape} arrived, but (examples, classes) must be {shape}"
        )
    if shape[0] == 0:
        raise ValueError("there are no examples to score")
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise RunError(
            f"the network's answers are not numbers for {broken} of {shape[0]} examples: training has "
            "diverged; try a smaller learning rate, or clip gradients"
        )
    return np.asarray(targets), np.asarray(probabilities, dtype=np.float64)


def _confusion(targets: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Counts (targets, answers)."""
    counted = np.bincount(targets.astype(np.int64) * classes + answers, minlength=classes * classes)
    return counted.reshape(classes, classes)


def per_class(
    classes: Sequence[str], right: np.ndarray, added: np.ndarray, missed: np.ndarray
) -> list[dict[str, Any]]:
    """Precision, recall (with Wilson's interval) and F1 of each class; None where undefined."""
    table = []
    for name, tp, fp, fn in zip(classes, right.tolist(), added.tolist(), missed.tolist(), strict=True):
        low, high = wilson(tp, tp + fn)
        table.append(
            {
                "name": name,
                "precision": _share(tp, tp + fp),
                "recall": _share(tp, tp + fn),
                "recall_low": low,
                "recall_high": high,
                "f1": _share(2 * tp, 2 * tp + fp + fn),
                "support": tp + fn,
                "predicted": tp + fp,
            }
        )
    return table


def macro(by_class: list[dict[str, Any]]) -> float | None:
    """The mean F1 of the classes that have one."""
    known = [one["f1"] for one in by_class if one["f1"] is not None]
    return sum(known) / len(known) if known else None


def _log_loss(probabilities: np.ndarray) -> float:
    """Mean of -log p of what was true, in nats; p no smaller than float64's step, so that it stays finite."""
    return float(-np.log(np.clip(probabilities, np.finfo(np.float64).eps, 1)).mean())


def _calibration(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Bins (low, high] of confidence: how sure the network was, and how often it was right."""
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.clip(np.searchsorted(edges, confidence) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    sure, correct = (np.bincount(bins, weights=values, minlength=BINS) for values in (confidence, right))
    drawn = [
        {
            "low": float(edges[number]),
            "high": float(edges[number + 1]),
            "confidence": float(sure[number] / counts[number]),
            "accuracy": float(correct[number] / counts[number]),
            "examples": int(counts[number]),
        }
        for number in np.flatnonzero(counts)
    ]
    return {"calibration_error": float(np.abs(sure - correct).sum() / len(right)), "calibration": drawn}


def confused(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The pairs most often confused, most frequent first; ``share`` is of the true class's examples."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return [
        {
            "target": classes[target],
            "prediction": classes[answer],
            "count": int(wrong[target, answer]),
            "share": float(wrong[target, answer] / confusion[target].sum()),
        }
        for target, answer in pairs
        if wrong[target, answer]
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _number(value: np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)

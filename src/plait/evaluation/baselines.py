"""Baselines: what methods without a network get on the same examples, so that a score means something.

All of them see pictures shrunk to 16x16, and are fitted on the training part alone.
"""

import warnings
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

SIDE = 16
CHUNK = 256
ITERATIONS = 50
"""Of logistic regression: more gain little, and a baseline must not take longer than the network."""
LOGISTIC_CLASSES = 100
"""With more classes logistic regression takes too long; the others remain."""


def baselines(
    train: np.ndarray, train_targets: np.ndarray, test: np.ndarray, test_targets: np.ndarray
) -> list[dict[str, Any]]:
    """[{"name", "value"}], simplest first: accuracy, or micro F1 where targets are (examples, classes).

    ``train`` and ``test`` are uint8 (examples, height, width, channels). Where one of them is empty: [].
    """
    if len(train) == 0 or len(test) == 0:
        return []
    several = train_targets.ndim == 2
    answers = _several_labels if several else _one_class
    score = micro_f1 if several else accuracy
    found = answers(shrink(train), train_targets, shrink(test))
    return [{"name": name, "value": score(test_targets, given)} for name, given in found.items()]


def shrink(pictures: np.ndarray) -> np.ndarray:
    """Area averages, at most 16x16, as float32 rows in 0..1: (examples, height * width * channels)."""
    height, width = (min(SIDE, side) for side in pictures.shape[1:3])
    chunks = [
        _average(pictures[start : start + CHUNK], height, width) for start in range(0, len(pictures), CHUNK)
    ]
    return np.concatenate(chunks)


def _average(pictures: np.ndarray, height: int, width: int) -> np.ndarray:
    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    return torch.nn.functional.adaptive_avg_pool2d(values, (height, width)).flatten(1).numpy()


def _one_class(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    present, numbers = np.unique(targets, return_inverse=True)
    answers = {
        "most frequent class": np.full(len(test), present[np.bincount(numbers).argmax()]),
        "nearest centroid": present[_nearest_centroid(train, numbers, test)],
    }
    if 2 <= len(present) <= LOGISTIC_CLASSES:
        answers["logistic regression"] = _logistic(train, targets, test)
    return answers


def _nearest_centroid(train: np.ndarray, numbers: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The class whose mean picture is nearest."""
    means = np.stack([train[numbers == number].mean(axis=0) for number in range(numbers.max() + 1)])
    nearest: np.ndarray = ((means**2).sum(axis=1) - 2 * test @ means.T).argmin(axis=1)
    return nearest


def _logistic(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=ITERATIONS).fit(train, targets)
    answers: np.ndarray = model.predict(test)
    return answers


def _several_labels(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    constant = best_constant(targets)
    linear = Ridge().fit(train, (targets > 0).astype(np.float32)).predict(test)
    return {
        "most frequent labels": np.tile(constant, (len(test), 1)),
        "linear regression": linear.reshape(len(test), -1) >= 0.5,
    }


def best_constant(targets: np.ndarray) -> np.ndarray:
    """The most frequent labels that get the best micro F1 when every training example is given them."""
    counts = (targets > 0).sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    sizes = np.arange(1, len(counts) + 1)
    values = 2 * np.cumsum(counts[order]) / (sizes * len(targets) + counts.sum())
    answer = np.zeros(len(counts), dtype=np.int64)
    answer[order[: int(values.argmax()) + 1]] = 1
    return answer


def accuracy(targets: np.ndarray, answers: np.ndarray) -> float:
    return float((targets == answers).mean())


def micro_f1(targets: np.ndarray, answers: np.ndarray) -> float:
    wanted, given = targets > 0, answers > 0
    said = int(wanted.sum() + given.sum())
    return 2 * int((wanted & given).sum()) / said if said else 1.0

"""Baselines for sounds: what methods without a network get on the same recordings, fitted on training alone."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from plait.evaluation.baselines import LOGISTIC_CLASSES, accuracy

ITERATIONS = 200


def sound_baselines(
    train: NDArray[np.floating] | Sequence[NDArray[np.floating]],
    train_targets: np.ndarray,
    test: NDArray[np.floating] | Sequence[NDArray[np.floating]],
    test_targets: np.ndarray,
) -> list[dict[str, Any]]:
    """[{"name", "value"}], simplest first: accuracy of the most frequent class, and of logistic regression.

    ``train`` and ``test`` (examples, numbers): of every recording mean and deviation of each channel of its log-mel
    spectrogram, which are standardized here. Where one of them is empty: [].
    """
    if not len(train) or not len(test):
        return []
    present, numbers = np.unique(train_targets, return_inverse=True)
    answers = {"most frequent class": np.full(len(test), present[np.bincount(numbers).argmax()])}
    if 2 <= len(present) <= LOGISTIC_CLASSES:
        answers["logistic regression"] = _logistic(np.stack(list(train)), train_targets, np.stack(list(test)))
    return [{"name": name, "value": accuracy(test_targets, given)} for name, given in answers.items()]


def _logistic(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train.astype(np.float64), targets)
    answers: np.ndarray = model.predict(test.astype(np.float64))
    return answers

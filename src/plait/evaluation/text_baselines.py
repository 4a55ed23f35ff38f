"""Baselines for texts: what methods without a network get on the same examples, fitted on the training part alone."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from plait.evaluation.baselines import accuracy, best_constant, micro_f1

ITERATIONS = 100
STRENGTH = 10.0
"""Inverse of the penalty on weights: TF-IDF is of unit length, and scikit-learn's 1 is too timid for it."""
SPACES = 0.05
"""Of all signs: texts with fewer are written without spaces, and their characters are counted."""


def text_baselines(
    train: Sequence[str], train_targets: np.ndarray, test: Sequence[str], test_targets: np.ndarray
) -> list[dict[str, Any]]:
    """[{"name", "value"}], simplest first: accuracy, or micro F1 where targets are (examples, classes).

    TF-IDF of words and pairs of words, or of runs of 1 to 3 characters for scripts without spaces, then logistic
    regression (ridge regression for several labels). Where ``train`` or ``test`` is empty: [].
    """
    if not len(train) or not len(test):
        return []
    several = train_targets.ndim == 2
    answers = _several_labels if several else _one_class
    score = micro_f1 if several else accuracy
    found = answers(train, train_targets, test)
    return [{"name": name, "value": score(test_targets, given)} for name, given in found.items()]


def _one_class(train: Sequence[str], targets: np.ndarray, test: Sequence[str]) -> dict[str, np.ndarray]:
    present, numbers = np.unique(targets, return_inverse=True)
    answers = {"most frequent class": np.full(len(test), present[np.bincount(numbers).argmax()])}
    if (features := _features(train, test)) is not None and len(present) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS).fit(features[0], targets)
        answers["TF-IDF and logistic regression"] = model.predict(features[1])
    return answers


def _several_labels(train: Sequence[str], targets: np.ndarray, test: Sequence[str]) -> dict[str, np.ndarray]:
    answers = {"most frequent labels": np.tile(best_constant(targets), (len(test), 1))}
    if (features := _features(train, test)) is not None:
        model = Ridge().fit(features[0], (targets > 0).astype(np.float32))
        answers["TF-IDF and linear regression"] = model.predict(features[1]).reshape(len(test), -1) >= 0.5
    return answers


def _features(train: Sequence[str], test: Sequence[str]) -> tuple[Any, Any] | None:
    """TF-IDF of both; None where the training texts hold nothing to count."""
    signs = sum(map(len, train))
    spaced = sum(text.count(" ") for text in train) > SPACES * signs
    options = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3)}
    vectorizer = TfidfVectorizer(sublinear_tf=True, **options)
    try:
        return vectorizer.fit_transform(train), vectorizer.transform(test)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return None

"""Fits the linear model of n-grams, and says what it makes of texts that it was not fitted on."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from plait.layers.ngrams import NgramLinear, ngram_buckets

FOLDS = 5
ITERATIONS = 100
SMOOTHING = 1.0
STRENGTH = 1.0
LOGIT = 6.0
"""The largest logit that an absent class or a class of its own can get."""


def fit_ngrams(
    model: NgramLinear, texts: Sequence[np.ndarray], targets: Tensor, groups: np.ndarray, seed: int
) -> Tensor:
    """Sets the model's weights from training texts (token numbers); gives its logits (examples, classes), float32.

    Logistic regression over n-grams weighed by the log-count ratio of naive Bayes (Wang and Manning 2012,
    "Baselines and bigrams"), for each class against the others. The logits of a text are those of a model fitted
    without its fold; ``groups`` (examples,) number texts that must not part. The weights are the mean over folds.
    """
    classes = model.weight.shape[1]
    features = _features(model, texts)
    wanted = targets.numpy() > 0 if targets.dim() == 2 else np.eye(classes, dtype=bool)[targets.numpy()]
    fold = np.random.default_rng(seed).integers(0, FOLDS, groups.max() + 1)[groups]
    logits = np.zeros((len(texts), classes))
    weights = np.zeros((model.buckets, classes))
    bias = np.zeros(classes)
    for number in range(FOLDS):
        held_out = fold == number
        fitted, constant = _fitted(features[~held_out], wanted[~held_out])
        logits[held_out] = features[held_out] @ fitted + constant
        weights += fitted / FOLDS
        bias += constant / FOLDS
    model.weight.copy_(torch.from_numpy(weights))
    model.bias.copy_(torch.from_numpy(bias))
    return torch.from_numpy(logits).to(torch.float32)


def _features(model: NgramLinear, texts: Sequence[np.ndarray]) -> csr_matrix:
    """Counts (examples, buckets) over the root of the texts' lengths, as the model sums them."""
    found = [ngram_buckets(text, model.orders, model.buckets) for text in texts]
    ends = np.cumsum([0, *map(len, found)])
    columns = np.concatenate(found)
    matrix = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(texts), model.buckets))
    matrix.sum_duplicates()
    return diags([len(text) ** -0.5 for text in texts]) @ matrix


def _fitted(features: csr_matrix, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (buckets, classes) and biases (classes,)."""
    columns = [_against_others(features, of_class) for of_class in wanted.T]
    return np.stack([weights for weights, _ in columns], axis=1), np.array([bias for _, bias in columns])


def _against_others(features: csr_matrix, of_class: np.ndarray) -> tuple[np.ndarray, float]:
    share = float(of_class.mean())
    if share in (0.0, 1.0):
        return np.zeros(features.shape[1]), LOGIT if share else -LOGIT
    present = features.sign()
    inside, outside = (
        np.asarray(present[rows].sum(axis=0)).ravel() + SMOOTHING for rows in (of_class, ~of_class)
    )
    ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    ratio[np.asarray(present.sum(axis=0)).ravel() == 0] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS).fit(features @ diags(ratio), of_class)
    return ratio * model.coef_[0], float(model.intercept_[0])

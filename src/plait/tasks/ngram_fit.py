"""Fits the linear model of n-grams, and says what it makes of texts that it was not fitted on."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from plait.layers.ngrams import NgramLinear, ngram_buckets

FOLDS = 5
STRENGTH = 1.0
"""Inverse of the penalty on weights (scikit-learn's C)."""
LOGIT = 6.0
"""Of a class that every text has, or none."""


def fit_ngrams(
    model: NgramLinear, texts: Sequence[np.ndarray], targets: Tensor, groups: np.ndarray, seed: int
) -> Tensor:
    """Sets the model's weights from training texts (token numbers); gives its logits (examples, classes), float32.

    Logistic regression over n-grams, rare ones weighed more (inverse document frequency, Sparck Jones 1972), for each
    class against the others. The logits of a text are those of a model fitted without its fold; ``groups`` (examples,)
    number texts that must not part. The weights are the mean over folds.
    """
    features = _features(model, texts)
    seen = np.unique(features.indices)
    features = features[:, seen]
    classes = model.weight.shape[1]
    wanted = targets.numpy() > 0 if targets.dim() == 2 else np.eye(classes, dtype=bool)[targets.numpy()]
    fold = np.random.default_rng(seed).integers(0, FOLDS, groups.max() + 1)[groups]
    logits = np.zeros((len(texts), classes))
    weights = np.zeros((len(seen), classes))
    bias = np.zeros(classes)
    for number in range(FOLDS):
        held_out = fold == number
        fitted, constant = _fitted(features[~held_out], wanted[~held_out])
        logits[held_out] = features[held_out] @ fitted + constant
        weights += fitted / FOLDS
        bias += constant / FOLDS
    model.weight[torch.from_numpy(seen).long()] = torch.from_numpy(weights).float()
    model.bias.copy_(torch.from_numpy(bias))
    return torch.from_numpy(logits).to(torch.float32)


def _features(model: NgramLinear, texts: Sequence[np.ndarray]) -> csr_matrix:
    """Counts (examples, buckets) over the root of the texts' lengths, as the model sums them."""
    found = [ngram_buckets(text, model.orders, model.buckets) for text in texts]
    ends = np.cumsum([0, *map(len, found)])
    columns = np.concatenate(found)
    matrix = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(texts), model.buckets))
    matrix.sum_duplicates()
    return csr_matrix(diags([len(text) ** -0.5 for text in texts]) @ matrix)


def _fitted(features: csr_matrix, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (columns, classes) and biases (classes,)."""
    frequency = np.bincount(features.indices, minlength=features.shape[1])
    rarity = np.log((1 + features.shape[0]) / (1 + frequency)) + 1
    weighed = features @ diags(rarity)
    columns = [_against_others(weighed, of_class) for of_class in wanted.T]
    weights = np.stack([weights for weights, _ in columns], axis=1)
    return rarity[:, None] * weights, np.array([bias for _, bias in columns])


def _against_others(features: csr_matrix, of_class: np.ndarray) -> tuple[np.ndarray, float]:
    share = float(of_class.mean()) if len(of_class) else 0.0
    if share in (0.0, 1.0):
        return np.zeros(features.shape[1]), LOGIT if share else -LOGIT
    model = LogisticRegression(C=STRENGTH, solver="liblinear").fit(features, of_class)
    return model.coef_[0], float(model.intercept_[0])

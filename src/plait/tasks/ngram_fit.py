"""Fits the linear model of n-grams, and says what it makes of texts that it was not fitted on."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from plait.layers.ngrams import NgramLinear, ngram_buckets

FOLDS = 5
STRENGTH = 1.0
"""Inverse of the penalty on weights (scikit-learn's C)."""
SPELLED = 0.3
"""Weight of an n-gram of characters beside one of tokens: a word has many."""
LOGIT = 6.0
"""Of a class that every text has, or none."""


def fit_ngrams(
    model: NgramLinear,
    texts: Sequence[np.ndarray],
    spellings: Sequence[str],
    character_orders: Sequence[int],
    targets: Tensor,
    groups: np.ndarray,
    seed: int,
) -> Tensor:
    """Sets the model's weights from training texts (token numbers); gives its logits (examples, classes), float32.

    Logistic regression over n-grams of tokens, and of the characters of each token's spelling, for each class against
    the others. Rare ones are weighed more (inverse document frequency, Sparck Jones 1972), and so are those that tell
    the class (halfway to the log ratio of naive Bayes: the interpolation of Wang & Manning 2012). The logits of a text
    are those of a model fitted without its fold; ``groups`` (examples,) number texts that must not part. The weights
    are the mean over folds. Weights and logits are scaled to be as sure as they are right.
    """
    ngrams = _counted([ngram_buckets(text, model.orders, model.buckets) for text in texts], model.buckets)
    seen = np.unique(ngrams.indices)
    spelled = _spelled(spellings, character_orders)
    characters = _counted(texts, len(spellings)) @ spelled
    root = diags([len(text) ** -0.5 for text in texts])
    features = csr_matrix(root @ hstack([ngrams[:, seen], characters]))
    share = np.repeat([1.0, SPELLED], [len(seen), spelled.shape[1]])
    classes = model.weight.shape[1]
    wanted = targets.numpy() > 0 if targets.dim() == 2 else np.eye(classes, dtype=bool)[targets.numpy()]
    fold = np.random.default_rng(seed).integers(0, FOLDS, groups.max() + 1)[groups]
    logits = np.zeros((len(texts), classes))
    weights = np.zeros((features.shape[1], classes))
    bias = np.zeros(classes)
    for number in range(FOLDS):
        held_out = fold == number
        fitted, constant = _fitted(features[~held_out], share, wanted[~held_out])
        logits[held_out] = features[held_out] @ fitted + constant
        weights += fitted / FOLDS
        bias += constant / FOLDS
    told = torch.from_numpy(logits)
    scale = _scale(told, targets)
    model.weight[torch.from_numpy(seen).long()] = torch.from_numpy(scale * weights[: len(seen)]).float()
    model.spelling.copy_(torch.from_numpy(scale * (spelled @ weights[len(seen) :])))
    model.bias.copy_(torch.from_numpy(scale * bias))
    return (scale * told).to(torch.float32)


def _scale(logits: Tensor, targets: Tensor) -> float:
    """Factor by which ``logits`` (examples, classes) foresee ``targets`` best: temperature scaling (Guo et al. 2017).

    Each class was fitted against the others, so that together they are too sure: of two classes twice.
    """
    loss = cross_entropy if targets.dim() == 1 else binary_cross_entropy_with_logits
    wanted = targets if targets.dim() == 1 else targets.to(logits.dtype)
    found = minimize_scalar(
        lambda size: float(loss(size * logits, wanted)), bounds=(0.1, 4.0), method="bounded"
    )
    return float(found.x)


def _counted(found: Sequence[Sequence[int] | np.ndarray], size: int) -> csr_matrix:
    """How often each number below ``size`` stands in each of ``found`` (found, size)."""
    columns = np.fromiter(chain.from_iterable(found), np.int64)
    ends = np.cumsum([0, *map(len, found)])
    matrix = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(found), size))
    matrix.sum_duplicates()
    return matrix


def _spelled(spellings: Sequence[str], orders: Sequence[int]) -> csr_matrix:
    """How often each n-gram of characters that several spellings share stands in each of them (spellings, n-grams)."""
    numbers: dict[str, int] = {}
    found = [
        [
            numbers.setdefault(spelling[start : start + order], len(numbers))
            for order in orders
            for start in range(len(spelling) - order + 1)
        ]
        for spelling in spellings
    ]
    matrix = _counted(found, len(numbers))
    shared = np.bincount(matrix.indices, minlength=len(numbers)) > 1
    return csr_matrix(matrix[:, shared])


def _fitted(features: csr_matrix, share: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (columns, classes) and biases (classes,); columns count by ``share``."""
    frequency = np.bincount(features.indices, minlength=features.shape[1])
    rarity = share * (np.log((1 + features.shape[0]) / (1 + frequency)) + 1)
    weights = np.zeros((features.shape[1], wanted.shape[1]))
    bias = np.zeros(wanted.shape[1])
    for place, of_class in enumerate(wanted.T):
        weight = rarity * (1 + _telling(features, frequency, of_class)) / 2
        fitted, bias[place] = _against_others(features @ diags(weight), of_class)
        weights[:, place] = weight * fitted
    return weights, bias


def _telling(features: csr_matrix, frequency: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """How far each column's share among texts of the class is from that among the others: a log ratio's size."""
    within = 1 + np.bincount(features[of_class].indices, minlength=features.shape[1])
    outside = 2 + frequency - within
    ratio: np.ndarray = np.abs(np.log(within / within.sum()) - np.log(outside / outside.sum()))
    return ratio


def _against_others(features: csr_matrix, of_class: np.ndarray) -> tuple[np.ndarray, float]:
    share = float(of_class.mean()) if len(of_class) else 0.0
    if share in (0.0, 1.0):
        return np.zeros(features.shape[1]), LOGIT if share else -LOGIT
    model = LogisticRegression(C=STRENGTH, solver="liblinear").fit(features, of_class)
    return model.coef_[0], float(model.intercept_[0])

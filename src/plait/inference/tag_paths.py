"""The best path of tags through a sentence, and how sure each tag is, by a linear chain's potentials.

Lafferty, McCallum and Pereira 2001, "Conditional random fields". Transitions of zero make every tag a choice of its own
(softmax).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def best_path(emissions: Floats, transitions: Floats) -> NDArray[np.int64]:
    """Viterbi's path (time,) of the largest sum: ``emissions`` (time, tags), ``transitions`` (from, to)."""
    steps = len(emissions)
    score = np.asarray(emissions[0], np.float64)
    came_from = np.zeros(emissions.shape, np.int64)
    for step in range(1, steps):
        through = score[:, None] + transitions
        came_from[step] = through.argmax(axis=0)
        score = through.max(axis=0) + emissions[step]
    path = np.zeros(steps, np.int64)
    path[-1] = score.argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def marginals(emissions: Floats, transitions: Floats) -> NDArray[np.float64]:
    """The probability of each tag at each step (time, tags): forward and backward sums over all paths."""
    forward = _sums(np.asarray(emissions, np.float64), np.asarray(transitions, np.float64))
    backward = _sums(np.asarray(emissions[::-1], np.float64), np.asarray(transitions.T, np.float64))[::-1]
    logs = forward + backward - emissions
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sums(emissions: NDArray[np.float64], transitions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the sum over all paths that end in each tag at each step (time, tags), up to a constant a step."""
    sums = np.empty_like(emissions)
    sums[0] = emissions[0]
    largest = transitions.max(axis=0)
    powers = np.exp(transitions - largest)
    for step in range(1, len(emissions)):
        base = sums[step - 1].max()
        arrived = np.exp(sums[step - 1] - base) @ powers
        sums[step] = np.log(np.maximum(arrived, np.finfo(np.float64).tiny)) + largest + emissions[step]
        sums[step] -= sums[step].max()
    return sums

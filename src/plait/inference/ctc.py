"""Connectionist temporal classification: what a row of steps says, where, and how surely.

Graves, Fernández, Gomez and Schmidhuber 2006, "Connectionist temporal classification". A network tells one blank
(column 0) and the symbols (columns from 1) apart at every step; a labelling is a row of columns without blanks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]
Labelling = tuple[int, ...]

BLANK = 0
REJECTION = 10.0
"""By how many nats free listening must be likelier than the best phrase for no phrase to be answered."""


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Log probabilities (steps, classes) of each step's classes."""
    above = np.asarray(logits, np.float64)
    above = above - above.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(above - np.log(np.exp(above).sum(axis=1, keepdims=True)))


def greedy(logprobs: Floats) -> Labelling:
    """The labelling of the most probable path: repetitions are one, blanks none."""
    path = logprobs.argmax(axis=1)
    changes = np.append(True, path[1:] != path[:-1])[: len(path)]
    return tuple(int(one) for one in path[changes & (path != BLANK)])


def log_probability(logprobs: Floats, symbols: Sequence[int]) -> float:
    """Log of the sum over all paths (steps, classes) of a labelling; -inf where no path has it."""
    return float(log_probabilities(logprobs, [symbols])[0])


def log_probabilities(logprobs: Floats, labellings: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Of several labellings (labellings,) at once, by the forward sums of Graves et al. 2006, section 4.1."""
    states, skips = _lattice(labellings)
    sums = _before(states)
    for row in logprobs:
        sums = np.logaddexp.reduce(_arrivals(sums, skips), axis=0) + row[states]
    each, last = np.arange(len(states)), np.array([2 * len(one) for one in labellings], np.int64)
    ends = sums[each, np.maximum(last - 1, 0)]
    return np.logaddexp(sums[each, last], np.where(last > 0, ends, -np.inf))


def forced_alignment(logprobs: Floats, symbols: Sequence[int]) -> Numbers:
    """The steps [start, end) of each symbol (symbols, 2) on the labelling's most probable path.

    Raises ValueError where no path (steps, classes) has the labelling.
    """
    states, skips = _lattice([symbols])
    best = _before(states)
    back = np.zeros((len(logprobs), states.shape[1]), np.int8)
    for step, row in enumerate(logprobs):
        arrivals = _arrivals(best, skips)
        back[step] = arrivals.argmax(axis=0)[0]
        best = arrivals.max(axis=0) + row[states]
    if not np.isfinite(best[0, -2:].max()):
        raise ValueError(f"no path through {len(logprobs)} steps has these {len(symbols)} symbols")
    path = _traced(back, states.shape[1] - len(best[0, -2:]) + int(best[0, -2:].argmax()))
    places = 1 + 2 * np.arange(len(symbols))
    return np.stack([np.searchsorted(path, places, side) for side in ("left", "right")], axis=1)


def best_phrase(
    logprobs: Floats, phrases: Sequence[Labelling], rejects: bool, threshold: float = REJECTION
) -> tuple[int | None, float]:
    """The place of the most probable phrase, and its probability among the phrases.

    Where it ``rejects``, hearing freely is one more choice, worth the greedy labelling's probability less ``threshold``
    nats; None means that it is the best. None is also the answer, of probability 0, where no phrase fits the steps.
    """
    exact = log_probabilities(logprobs, phrases)
    scores = np.append(exact, log_probability(logprobs, greedy(logprobs)) - threshold if rejects else -np.inf)
    if not np.isfinite(scores.max()):
        return None, 0.0
    best = int(scores.argmax())
    return None if best == len(phrases) else best, float(shares_of(scores)[best])


def shares_of(scores: Floats) -> NDArray[np.float64]:
    """Probabilities among these choices (choices,), of their scores in nats."""
    return np.asarray(np.exp(log_softmax(scores[None])[0]))


def _lattice(labellings: Sequence[Sequence[int]]) -> tuple[Numbers, NDArray[np.bool_]]:
    """Labellings with a blank around every symbol (labellings, states), and where the blank before may be skipped."""
    longest = max(map(len, labellings), default=0)
    states = np.full((len(labellings), 2 * longest + 1), BLANK, np.int64)
    for row, labelling in enumerate(labellings):
        states[row, 1 : 2 * len(labelling) : 2] = labelling
    skips = np.zeros(states.shape, bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, skips


def _before(states: Numbers) -> NDArray[np.float64]:
    """Scores before the first step: as if a blank had been."""
    scores = np.full(states.shape, -np.inf)
    scores[:, 0] = 0
    return scores


def _arrivals(scores: NDArray[np.float64], skips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores (3, labellings, states) of coming from the same state, the one before, and the one before that."""
    found = np.full((3, *scores.shape), -np.inf)
    found[0] = scores
    found[1, :, 1:] = scores[:, :-1]
    found[2, :, 2:] = np.where(skips[:, 2:], scores[:, :-2], -np.inf)
    return found


def _traced(back: NDArray[np.int8], state: int) -> Numbers:
    """The states (steps,) of the path that ends in ``state``, by how many it moved ahead at each step."""
    path = np.zeros(len(back), np.int64)
    for step in range(len(back) - 1, -1, -1):
        path[step] = state
        state -= int(back[step, state])
    return path

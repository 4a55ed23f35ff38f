"""Interpolated Kneser-Ney n-grams: the baseline of language modeling, counted in seconds."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

UNSEEN = -1


class KneserNey:
    """Probabilities of tokens below ``size`` after up to ``order`` - 1 others (Kneser and Ney 1995, in the interpolated
    form of Chen and Goodman 1999, section 4.1.6).

    Each order has one discount, n1 / (n1 + 2 n2) (Ney et al. 1994); below the highest a token counts by how many
    different tokens it follows; below the lowest all tokens are alike.
    """

    def __init__(self, tokens: Numbers, size: int, order: int) -> None:
        self.size = size
        grams = [_Grams.of(tokens, np.zeros(len(tokens), np.int64), size)]
        for _ in range(order - 1):
            grams.append(_Grams.of(tokens, _moved(grams[-1].at), size))
        highest = [_Counts.of(gram, gram.counts) for gram in grams[-1:]]
        lower = [
            _Counts.of(gram, np.bincount(gram.at[longer.first], minlength=len(gram.keys)))
            for gram, longer in pairwise(grams)
        ]
        self._levels = [*zip(grams, [*lower, *highest], strict=True)]

    def nats(self, tokens: Numbers) -> Floats:
        """-log of the probability of each token after those before it."""
        chance = np.full(len(tokens), 1 / self.size)
        history = np.zeros(len(tokens), np.int64)
        for gram, counts in self._levels:
            found = gram.find(history, tokens)
            chance = counts.interpolated(history, found, chance)
            history = _moved(found)
        nats: Floats = -np.log(chance)
        return nats


class _Grams:
    """The different n-grams of one order as (history's number) * size + last token, sorted; histories are n-grams of
    the order below, by their place there."""

    def __init__(
        self, keys: Numbers, first: Numbers, at: Numbers, counts: Numbers, histories: int, size: int
    ) -> None:
        self.keys, self.first, self.at, self.counts = keys, first, at, counts
        self.histories = histories
        self.size = size

    @classmethod
    def of(cls, tokens: Numbers, history: Numbers, size: int) -> "_Grams":
        """``history`` numbers what stands before each token; ``at`` is the n-gram that ends there, UNSEEN where the
        text begins later."""
        there = np.flatnonzero(history != UNSEEN)
        keys, first, inverse, counts = np.unique(
            history[there] * size + tokens[there], return_index=True, return_inverse=True, return_counts=True
        )
        at = np.full(len(tokens), UNSEEN)
        at[there] = inverse
        return cls(keys, there[first], at, counts, int(history.max(initial=0)) + 1, size)

    def find(self, history: Numbers, tokens: Numbers) -> Numbers:
        """Places of the n-grams, UNSEEN where they are not."""
        wanted = np.where(history == UNSEEN, UNSEEN, history * self.size + tokens)
        place = np.searchsorted(self.keys, wanted).clip(0, max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.full(len(tokens), UNSEEN)
        return np.where(self.keys[place] == wanted, place, UNSEEN)


class _Counts:
    """How often each n-gram counts, what its history counts in all, and how many different tokens follow that."""

    def __init__(self, counts: Numbers, totals: Numbers, followers: Numbers, discount: float) -> None:
        self.counts, self.totals, self.followers, self.discount = counts, totals, followers, discount

    @classmethod
    def of(cls, gram: _Grams, counts: Numbers) -> "_Counts":
        history = gram.keys // gram.size
        totals = np.bincount(history, weights=counts, minlength=gram.histories).astype(np.int64)
        followers = np.bincount(history, weights=counts > 0, minlength=gram.histories).astype(np.int64)
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        return cls(counts, totals, followers, once / (once + 2 * twice) if once and twice else 0.5)

    def interpolated(self, history: Numbers, found: Numbers, lower: Floats) -> Floats:
        """Probabilities, with the discounted mass given to those of the order below."""
        if not len(self.counts):
            return lower
        known = (history != UNSEEN) & (history < len(self.totals))
        place = np.where(known, history, 0)
        total = np.where(known, self.totals[place], 0)
        count = np.where(found != UNSEEN, self.counts[found], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.maximum(count - self.discount, 0) / total
            rest = self.discount * self.followers[place] / total
            return np.where(total > 0, own + rest * lower, lower)


def _moved(at: Numbers) -> Numbers:
    """The n-gram that ends before each place."""
    return np.concatenate([[UNSEEN], at[:-1]]) if len(at) else at

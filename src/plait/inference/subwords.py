"""Subwords: a word as the pieces that byte pair encoding merges its characters into; they are learnt in training."""

from collections.abc import Sequence
from itertools import pairwise


class Subwords:
    """Applies ``merges``, pairs of pieces such as "lo w" in the order they were learnt (Sennrich et al. 2016).

    The first of them that occurs in a word is applied wherever it occurs, then the first that occurs now, and so on.
    Raises ValueError for a merge that is no pair.
    """

    def __init__(self, merges: Sequence[str]) -> None:
        self._ranks = {_pair(merge): rank for rank, merge in enumerate(merges)}
        self._known: dict[str, tuple[str, ...]] = {}

    def split(self, word: str) -> tuple[str, ...]:
        """The pieces of a word, which together are the word."""
        if word not in self._known:
            self._known[word] = self._merged(word)
        return self._known[word]

    def _merged(self, word: str) -> tuple[str, ...]:
        parts = list(word)
        while len(parts) > 1:
            ranked = [(self._ranks.get(pair, len(self._ranks)), pair) for pair in pairwise(parts)]
            rank, pair = min(ranked)
            if rank == len(self._ranks):
                break
            parts = _joined(parts, pair)
        return tuple(parts)


SEPARATOR = "\x1f"
"""Between the two of a merge; a blank may itself be part of one."""


def _pair(merge: str) -> tuple[str, str]:
    first, between, second = merge.partition(SEPARATOR)
    if not (first and between and second):
        raise ValueError(f"{merge!r} is no pair of subwords")
    return first, second


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(parts):
        if tuple(parts[place : place + 2]) == pair:
            found.append("".join(pair))
            place += 2
        else:
            found.append(parts[place])
            place += 1
    return found

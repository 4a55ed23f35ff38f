"""An n-gram model of words from sentences, by counting: interpolated Kneser-Ney, written as backoff."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from plait.inference.ngram_model import BEGIN, END, NEVER, UNKNOWN, Gram, NgramModel

Counts = Counter[Gram]


def count_model(sentences: Iterable[Sequence[str]], order: int) -> NgramModel:
    """The n-grams of ``sentences``, each a row of words, up to ``order`` words.

    Kneser and Ney 1995, in the interpolated form of Chen and Goodman 1999, section 4.1.6, with one discount an order,
    n1 / (n1 + 2 n2) (Ney et al. 1994). Below the highest order an n-gram counts by how many different words come before
    it, but at a sentence's begin, where none can, by how often it occurs (as SRILM and KenLM do). Below the lowest all
    words, END and UNKNOWN are alike. Raises ValueError for an order below 1, no sentence, or a word that is none.
    """
    if order < 1:
        raise ValueError(f"order is {order}, but must be at least 1")
    levels = _counted(sentences, order)
    if not levels[0]:
        raise ValueError("there is no sentence to count")
    return NgramModel(_interpolated(levels))


def _counted(sentences: Iterable[Sequence[str]], order: int) -> list[Counts]:
    """What the n-grams of each order count, the shortest first."""
    levels: list[Counts] = [Counter() for _ in range(order)]
    for sentence in sentences:
        row = (BEGIN, *_checked(sentence), END)
        for size, level in enumerate(levels, start=1):
            level.update(row[place : place + size] for place in range(len(row) - size + 1))
    lower = [_continued(shorter, longer) for shorter, longer in pairwise(levels)]
    counts = [*lower, levels[-1]]
    counts[0].pop((BEGIN,), None)  # Nothing says that a sentence begins: it always does.
    return counts


def _checked(sentence: Sequence[str]) -> Sequence[str]:
    for word in sentence:
        if word in (BEGIN, END) or word.split() != [word]:
            raise ValueError(f"{word!r} is no word")
    return sentence


def _continued(raw: Counts, longer: Counts) -> Counts:
    """How many different words come before each n-gram; those at a sentence's begin as they are."""
    counts = Counter(gram[1:] for gram in longer)
    counts.update({gram: count for gram, count in raw.items() if gram[0] == BEGIN})
    return counts


def _interpolated(levels: Sequence[Counts]) -> dict[Gram, tuple[float, float]]:
    """Log probabilities and backoffs: what the discount takes from a context is the weight of the order below."""
    words = sorted({gram[0] for gram in levels[0]} | {END, UNKNOWN})
    chances: dict[Gram, float] = {}
    weights: dict[Gram, float] = {}
    for level in levels:
        discount = _discount(level)
        totals, followers = _contexts(level)
        weights |= {context: discount * followers[context] / total for context, total in totals.items()}
        for gram in level if chances else ((word,) for word in words):
            own = max(level[gram] - discount, 0.0) / totals[gram[:-1]]
            chances[gram] = own + weights[gram[:-1]] * chances.get(gram[1:], 1 / len(words))
    never = (NEVER * math.log(10), math.log(weights.get((BEGIN,), 1.0)))
    return {(BEGIN,): never} | {
        gram: (math.log(chance), math.log(weights.get(gram, 1.0))) for gram, chance in chances.items()
    }


def _discount(level: Counts) -> float:
    once, twice = (sum(count == often for count in level.values()) for often in (1, 2))
    return once / (once + 2 * twice) if once and twice else 0.5


def _contexts(level: Counts) -> tuple[Counts, Counts]:
    """What all n-grams after a context count, and how many those are."""
    totals: Counts = Counter()
    for gram, count in level.items():
        totals[gram[:-1]] += count
    return totals, Counter(gram[:-1] for gram in level)

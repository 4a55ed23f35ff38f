"""Intervals: how far a score may be off because the test part is only a sample."""

from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
DRAWS = 1000


def wilson(correct: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of Wilson (1927) for a share of ``correct`` out of ``n``; (0, 1) for none of none.

    Unlike the textbook's normal interval it stays within 0 and 1 and is honest at both ends: 50 of 50 right
    gives 0.929 to 1, not 1 to 1. Raises ValueError unless 0 <= correct <= n.
    """
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} correct: the first must lie between 0 and the second")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = correct / n, z * z / n
    center = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * (share * (1 - share) / n + weight / (4 * n)) ** 0.5
    low = 0.0 if correct == 0 else max(0.0, center - half)
    high = 1.0 if correct == n else min(1.0, center + half)
    return low, high


def bootstrap_f1(
    counts: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The percentile bootstrap (Efron 1979) of micro F1: whole examples are drawn again, with replacement.

    ``counts`` (examples, 3): true positives, false positives and false negatives of each. Where
    resampling cannot vary, because every example is wholly right or none has a label right, it would give a
    point; Wilson's interval of the share of examples answered without fault stands in for it.
    """
    n = len(counts)
    faultless = int((counts[:, 1:].sum(axis=1) == 0).sum())
    if faultless == n or counts[:, 0].sum() == 0:
        return wilson(n if faultless == n else 0, n, confidence)
    generator = np.random.default_rng(seed)
    drawn = np.stack([_sums(counts, generator) for _ in range(draws)])
    # A draw in which nothing was there and nothing was said has no F1.
    low, high = np.nanquantile(f1(*drawn.T), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bootstrap_share(
    right: np.ndarray, totals: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The percentile bootstrap of a share of parts, of which whole examples are drawn: ``right`` of ``totals``.

    Where every example is wholly right or wholly wrong in the same way, Wilson's interval over examples stands in.
    """
    n = len(right)
    if right.sum() in (0, totals.sum()):
        return wilson(n if right.sum() else 0, n, confidence)
    generator = np.random.default_rng(seed)
    counts = np.stack([right, totals], axis=1)
    drawn = np.stack([_sums(counts, generator) for _ in range(draws)])
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bootstrap_rate(
    parts: np.ndarray, totals: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The percentile bootstrap of sum(parts) / sum(totals), which may exceed 1: whole examples are drawn again.

    Where every example has the same rate, resampling would give a point. Then it reaches as far as if by Wilson's
    bound so many of the unseen examples had no part at all, or were all parts: no error in 50 gives 0 to 0.071.
    """
    rate = parts.sum() / max(1, totals.sum())
    if totals.sum() == 0 or (parts * totals.sum() == totals * parts.sum()).all():
        least, _ = wilson(len(totals), len(totals), confidence)
        return float(rate * least), float(rate + max(0.0, 1 - rate) * (1 - least))
    generator = np.random.default_rng(seed)
    counts = np.stack([parts, totals], axis=1)
    drawn = np.stack([_sums(counts, generator) for _ in range(draws)])
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def standard_error(low: float, high: float, confidence: float = CONFIDENCE) -> float:
    """Of a score with this interval, taken as normal."""
    return (high - low) / 2 / NormalDist().inv_cdf((1 + confidence) / 2)


def f1(right: np.ndarray, added: np.ndarray, missed: np.ndarray) -> np.ndarray:
    """2 tp / (2 tp + fp + fn), element by element; NaN where nothing was there and nothing was said."""
    with np.errstate(invalid="ignore"):
        value: np.ndarray = 2 * right / (2 * right + added + missed)
    return value


def _sums(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The sums over one sample of as many examples as there are."""
    times = np.bincount(generator.integers(0, len(counts), len(counts)), minlength=len(counts))
    sums: np.ndarray = times @ counts
    return sums

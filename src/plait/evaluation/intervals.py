"""Intervals: how far a score may be off because the test part is only a sample."""

from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
DRAWS = 1000
FEW = 10
"""Examples below which drawing them again varies too little to be believed: one gives one draw, two give three."""
NOISE = 1e-9
"""Of draws that are all the same."""

Interval = tuple[float, float]


def wilson(correct: float, n: int, confidence: float = CONFIDENCE) -> Interval:
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


def believable(drawn: Interval, share: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a ``share`` that was ``drawn`` again from ``n`` examples; where these are fewer than FEW, or
    drawing could not vary, it reaches at least as far as Wilson's.

    Numbers from 0 to 1 vary by p (1 - p) at most, p being their mean (Bhatia and Davis 2000): by as much as Wilson's
    interval takes right and wrong answers to vary.
    """
    low, high = drawn
    if n >= FEW and high - low > NOISE:
        return drawn
    least, most = wilson(share * n, n, confidence)
    return min(low, least), max(high, most)


def believable_rate(drawn: Interval, rate: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """The same of a ``rate``, which may exceed 1: as if by Wilson's bound so many of the unseen examples had no part at
    all, or were all parts (or twice the rate, where that is more). No error in 50 gives 0 to 0.071."""
    low, high = drawn
    if n >= FEW and high - low > NOISE:
        return drawn
    unseen = 1 - wilson(n, n, confidence)[0]
    return min(low, rate * (1 - unseen)), max(high, rate + max(1 - rate, rate) * unseen)


def bootstrap_f1(
    counts: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> Interval:
    """The percentile bootstrap (Efron 1979) of micro F1: whole examples are drawn again, with replacement.

    ``counts`` (examples, 3): true positives, false positives and false negatives of each. Where nothing is there and
    nothing is said all is right.
    """
    n = len(counts)
    if not counts.any():
        return wilson(n, n, confidence)
    generator = np.random.default_rng(seed)
    drawn = np.stack([_sums(counts, generator) for _ in range(draws)])
    # A draw in which nothing was there and nothing was said has no F1.
    low, high = np.nanquantile(f1(*drawn.T), [(1 - confidence) / 2, (1 + confidence) / 2])
    return believable((float(low), float(high)), float(f1(*counts.sum(axis=0))), n, confidence)


def bootstrap_share(
    right: np.ndarray, totals: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> Interval:
    """The percentile bootstrap of a share of parts, of which whole examples are drawn: ``right`` of ``totals``."""
    n = len(right)
    if not totals.any():
        return wilson(0, n, confidence)
    drawn = _drawn_shares(right, totals, seed, draws, confidence)
    return believable(drawn, float(right.sum() / totals.sum()), n, confidence)


def bootstrap_rate(
    parts: np.ndarray, totals: np.ndarray, seed: int = 0, draws: int = DRAWS, confidence: float = CONFIDENCE
) -> Interval:
    """The percentile bootstrap of sum(parts) / sum(totals), which may exceed 1: whole examples are drawn again."""
    rate = float(parts.sum() / max(1, totals.sum()))
    drawn = _drawn_shares(parts, totals, seed, draws, confidence) if totals.any() else (rate, rate)
    return believable_rate(drawn, rate, len(totals), confidence)


def standard_error(low: float, high: float, confidence: float = CONFIDENCE) -> float:
    """Of a score with this interval, taken as normal."""
    return (high - low) / 2 / NormalDist().inv_cdf((1 + confidence) / 2)


def f1(right: np.ndarray, added: np.ndarray, missed: np.ndarray) -> np.ndarray:
    """2 tp / (2 tp + fp + fn), element by element; NaN where nothing was there and nothing was said."""
    with np.errstate(invalid="ignore"):
        value: np.ndarray = 2 * right / (2 * right + added + missed)
    return value


def _drawn_shares(
    parts: np.ndarray, totals: np.ndarray, seed: int, draws: int, confidence: float
) -> Interval:
    generator = np.random.default_rng(seed)
    counts = np.stack([parts, totals], axis=1)
    drawn = np.stack([_sums(counts, generator) for _ in range(draws)])
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _sums(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The sums over one sample of as many examples as there are."""
    times = np.bincount(generator.integers(0, len(counts), len(counts)), minlength=len(counts))
    sums: np.ndarray = times @ counts
    return sums

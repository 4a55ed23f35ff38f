"""Chance by counting: a random number is a pure function of (purpose, seed, epoch, example, draw).

It never depends on what was drawn before, so order and augmentation do not depend on the batch, the worker or
the step a run was resumed at, and other versions of numpy or PyTorch draw the same numbers.
"""

from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Purpose(IntEnum):
    """What numbers are drawn for: the same seed gives unrelated numbers for each."""

    AUGMENTATION = 1
    ORDER = 2
    MIXING = 3
    MASKING = 4


def uniform(
    seed: int, epoch: int, rows: ArrayLike, draws: int, purpose: Purpose = Purpose.AUGMENTATION
) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (rows, draws); each depends on its row number alone, and seed and epoch."""
    bits = _absorb(_numbers(seed, epoch, rows, purpose)[:, None], np.arange(draws, dtype=np.uint64))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=4)
def plan_order(seed: int, epoch: int, examples: int) -> NDArray[np.int64]:
    """Row numbers 0 .. examples - 1 in the order of this epoch, read-only."""
    numbers = _numbers(seed, epoch, np.arange(examples), Purpose.ORDER)
    order = np.argsort(numbers, kind="stable").astype(np.int64)
    order.setflags(write=False)
    return order


def _numbers(seed: int, epoch: int, rows: ArrayLike, purpose: Purpose) -> NDArray[np.uint64]:
    """64 random bits for each row."""
    bits = np.zeros(1, dtype=np.uint64)
    for value in (int(purpose), seed, epoch):
        bits = _absorb(bits, np.array([value % 2**64], dtype=np.uint64))
    return _absorb(bits, np.asarray(rows).astype(np.uint64))


def _absorb(bits: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A step of SplitMix64 (Steele, Lea and Flood 2014, figure 15) from the state ``bits`` xor ``values``."""
    mixed = (bits ^ values) + GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)

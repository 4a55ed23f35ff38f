"""Scores of a language model: what it costs to foresee a text, a character, a byte or a token at a time."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from plait.evaluation.intervals import CONFIDENCE, Interval, believable_rate

BLOCKS = 100
"""A text is cut into so many blocks, whose scores show how much they vary."""

Floats = NDArray[np.float64]


def language_scores(
    nats: Floats, naming_bits: Floats, characters: NDArray[np.int64], bytes: int
) -> dict[str, Any]:
    """Bits a character with its interval, bits a byte, perplexity and nats a token.

    Of every token: ``nats``, -log of its probability; ``naming_bits``, what is to be added where that probability is
    not of the token itself but of all unknown ones; its ``characters``. ``bytes`` are the whole text's, in UTF-8.
    Bits a character and a byte are comparable whatever the tokens are; perplexity is of the tokens as they are.
    """
    bits = nats / math.log(2) + naming_bits
    value = float(bits.sum() / characters.sum())
    low, high = _interval(value, bits, characters)
    return {
        "value": value,
        "low": low,
        "high": high,
        "bits_per_character": value,
        "bits_per_byte": float(bits.sum() / bytes),
        "perplexity": float(math.exp(min(nats.mean(), 700.0))),
        "nats_per_token": float(nats.mean()),
        "tokens": len(nats),
        "characters": int(characters.sum()),
        "unknown": float((naming_bits > 0).mean()),
    }


def _interval(value: float, bits: Floats, characters: NDArray[np.int64]) -> Interval:
    """By Student's t of as many blocks as there are; one block says nothing of how much others vary."""
    blocks = min(BLOCKS, len(bits))
    if blocks < 2:
        return believable_rate((value, value), value, blocks)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, blocks - 1)) * block_error(bits, characters)
    return max(0.0, value - reach), value + reach


def block_error(bits: Floats, characters: NDArray[np.int64]) -> float:
    """The standard error of bits a character by batch means (Law and Kelton 2000, 9.5.3): what follows each other in a
    text is alike, so whole blocks of it are taken for the sample. NaN is never given; 0 where there is one block."""
    blocks = [part for part in np.array_split(np.arange(len(bits)), min(BLOCKS, len(bits))) if len(part)]
    if len(blocks) < 2:
        return 0.0
    sums = np.array([[bits[block].sum(), characters[block].sum()] for block in blocks])
    rest = sums[:, 0] - sums[:, 0].sum() / sums[:, 1].sum() * sums[:, 1]
    return float(np.sqrt((rest**2).sum() / (len(blocks) * (len(blocks) - 1))) / sums[:, 1].mean())

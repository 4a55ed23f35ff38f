"""What `auto` means in a recipe: each rule looks at the training data alone, and the run records what it gave."""

from collections.abc import Sequence

import numpy as np

from plait.inference.detection_input import GRAIN

SMALL_SIDE = 64
"""Pictures up to this side are used as they are."""
FEW_LETTERS = 5_000_000
"""Of all training texts together, spaces included."""
PHOTOGRAPH_SIDE = 112
"""Trained at 64, 88, then 112 pixels. All but 88 are multiples of 16, by which the default network shrinks maps."""


def image_side(sizes: np.ndarray) -> int:
    """Side of the network's square for pictures of ``sizes`` (examples, 2: height, width), in pixels.

    The median shorter side where that is small (digits, icons), otherwise PHOTOGRAPH_SIDE.
    """
    median = int(np.median(sizes.min(axis=1)))
    return max(median, 4) if median <= SMALL_SIDE else PHOTOGRAPH_SIDE


def margin(side: int) -> float:
    """How much larger than the network's square pictures are kept: photographs get room for training crops."""
    return 1.0 if side <= SMALL_SIDE else 1.145


def sizes(side: int) -> tuple[float, float]:
    """Photographs begin at 0.57 of the network's square; small pictures have no pixel to spare."""
    return (1.0, 1.0) if side <= SMALL_SIDE else (0.57, 1.0)


def epochs(examples: int, side: int) -> int:
    """Passes over the training part: the fewer the examples, the more.

    Photographs 121000 / examples ** 0.917 (650 of them 319, 10,000 of them 26), small pictures 1010 / examples ** 0.444
    (1,300 of them 42, 54,000 of them 8).
    """
    wanted = 1010 / examples**0.444 if side <= SMALL_SIDE else 121000 / examples**0.917
    return int(np.clip(round(wanted), 5, 330))


def batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=12, least=8, most=128)


def least(examples: int) -> int:
    """How often a token must occur to get a number of its own: of few texts every token counts."""
    return 1 if examples < 20_000 else 2


def ngram_orders(tokens: str) -> list[int]:
    """Words and pairs of words; of characters up to three in a row, which is a word or two of Chinese."""
    return [1, 2] if tokens == "words" else [1, 2, 3]


def character_orders(tokens: str, letters: int) -> list[int]:
    """Stems, prefixes and endings; characters and subwords are too short to have any. Of texts of more ``letters``
    together than FEW_LETTERS none: they would take gigabytes, and teach each word by itself."""
    return [3, 4, 5] if tokens == "words" and letters <= FEW_LETTERS else []


def text_epochs(examples: int) -> int:
    """Passes over the training texts: the fewer, the more (100 of them 28, 1,000 of them 12, 7,000 of them 5)."""
    return int(np.clip(round(150 / examples**0.37), 3, 60))


def text_batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=60, least=8, most=64)


def letters(longest: int) -> int:
    """Characters of a word that are read: all, but of very long ones the beginning and the end."""
    return int(np.clip(longest, 2, 20))


def single_characters(lengths: Sequence[int]) -> bool:
    """Whether tokens are the characters of a script without spaces, a few foreign words among them; ``lengths`` are
    theirs in characters."""
    return lengths.count(1) >= 0.9 * len(lengths)


def tagging_epochs(examples: int) -> int:
    """Passes over the training sentences: the fewer, the more (100 of them 50, 1,350 of them 30, 8,000 of them 16)."""
    return int(np.clip(round(400 / examples**0.36), 5, 50))


def tagging_batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=150, least=4, most=32)


def stream_least(tokens: str) -> int:
    """Every character counts; of words, and of pairs that subwords are made of, those that stand once do not."""
    return 1 if tokens == "characters" else 2


def stream_epochs(tokens: int) -> int:
    """Passes over the training text: the fewer tokens, the more (50,000 of them 19, a million 7)."""
    return int(np.clip(round(860 / tokens**0.35), 2, 60))


def stream_batch_size(tokens: int, window: int) -> int:
    """Places that are read at once: up to 32, but an epoch of at least about 100 steps of ``window`` tokens."""
    return int(np.clip(2 ** int(np.log2(max(tokens / (100 * window), 1))), 1, 32))


def sound_batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=40, least=4, most=32)


def audio_epochs(examples: int) -> int:
    """Passes over the training recordings: the fewer, the more (100 of them 60, 2,400 of them 15)."""
    return int(np.clip(round(450 / examples**0.436), 5, 80))


def speech_epochs(minutes: float) -> int:
    """Passes over the training recordings, by their length in all: the less, the more (1 minute 150, 40 minutes 60)."""
    return int(np.clip(round(150 / max(minutes, 1) ** 0.25), 10, 150))


def line_batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=60, least=4, most=32)


def line_epochs(examples: int) -> int:
    """Passes over the training lines: the fewer, the more (100 of them 80, 650 of them 40)."""
    return int(np.clip(round(434 / examples**0.367), 8, 100))


DETECTION_SIDE = 320
"""The longer side of a detector's canvas where nothing asks for more."""
LARGEST_DETECTION_SIDE = 640


def detection_side(sizes: np.ndarray, shorter: np.ndarray) -> int:
    """The longer side of the canvas, by ``sizes`` of pictures and the ``shorter`` sides of boxes as shares of theirs.

    Nine boxes of ten get at least 12 pixels, or the canvas its largest side; no picture is enlarged for that.
    """
    if not len(shorter):
        return DETECTION_SIDE
    wanted = 12 / max(float(np.quantile(shorter, 0.1)), 1e-6)
    largest = min(LARGEST_DETECTION_SIDE, _grained(float(np.median(sizes.max(axis=1)))))
    return int(np.clip(_grained(wanted), min(DETECTION_SIDE, largest), largest))


def canvas(sizes: np.ndarray, longer: int) -> tuple[int, int]:
    """Height and width: as most pictures are shaped; a square where they are shaped in different ways."""
    shapes = sizes[:, 0] / sizes[:, 1]
    low, middle, high = np.quantile(shapes, [0.1, 0.5, 0.9])
    if high / low > 1.35:
        return longer, longer
    return (longer, _grained(longer / middle)) if middle > 1 else (_grained(longer * middle), longer)


def detection_epochs(examples: int) -> int:
    """Passes over the training pictures: the fewer, the more (50 of them 140, 205 of them 60, 5,000 of them 9)."""
    return int(np.clip(round(1450 / examples**0.6), 5, 200))


def detection_batch_size(examples: int) -> int:
    """Small sets take small batches, so that an epoch still has steps."""
    return _batch_size(examples, steps=25, least=4, most=16)


def _grained(side: float) -> int:
    """Up to a multiple of GRAIN."""
    return max(GRAIN, -(-round(side) // GRAIN) * GRAIN)


def mirror_keeps_class(pictures: np.ndarray, targets: np.ndarray) -> bool:
    """Whether a mirrored picture still looks like its class: nearest class mean, asked of mirrored pictures.

    ``pictures`` are uint8 (examples, height, width, channels), ``targets`` class numbers (examples,). True where the
    mirrored pictures are recognized at least 60 % as often as the pictures themselves. Digits and letters fail this;
    photographs of things pass.
    """
    half = len(pictures) // 2
    small = _small(pictures)
    means = np.stack(
        [small[:half][targets[:half] == label].mean(axis=0) for label in _present(targets[:half])]
    )
    present = _present(targets[:half])
    plain, mirrored = (
        float((present[_nearest(view[half:], means)] == targets[half:]).mean())
        for view in (small, small[:, :, ::-1])
    )
    return mirrored >= 0.6 * plain


def _present(targets: np.ndarray) -> np.ndarray:
    return np.unique(targets)


def _small(pictures: np.ndarray, side: int = 16) -> np.ndarray:
    """Grey pictures of about ``side`` pixels by taking every k-th pixel, each of zero mean and unit norm."""
    grey = pictures.astype(np.float32).mean(axis=3)
    step = max(1, min(grey.shape[1:]) // side)
    grey = grey[:, ::step, ::step]
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    normed: np.ndarray = grey / (np.linalg.norm(grey, axis=(1, 2), keepdims=True) + 1e-6)
    return normed


def _nearest(pictures: np.ndarray, means: np.ndarray) -> np.ndarray:
    nearest: np.ndarray = np.einsum("nhw,khw->nk", pictures, means).argmax(axis=1)
    return nearest


def _batch_size(examples: int, steps: int, least: int, most: int) -> int:
    """The power of two by which an epoch has about so many steps, within bounds."""
    return int(np.clip(2 ** round(np.log2(max(examples, 1) / steps)), least, most))

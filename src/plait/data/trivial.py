"""TrivialAugment (Müller and Hutter 2021): each picture gets one operator of fourteen, of a strength drawn
evenly.

The operators and strengths are those of the paper's wide space. A batch is grouped by operator; the five that
move pixels are one pass together.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.data import color
from plait.data.geometry import affine, sample

LEVELS = 31
MOVES = ("shear x", "shear y", "translate x", "translate y", "rotate")
FACTORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": color.brightness,
    "color": color.saturation,
    "contrast": color.contrast,
    "sharpness": color.sharpness,
}
OPERATORS = ("identity", *MOVES, *FACTORS, "posterize", "solarize", "autocontrast", "equalize")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def trivial_augment(pictures: Tensor, draws: Floats) -> Tensor:
    """One operator for each picture, by ``draws`` (batch, 3) in [0, 1): which, how strong, which direction.

    Takes and gives float32 (batch, channels, height, width) in 0 .. 255. What moved in from outside is black.
    """
    return apply(pictures, *choose(draws))


def choose(draws: Floats) -> tuple[Integers, Integers, Integers]:
    """Number of the operator, level 0 .. 30 and sign (batch,), each as likely as any other."""
    which = (draws[:, 0] * len(OPERATORS)).astype(np.int64)
    levels = (draws[:, 1] * LEVELS).astype(np.int64)
    return which, levels, np.where(draws[:, 2] < 0.5, -1, 1)


def apply(pictures: Tensor, which: Integers, levels: Integers, signs: Integers) -> Tensor:
    """Operator number ``which`` of OPERATORS at level 0 .. 30 with sign -1 or 1, each (batch,)."""
    result = pictures.clone()
    moved = np.flatnonzero((which >= 1) & (which <= len(MOVES)))
    if len(moved):
        result[moved] = _move(pictures[moved], which[moved] - 1, levels[moved], signs[moved])
    for number in np.unique(which[which > len(MOVES)]):
        group = np.flatnonzero(which == number)
        result[group] = _recolor(OPERATORS[number], pictures[group], levels[group], signs[group])
    return result


def _move(pictures: Tensor, move: Integers, levels: Integers, signs: Integers) -> Tensor:
    """Shears by up to 0.99, translates by up to 32 pixels (or the side), rotates by up to 135 degrees."""
    height, width = pictures.shape[2:]
    strength = levels * signs / (LEVELS - 1)
    degrees = np.where(move == MOVES.index("rotate"), -strength * 135, 0.0)
    ones = np.ones(len(move))
    middle_y, middle_x = ones * (height - 1) / 2, ones * (width - 1) / 2
    matrices = affine(middle_y, middle_x, ones, ones, degrees, size=(height, width))
    for axis, (letter, side) in enumerate((("x", width), ("y", height))):
        slope = np.where(move == MOVES.index(f"shear {letter}"), strength * 0.99, 0.0)
        pixels = np.where(move == MOVES.index(f"translate {letter}"), strength * min(32, side), 0.0)
        # Sheared about the picture's corner, half a pixel before the first pixel's center, as Pillow does it.
        matrices[:, axis, 1 - axis] += slope
        matrices[:, axis, 2] += slope / 2 - np.trunc(pixels)
    return sample(pictures, matrices, (height, width), beyond="zeros")


def _recolor(operator: str, pictures: Tensor, levels: Integers, signs: Integers) -> Tensor:
    strength = levels / (LEVELS - 1)
    if operator in FACTORS:
        return FACTORS[operator](pictures, _tensor(1 + strength * signs * 0.99))
    if operator == "posterize":
        return color.posterize(pictures, torch.from_numpy(8 - np.round(strength * 6).astype(np.int64)))
    if operator == "solarize":
        return color.solarize(pictures, _tensor(255 * (1 - strength)))
    return color.autocontrast(pictures) if operator == "autocontrast" else color.equalize(pictures)


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(values).to(torch.float32)

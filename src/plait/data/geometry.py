"""Where pixels come from: windows, flips, crops and rotations of a batch, different for each picture.

Positions are pixel centers counted from 0, so the first pixel of a row lies at 0 and the last at width - 1.
Beyond the border pictures are mirrored (abcd becomes dcb|abcd|cba).
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Size = tuple[int, int]
Box = tuple[slice, slice, slice]
"""channels, rows, columns"""


def windows(
    pictures: Tensor, top: Integers, left: Integers, upside_down: Booleans, mirrored: Booleans, *, size: Size
) -> Tensor:
    """The window of ``size`` at (top, left) of each picture, then flipped; no pixel is changed.

    Takes uint8 (batch, channels, stored height, stored width) and gives uint8 (batch, channels, height,
    width), both channels last.
    """
    count, channels, height, width = pictures.shape
    rows = _flipped(_mirror(top[:, None] + np.arange(size[0]), height), upside_down)
    columns = _flipped(_mirror(left[:, None] + np.arange(size[1]), width), mirrored)
    places = (np.arange(count)[:, None] * height + rows)[:, :, None] * width + columns[:, None, :]
    pixels = pictures.permute(0, 2, 3, 1).contiguous().numpy().reshape(-1, channels)
    return torch.from_numpy(np.take(pixels, places, axis=0)).permute(0, 3, 1, 2)


def affine(
    center_y: Floats, center_x: Floats, scale_y: Floats, scale_x: Floats, degrees: Floats, *, size: Size
) -> Floats:
    """Matrices (batch, 2, 3) that take an output pixel (x, y, 1) to its place (x, y) in the stored picture.

    The output's middle comes from ``center``; one output pixel is ``scale`` stored pixels (negative:
    mirrored); the window is turned counterclockwise by ``degrees``, so that what it shows turns clockwise.
    """
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    middle_y, middle_x = (size[0] - 1) / 2, (size[1] - 1) / 2
    along_x = np.stack([cosine * scale_x, -sine * scale_x], axis=1)
    along_y = np.stack([sine * scale_y, cosine * scale_y], axis=1)
    start = np.stack([center_x, center_y], axis=1) - along_x * middle_x - along_y * middle_y
    return np.stack([along_x, along_y, start], axis=2)


def sample(
    pictures: Tensor, matrices: Floats, size: Size, beyond: Literal["reflection", "zeros"] = "reflection"
) -> Tensor:
    """Bilinear samples of each picture at the places its matrix gives, in one pass.

    Takes (batch, channels, height, width) and gives float32 (batch, channels, *size); ``beyond`` is what lies
    outside.
    """
    height, width = pictures.shape[2:]
    grid = _grid(_normalized(matrices, height, width), size)
    return F.grid_sample(pictures.to(torch.float32), grid, "bilinear", beyond, align_corners=True)


def cut_out(pictures: Tensor, center_y: Integers, center_x: Integers, sides: Size) -> None:
    """Blanks, in place, a box around each center, cut at the border, with the picture's mean color.

    The mean color is nothing new to the network, as the 0 after normalization is in DeVries and Taylor 2017.
    """
    # Many small writes cost less through numpy; the memory is the same.
    pixels, fill = pictures.numpy(), _mean_color(pictures).numpy()
    for picture, box in enumerate(boxes(center_y, center_x, np.array(sides)[None])):
        pixels[picture][box] = fill[picture]


def boxes(center_y: Integers, center_x: Integers, sides: Integers) -> list[Box]:
    """The box of ``sides`` (batch or 1, 2) pixels around each center, cut at the border."""
    corner = np.stack([center_y, center_x], axis=1) - sides // 2
    top_left, bottom_right = np.maximum(corner, 0).tolist(), np.maximum(corner + sides, 0).tolist()
    return [
        (slice(None), slice(top, bottom), slice(left, right))
        for (top, left), (bottom, right) in zip(top_left, bottom_right, strict=True)
    ]


def _mirror(places: Integers, length: int) -> Integers:
    """Places outside 0 .. length - 1 reflected into it, the border pixel not repeated."""
    period = max(2 * (length - 1), 1)
    around = places % period
    return np.minimum(around, period - around) if length > 1 else around


def _flipped(places: Integers, which: Booleans) -> Integers:
    return np.where(which[:, None], places[:, ::-1], places)


def _normalized(matrices: Floats, height: int, width: int) -> Floats:
    """The same matrices giving -1 .. 1 from the first to the last pixel center, as grid_sample counts."""
    scale = 2 / np.maximum(np.array([width - 1, height - 1]), 1)
    scaled: Floats = matrices * scale[:, None]
    scaled[:, :, 2] -= 1
    return scaled


def _grid(matrices: Floats, size: Size) -> Tensor:
    """float32 (batch, height, width, 2); a matrix product's rounding could depend on the batch."""
    values = torch.from_numpy(matrices).to(torch.float32)
    y, x = torch.arange(size[0], dtype=torch.float32), torch.arange(size[1], dtype=torch.float32)
    grid = torch.empty(len(values), *size, 2)
    for axis in (0, 1):
        along_x = values[:, axis, 0, None] * x
        along_y = values[:, axis, 1, None] * y + values[:, axis, 2, None]
        torch.add(along_x[:, None, :], along_y[:, :, None], out=grid[..., axis])
    return grid


def _mean_color(pictures: Tensor) -> Tensor:
    """(batch, channels, 1, 1) of every few pixels: whole numbers, whose sums are exact in any batch."""
    step = max(1, min(pictures.shape[2:]) // 16)
    some = pictures[:, :, ::step, ::step].to(torch.float32).round()
    return some.mean(dim=(2, 3), keepdim=True, dtype=torch.float64).round().to(pictures.dtype)

"""The line store: pictures of lines, grey and of one height, kept in memory; how training changes them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from pydantic import Field

from plait.data.batches import Rows
from plait.data.chance import uniform
from plait.data.signal_store import SignalStore
from plait.data.table import Table
from plait.data.text_store import Draw
from plait.inference.input import Array
from plait.inference.line import LineInput, pad_lines
from plait.section import Section

Numbers = NDArray[np.int64]


class LineAugmentation(Section):
    """How training lines are changed, each by a draw of its own."""

    scale: float = Field(ge=0, lt=0.5)
    """Smaller or larger by up to this share, in width and height apart."""
    slant: float = Field(ge=0, lt=1)
    """Letters lean by up to so many pixels of width a pixel of height."""
    rotation: float = Field(ge=0, le=10)
    """Up to so many degrees."""
    contrast: float = Field(ge=0, lt=1)
    """Darker or lighter, and with more or less contrast, by up to this share."""


class LineStore(SignalStore):
    """The lines of a table."""

    noun = "picture"
    axis = -1

    def __init__(self, table: Table, spec: LineInput, budget_bytes: int, max_pixels: int) -> None:
        self.spec = spec
        self._max_pixels = max_pixels
        super().__init__(table, budget_bytes)

    def read(self, input: str) -> Array:
        """uint8 (1, height, width)."""
        return self.spec.open(input, self._max_pixels)

    def take(self, rows: ArrayLike) -> tuple[Array, Numbers]:
        """uint8 (rows, 1, height, width), padded, and widths (rows,)."""
        return pad_lines([self.one(int(row)) for row in np.asarray(rows)])


def changed_lines(store: LineStore, options: LineAugmentation, seed: int) -> Draw:
    """Lines as ``options`` change them, by (seed, epoch, example)."""

    def draw(rows: Rows, epoch: int) -> tuple[Array, Numbers]:
        chances = 2 * uniform(seed, epoch, rows, 6) - 1
        return pad_lines(
            [
                _changed(store.one(int(row)), chance, options, store.spec)
                for row, chance in zip(rows, chances, strict=True)
            ]
        )

    return draw


def _changed(
    line: Array, chance: NDArray[np.float64], options: LineAugmentation, spec: LineInput
) -> NDArray[np.uint8]:
    picture = np.asarray(line[0], np.uint8)
    height, width = picture.shape
    wide = max(spec.least, round(width * (1 + options.scale * chance[0])))
    tall = 1 + options.scale * chance[1]
    lean = options.slant * chance[2]
    turn = np.tan(np.deg2rad(options.rotation * chance[3]))
    # Where each pixel comes from: about the middle, so that what is turned or leans stays within.
    across, down = width / wide, 1 / tall
    matrix = (
        across,
        lean,
        -lean * height / 2,
        turn * across,
        down,
        height / 2 * (1 - down) - turn * width / 2,
    )
    paper = int(np.median(picture[[0, -1]]))
    moved = Image.fromarray(picture).transform(
        (wide, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=paper
    )
    values = np.asarray(moved, np.float32)
    mean = float(values.mean())
    values = (values - mean) * (1 + options.contrast * chance[4]) + mean + 128 * options.contrast * chance[5]
    changed: NDArray[np.uint8] = np.clip(np.round(values), 0, 255).astype(np.uint8)[None]
    return changed

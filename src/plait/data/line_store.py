"""The line store: pictures of lines opened once and kept grey and of one height in memory, within a budget."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from plait.data.batches import Rows
from plait.data.chance import uniform
from plait.data.table import Table
from plait.data.text_store import Draw
from plait.errors import DataError, Problem
from plait.inference.input import Array
from plait.inference.line import LineInput, pad_lines
from plait.inference.picture_file import PictureError

Numbers = NDArray[np.int64]


class LineAugmentation(BaseModel):
    """How training lines are changed, each by a draw of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: float = Field(ge=0, lt=0.5)
    """Smaller or larger by up to this share, in width and height apart."""
    slant: float = Field(ge=0, lt=1)
    """Letters lean by up to so many pixels of width a pixel of height."""
    rotation: float = Field(ge=0, le=10)
    """Up to so many degrees."""
    contrast: float = Field(ge=0, lt=1)
    """Darker or lighter, and with more or less contrast, by up to this share."""


class LineStore:
    """The lines of a table; row numbers count the table's rows from 0.

    At most ``budget_bytes`` are kept (the first rows); the others are opened again each time. Raises DataError for a
    picture that cannot be opened any more.
    """

    def __init__(self, table: Table, spec: LineInput, budget_bytes: int, max_pixels: int) -> None:
        self.spec = spec
        self._table = table
        self._inputs: list[str] = list(table.frame["input"])
        self._max_pixels = max_pixels
        self._kept: dict[int, NDArray[np.uint8]] = {}
        lengths, room = np.zeros(len(table), np.int64), budget_bytes
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for row, line in enumerate(pool.map(self._open, range(len(table)))):
                lengths[row] = line.shape[-1]
                room -= line.nbytes
                if room >= 0:
                    self._kept[row] = line
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self._inputs)

    def line(self, row: int) -> NDArray[np.uint8]:
        """uint8 (1, height, width)."""
        kept = self._kept.get(row)
        return self._open(row) if kept is None else kept

    def take(self, rows: ArrayLike) -> tuple[Array, Numbers]:
        """uint8 (rows, 1, height, width), padded, and widths (rows,)."""
        return pad_lines([self.line(int(row)) for row in np.asarray(rows)])

    def _open(self, row: int) -> NDArray[np.uint8]:
        try:
            return self.spec.open(self._inputs[row], self._max_pixels)
        except PictureError as error:
            file, line = self._table.places[row]
            problem = Problem(error.kind, file, error.message, line)
            raise DataError("a picture can no longer be opened:", [problem]) from error


def changed_lines(store: LineStore, options: LineAugmentation, seed: int) -> Draw:
    """Lines as ``options`` change them, by (seed, epoch, example)."""

    def draw(rows: Rows, epoch: int) -> tuple[Array, Numbers]:
        chances = 2 * uniform(seed, epoch, rows, 6) - 1
        return pad_lines(
            [
                _changed(store.line(int(row)), chance, options, store.spec)
                for row, chance in zip(rows, chances, strict=True)
            ]
        )

    return draw


def _changed(
    line: NDArray[np.uint8], chance: NDArray[np.float64], options: LineAugmentation, spec: LineInput
) -> NDArray[np.uint8]:
    picture = line[0]
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

"""The picture store: pictures opened once and kept as uint8 in memory, as many as a budget allows.

Beyond the budget they are opened each time they are asked for, by threads: Pillow lets go of Python's lock
while it decodes and resizes, so threads keep every core busy without a copy of the table and of PyTorch in
each process.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from plait.data.table import Table
from plait.errors import DataError, Problem
from plait.inference.picture import PictureError, PictureInput, center, open_picture, storage

Progress = Callable[[int, int], None]
Pixels = NDArray[np.uint8]

ROWS_A_PIECE = 16
"""Pictures a thread opens in one go: enough to hand out cheaply, few enough that the bar moves."""


class PictureStore:
    """The pictures of a table, sized as ``spec`` says; row numbers count the table's rows from 0.

    At most ``budget_bytes`` of decoded pictures are kept (the first rows of the table). Beside them memory
    holds what ``take`` returns and one picture a worker while it is opened. Raises DataError for a picture
    that cannot be opened.
    """

    def __init__(
        self,
        table: Table,
        spec: PictureInput,
        budget_bytes: int,
        workers: int | None = None,
        *,
        max_pixels: int,
        progress: Progress | None = None,
    ) -> None:
        self.spec = spec
        self._table = table
        self._inputs = list(table.frame["input"])
        self._max_pixels = max_pixels
        self._workers = workers or os.cpu_count() or 1
        self._side = (*spec.stored, spec.channels)
        kept = min(len(table), budget_bytes // int(np.prod(self._side)))
        self._kept: Pixels = np.empty((kept, *self._side), dtype=np.uint8)
        self._open(np.arange(kept), self._kept, progress)

    def __len__(self) -> int:
        return len(self._inputs)

    @property
    def complete(self) -> bool:
        """Whether every picture is in memory, so that ``take`` costs next to nothing."""
        return len(self._kept) == len(self)

    def take(self, rows: ArrayLike) -> Tensor:
        """uint8 (rows, channels, stored height, stored width), channels last: room for training crops."""
        return _channels_first(self._stored(rows))

    def center(self, rows: ArrayLike) -> Tensor:
        """uint8 (rows, channels, height, width), channels last: as evaluation and prediction see them."""
        return _channels_first(np.ascontiguousarray(center(self._stored(rows), self.spec)))

    def _stored(self, rows: ArrayLike) -> Pixels:
        chosen = np.asarray(rows, dtype=np.int64)
        if self.complete:
            return self._kept.take(chosen, axis=0)
        pictures: Pixels = np.empty((len(chosen), *self._side), dtype=np.uint8)
        kept = chosen < len(self._kept)
        pictures[kept] = self._kept[chosen[kept]]
        opened: Pixels = np.empty((int((~kept).sum()), *self._side), dtype=np.uint8)
        self._open(chosen[~kept], opened, None)
        pictures[~kept] = opened
        return pictures

    def _open(self, rows: NDArray[np.int64], into: Pixels, progress: Progress | None) -> None:
        """Opens the pictures of ``rows`` by threads, each writing its part of ``into``."""
        piece = max(1, min(ROWS_A_PIECE, len(rows) // self._workers))
        pieces = [slice(start, start + piece) for start in range(0, len(rows), piece)]
        done = 0
        with ThreadPoolExecutor(self._workers) as pool:
            for opened in _cancelling(pool, lambda part: self._open_piece(rows[part], into[part]), pieces):
                done += opened
                if progress is not None:
                    progress(done, len(rows))

    def _open_piece(self, rows: NDArray[np.int64], into: Pixels) -> int:
        for place, row in enumerate(rows):
            into[place] = self._open_one(int(row))
        return len(rows)

    def _open_one(self, row: int) -> Pixels:
        try:
            return storage(open_picture(self._inputs[row], self.spec.channels, self._max_pixels), self.spec)
        except PictureError as error:
            raise DataError("a picture can no longer be opened:", [self._problem(row, error)]) from error

    def _problem(self, row: int, error: PictureError) -> Problem:
        file, line = self._table.places[row]
        return Problem(error.kind, file, error.message, line)


def _cancelling(
    pool: ThreadPoolExecutor, function: Callable[[slice], int], pieces: list[slice]
) -> Iterator[int]:
    """The results in order; what has not begun is given up when one fails or the caller stops (Ctrl-C)."""
    try:
        yield from pool.map(function, pieces)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _channels_first(pictures: Pixels) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)

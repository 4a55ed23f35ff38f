"""The signal store: recordings or pictures of lines opened once and kept in memory, within a budget."""

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np

from plait.data.table import Table
from plait.errors import DataError, Problem
from plait.inference.input import Array
from plait.inference.picture_file import PictureError
from plait.inference.sound_file import SoundError


class SignalStore(ABC):
    """The inputs of a table; row numbers count the table's rows from 0.

    ``lengths`` (rows,) are theirs along ``axis``. At most ``budget_bytes`` are kept (the first rows); the others are
    opened again each time. Raises DataError for one that cannot be opened any more.
    """

    noun: ClassVar[str]
    axis: ClassVar[int]

    def __init__(self, table: Table, budget_bytes: int) -> None:
        self._table = table
        self._inputs: list[Any] = list(table.frame["input"])
        self._kept: dict[int, Array] = {}
        lengths, room = np.zeros(len(table), np.int64), budget_bytes
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for row, signal in enumerate(pool.map(self._open, range(len(table)))):
                lengths[row] = signal.shape[self.axis]
                room -= signal.nbytes
                if room >= 0:
                    self._kept[row] = signal
        self.lengths = lengths

    @abstractmethod
    def read(self, input: Any) -> Array:
        """One as the network takes it; raises PictureError or SoundError."""

    def __len__(self) -> int:
        return len(self._inputs)

    def one(self, row: int) -> Array:
        """That of a row, as the network takes it."""
        kept = self._kept.get(row)
        return self._open(row) if kept is None else kept

    def _open(self, row: int) -> Array:
        try:
            return self.read(self._inputs[row])
        except (PictureError, SoundError) as error:
            file, line = self._table.places[row]
            problem = Problem(error.kind, file, error.message, line)
            raise DataError(f"a {self.noun} can no longer be opened:", [problem]) from error

"""The stream store: running text as one row of token numbers, and batches that read on where the one before ended."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from plait.data.batches import Batch
from plait.data.table import Table
from plait.inference.stream import LINE_END, NAMING_BITS, StreamInput
from plait.inference.text import UNKNOWN, Numbers

NOT_SCORED = -100
"""The target of a token that is only read, to know what comes before another."""
SECTIONS = 32
"""A text is evaluated in so many sections at once, each read from RUN_UP tokens before its beginning."""
RUN_UP = 512
EVALUATION_WINDOW = 128
LARGEST_ANSWER = 2**25
"""Numbers that a network gives at once in evaluation; of large vocabularies fewer sections are read."""


class StreamStore:
    """All texts of a table one after the other, each file ending in a line's end; rows count tokens from 0."""

    def __init__(self, table: Table, spec: StreamInput) -> None:
        texts, files = list(table.frame["input"]), list(table.frame["file"])
        # Pieces of one file follow each other as they are.
        closed = [
            text if file == following or text.endswith(LINE_END) else text + LINE_END
            for text, file, following in zip(texts, files, [*files[1:], *files[-1:]], strict=True)
        ]
        self.text = "".join(closed)
        self.pieces = spec.pieces(self.text)
        self.tokens: Numbers = spec.numbers(self.pieces)
        self.start = spec.start
        self.size = spec.size

    def __len__(self) -> int:
        return len(self.tokens)


class StreamTargets:
    """What is to be foreseen: every token; with the ``characters`` of each and what naming it costs, for scores."""

    def __init__(self, store: StreamStore) -> None:
        self.tokens = store.tokens
        self.pieces = store.pieces
        self.characters = np.array([len(token) for token in self.pieces], np.int64)
        self.naming_bits = NAMING_BITS * self.characters * (self.tokens == UNKNOWN)
        self.bytes = len(store.text.encode("utf-8", "surrogatepass"))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: ArrayLike) -> Tensor:
        return torch.from_numpy(self.tokens[np.asarray(rows)])

    def first(self, count: int) -> "StreamTargets":
        """The first ``count`` tokens; ``bytes`` stay those of all."""
        part = copy.copy(self)
        part.tokens = self.tokens[:count]
        part.characters = self.characters[:count]
        part.naming_bits = self.naming_bits[:count]
        return part


class StreamTrainingBatches:
    """The batches of steps ``start_step`` .. ``total_steps`` - 1; iterating twice gives the same twice.

    The text is a ring: row b of a batch begins at b / batch_size of it, and step s + 1 reads on where step s ended, so
    that after each epoch every row is where the row after it began. The network's state is always that of what was
    read just before (truncated backpropagation, Mikolov et al. 2010).
    """

    def __init__(
        self, store: StreamStore, batch_size: int, window: int, total_steps: int, start_step: int = 0
    ) -> None:
        self._tokens = torch.from_numpy(store.tokens)
        self._begins = torch.arange(batch_size) * (len(store) // batch_size)
        self._window = window
        self._steps = range(start_step, total_steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Batch]:
        for step in self._steps:
            places = self._begins[:, None] + step * self._window + torch.arange(self._window + 1)
            read = self._tokens[places.remainder(len(self._tokens))]
            yield Batch(read[:, :-1], None, read[:, 1:], self._begins)


class StreamEvaluationBatches:
    """Every token to be foreseen once: sections side by side, in windows that follow each other.

    The first section begins where the text does; every other is read from RUN_UP tokens before it, so that all are read
    for as long. ``rows`` of a batch are those of its targets (batch, window), NOT_SCORED where a token is only read.
    The first window of each group of sections has ``fresh`` states.
    """

    def __init__(self, store: StreamStore) -> None:
        self._store = store
        self._before = np.concatenate([[store.start], store.tokens[:-1]])
        sections = min(SECTIONS, max(1, len(store) // RUN_UP))
        self._length = max(0, -(-(len(store) - RUN_UP) // sections))
        self._begins = np.arange(0, max(len(store) - RUN_UP, 1), max(self._length, 1))
        self._group = max(1, min(SECTIONS, LARGEST_ANSWER // (EVALUATION_WINDOW * store.size)))

    def __iter__(self) -> Iterator[Batch]:
        for begin in range(0, len(self._begins), self._group):
            yield from self._windows(self._begins[begin : begin + self._group])

    def _windows(self, begins: NDArray[np.int64]) -> Iterator[Batch]:
        """Of sections read from ``begins`` on."""
        offsets = np.arange(min(RUN_UP + self._length, len(self._store)))
        rows = begins[:, None] + offsets
        inside = rows < len(self._store)
        scored = inside & ((offsets >= RUN_UP) | (begins == 0)[:, None])
        within = np.where(inside, rows, 0)
        values = np.where(inside, self._before[within], self._store.start)
        targets = np.where(scored, self._store.tokens[within], NOT_SCORED)
        for begin in range(0, len(offsets), EVALUATION_WINDOW):
            cut = slice(begin, begin + EVALUATION_WINDOW)
            yield Batch(
                torch.from_numpy(values[:, cut]),
                None,
                torch.from_numpy(targets[:, cut]),
                torch.from_numpy(np.where(scored, rows, NOT_SCORED)[:, cut]),
                fresh=begin == 0,
            )

"""The text store, and batches of sequences, drawn by length so that little is padding."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from plait.data.batches import Batch, Rows, Targets, steps_per_epoch
from plait.data.chance import Purpose, plan_order, uniform
from plait.inference.input import Array
from plait.inference.text import PADDING, UNKNOWN, Numbers, TextInput, pad

POOL = 32
"""Batches that are sorted by length together: enough for little padding, few enough that neighbors change."""
MULTIPLE = 8
"""Lengths are rounded up to this, so that kernels made for one length serve many batches."""


class TextStore:
    """Texts as token numbers; row numbers count them from 0."""

    def __init__(self, texts: Iterable[str], spec: TextInput) -> None:
        self.input = spec
        self.texts: list[Numbers] = [spec.encode(text) for text in texts]
        self.lengths = np.array([len(text) for text in self.texts], np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: ArrayLike) -> tuple[Numbers, Numbers]:
        """int64 (rows, time), padded, and lengths (rows,)."""
        return pad([self.texts[row] for row in np.asarray(rows)], MULTIPLE)

    @staticmethod
    def without(values: Numbers, dropped: np.ndarray) -> Numbers:
        """Tokens unknown where ``dropped`` (rows, time)."""
        return np.where(dropped & (values != PADDING), UNKNOWN, values)

    @staticmethod
    def numbers(values: Numbers) -> Numbers:
        """The token numbers (rows, time) among the values."""
        return values

    @classmethod
    def hidden(cls, values: Numbers, places: np.ndarray) -> Numbers:
        """Nothing is left to tell the tokens at ``places`` (rows, time) by."""
        return cls.without(values, places)


@runtime_checkable
class SequenceStore(Protocol):
    """Sequences of different lengths."""

    lengths: NDArray[np.int64]

    def __len__(self) -> int: ...

    def take(self, rows: ArrayLike) -> tuple[Array, Numbers]:
        """(rows, time, ...), padded, and lengths (rows,)."""
        ...


class WordStore(SequenceStore, Protocol):
    """Sequences of words or other tokens."""

    def without(self, values: Numbers, dropped: np.ndarray) -> Numbers:
        """Steps unknown where ``dropped`` (rows, time)."""
        ...

    def numbers(self, values: Numbers) -> Numbers:
        """The token numbers (rows, time) among the values."""
        ...

    def hidden(self, values: Numbers, places: np.ndarray) -> Numbers:
        """Nothing is left to tell the steps at ``places`` (rows, time) by."""
        ...


Draw = Callable[[Rows, int], tuple[Array, Numbers]]
"""(rows, epoch) -> what ``take`` gives, changed as training sees it in that epoch."""


def word_dropped(store: WordStore, seed: int, share: float) -> Draw:
    """``share`` of the tokens become unknown, by (seed, epoch, example)."""

    def draw(rows: Rows, epoch: int) -> tuple[Array, Numbers]:
        values, lengths = store.take(rows)
        if share:
            numbers = np.asarray(values, np.int64)
            values = store.without(numbers, uniform(seed, epoch, rows, values.shape[1]) < share)
        return values, lengths

    return draw


class SequenceTrainingBatches:
    """The batches of steps ``start_step`` .. ``total_steps`` - 1; iterating twice gives the same twice.

    Each epoch has an order of its own, in which runs of POOL batches are sorted by length, and the batches' order is
    drawn again. ``draw`` takes the examples as that epoch sees them. ``hints`` (examples, classes) come with their
    examples.
    """

    def __init__(
        self,
        store: SequenceStore,
        targets: Targets,
        batch_size: int,
        seed: int,
        draw: Draw,
        total_steps: int,
        start_step: int = 0,
        hints: Tensor | None = None,
    ) -> None:
        assert len(targets) == len(store) > 0
        self._hints = hints
        self._store = store
        self._targets = targets
        self._batch_size = batch_size
        self._seed = seed
        self._draw = draw
        self._steps = range(start_step, total_steps)
        self._steps_per_epoch = steps_per_epoch(len(store), batch_size)
        self._planned: tuple[int, list[Rows]] = (-1, [])

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Batch]:
        for step in self._steps:
            epoch, rows = self.plan(step)
            values, lengths = self._draw(rows, epoch)
            yield Batch(
                torch.from_numpy(values),
                torch.from_numpy(lengths),
                self._targets[rows],
                torch.from_numpy(rows),
                None if self._hints is None else self._hints[rows],
            )

    def plan(self, step: int) -> tuple[int, Rows]:
        """The epoch of ``step`` and the row numbers of its batch."""
        epoch, position = divmod(step, self._steps_per_epoch)
        if self._planned[0] != epoch:
            self._planned = (epoch, self._epoch(epoch))
        return epoch, self._planned[1][position]

    def _epoch(self, epoch: int) -> list[Rows]:
        order = plan_order(self._seed, epoch, len(self._store))
        pool = POOL * self._batch_size
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        by_length = np.concatenate(
            [pool[np.argsort(self._store.lengths[pool], kind="stable")] for pool in pools]
        )
        # Which examples are left over is a matter of the draw, not of their length.
        whole = self._steps_per_epoch * self._batch_size
        kept = np.isin(by_length, order[:whole])
        batches = by_length[kept].reshape(self._steps_per_epoch, -1)
        drawn = uniform(self._seed, epoch, np.arange(len(batches)), 1, Purpose.ORDER)[:, 0]
        return [batches[place].copy() for place in np.argsort(drawn, kind="stable")]


class SequenceEvaluationBatches:
    """Every row once, the shortest texts first; ``rows`` of each batch say whose it is."""

    def __init__(self, store: SequenceStore, targets: Targets, batch_size: int) -> None:
        assert len(targets) == len(store)
        self._store = store
        self._targets = targets
        order = np.argsort(store.lengths, kind="stable")
        self._plan: list[NDArray[np.int64]] = [
            order[start : start + batch_size] for start in range(0, len(order), batch_size)
        ]

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        for rows in self._plan:
            values, lengths = self._store.take(rows)
            yield Batch(
                torch.from_numpy(values),
                torch.from_numpy(lengths),
                self._targets[rows],
                torch.from_numpy(rows),
            )

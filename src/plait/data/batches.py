"""Batches: which examples each training step sees, opened and augmented; a pure function of (seed, step).

Step s belongs to epoch s // steps an epoch; within an epoch every example is seen at most once, in an order
of its own.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.data.chance import plan_order
from plait.data.store import PictureStore

Rows = NDArray[np.int64]
Augment = Callable[[Tensor, int, int, Rows, float], Tensor]
"""(pictures, seed, epoch, rows, share of the steps that is over) -> pictures, such as ``Augmentation``."""

AHEAD = 2
"""Batches opened ahead of the network where pictures are not all in memory; what bounds that memory."""


@dataclass
class Batch:
    """Examples as a network takes them, on one device.

    ``values`` (batch, ...) are padded where ``lengths`` (batch,) says how many positions are real; pictures
    have no lengths. ``targets`` are int64 (batch,) or float32 (batch, classes); ``rows`` int64 (batch,)
    number the table's rows. ``hint`` (batch, classes) is what is known of an example beforehand, in training.
    Of running text a batch reads on where the one before ended, unless it is ``fresh``.
    """

    values: Tensor
    lengths: Tensor | None
    targets: Tensor
    rows: Tensor
    hint: Tensor | None = None
    fresh: bool = False

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the network is called with."""
        return tuple(one for one in (self.values, self.lengths, self.hint) if one is not None)

    @property
    def valid(self) -> Tensor | None:
        """bool (batch, time), True where a value is real; None where everything is (no lengths)."""
        if self.lengths is None:
            return None
        return torch.arange(self.values.shape[1], device=self.lengths.device) < self.lengths[:, None]


@runtime_checkable
class Targets(Protocol):
    """What a batch of rows is to be answered with: a tensor, or what gives one for rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Tensor: ...


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Full batches of one epoch; the rest is left out, but an epoch smaller than a batch is one step."""
    return max(1, examples // batch_size)


def batch_of(step: int, examples: int, batch_size: int, seed: int) -> tuple[int, Rows]:
    """The epoch of ``step`` and the row numbers of its batch."""
    epoch, position = divmod(step, steps_per_epoch(examples, batch_size))
    order = plan_order(seed, epoch, examples)
    return epoch, order[position * batch_size : (position + 1) * batch_size].copy()


class TrainingBatches:
    """The augmented batches of steps ``start_step`` .. ``total_steps`` - 1; iterating twice gives the same
    twice.

    ``targets`` has one entry for each picture of ``store``. The batch of a step is the same wherever training
    started.
    """

    def __init__(
        self,
        store: PictureStore,
        targets: Targets,
        batch_size: int,
        seed: int,
        augment: Augment,
        total_steps: int,
        start_step: int = 0,
    ) -> None:
        assert len(targets) == len(store) > 0
        self._store = store
        self._targets = targets
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._steps = range(start_step, total_steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Batch]:
        opened = opened_ahead(self._store, self._store.take, (self.plan(step)[1] for step in self._steps))
        for step, stored in zip(self._steps, opened, strict=True):
            epoch, rows = self.plan(step)
            values = self._augment(stored, self._seed, epoch, rows, step / self._steps.stop)
            yield Batch(values, None, self._targets[rows], torch.from_numpy(rows))

    def plan(self, step: int) -> tuple[int, Rows]:
        """The epoch of ``step`` and the row numbers of its batch."""
        return batch_of(step, len(self._store), self._batch_size, self._seed)


class EvaluationBatches:
    """Every row once, in order, as prediction sees the pictures; the last batch may be smaller."""

    def __init__(self, store: PictureStore, targets: Targets, batch_size: int) -> None:
        assert len(targets) == len(store)
        self._store = store
        self._targets = targets
        self._plan = [
            np.arange(start, min(start + batch_size, len(store)))
            for start in range(0, len(store), batch_size)
        ]

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        opened = opened_ahead(self._store, self._store.center, self._plan)
        for rows, pictures in zip(self._plan, opened, strict=True):
            yield Batch(pictures, None, self._targets[rows], torch.from_numpy(rows))


def opened_ahead(
    store: PictureStore, take: Callable[[Rows], Tensor], plan: Iterable[Rows]
) -> Iterator[Tensor]:
    """``take`` of each entry of ``plan``, in order; AHEAD of time, in the background, if files are opened.

    Pictures in memory are taken on the spot: a second thread of PyTorch would only compete for the same
    cores.
    """
    if store.complete:
        yield from map(take, plan)
        return
    with ThreadPoolExecutor(1) as background:
        waiting = deque[Callable[[], Tensor]]()
        try:
            for rows in plan:
                waiting.append(background.submit(take, rows).result)
                if len(waiting) > AHEAD:
                    yield waiting.popleft()()
            while waiting:
                yield waiting.popleft()()
        finally:
            background.shutdown(wait=True, cancel_futures=True)

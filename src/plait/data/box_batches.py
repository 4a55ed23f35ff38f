"""Training batches of pictures with boxes: views drawn by (seed, step)."""

from collections.abc import Iterator
from itertools import tee

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.data.batches import Batch, Rows, batch_of, opened_ahead
from plait.data.box_targets import BoxTargets, padded_boxes
from plait.data.box_views import Piece, Views
from plait.data.store import PictureStore


class BoxTrainingBatches:
    """The augmented batches of steps ``start_step`` .. ``total_steps`` - 1; a step's is the same wherever training
    started."""

    def __init__(
        self,
        store: PictureStore,
        targets: BoxTargets,
        batch_size: int,
        seed: int,
        views: Views,
        total_steps: int,
        start_step: int = 0,
    ) -> None:
        assert len(targets) == len(store) > 0
        self._store = store
        self._targets = targets
        self._batch_size = batch_size
        self._seed = seed
        self._views = views
        self._steps = range(start_step, total_steps)

    def __iter__(self) -> Iterator[Batch]:
        plans, ahead = tee(map(self.plan, self._steps))
        opened = opened_ahead(self._store, self._store.take, (_sources(plan) for _, _, plan in ahead))
        for step, (epoch, rows, plan), pictures in zip(self._steps, plans, opened, strict=True):
            views = self._views.draw(pictures, _sources(plan).tolist(), plan)
            values = self._views.colored(views, self._seed, epoch, rows)
            mixed = self._views.mixed(self._seed, epoch, rows, step / self._steps.stop)
            values, boxes = blended(values, self._boxes(plan), mixed)
            yield Batch(values, None, padded_boxes(boxes), torch.from_numpy(rows))

    def plan(self, step: int) -> tuple[int, Rows, list[list[Piece]]]:
        """The epoch of ``step``, the row numbers of its batch, and what is shown in the place of each."""
        epoch, rows = batch_of(step, len(self._store), self._batch_size, self._seed)
        return epoch, rows, self._views.plan(self._seed, epoch, rows, step / self._steps.stop)

    def _boxes(self, plan: list[list[Piece]]) -> list[np.ndarray]:
        return [
            np.concatenate([piece.moved(self._targets.placed[piece.row]) for piece in pieces])
            for pieces in plan
        ]


def blended(
    values: Tensor, boxes: list[NDArray[np.float32]], mixed: NDArray[np.bool_]
) -> tuple[Tensor, list[NDArray[np.float32]]]:
    """mixup (Zhang et al. 2019, "Bag of freebies for training object detection networks"): views that are ``mixed``
    become the mean of themselves and the view before them, with the boxes of both; a view alone stays."""
    if len(boxes) < 2 or not mixed.any():
        return values, boxes
    chosen = torch.from_numpy(np.flatnonzero(mixed))
    together = values.clone()
    together[chosen] = (values[chosen] + values[chosen - 1]) / 2
    return together, [
        np.concatenate([own, boxes[place - 1]]) if mixed[place] else own for place, own in enumerate(boxes)
    ]


def _sources(plan: list[list[Piece]]) -> Rows:
    """The pictures that a plan shows, each once."""
    return np.unique([piece.row for pieces in plan for piece in pieces])

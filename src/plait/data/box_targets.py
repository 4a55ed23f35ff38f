"""Boxes as the targets of a batch: of each picture class numbers and edges in pixels of the canvas."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from plait.inference.boxes import Annotation
from plait.inference.detection_input import DetectionInput

NOBODY, IGNORED = -1, -2
"""Class numbers of what is no box, and of a box that is neither learnt nor held against the detector."""


@dataclass(frozen=True)
class Marked:
    """What is marked in one picture: class numbers (n,), boxes (n, 4: left, top, right, bottom) in pixels, and which of
    them are neither learnt nor counted."""

    labels: NDArray[np.int64]
    boxes: NDArray[np.float64]
    ignored: NDArray[np.bool_]


class BoxTargets:
    """The boxes of every row in pixels of its own picture (``marked``), whose sizes (height, width) are ``sizes``, and
    in pixels of the canvas (``placed``: float32 (boxes, 5), class number, or IGNORED, and edges).

    Asked for rows: float32 (rows, boxes, 5), as ``placed``, NOBODY behind a picture's last.
    """

    def __init__(
        self, annotations: Sequence[Annotation], classes: Sequence[str], canvas: DetectionInput
    ) -> None:
        numbers = {name: number for number, name in enumerate(classes)}
        self.marked = [_marked(one, numbers) for one in annotations]
        self.sizes = [_size(one) for one in annotations]
        self.placed = [_placed(one, size, canvas) for one, size in zip(self.marked, self.sizes, strict=True)]

    def __len__(self) -> int:
        return len(self.marked)

    def some(self, rows: Sequence[int]) -> "BoxTargets":
        """Those of these rows."""
        chosen = object.__new__(BoxTargets)
        chosen.marked = [self.marked[row] for row in rows]
        chosen.sizes = [self.sizes[row] for row in rows]
        chosen.placed = [self.placed[row] for row in rows]
        return chosen

    def __getitem__(self, rows: ArrayLike) -> Tensor:
        return padded_boxes([self.placed[row] for row in np.asarray(rows)])


def padded_boxes(found: Sequence[NDArray[np.float32]]) -> Tensor:
    """float32 (pictures, most boxes, 5), NOBODY behind each picture's last."""
    together = np.zeros((len(found), max([1, *map(len, found)]), 5), np.float32)
    together[:, :, 0] = NOBODY
    for row, boxes in enumerate(found):
        together[row, : len(boxes)] = boxes
    return torch.from_numpy(together)


def _marked(annotation: Annotation, numbers: dict[str, int]) -> Marked:
    boxes = [box for box in annotation.boxes if box.label in numbers or box.ignored]
    return Marked(
        np.array([numbers.get(box.label, 0) for box in boxes], np.int64),
        np.array([box.edges for box in boxes], np.float64).reshape(-1, 4),
        np.array([box.ignored for box in boxes], np.bool_),
    )


def _placed(marked: Marked, size: tuple[int, int], canvas: DetectionInput) -> NDArray[np.float32]:
    labels = np.where(marked.ignored, IGNORED, marked.labels)
    return np.concatenate([labels[:, None], canvas.into(marked.boxes, size)], axis=1, dtype=np.float32)


def _size(annotation: Annotation) -> tuple[int, int]:
    assert annotation.size is not None, "a checked table knows the sizes of its pictures"
    return annotation.size

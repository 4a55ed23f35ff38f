"""The heads of a detector: what tells boxes of maps, what it learns, and which of what it tells is an answer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers import Map
from plait.layers.dense_boxes import DenseBoxes
from plait.layers.recurrent_boxes import RecurrentBoxes, surest
from plait.layers.suppression import Found, suppressed
from plait.tasks.box_assignment import assign
from plait.tasks.box_geometry import ciou_loss
from plait.tasks.set_matching import set_loss

Raw = tuple[Tensor, Tensor, Tensor]
"""Logits (batch, told, classes), boxes (batch, told, 4) and where each was told (told, 3: x, y, stride)."""


@dataclass(frozen=True)
class DetectionHead(ABC):
    """``box`` weighs how well boxes fit against their classes in training; an answer has at most ``most`` boxes whose
    scores are above ``least``."""

    box: float
    least: float
    most: int

    @abstractmethod
    def layers(self, maps: Sequence[Map], strides: Sequence[int], classes: int) -> nn.Module:
        """What takes the pyramid's maps and gives Raw, built."""

    @abstractmethod
    def loss(self, raw: Raw, targets: Float[Tensor, "batch most 5"]) -> Float[Tensor, ""]:
        """What training lowers; ``targets`` are class numbers and edges."""

    @abstractmethod
    def answer(
        self, boxes: Float[Tensor, "batch told 4"], scores: Float[Tensor, "batch told classes"]
    ) -> Found:
        """What is found in each picture."""


@dataclass(frozen=True)
class DenseHead(DetectionHead):
    """Every position of every map tells a box; of two that cover each other by more than ``overlap`` the surer stays
    (non-maximum suppression)."""

    depth: int
    overlap: float

    def layers(self, maps: Sequence[Map], strides: Sequence[int], classes: int) -> nn.Module:
        return DenseBoxes(maps, strides, classes, self.depth)

    def loss(self, raw: Raw, targets: Float[Tensor, "batch most 5"]) -> Float[Tensor, ""]:
        """Binary cross-entropy of the classes with what task-aligned assignment asks of them, and CIoU of the boxes,
        both by the sum of what is asked (Feng et al. 2021, "TOOD", equations 4 and 6)."""
        logits, boxes, points = raw
        labels, truth = targets[..., 0].long(), targets[..., 1:]
        asked = assign(logits.detach().sigmoid(), boxes.detach(), points, labels, truth)
        weight = asked.scores.sum(dim=2)
        whole = weight.sum().clamp(min=1)
        apart = F.binary_cross_entropy_with_logits(logits, asked.scores, reduction="none").sum(dim=2)
        classes = (apart * asked.counted).sum() / whole
        found, true = boxes[asked.positive], asked.boxes[asked.positive]
        fit = (ciou_loss(found, true) * weight[asked.positive]).sum() / whole
        return classes + self.box * fit

    def answer(
        self, boxes: Float[Tensor, "batch told 4"], scores: Float[Tensor, "batch told classes"]
    ) -> Found:
        return suppressed(boxes, scores, self.overlap, self.least, self.most)


@dataclass(frozen=True)
class RecurrentHead(DetectionHead):
    """A cell tells box after box of every region of the picture, ``steps`` times, each thing once."""

    depth: int
    cell: Literal["gru", "lstm"]
    units: int
    steps: int

    def layers(self, maps: Sequence[Map], strides: Sequence[int], classes: int) -> nn.Module:
        return RecurrentBoxes(
            maps, strides, classes, depth=self.depth, cell=self.cell, units=self.units, steps=self.steps
        )

    def loss(self, raw: Raw, targets: Float[Tensor, "batch most 5"]) -> Float[Tensor, ""]:
        return set_loss(*raw, targets[..., 0].long(), targets[..., 1:], self.steps, self.box)

    def answer(
        self, boxes: Float[Tensor, "batch told 4"], scores: Float[Tensor, "batch told classes"]
    ) -> Found:
        return surest(boxes, scores, self.least, self.most)

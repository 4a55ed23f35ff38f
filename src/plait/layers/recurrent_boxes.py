"""Recurrent boxes: at every position of one map a cell tells box after box (set prediction); the surest of them."""

import math
from collections.abc import Sequence as Series
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers.cells import make_cell
from plait.layers.convolution import Conv
from plait.layers.dense_boxes import RARE, middles
from plait.layers.shapes import Map
from plait.layers.stack import Stack
from plait.layers.suppression import Found

REGION = 16
"""Pixels between positions where there is such a map: then few regions hold more than one middle of a box, and of one
that lies at a region's edge its neighbor knows as well. Without, the coarsest map serves."""


class RecurrentBoxes(nn.Module):
    """A cell that looks at its region ``steps`` times, and tells one box and its class each time (Stewart, Andriluka
    and Ng 2016, "End-to-end people detection in crowded scenes", section 3).

    Takes maps of the shapes ``arriving``, whose positions are ``strides`` pixels apart; all are joined in the one whose
    positions are the regions. Gives logits (batch, emissions, classes), boxes (batch, emissions, 4) in pixels (left,
    top, right, bottom), and of each emission its region's middle and stride (emissions, 3: x, y, stride); the emissions
    of a region follow each other.
    """

    def __init__(
        self,
        arriving: Series[Map],
        strides: Series[int],
        classes: int,
        *,
        depth: int,
        cell: Literal["gru", "lstm"],
        units: int,
        steps: int,
    ) -> None:
        super().__init__()
        self.shapes = list(arriving)
        self.steps = steps
        self.place = _place(strides)
        self.stride = strides[self.place]
        regions = arriving[self.place]
        self.joined = nn.ModuleList(
            _joining(shape, regions.channels, max(1, self.stride // stride))
            for shape, stride in zip(arriving, strides, strict=True)
        )
        layers = [Conv(regions.channels, 3, norm="batch", activation="relu") for _ in range(depth)]
        self.tower = Stack(*layers)
        self.tower.build(regions)
        self.cell = make_cell(cell, regions.channels, units, (False,))
        self.classes = nn.Linear(units, classes)
        self.edges = nn.Linear(units, 4)
        for layer, bias in ((self.classes, math.log(RARE / (1 - RARE))), (self.edges, 0.0)):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, bias)

    def forward(self, maps: Series[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        regions: Tensor = self.tower(self._join(maps))
        batch, channels, height, width = regions.shape
        told = self._tell(regions.permute(0, 2, 3, 1).reshape(batch * height * width, channels))
        emissions = told.view(batch, height * width * self.steps, told.shape[2])
        points = middles(height, width, self.stride, regions.device).repeat_interleave(self.steps, dim=0)
        return self.classes(emissions), boxes_around(points, self.edges(emissions)), points

    def multiply_adds(self) -> int:
        """Of one example; as a layer's."""
        regions = self.shapes[self.place]
        joined = sum(
            join.multiply_adds(shape)  # type: ignore[operator]
            for join, shape in zip(self.joined, self.shapes, strict=True)
        )
        a_step = self.cell.products() + self.classes.weight.numel() + self.edges.weight.numel()
        return int(
            joined + self.tower.multiply_adds(regions) + regions.height * regions.width * self.steps * a_step
        )

    def _join(self, maps: Series[Tensor]) -> Tensor:
        """Of one size: the pyramid tells fine maps what coarse ones saw, and not the other way round."""
        parts = [join(one) for join, one in zip(self.joined, maps, strict=True)]
        whole: Tensor = parts.pop(self.place)
        for part in parts:
            whole = whole + F.interpolate(part, size=whole.shape[-2:], mode="nearest")
        return torch.relu(whole)

    def _tell(self, regions: Float[Tensor, "rows channels"]) -> Float[Tensor, "rows steps units"]:
        """The cell's outputs: it sees the same at each step, and its state says what it told already."""
        state, told = self.cell.initial_state(regions), []
        for _ in range(self.steps):
            state = self.cell.step(regions, state)
            told.append(state[0])
        return torch.stack(told, dim=1)


def boxes_around(
    points: Float[Tensor, "emissions 3"], edges: Float[Tensor, "batch emissions 4"]
) -> Float[Tensor, "batch emissions 4"]:
    """Boxes whose middles lie so many strides from their positions, and whose sides are exp(number) strides."""
    stride = points[:, 2:]
    middle = points[:, :2] + edges[..., :2].float() * stride
    half = edges[..., 2:].float().clamp(-6, 6).exp() * stride / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def surest(
    boxes: Float[Tensor, "batch emissions 4"],
    scores: Float[Tensor, "batch emissions classes"],
    least: float,
    most: int,
) -> Found:
    """Of each picture at most ``most`` boxes by falling score, with scores, classes and their count; zeros behind it.

    A box is of the class that scores most; scores that are not above ``least`` are left out.
    """
    best, classes = scores.max(dim=2)
    # Small pictures have fewer emissions than there are places for answers.
    padded = torch.cat([best, best.new_zeros(1, 1).expand(best.shape[0], most)], dim=1)
    kept, places = padded.topk(most, dim=1)
    real = kept > least
    places = torch.where(real, places, torch.zeros_like(places))
    chosen = boxes.gather(1, places.unsqueeze(2).expand(-1, -1, 4)) * real.unsqueeze(2)
    return chosen, kept * real, classes.gather(1, places) * real, real.sum(dim=1)


def _place(strides: Series[int]) -> int:
    """The number of the map whose positions are the regions."""
    return strides.index(REGION) if REGION in strides else len(strides) - 1


def _joining(arriving: Map, channels: int, smaller: int) -> Conv:
    """What brings a map to the regions' channels, and a finer one to their size."""
    layer = Conv(channels, 2 * smaller - 1, smaller, norm="batch")
    layer.build(arriving)
    return layer

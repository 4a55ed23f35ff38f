"""Dense boxes: at every position of several maps, the scores of the classes and one box (anchor-free detection)."""

import math
from collections.abc import Sequence as Series

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers.convolution import Conv
from plait.layers.shapes import Map
from plait.layers.stack import Stack

RARE = 0.01
"""What every class is thought to be at first (Lin et al. 2017, "Focal loss", section 3.3)."""


class DenseBoxes(nn.Module):
    """Two towers of convolutions over each map, one for classes and one for edges (Tian et al. 2019, "FCOS"; Ge et al.
    2021, "YOLOX").

    Takes maps of the shapes ``arriving``, whose positions are ``strides`` pixels apart. Gives logits (batch, positions,
    classes), boxes (batch, positions, 4) in pixels (left, top, right, bottom), and of each position its middle and
    stride (positions, 3: x, y, stride). An edge lies at exp(number) strides from the middle.
    """

    def __init__(self, arriving: Series[Map], strides: Series[int], classes: int, depth: int) -> None:
        super().__init__()
        self.shapes = list(arriving)
        self.strides = list(strides)
        self.towers = nn.ModuleList(_Level(shape, classes, depth) for shape in arriving)

    def forward(self, maps: Series[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        found = [
            self._level(tower, arriving, stride)
            for tower, arriving, stride in zip(self.towers, maps, self.strides, strict=True)
        ]
        logits, boxes, points = zip(*found, strict=True)
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1), torch.cat(points)

    def multiply_adds(self) -> int:
        """Of one example; as a layer's."""
        return sum(
            tower.classes.multiply_adds(shape) + tower.edges.multiply_adds(shape)  # type: ignore[operator,union-attr]
            for tower, shape in zip(self.towers, self.shapes, strict=True)
        )

    def _level(self, tower: nn.Module, arriving: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        logits, edges = tower(arriving)
        points = middles(arriving.shape[2], arriving.shape[3], stride, arriving.device)
        return logits, boxes_at(points, edges), points


class _Level(nn.Module):
    """The towers of one map."""

    def __init__(self, arriving: Map, classes: int, depth: int) -> None:
        super().__init__()
        self.classes = _tower(arriving, depth, classes)
        self.edges = _tower(arriving, depth, 4)
        last = list(self.classes)[-1]
        assert isinstance(last, Conv) and last.convolution.bias is not None
        nn.init.normal_(last.convolution.weight, std=0.01)
        nn.init.constant_(last.convolution.bias, math.log(RARE / (1 - RARE)))
        last = list(self.edges)[-1]
        assert isinstance(last, Conv)
        nn.init.normal_(last.convolution.weight, std=0.01)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits: Tensor = self.classes(x)
        edges: Tensor = self.edges(x)
        return _positions(logits), _positions(edges)


def middles(
    height: int | torch.SymInt, width: int | torch.SymInt, stride: int, device: torch.device
) -> Float[Tensor, "positions 3"]:
    """x, y and stride of every position of a map, row by row, in pixels."""
    y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * stride
    x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * stride
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=2).flatten(0, 1)
    return torch.cat([grid, torch.full_like(grid[:, :1], stride)], dim=1)


def boxes_at(
    points: Float[Tensor, "positions 3"], edges: Float[Tensor, "batch positions 4"]
) -> Float[Tensor, "batch positions 4"]:
    """Boxes whose edges lie exp(number) strides left, above, right and below of their positions."""
    away = edges.float().clamp(-6, 6).exp() * points[:, 2:]
    x_y = points[:, :2]
    return torch.cat([x_y - away[..., :2], x_y + away[..., 2:]], dim=-1)


def _tower(arriving: Map, depth: int, channels: int) -> Stack:
    layers = [Conv(arriving.channels, 3, norm="batch", activation="relu") for _ in range(depth)]
    tower = Stack(*layers, Conv(channels, 1))
    tower.build(arriving)
    return tower


def _positions(x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch positions channels"]:
    return x.permute(0, 2, 3, 1).flatten(1, 2)

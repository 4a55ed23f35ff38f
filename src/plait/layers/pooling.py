"""Pooling: the largest or the average of a window, or of all positions."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.masks import valid_steps
from plait.layers.options import Sides, checked, pair
from plait.layers.shapes import Map, Sequence, Shape, Vector, extent, sides, with_sides

PoolKind = Literal["max", "average"]


class Pool(Layer):
    """The largest or the average of each window of a map or a sequence; without ``stride`` they do not
    overlap.

    A last window that does not fit is left out.
    """

    word = "pool"

    @checked
    def __init__(self, size: Sides = 2, kind: PoolKind = "max", stride: Sides | None = None) -> None:
        super().__init__()
        self.size = size
        self.kind = kind
        self.stride = size if stride is None else stride

    def output(self, arriving: Shape) -> Shape:
        positions = _positions(arriving, self.word)
        sizes, strides = self._windows(positions)
        if any(side < size for side, size in zip(sides(positions), sizes, strict=True)):
            needed = with_sides(positions, positions.channels, sizes)
            raise NetworkError(
                f"a {extent(positions)} arrives, and pooling by {self.size} needs at least "
                f"{extent(needed).split(' of ')[1]}; remove it or enlarge data.image_size"
            )
        given = [(side - s) // t + 1 for side, s, t in zip(sides(positions), sizes, strides, strict=True)]
        return with_sides(positions, positions.channels, given)

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        if x.dim() == 4:
            over_map = F.max_pool2d if self.kind == "max" else F.avg_pool2d
            return over_map(x, pair(self.size), pair(self.stride))
        over_time = F.max_pool1d if self.kind == "max" else F.avg_pool1d
        return over_time(x.transpose(1, 2), pair(self.size)[1], pair(self.stride)[1]).transpose(1, 2)

    def window(self) -> Window:
        size = pair(self.size)[1]
        return Window(0, size - 1, pair(self.stride)[1], trim=size - 1)

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

    def _windows(self, arriving: Map | Sequence) -> tuple[tuple[int, ...], tuple[int, ...]]:
        axes = len(sides(arriving))
        return pair(self.size)[-axes:], pair(self.stride)[-axes:]


class GlobalPool(Layer):
    """The average or the largest over all positions of a map, or all real steps of a sequence: a vector."""

    word = "global_pool"

    @checked
    def __init__(self, kind: PoolKind = "average") -> None:
        super().__init__()
        self.kind = kind

    def output(self, arriving: Shape) -> Shape:
        return Vector(_positions(arriving, self.word).channels)

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels"]:
        if x.dim() == 4:
            return x.mean(dim=(2, 3)) if self.kind == "average" else x.amax(dim=(2, 3))
        if lengths is None:
            return x.mean(dim=1) if self.kind == "average" else x.amax(dim=1)
        valid = valid_steps(x, lengths)
        if self.kind == "max":
            return x.masked_fill(~valid, -torch.inf).amax(dim=1)
        return (x * valid).sum(dim=1) / lengths[:, None]

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


def _positions(arriving: Shape, word: str) -> Map | Sequence:
    if isinstance(arriving, (Map, Sequence)):
        return arriving
    raise NetworkError(f"a {arriving} arrives, and {word} reads a map or a sequence: remove it")

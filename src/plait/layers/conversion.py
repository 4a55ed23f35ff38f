"""Conversions between maps, sequences and vectors."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, STEP, Layer, Window
from plait.layers.options import Count, checked
from plait.layers.shapes import Map, Sequence, Shape, Vector, remedy


class Flatten(Layer):
    """A map or a sequence of fixed length as one vector."""

    word = "flatten"

    @checked
    def __init__(self) -> None:
        super().__init__()

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Map):
            return Vector(arriving.channels * arriving.height * arriving.width)
        if isinstance(arriving, Sequence):
            return Vector(arriving.time * arriving.channels)
        raise NetworkError(
            f"a {arriving} arrives, and flatten reads a map or a sequence: {remedy(arriving, 'remove it')}"
        )

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels"]:
        return x.flatten(1)

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


class ToSequence(Layer):
    """A map as a sequence: its ``columns`` from left to right, its ``rows`` from top to bottom, or its single
    ``positions`` in reading order. A step holds all the channels of its column, row or position. A vector is read
    in order, ``width`` numbers a step."""

    word = "to_sequence"

    @checked
    def __init__(self, by: Literal["columns", "rows", "positions"] = "columns", width: Count = 1) -> None:
        super().__init__()
        self.by = by
        self.width = width

    def output(self, arriving: Shape) -> Shape:
        match arriving:
            case Vector(channels) if channels % self.width:
                raise NetworkError(
                    f"a {arriving} arrives, which steps of {self.width} do not divide: choose a divisor"
                )
            case Vector(channels):
                return Sequence(channels // self.width, self.width)
            case Map(channels, height, width):
                return {
                    "columns": Sequence(width, channels * height),
                    "rows": Sequence(height, channels * width),
                    "positions": Sequence(height * width, channels),
                }[self.by]
        raise NetworkError(
            f"a {arriving} arrives, and to_sequence reads a map or a vector: {remedy(arriving, 'remove it')}"
        )

    def create(self, arriving: Shape) -> None:
        self.height = arriving.height if isinstance(arriving, Map) else 1

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels_of_step"]:
        if x.dim() == 2:
            return x.reshape(x.shape[0], -1, self.width)
        if self.by != "columns" and lengths is not None and bool((lengths < x.shape[3]).any()):
            raise NetworkError(f"to_sequence reads {self.by} of maps of one width alone: take columns")
        match self.by:
            case "columns":
                return x.flatten(1, 2).transpose(1, 2)
            case "rows":
                return x.transpose(1, 2).flatten(2)
        return x.flatten(2).transpose(1, 2)

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        return {
            "columns": lengths,
            "rows": torch.full_like(lengths, self.height),
            "positions": lengths * self.height,
        }[self.by]

    def window(self) -> Window:
        return STEP if self.by == "columns" else EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


class ToMap(Layer):
    """A sequence as a map whose columns are the steps: the inverse of ``to_sequence: columns``.

    Each step's numbers are divided into ``channels`` columns; 1 makes a picture of the sequence.
    """

    word = "to_map"

    @checked
    def __init__(self, channels: Count = 1) -> None:
        super().__init__()
        self.channels = channels

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Sequence):
            raise NetworkError(
                f"a {arriving} arrives, and to_map reads a sequence: {remedy(arriving, 'remove it')}"
            )
        if arriving.channels % self.channels:
            raise NetworkError(
                f"a {arriving} arrives, which {self.channels} channels do not divide: choose a divisor"
            )
        return Map(self.channels, arriving.channels // self.channels, arriving.time)

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch time channels_of_step"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels height time"]:
        batch, time, channels_of_step = x.shape
        return x.transpose(1, 2).reshape(batch, self.channels, channels_of_step // self.channels, time)

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

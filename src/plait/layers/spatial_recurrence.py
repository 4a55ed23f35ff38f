"""Spatial recurrence: recurrence along a map's rows and columns (ReNet, Visin et al. 2015)."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.cell import Cell
from plait.layers.cells import CellKind, make_cell
from plait.layers.layer import Layer, Window
from plait.layers.masks import blank_padding
from plait.layers.options import Count, Sides, checked, pair
from plait.layers.recurrence import DIRECTIONS
from plait.layers.shapes import Map, Shape, remedy


class SpatialRecurrent(Layer):
    """Reads each row in both directions, then each column of that: every position has seen the whole map.

    ``units`` wide in each direction; gives 2 * units channels. ``patch`` (a side, or [height, width]) joins positions
    into one first, as a convolution with that kernel and stride, or a pooling, would. ``reading: crosswise`` reads
    rows and columns side by side, each position seeing its own row and column from four directions (Bell et al. 2016,
    "Inside-Outside Net"), and gives 4 * units channels. With ``residual`` the channels that arrived are kept: what
    was read is brought back to them by a learnt sum, which starts at zero, and is added.
    """

    word = "spatial_recurrent"

    @checked
    def __init__(
        self,
        cell: CellKind,
        units: Count,
        patch: Sides = 1,
        residual: bool = False,
        reading: Literal["in_turn", "crosswise"] = "in_turn",
    ) -> None:
        super().__init__()
        self.cell: CellKind = cell
        self.units = units
        self.patch = pair(patch)
        self.residual = residual
        self.crosswise = reading == "crosswise"
        self.channels = 2 * units * (2 if self.crosswise else 1)

    def output(self, arriving: Shape) -> Shape:
        patched = self._patched(arriving)
        if self.residual and self.patch != (1, 1):
            raise NetworkError(
                f"residual adds what arrives, which a patch of {self._size()} makes smaller: take patch: 1"
            )
        return Map(patched.channels if self.residual else self.channels, patched.height, patched.width)

    def create(self, arriving: Shape) -> None:
        patched = self._patched(arriving)
        self.rows, self.columns = self._cells(patched.channels)
        if self.residual:
            self.back = nn.Linear(self.channels, patched.channels)
            nn.init.zeros_(self.back.weight)
            nn.init.zeros_(self.back.bias)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch given rows columns"]:
        # A channels-last map as (batch, height, width, channels) is no copy.
        patches = self._patch(x, lengths).permute(0, 2, 3, 1)
        across, _ = self.rows.unroll(
            patches.flatten(0, 1).unsqueeze(2), self._of_rows(x, lengths), None, keep=False
        )
        across = across.view(*patches.shape[:3], 2 * self.units)
        down, _ = self.columns.unroll(patches if self.crosswise else across, None, None, keep=False)
        read = (torch.cat([across, down], dim=3) if self.crosswise else down).contiguous()
        if not self.residual:
            return read.permute(0, 3, 1, 2)
        brought_back: Tensor = self.back(read)
        return x + brought_back.permute(0, 3, 1, 2)

    def window(self) -> Window:
        return Window(math.inf, math.inf, stride=self.patch[1])

    def multiply_adds(self, arriving: Shape) -> int:
        patched = self._patched(arriving)
        with torch.device("meta"):
            a_position = sum(cell.products() for cell in self._cells(patched.channels))
        back = self.channels * patched.channels if self.residual else 0
        return patched.height * patched.width * (a_position + back)

    def _cells(self, channels: int) -> tuple[Cell, Cell]:
        """For the rows, and for the columns of what arrives or of what the rows gave."""
        both = DIRECTIONS["both"]
        below = channels if self.crosswise else 2 * self.units
        return make_cell(self.cell, channels, self.units, both), make_cell(self.cell, below, self.units, both)

    def _size(self) -> str:
        return str(self.patch[0]) if self.patch[0] == self.patch[1] else f"{self.patch[0]}x{self.patch[1]}"

    def _patched(self, arriving: Shape) -> Map:
        if not isinstance(arriving, Map):
            raise NetworkError(
                f"a {arriving} arrives, and spatial_recurrent reads a map: {remedy(arriving, 'move it before')}"
            )
        down, across = self.patch
        if arriving.height % down or arriving.width % across:
            raise NetworkError(
                f"a map of {arriving.height}x{arriving.width} arrives, which patches of {self._size()} do not "
                "divide; take patch: 1, or change data.image_size"
            )
        return Map(arriving.channels * down * across, arriving.height // down, arriving.width // across)

    def _of_rows(self, x: Tensor, lengths: Tensor | None) -> Tensor | None:
        """The real steps of every row; a column is real throughout, or padding throughout."""
        if lengths is None:
            return None
        return self.output_lengths(lengths).repeat_interleave(x.shape[2] // self.patch[0])

    def _patch(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """(batch, channels * patch height * patch width, rows, columns), zeros where a patch holds padding."""
        if self.patch == (1, 1):
            return x
        x = blank_padding(x, lengths)
        down, across = self.patch
        batch, channels, height, width = x.shape
        parts = x.reshape(batch, channels, height // down, down, width // across, across)
        # batch channels rows down columns across -> batch rows columns channels down across
        return parts.permute(0, 2, 4, 1, 3, 5).flatten(3).permute(0, 3, 1, 2)

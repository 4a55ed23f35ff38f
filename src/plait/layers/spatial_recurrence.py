"""Spatial recurrence: recurrence along a map's rows, then its columns (ReNet, Visin et al. 2015)."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.cells import GATES, CellKind, make_recurrence, unroll
from plait.layers.layer import Layer, Window
from plait.layers.options import Count, checked
from plait.layers.shapes import Map, Shape


class SpatialRecurrent(Layer):
    """Reads each row in both directions, then each column of that: every position has seen the whole map.

    ``units`` wide in each direction; gives 2 * units channels. ``patch`` joins patch x patch positions into
    one first. With ``residual`` the channels that arrived are kept: what was read is brought back to them by
    a learnt sum, which starts at zero, and is added.
    """

    word = "spatial_recurrent"

    @checked
    def __init__(self, cell: CellKind, units: Count, patch: Count = 1, residual: bool = False) -> None:
        super().__init__()
        self.cell: CellKind = cell
        self.units = units
        self.patch = patch
        self.residual = residual

    def output(self, arriving: Shape) -> Shape:
        patched = self._patched(arriving)
        if self.residual and self.patch > 1:
            raise NetworkError(
                f"residual adds what arrives, which a patch of {self.patch} makes smaller: take patch: 1"
            )
        return Map(patched.channels if self.residual else 2 * self.units, patched.height, patched.width)

    def create(self, arriving: Shape) -> None:
        patched = self._patched(arriving)
        self.rows = make_recurrence(
            self.cell, patched.channels, self.units, bidirectional=True, batch_first=False
        )
        self.columns = make_recurrence(
            self.cell, 2 * self.units, self.units, bidirectional=True, batch_first=False
        )
        if self.residual:
            self.back = nn.Linear(2 * self.units, patched.channels)
            nn.init.zeros_(self.back.weight)
            nn.init.zeros_(self.back.bias)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch given rows columns"]:
        # Time stands first: recurrence then slices contiguous steps, and all rows (columns) are one batch.
        across = self._patch(x).permute(3, 0, 2, 1)
        width, batch, height, channels = across.shape
        rows = unroll(self.rows, across.reshape(width, batch * height, channels))
        down = rows.view(width, batch, height, -1).permute(2, 1, 0, 3)
        columns = unroll(self.columns, down.reshape(height, batch * width, -1))
        read = columns.view(height, batch, width, -1).permute(1, 0, 2, 3).contiguous()
        if not self.residual:
            return read.permute(0, 3, 1, 2)
        brought_back: Tensor = self.back(read)
        return x + brought_back.permute(0, 3, 1, 2)

    def window(self) -> Window:
        return Window(math.inf, math.inf, stride=self.patch)

    def multiply_adds(self, arriving: Shape) -> int:
        patched = self._patched(arriving)
        products = (patched.channels + self.units) + (2 * self.units + self.units)
        a_position = 2 * GATES[self.cell] * self.units * products
        back = 2 * self.units * patched.channels if self.residual else 0
        return patched.height * patched.width * (a_position + back)

    def _patched(self, arriving: Shape) -> Map:
        if not isinstance(arriving, Map):
            raise NetworkError(f"a {arriving} arrives, and spatial_recurrent reads a map: move it before")
        if arriving.height % self.patch or arriving.width % self.patch:
            raise NetworkError(
                f"a map of {arriving.height}x{arriving.width} arrives, which patches of {self.patch} do not "
                "divide; take patch: 1, or change data.image_size"
            )
        return Map(
            arriving.channels * self.patch**2, arriving.height // self.patch, arriving.width // self.patch
        )

    def _patch(self, x: Tensor) -> Tensor:
        return x if self.patch == 1 else nn.functional.pixel_unshuffle(x, self.patch)

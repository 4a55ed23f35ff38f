"""Recurrence over a sequence: Elman's network, LSTM and GRU."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.cells import GATES, CellKind, State, initial_state, make_recurrence, step, unroll
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.masks import blank_padding, reverse
from plait.layers.options import Count, Share, checked
from plait.layers.shapes import Map, Sequence, Shape, Vector

DIRECTIONS = {"forward": (False,), "backward": (True,), "both": (False, True)}
"""Whether each of a layer's recurrences reads in reverse."""


class Recurrent(Layer):
    """``layers`` recurrences one upon the other, ``units`` wide in each direction, with ``dropout`` between.

    Both directions give 2 * units channels, forward's first. ``return_`` (in a recipe: return) is
    ``sequence`` for every step's output, or ``last`` for the output of each direction where it ends: a
    vector.
    """

    word = "recurrent"

    @checked
    def __init__(
        self,
        cell: CellKind,
        units: Count,
        layers: Count = 1,
        *,
        direction: Literal["forward", "backward", "both"] = "forward",
        dropout: Share = 0.0,
        return_: Literal["sequence", "last"] = "sequence",
    ) -> None:
        super().__init__()
        self.cell: CellKind = cell
        self.units = units
        self.layers = layers
        self.reversals = DIRECTIONS[direction]
        self.dropout = nn.Dropout(dropout)
        self.gives_last = return_ == "last"
        self.carries_state = direction == "forward"

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Sequence):
            remedy = (
                "put to_sequence before it, or use spatial_recurrent"
                if isinstance(arriving, Map)
                else "remove it"
            )
            raise NetworkError(f"a {arriving} arrives, and recurrent reads a sequence: {remedy}")
        channels = self.units * len(self.reversals)
        return Vector(channels) if self.gives_last else Sequence(arriving.time, channels)

    def create(self, arriving: Shape) -> None:
        self.recurrences = nn.ModuleList(
            make_recurrence(self.cell, channels, self.units, bidirectional=False, batch_first=True)
            for channels in self._arriving_channels(arriving)
            for _ in self.reversals
        )

    def forward(
        self, x: Float[Tensor, "batch time channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        for layer in range(self.layers):
            outputs = [self._read(layer, way, x, lengths) for way in range(len(self.reversals))]
            if self.gives_last and layer == self.layers - 1:
                return torch.cat([_last(output, lengths) for output in outputs], dim=1)
            x = torch.cat([self._turn(way, output, lengths) for way, output in enumerate(outputs)], dim=2)
            if layer < self.layers - 1:
                x = self.dropout(x)
        return x if lengths is None else blank_padding(x, lengths)

    def initial_state(self, x: Float[Tensor, "batch channels"]) -> list[State]:
        """Zeros, for each layer."""
        return [initial_state(self.cell, self.units, x) for _ in range(self.layers)]

    def step(
        self, x: Float[Tensor, "batch channels"], states: list[State]
    ) -> tuple[Float[Tensor, "batch units"], list[State]]:
        """One step of a forward recurrence without dropout: its output and the states to go on with."""
        assert self.carries_state, "only a forward recurrence knows its output before the end"
        after = []
        for layer, state in enumerate(states):
            after.append(step(self._recurrence(layer, 0), x, state))
            x = after[-1][0]
        return x, after

    def window(self) -> Window:
        return EVERYTHING if True in self.reversals else Window(EVERYTHING.left, 0)

    def multiply_adds(self, arriving: Shape) -> int:
        assert isinstance(arriving, Sequence)
        products = sum(channels + self.units for channels in self._arriving_channels(arriving))
        return arriving.time * len(self.reversals) * GATES[self.cell] * self.units * products

    def _recurrence(self, layer: int, way: int) -> nn.RNNBase:
        recurrence = self.recurrences[layer * len(self.reversals) + way]
        assert isinstance(recurrence, nn.RNNBase)
        return recurrence

    def _read(self, layer: int, way: int, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Outputs in the order of reading."""
        return unroll(self._recurrence(layer, way), self._turn(way, x, lengths))

    def _turn(self, way: int, x: Tensor, lengths: Tensor | None) -> Tensor:
        return reverse(x, lengths) if self.reversals[way] else x

    def _arriving_channels(self, arriving: Shape) -> list[int]:
        assert isinstance(arriving, Sequence)
        return [arriving.channels] + [self.units * len(self.reversals)] * (self.layers - 1)


def _last(x: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return x[:, -1]
    return x.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, x.shape[2]))[:, 0]

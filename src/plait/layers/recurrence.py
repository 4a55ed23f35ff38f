"""Recurrence over a sequence, with any cell, in one direction or both."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.cell import Cell, State
from plait.layers.cells import CellKind, make_cell, refuse_weight_drop
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.masks import last_step
from plait.layers.norm import ChannelNorm
from plait.layers.options import Count, Share, checked
from plait.layers.shapes import Map, Sequence, Shape, Vector, remedy

Direction = Literal["forward", "backward", "both"]
DIRECTIONS: dict[Direction, tuple[bool, ...]] = {
    "forward": (False,),
    "backward": (True,),
    "both": (False, True),
}
"""Whether each of a layer's ways reads in reverse."""


class Recurrent(Layer):
    """``layers`` recurrences one upon the other, ``units`` wide in each direction, with ``dropout`` between.

    ``cell`` is rnn (Elman 1990), lstm, gru, sru (Lei et al. 2018), mingru (Feng et al. 2024) or, in Python, a class
    derived from OwnCell. Both directions
    give 2 * units channels, forward's first. ``return_`` (in a recipe: return) is ``sequence`` for every step's
    output, or ``last`` for the output of each direction where it ends: a vector. ``norm: layer`` normalizes the
    channels that arrive at each recurrence (Ba et al. 2016). ``weight_drop`` is the share of hidden weights left out
    in training (AWD, Merity et al. 2018), of rnn, lstm and gru.
    """

    word = "recurrent"

    @checked
    def __init__(
        self,
        cell: CellKind,
        units: Count,
        layers: Count = 1,
        *,
        direction: Direction = "forward",
        dropout: Share = 0.0,
        return_: Literal["sequence", "last"] = "sequence",
        norm: Literal["none", "layer"] = "none",
        weight_drop: Share = 0.0,
    ) -> None:
        super().__init__()
        refuse_weight_drop(cell, weight_drop)
        self.cell: CellKind = cell
        self.units = units
        self.layers = layers
        self.reversals = DIRECTIONS[direction]
        self.dropout = nn.Dropout(dropout)
        self.gives_last = return_ == "last"
        self.norm_kind = norm
        self.weight_drop = weight_drop

    @property
    def states(self) -> int:
        return self.layers

    @property
    def reads_on(self) -> bool:
        return True not in self.reversals and not self.gives_last

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Sequence):
            advice = (
                "put to_sequence before it, or use spatial_recurrent"
                if isinstance(arriving, Map)
                else "put to_sequence before it"
                if isinstance(arriving, Vector)
                else remedy(arriving)
            )
            raise NetworkError(f"a {arriving} arrives, and recurrent reads a sequence: {advice}")
        channels = self.units * len(self.reversals)
        return Vector(channels) if self.gives_last else Sequence(arriving.time, channels)

    def create(self, arriving: Shape) -> None:
        channels = self._arriving_channels(arriving)
        self.cells = nn.ModuleList(
            make_cell(self.cell, width, self.units, self.reversals, self.weight_drop) for width in channels
        )
        self.norms = nn.ModuleList(
            ChannelNorm("layer", width) if self.norm_kind == "layer" else nn.Identity() for width in channels
        )

    def forward(
        self, x: Float[Tensor, "batch time channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        outputs, _ = self._unroll(x, lengths, [None] * self.layers, keep=False)
        return self._last(outputs, lengths) if self.gives_last else outputs

    def carry(
        self, x: Float[Tensor, "batch time channels"], states: list[State], lengths: Tensor | None = None
    ) -> tuple[Float[Tensor, "batch *given"], list[State]]:
        """``forward`` from the given states of each layer, with the states at each sequence's own end.

        A state's tensors are (batch, directions * units); a backward direction begins and ends at the other side.
        """
        outputs, ends = self._unroll(x, lengths, states, keep=True)
        return self._last(outputs, lengths) if self.gives_last else outputs, ends

    def initial_state(self, x: Float[Tensor, "batch channels"]) -> list[State]:
        """Zeros, for each layer."""
        return [cell.initial_state(x) for cell in self._cells()]

    def step(
        self, x: Float[Tensor, "batch channels"], states: list[State]
    ) -> tuple[Float[Tensor, "batch units"], list[State]]:
        """One step of a forward recurrence without dropout: its output and the states to go on with."""
        assert True not in self.reversals, "only a forward recurrence knows its output before the end"
        after = []
        for cell, norm, state in zip(self._cells(), self.norms, states, strict=True):
            after.append(cell.step(norm(x), state))
            x = after[-1][0]
        return x, after

    def window(self) -> Window:
        return EVERYTHING if True in self.reversals else Window(EVERYTHING.left, 0)

    def multiply_adds(self, arriving: Shape) -> int:
        assert isinstance(arriving, Sequence)
        with torch.device("meta"):
            cells = [
                make_cell(self.cell, channels, self.units, self.reversals)
                for channels in self._arriving_channels(arriving)
            ]
        return arriving.time * sum(cell.products() for cell in cells)

    def _unroll(
        self, x: Tensor, lengths: Tensor | None, states: list[State] | list[None], keep: bool
    ) -> tuple[Tensor, list[State]]:
        ends = []
        for layer, (cell, norm, state) in enumerate(zip(self._cells(), self.norms, states, strict=True)):
            outputs, end = cell.unroll(norm(x).unsqueeze(2), lengths, state, keep)
            x = outputs.squeeze(2)
            if end is not None:
                ends.append(end)
            if layer < self.layers - 1:
                x = self.dropout(x)
        return x, ends

    def _last(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Each direction's output where it ends."""
        parts = x.chunk(len(self.reversals), dim=2)
        return torch.cat(
            [last_step(part, lengths, turned) for part, turned in zip(parts, self.reversals, strict=True)],
            dim=1,
        )

    def _cells(self) -> list[Cell]:
        return [cell for cell in self.cells if isinstance(cell, Cell)]

    def _arriving_channels(self, arriving: Shape) -> list[int]:
        assert isinstance(arriving, Sequence)
        return [arriving.channels] + [self.units * len(self.reversals)] * (self.layers - 1)

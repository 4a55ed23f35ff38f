"""A cell of the user's own: its step alone, unrolled among the layers of recurrence."""

from abc import ABC, abstractmethod
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers.cell import Cell, Lengths, Sequences, State
from plait.layers.unrolling import unrolled


class OwnCell(nn.Module, ABC):
    """A class derived from it stands where a cell is named, in Python: ``Recurrent(MyCell, units=64)``.

    It is built as ``MyCell(channels, units)`` for each layer and direction, and says what one step does.
    """

    states: ClassVar[int] = 1
    """Tensors in its State, each (rows, units); the first is the output."""

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.channels = channels
        self.units = units

    @abstractmethod
    def step(self, x: Float[Tensor, "rows channels"], state: State) -> State:
        """The state after ``x``, from the one before it."""

    def initial_state(self, x: Float[Tensor, "rows channels"]) -> State:
        """Zeros."""
        return tuple(x.new_zeros(x.shape[0], self.units) for _ in range(self.states))


class Stepped(Cell):
    """A cell of the user's ``kind`` for each way, one step after the other."""

    def __init__(self, kind: type[OwnCell], channels: int, units: int, reversals: tuple[bool, ...]) -> None:
        super().__init__(channels, units, reversals)
        self.ways = nn.ModuleList(kind(channels, units) for _ in reversals)

    def step(self, x: Float[Tensor, "rows _"], state: State) -> State:
        return self._cells()[0].step(x, state)

    def unroll(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        starts = self.starts(x[:, 0].flatten(0, 1), state)
        moves = [cell.step for cell in self._cells()]
        given, ends = unrolled(moves, [x] * len(moves), lengths, starts, self.reversals)
        return given, ends if keep else None

    def products(self) -> int:
        return sum(weight.numel() for weight in self.parameters() if weight.dim() == 2)

    def initial_state(self, x: Float[Tensor, "rows _"]) -> State:
        ways = [cell.initial_state(x) for cell in self._cells()]
        return tuple(torch.cat(parts, dim=1) for parts in zip(*ways, strict=True))

    def _cells(self) -> list[OwnCell]:
        return [cast("OwnCell", way) for way in self.ways]

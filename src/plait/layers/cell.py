"""Cell: one layer of recurrence in each of its ways (directions): the textbook's step, and its unrolling over time.

Sequences lie in tensors (outer, time, inner, channels): a batch of sequences has inner = 1, and the columns of maps
(batch, height, width, channels) are sequences with inner = width, so that neither is copied.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence as Series
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a cell carries from step to step, each (rows, ways * units), rows = outer * inner: the output, and after it the
memory of an LSTM or SRU."""
Lengths = Int[Tensor, "outer"] | None
Sequences = Float[Tensor, "outer time inner _"]


class Cell(nn.Module, ABC):
    """``units`` wide in each of its ways; each of ``reversals`` is a way, which reads from the end where True.

    Arriving weights are drawn by Glorot and Bengio 2010, hidden ones are orthogonal (Saxe et al. 2014), gate by
    gate; biases are zero where a class says nothing else.
    """

    states: ClassVar[int] = 1
    """Tensors in its State."""

    def __init__(self, channels: int, units: int, reversals: tuple[bool, ...]) -> None:
        super().__init__()
        self.channels = channels
        self.units = units
        self.reversals = reversals

    @abstractmethod
    def step(self, x: Float[Tensor, "rows _"], state: State) -> State:
        """One step of a single forward way, as the textbook writes it; the answer's first tensor is the output."""

    @abstractmethod
    def unroll(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        """Every way's outputs (outer, time, inner, ways * units), zero beyond ``lengths``, from ``state`` or zeros.

        With ``keep`` the states at each sequence's own end too, in the order of reading.
        """

    @abstractmethod
    def products(self) -> int:
        """Multiplications with weights of one step in all ways."""

    def initial_state(self, x: Float[Tensor, "rows _"]) -> State:
        """Zeros."""
        return tuple(x.new_zeros(x.shape[0], len(self.reversals) * self.units) for _ in range(self.states))

    def starts(self, x: Float[Tensor, "rows _"], state: State | None) -> list[State]:
        """What each way begins with: its part of ``state``, or of the initial one."""
        return [*zip(*map(self.each_way, state or self.initial_state(x)), strict=True)]

    def each_way(self, x: Tensor) -> tuple[Tensor, ...]:
        """The parts of the last axis that belong to each way."""
        return x.chunk(len(self.reversals), dim=-1)


def side_by_side(read: Series[tuple[Tensor, State]]) -> tuple[Tensor, State]:
    """Outputs and last states of all ways, from those of each, in the last axis."""
    ends = zip(*(ends for _, ends in read), strict=True)
    return torch.cat([outputs for outputs, _ in read], dim=-1), tuple(torch.cat(one, dim=-1) for one in ends)


def draw_hidden(weight: Tensor, gates: int) -> None:
    """Orthogonal, gate by gate."""
    for gate in weight.chunk(gates):
        gate.copy_(nn.init.orthogonal_(gate.new_empty(gate.shape)))


def draw_arriving(weight: Tensor, gates: int) -> None:
    """By Glorot and Bengio 2010, gate by gate."""
    for gate in weight.chunk(gates):
        nn.init.xavier_uniform_(gate)

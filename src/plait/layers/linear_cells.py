"""minGRU and SRU: cells whose gates do not read the state by a product, so that one product serves all steps."""

from abc import abstractmethod
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers import native, operators
from plait.layers.cell import Cell, Lengths, Sequences, State, draw_arriving
from plait.layers.masks import blank_padding, last_step, reverse
from plait.layers.onnx_recurrence import exporting, recurrence
from plait.layers.unrolling import unrolled


class LinearCell(Cell):
    """One product of what arrives gives every gate of every way; then comes a scan over time."""

    gates: ClassVar[int]

    def __init__(self, channels: int, units: int, reversals: tuple[bool, ...]) -> None:
        super().__init__(channels, units, reversals)
        size = len(reversals) * self.gates * units
        self.weight = nn.Parameter(torch.empty(size, channels))
        self.bias = nn.Parameter(torch.zeros(size))
        draw_arriving(self.weight.detach(), len(reversals) * self.gates)

    @abstractmethod
    def move(self, way: int, before: Float[Tensor, "rows _"], state: State) -> State:
        """The state after a step whose products are ``before`` (rows, gates * units)."""

    @abstractmethod
    def scan(self, before: Tensor, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        """Outputs and last states by the compiled kernels."""

    @abstractmethod
    def written(self, x: Sequences, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        """Outputs and last states for a model file: by ONNX's own operators, as a step after the other would take
        minutes to write and hold for one length."""

    def products(self) -> int:
        return self.weight.numel()

    def step(self, x: Float[Tensor, "rows _"], state: State) -> State:
        return self.move(0, F.linear(x, self.weight, self.bias), state)

    def unroll(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        if exporting():
            given, ends = self.written(x, lengths, state)
            return given, ends if keep else None
        before = F.linear(x, self.weight, self.bias)
        if native.usable(before):
            given, ends = self.scan(before, lengths, state)
            return given, ends if keep else None
        starts = self.starts(before[:, 0].flatten(0, 1), state)
        moves = [partial(self.move, way) for way in range(len(self.reversals))]
        given, ends = unrolled(moves, self.each_way(before), lengths, starts, self.reversals)
        return given, ends if keep else None


class MinGRU(LinearCell):
    """z = sigmoid(W_z x + b_z); h' = (1 - z) h + z (W x + b).

    Feng et al. 2024, "Were RNNs all we needed?", section 3.1.
    """

    gates = 2

    def move(self, way: int, before: Float[Tensor, "rows _"], state: State) -> State:
        gate, candidate = before.chunk(2, dim=1)
        return (torch.lerp(state[0], candidate, torch.sigmoid(gate)),)

    def scan(self, before: Tensor, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        start = _memory(before, state)
        given, end = operators.mingru(before, lengths, start, len(self.reversals), self.reversals[0])
        return given, (end.flatten(0, 1),)

    def written(self, x: Sequences, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        ways = len(self.reversals)
        weights, biases = self.weight.view(ways, 2, self.units, -1), self.bias.view(ways, 2, self.units)
        gate, value = ((weights[:, part], biases[:, part]) for part in (0, 1))
        start = None if state is None else torch.stack(self.each_way(state[0]))
        return _leaky(x, (-gate[0], -gate[1]), value, None, lengths, start, self.reversals)


class SRU(LinearCell):
    """f = sigmoid(W_f x + v_f c + b_f); r = sigmoid(W_r x + v_r c + b_r); c' = f c + (1 - f) (W x + b);
    h = r c' + (1 - r) (W_s x + b_s).

    Lei et al. 2018, "Simple recurrent units for highly parallelizable recurrence", equations 1 to 4; the skip has a
    product of its own, as there where it has to change its width.
    """

    gates = 4
    states = 2

    def __init__(self, channels: int, units: int, reversals: tuple[bool, ...]) -> None:
        super().__init__(channels, units, reversals)
        self.peephole = nn.Parameter(torch.zeros(len(reversals) * 2 * units))

    def move(self, way: int, before: Float[Tensor, "rows _"], state: State) -> State:
        value, forget, reset, skip = before.chunk(4, dim=1)
        of_forget, of_reset = self.each_way(self.peephole)[way].to(before.dtype).chunk(2)
        memory = state[1]
        kept = torch.lerp(value, memory, torch.sigmoid(forget + of_forget * memory))
        return torch.lerp(skip, kept, torch.sigmoid(reset + of_reset * memory)), kept

    def scan(self, before: Tensor, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        ways, turned, start = len(self.reversals), self.reversals[0], _memory(before, state)
        given, _, end = operators.sru(before, self.peephole.to(before.dtype), lengths, start, ways, turned)
        return given, (self._last(given, lengths, state), end.flatten(0, 1))

    def written(self, x: Sequences, lengths: Lengths, state: State | None) -> tuple[Tensor, State]:
        ways = len(self.reversals)
        weights, biases = self.weight.view(ways, 4, self.units, -1), self.bias.view(ways, 4, self.units)
        value, forget, reset, skip = ((weights[:, part], biases[:, part]) for part in range(4))
        of_forget, of_reset = self.peephole.view(ways, 2, self.units).unbind(1)
        start = None if state is None else torch.stack(self.each_way(state[1]))
        memory, (end,) = _leaky(x, forget, value, of_forget, lengths, start, self.reversals)
        before = self._delayed(memory, lengths, state)
        opened = torch.sigmoid(_all_ways(x, reset) + of_reset.flatten() * before)
        given = torch.lerp(_all_ways(x, skip), memory, opened)
        given = blank_padding(given.flatten(2), lengths).view(given.shape)
        return given, (self._last(given, lengths, state), end)

    def _delayed(self, memory: Sequences, lengths: Lengths, state: State | None) -> Sequences:
        """Each step's memory as it was before the step, in each way's own order of reading."""
        outer, _, inner, _ = memory.shape
        first = memory.new_zeros(outer * inner, memory.shape[3]) if state is None else state[1]
        ways = []
        for part, start, turned in zip(
            self.each_way(memory), self.each_way(first), self.reversals, strict=True
        ):
            rows = reverse(part.flatten(2), lengths) if turned else part.flatten(2)
            rows = torch.cat([start.reshape(outer, 1, -1), rows[:, :-1]], dim=1)
            ways.append((reverse(rows, lengths) if turned else rows).view(part.shape))
        return torch.cat(ways, dim=3)

    def _last(self, given: Tensor, lengths: Lengths, state: State | None) -> Tensor:
        """The output at each way's own end (rows, ways * units); as it was before where there is no step."""
        ends = [
            last_step(part, lengths, turned)
            for part, turned in zip(self.each_way(given), self.reversals, strict=True)
        ]
        last = torch.cat(ends, dim=2)
        if lengths is not None:
            before = torch.zeros_like(last) if state is None else state[0].to(last.dtype).view(last.shape)
            last = torch.where((lengths > 0)[:, None, None], last, before)
        return last.flatten(0, 1)


def _memory(before: Tensor, state: State | None) -> Tensor | None:
    """What a kernel starts from (outer, inner, ways * units)."""
    return None if state is None else state[-1].to(before.dtype).reshape(len(before), before.shape[2], -1)


def _leaky(
    x: Sequences,
    gate: tuple[Tensor, Tensor],
    value: tuple[Tensor, Tensor],
    peephole: Tensor | None,
    lengths: Lengths,
    start: Tensor | None,
    reversals: tuple[bool, ...],
) -> tuple[Sequences, State]:
    """c' = k c + (1 - k) (W x + b), k = sigmoid(W_k x + b_k + p c), every c and the last: ONNX's GRU with the identity
    for its candidate's tanh and hidden weights for its update gate alone, the diagonal of ``peephole`` (or none).

    ``gate`` and ``value`` are weights (ways, units, channels) and biases (ways, units), ``peephole`` (ways, units).
    """
    ways, units = value[1].shape
    weight, bias = (torch.cat([k, torch.zeros_like(k), v], dim=1) for k, v in zip(gate, value, strict=True))
    hidden = weight.new_zeros(ways, units, units) if peephole is None else torch.diag_embed(peephole)
    return recurrence(
        "GRU",
        x,
        (weight, F.pad(hidden, (0, 0, 0, 2 * units)), F.pad(bias, (0, 3 * units))),
        lengths,
        [start],
        reversals,
        activations=["Sigmoid", "Affine"] * ways,
        activation_alpha=[1.0] * ways,
        activation_beta=[0.0] * ways,
    )


def _all_ways(x: Sequences, product: tuple[Tensor, Tensor]) -> Sequences:
    """A gate's product for every way (outer, time, inner, ways * units)."""
    weight, bias = product
    return F.linear(x, weight.flatten(0, 1), bias.flatten())

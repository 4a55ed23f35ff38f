"""Elman's cell, LSTM and GRU: cells whose gates read the state by a product. torch.nn's modules hold the weights."""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from plait.layers import native, operators
from plait.layers.cell import Cell, Lengths, Sequences, State, draw_arriving, draw_hidden, side_by_side
from plait.layers.masks import blank_padding, reverse
from plait.layers.onnx_recurrence import exporting, recurrence


class GatedCell(Cell):
    """A torch.nn recurrence of one layer for each way."""

    module: ClassVar[type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]]
    gates: ClassVar[int]
    onnx: ClassVar[str]
    """ONNX's operator, and ``onnx_order``: the places of its gates among torch.nn's."""
    onnx_order: ClassVar[tuple[int, ...]]

    def __init__(
        self, channels: int, units: int, reversals: tuple[bool, ...], weight_drop: float = 0.0
    ) -> None:
        super().__init__(channels, units, reversals)
        self.weight_drop = weight_drop
        self.ways = nn.ModuleList(self.module(channels, units, batch_first=True) for _ in reversals)
        for way in self.ways:
            weights = {name: parameter.detach() for name, parameter in way.named_parameters()}
            draw_arriving(weights["weight_ih_l0"], self.gates)
            draw_hidden(weights["weight_hh_l0"], self.gates)
            self.draw_biases(weights["bias_ih_l0"].zero_(), weights["bias_hh_l0"].zero_())

    def draw_biases(self, arriving: Tensor, hidden: Tensor) -> None:
        """They are zero already."""

    @abstractmethod
    def gate(self, arriving: Tensor, hidden: Tensor, state: State) -> State:
        """The state after the products of the step's input and of the state before."""

    def products(self) -> int:
        return len(self.reversals) * self.gates * self.units * (self.channels + self.units)

    def step(self, x: Float[Tensor, "rows _"], state: State) -> State:
        weights = dict(self.ways[0].named_parameters())
        arriving = F.linear(x, weights["weight_ih_l0"], weights["bias_ih_l0"])
        hidden = F.linear(state[0], weights["weight_hh_l0"], weights["bias_hh_l0"])
        return self.gate(arriving, hidden, state)

    def unroll(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        if exporting():
            return self._onnx(x, lengths, state, keep)
        outer, time, inner, channels = x.shape
        rows = x.transpose(1, 2).reshape(outer * inner, time, channels)
        starts = enumerate(self.starts(rows[:, 0], state))
        row_lengths = None if lengths is None else lengths.repeat_interleave(inner)
        given, ends = side_by_side([self._read(way, rows, row_lengths, start, keep) for way, start in starts])
        return given.view(outer, inner, time, -1).transpose(1, 2), ends if keep else None

    def weight_of(self, way: int, name: str) -> Tensor:
        """One of torch.nn's weights."""
        weight = getattr(self.ways[way], name)
        assert isinstance(weight, Tensor)
        return weight

    def hidden_weight(self, way: int) -> Tensor:
        """In training without a share of its numbers (Merity et al. 2018, "Regularizing and optimizing LSTM language
        models": AWD), the same for every step."""
        weight = self.weight_of(way, "weight_hh_l0")
        return F.dropout(weight, self.weight_drop) if self.weight_drop and self.training else weight

    def _onnx(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        """As one operator of a model file."""

        def reordered(name: str) -> Tensor:
            gates = [self.weight_of(way, name).chunk(self.gates) for way in range(len(self.ways))]
            return torch.stack([torch.cat([way[place] for place in self.onnx_order]) for way in gates])

        biases = torch.cat([reordered("bias_ih_l0"), reordered("bias_hh_l0")], dim=1)
        weights = (reordered("weight_ih_l0"), reordered("weight_hh_l0"), biases)
        starts = [None] * self.states if state is None else [torch.stack(self.each_way(one)) for one in state]
        further = {"linear_before_reset": 1} if self.onnx == "GRU" else {}
        given, ends = recurrence(self.onnx, x, weights, lengths, starts, self.reversals, **further)
        return given, ends if keep else None

    def _read(
        self, way: int, x: Tensor, lengths: Tensor | None, start: State, keep: bool
    ) -> tuple[Tensor, State]:
        """One way's outputs (rows, time, units) and last states (rows, units), by torch.nn's own unrolling.

        In float32 on processors before AVX512: oneDNN's LSTM has no bfloat16 there.
        """
        if without_bfloat16(x):
            with torch.autocast("cpu", enabled=False):
                return self._read(way, x.float(), lengths, tuple(one.float() for one in start), keep)
        states = tuple(one[None].to(x.dtype).contiguous() for one in start)
        if not self.reversals[way]:
            outputs, ends = self._forward(way, x, lengths, states, keep)
            return blank_padding(outputs, lengths), ends
        outputs, ends = self._forward(way, reverse(x, lengths), lengths, states, keep)
        return reverse(blank_padding(outputs, lengths), lengths), ends

    def _forward(
        self, way: int, x: Tensor, lengths: Tensor | None, states: State, keep: bool
    ) -> tuple[Tensor, State]:
        """Packed sequences, slow as they are, know each row's own last states; without ``keep`` nobody asks."""
        if lengths is None or not keep:
            outputs, ends = self._call(way, x, states)
            return outputs, ends
        # They refuse a row without a step, whose state stays as it was.
        packed = pack_padded_sequence(x, lengths.clamp_min(1).cpu(), batch_first=True, enforce_sorted=False)
        outputs, ends = self._call(way, packed, states)
        ends = tuple(
            torch.where((lengths > 0)[:, None], end, before[0])
            for end, before in zip(ends, states, strict=True)
        )
        return pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])[0], ends

    def _call(self, way: int, x: Any, states: State) -> tuple[Any, State]:
        module = self.ways[way]
        given = states if self.states > 1 else states[0]
        if self.weight_drop and self.training:
            weights = {"weight_hh_l0": self.hidden_weight(way)}
            outputs, ends = torch.func.functional_call(module, weights, (x, given))
        else:
            outputs, ends = module(x, given)
        return outputs, tuple(one[0] for one in (ends if self.states > 1 else (ends,)))


class Elman(GatedCell):
    """h' = tanh(W x + U h + b) (Elman 1990)."""

    module = nn.RNN
    gates = 1
    onnx = "RNN"
    onnx_order = (0,)

    def gate(self, arriving: Tensor, hidden: Tensor, state: State) -> State:
        return (torch.tanh(arriving + hidden),)


class LSTM(GatedCell):
    """i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b); c' = f c + i g; h' = o tanh(c').

    Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, whose bias starts at 1 (Jozefowicz et
    al. 2015).
    """

    module = nn.LSTM
    gates = 4
    onnx = "LSTM"
    onnx_order = (0, 3, 1, 2)
    states = 2

    def draw_biases(self, arriving: Tensor, hidden: Tensor) -> None:
        arriving.chunk(4)[1].fill_(1.0)

    def gate(self, arriving: Tensor, hidden: Tensor, state: State) -> State:
        enter, forget, candidate, leave = (arriving + hidden).chunk(4, dim=1)
        kept = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(kept), kept


class GRU(GatedCell):
    """r, z = sigmoid(W x + U h + b); n = tanh(W x + b + r (U h + b)); h' = (1 - z) n + z h (Cho et al. 2014).

    The reset gate comes after the product, as cuDNN and ONNX (linear_before_reset) have it.
    """

    module = nn.GRU
    gates = 3
    onnx = "GRU"
    onnx_order = (1, 0, 2)

    def gate(self, arriving: Tensor, hidden: Tensor, state: State) -> State:
        reset, update = torch.sigmoid((arriving + hidden)[:, : 2 * self.units]).chunk(2, dim=1)
        candidate = torch.tanh(arriving.chunk(3, dim=1)[2] + reset * hidden.chunk(3, dim=1)[2])
        return ((1 - update) * candidate + update * state[0],)

    def unroll(
        self, x: Sequences, lengths: Lengths, state: State | None, keep: bool
    ) -> tuple[Sequences, State | None]:
        """By the compiled kernels where they serve; torch.nn.GRU never reaches oneDNN's fused one."""
        if without_bfloat16(x):
            with torch.autocast("cpu", enabled=False):
                return self.unroll(x.float(), lengths, state, keep)
        if exporting() or not native.usable(x):
            return super().unroll(x, lengths, state, keep)
        ways = range(len(self.ways))
        arriving, arriving_bias = (
            torch.cat([self.weight_of(way, name) for way in ways]) for name in ("weight_ih_l0", "bias_ih_l0")
        )
        before = F.linear(x, arriving, arriving_bias)
        weight = torch.stack([self.hidden_weight(way) for way in ways]).to(before.dtype)
        bias = torch.stack([self.weight_of(way, "bias_hh_l0") for way in ways]).to(before.dtype)
        start = None if state is None else torch.stack(self.each_way(state[0])).to(before.dtype)
        given, end, *_ = operators.gru(before, weight, bias, lengths, start, self.reversals[0])
        return given, (torch.cat([*end], dim=1),) if keep else None


def without_bfloat16(x: Tensor) -> bool:
    """Whether autocast asks a processor for bfloat16 recurrence that it does not have."""
    return (
        x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not torch.cpu._is_avx512_supported()
    )

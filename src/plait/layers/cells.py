"""Recurrent cells: the textbook's step of each kind, and the module that unrolls it over time."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

CellKind = Literal["rnn", "lstm", "gru"]
State = tuple[Tensor, ...]
"""What a cell carries from step to step, each (batch, units): the output, and the LSTM's memory."""

GATES: dict[CellKind, int] = {"rnn": 1, "lstm": 4, "gru": 3}
_UNROLLED: dict[CellKind, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


def make_recurrence(
    cell: CellKind, channels: int, units: int, bidirectional: bool, batch_first: bool
) -> nn.RNNBase:
    """A recurrence of one layer over time, whose first output is the sequence of the cell's outputs.

    Arriving weights are drawn by Glorot and Bengio 2010, hidden ones are orthogonal (Saxe et al. 2014) gate
    by gate; biases are zero, but 1 for the LSTM's forget gate (Jozefowicz et al. 2015).
    """
    recurrence = _UNROLLED[cell](channels, units, bidirectional=bidirectional, batch_first=batch_first)
    for name, parameter in recurrence.named_parameters():
        _initialize(name, parameter.detach(), cell)
    return recurrence


def unroll(recurrence: nn.RNNBase, x: Float[Tensor, "_ _ channels"]) -> Float[Tensor, "_ _ units"]:
    """The outputs of every step, batch or time first as ``recurrence`` was made.

    In float32 on processors before AVX512: oneDNN's LSTM has no bfloat16 there.
    """
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not torch.cpu._is_avx512_supported():
        with torch.autocast("cpu", enabled=False):
            return unroll(recurrence, x.float())
    outputs: Tensor = recurrence(x)[0]
    return outputs


def initial_state(cell: CellKind, units: int, x: Float[Tensor, "batch channels"]) -> State:
    """Zeros."""
    return tuple(x.new_zeros(len(x), units) for _ in range(2 if cell == "lstm" else 1))


def step(recurrence: nn.RNNBase, x: Float[Tensor, "batch channels"], state: State) -> State:
    """One step of a forward recurrence, as the textbook writes it; the answer's first tensor is the output.

    Elman 1990; Hochreiter and Schmidhuber 1997 with Gers et al. 2000; Cho et al. 2014 with the reset gate
    after the product, as cuDNN and ONNX (linear_before_reset) have it.
    """
    weights = dict(recurrence.named_parameters())
    arriving = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
    hidden = state[0] @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
    match recurrence:
        case nn.LSTM():
            return _lstm(arriving + hidden, state[1])
        case nn.GRU():
            return _gru(arriving, hidden, state[0])
    return (torch.tanh(arriving + hidden),)


def _lstm(gates: Tensor, memory: Tensor) -> State:
    enter, forget, candidate, leave = gates.chunk(4, dim=1)
    kept = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(candidate)
    return torch.sigmoid(leave) * torch.tanh(kept), kept


def _gru(arriving: Tensor, hidden: Tensor, output: Tensor) -> State:
    reset, update = torch.sigmoid((arriving + hidden)[:, : 2 * output.shape[1]]).chunk(2, dim=1)
    candidate = torch.tanh(arriving.chunk(3, dim=1)[2] + reset * hidden.chunk(3, dim=1)[2])
    return ((1 - update) * candidate + update * output,)


def _initialize(name: str, parameter: Tensor, cell: CellKind) -> None:
    if name.startswith("bias"):
        nn.init.zeros_(parameter)
        if cell == "lstm" and name.startswith("bias_ih"):
            parameter.chunk(4)[1].fill_(1.0)
        return
    for gate in parameter.chunk(GATES[cell]):
        if name.startswith("weight_hh"):
            gate.copy_(nn.init.orthogonal_(torch.empty_like(gate)))
        else:
            nn.init.xavier_uniform_(gate)

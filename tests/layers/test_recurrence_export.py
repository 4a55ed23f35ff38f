"""Recurrence in a model file: ONNX Runtime answers as PyTorch does, at lengths that were never exported."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from plait.layers import Recurrent, Sequence
from plait.layers.cells import CellKind
from tests.layers.test_conformance_export import exported
from tests.layers.test_recurrence import CELLS, built

ARRIVING = Sequence(7, 4)

LENGTHS = ((1, [1, 1]), (60, [60, 1, 33]), (400, [400, 7]))
"""The longest and the real ones, none of them as exported."""


@CELLS
@pytest.mark.filterwarnings("ignore")
def test_a_model_file_reads_any_length(cell: CellKind, tmp_path: Path) -> None:
    """Both directions over padded sequences: ONNX Runtime beside PyTorch."""
    network = TwoInputs(built(Recurrent(cell, 5, 2, direction="both"), ARRIVING))
    run = runner(network, (torch.randn(3, 7, 4), torch.tensor([7, 2, 5])), tmp_path)
    for longest, real in LENGTHS:
        x, lengths = torch.randn(len(real), longest, 4), torch.tensor(real)
        torch.testing.assert_close(run(x, lengths)[0], network(x, lengths), rtol=1e-4, atol=1e-5)


@CELLS
@pytest.mark.filterwarnings("ignore")
def test_a_model_file_carries_states_on(cell: CellKind, tmp_path: Path) -> None:
    """Forward, in two pieces, from the states that the first piece left."""
    layer = built(Recurrent(cell, 5), ARRIVING)
    count = len(layer.initial_state(torch.zeros(1, 4))[0])
    start = [torch.randn(3, 5) for _ in range(count)]
    run = runner(Carried(layer), (torch.randn(3, 7, 4), *start), tmp_path)
    for longest, real in LENGTHS:
        states = [torch.randn(len(real), 5) for _ in range(count)]
        x = torch.randn(len(real), longest, 4)
        for piece in (x, x.flip(1)):
            expected = Carried(layer)(piece, *states)
            states = run(piece, *states)
            for given, known in zip(states, expected, strict=True):
                torch.testing.assert_close(given, known, rtol=1e-4, atol=1e-5)
            states = states[1:]


def runner(network: nn.Module, given: tuple[Tensor, ...], folder: Path) -> Callable[..., tuple[Tensor, ...]]:
    """The network as a model file for any batch and length, answering tensors with tensors."""
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    shapes = [{0: batch, 1: time} if one.dim() == 3 else {0: batch} for one in given]
    dynamic = (shapes[0], shapes[1]) if isinstance(network, TwoInputs) else (shapes[0], tuple(shapes[1:]))
    session = exported(network, given, dynamic, folder)
    names = [one.name for one in session.get_inputs()]

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = session.run(None, dict(zip(names, (one.numpy() for one in tensors), strict=True)))
        return tuple(map(torch.from_numpy, arrays))

    return run


class Carried(nn.Module):
    """A layer of one cell whose state is an input of the model, and an output beside its own."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        given, (after,) = self.layer.carry(x, [state])
        return given, *after


class TwoInputs(nn.Module):
    """A layer whose lengths are an input of the model too."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        given: Tensor = self.layer(x, lengths)
        return given

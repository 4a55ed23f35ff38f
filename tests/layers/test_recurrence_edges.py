"""Recurrence at its edges: no step at all, lengths of any kind, and what the kernels cannot do."""

import pytest
import torch

from plait.layers import Recurrent, Sequence, native
from plait.layers.cells import CellKind
from plait.layers.recurrence import Direction
from tests.layers.test_recurrence import CELLS, DIRECTIONS, built, path

__all__ = ["path"]


@CELLS
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.usefixtures("path")
def test_a_sequence_without_a_step_leaves_the_state_as_it_was(cell: CellKind, direction: Direction) -> None:
    layer = built(Recurrent(cell, 6, direction=direction), Sequence(7, 4))
    x = torch.randn(3, 7, 4)
    (starts,) = (tuple(torch.randn_like(one) for one in state) for state in layer.initial_state(x[:, 0]))
    outputs, (ends,) = layer.carry(x, [starts], torch.tensor([7, 0, 5]))
    assert not outputs[1].any()
    for one, before in zip(ends, starts, strict=True):
        torch.testing.assert_close(one[1], before[1])


@CELLS
@pytest.mark.usefixtures("path")
def test_lengths_may_lie_in_memory_in_any_way(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 6, direction="both"), Sequence(7, 4))
    x = torch.randn(3, 7, 4, requires_grad=True)
    lengths = torch.tensor([7, 2, 5])
    expected = layer(x, lengths)
    for same in (lengths.int(), torch.stack([lengths, lengths * 0], dim=1)[:, 0]):
        torch.testing.assert_close(layer(x, same), expected)
        layer(x, same).sum().backward()


@pytest.mark.parametrize(("cell", "longest"), [("gru", 9), ("sru", 7), ("mingru", 9)])
def test_kernels_write_nowhere_else_whatever_the_lengths(cell: CellKind, longest: int) -> None:
    layer = built(Recurrent(cell, 6, direction="both"), Sequence(7, 4))
    x = torch.randn(3, 7, 4, requires_grad=True)
    beyond = layer(x, torch.tensor([longest, -3, 5]))
    torch.testing.assert_close(beyond, layer(x, torch.tensor([7, 0, 5])))
    beyond.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("cell", ["gru", "sru", "mingru"])
def test_second_derivatives_are_refused_where_the_kernels_have_none(cell: CellKind) -> None:
    if native.library() is None:
        pytest.skip("no C compiler: there is no compiled path to test")
    layer = built(Recurrent(cell, 6), Sequence(7, 4))
    x = torch.randn(3, 7, 4, requires_grad=True)
    (slopes,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slopes.square().sum().backward()

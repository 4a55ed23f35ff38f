"""Recurrence: the fast path is the textbook's step, one after the other, in every direction."""

import pytest
import torch
from torch import Tensor

from plait.errors import NetworkError
from plait.layers import Map, Recurrent, Sequence, SpatialRecurrent, Vector
from plait.layers.cells import CellKind, initial_state, make_recurrence, step

CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


@CELLS
def test_step_is_sequence(cell: CellKind) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell, 6, layers=3, dropout=0.5).eval()
    layer.build(Sequence(7, 4))
    x = torch.randn(2, 7, 4)
    states, outputs = layer.initial_state(x[:, 0]), []
    for now in x.unbind(1):
        output, states = layer.step(now, states)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), layer(x))


@CELLS
def test_both_directions_are_one_each(cell: CellKind) -> None:
    both, forward, backward = (Recurrent(cell, 6, direction=way) for way in ("both", "forward", "backward"))
    for layer in (both, forward, backward):
        layer.build(Sequence(7, 4))
    weights = both.state_dict()
    forward.load_state_dict({name: weights[name] for name in forward.state_dict()})
    backward.load_state_dict({name: weights[name.replace(".0.", ".1.")] for name in backward.state_dict()})
    x, lengths = torch.randn(3, 7, 4), torch.tensor([7, 2, 5])
    expected = torch.cat([forward(x, lengths), backward(x, lengths)], dim=2)
    torch.testing.assert_close(both(x, lengths), expected)


@CELLS
def test_last_is_the_end_of_each_direction(cell: CellKind) -> None:
    torch.manual_seed(0)
    every = Recurrent(cell, 5, direction="both")
    last = Recurrent(cell, 5, direction="both", return_="last")
    every.build(Sequence(6, 4))
    assert last.build(Sequence(6, 4)) == Vector(10)
    last.load_state_dict(every.state_dict())
    x, lengths = torch.randn(2, 6, 4), torch.tensor([6, 3])
    sequence = every(x, lengths)
    ends = torch.cat([sequence[[0, 1], lengths - 1, :5], sequence[:, 0, 5:]], dim=1)
    torch.testing.assert_close(last(x, lengths), ends)


@CELLS
def test_a_map_is_read_by_rows_then_columns(cell: CellKind) -> None:
    """Against the textbook's steps over one row, then one column, at a time (ReNet, eq. 1 to 4)."""
    torch.manual_seed(0)
    layer = SpatialRecurrent(cell, 3, patch=2)
    layer.build(Map(2, 4, 6))
    x = torch.randn(2, 2, 4, 6)
    patches = torch.nn.functional.pixel_unshuffle(x, 2)
    rows = torch.stack([by_steps(layer.rows, cell, row.permute(2, 0, 1)) for row in patches.unbind(2)])
    columns = torch.stack([by_steps(layer.columns, cell, column) for column in rows.unbind(1)])
    torch.testing.assert_close(layer(x), columns.permute(2, 3, 1, 0))


def by_steps(recurrence: torch.nn.RNNBase, cell: CellKind, x: Tensor) -> Tensor:
    """Both directions of (time, batch, channels), by one step after the other."""
    ways = []
    for suffix, turned in (("", x), ("_reverse", x.flip(0))):
        one = make_recurrence(cell, x.shape[2], 3, bidirectional=False, batch_first=False)
        weights = recurrence.state_dict()
        one.load_state_dict({name: weights[name + suffix] for name in one.state_dict()})
        state, outputs = initial_state(cell, 3, x[0]), []
        for now in turned:
            state = step(one, now, state)
            outputs.append(state[0])
        ways.append(torch.stack(outputs))
    return torch.cat([ways[0], ways[1].flip(0)], dim=2)


@CELLS
def test_hidden_matrices_start_orthogonal(cell: CellKind) -> None:
    weights = dict(make_recurrence(cell, 4, 8, bidirectional=True, batch_first=True).named_parameters())
    for gate in weights["weight_hh_l0_reverse"].detach().split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=0, atol=1e-5)


def test_only_forward_carries_state() -> None:
    assert Recurrent("gru", 4).carries_state
    assert not Recurrent("gru", 4, direction="both").carries_state
    assert Recurrent("gru", 4).reach() == (float("inf"), 0)


def test_a_map_is_sent_elsewhere() -> None:
    with pytest.raises(NetworkError, match=r"map of 3x4x5 arrives.*to_sequence"):
        Recurrent("gru", 4).output(Map(3, 4, 5))
    with pytest.raises(NetworkError, match="map of 5x5 arrives, which patches of 2 do not divide"):
        SpatialRecurrent("gru", 4, patch=2).output(Map(3, 5, 5))

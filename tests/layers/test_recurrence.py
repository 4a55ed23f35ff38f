"""Recurrence: the compiled path, the plain one, the textbook's step and NumPy all say the same, in every direction."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from plait.errors import NetworkError, RecipeError
from plait.layers import (
    Map,
    Recurrent,
    Sequence,
    SpatialRecurrent,
    Tokens,
    Vector,
    native,
    operators,
)
from plait.layers.cells import CellKind, make_cell
from plait.layers.recurrence import Direction
from tests import reference

KINDS: list[CellKind] = ["rnn", "lstm", "gru", "sru", "mingru"]
CELLS = pytest.mark.parametrize("cell", KINDS)
DIRECTIONS: list[Direction] = ["forward", "backward", "both"]


@pytest.fixture(params=["compiled", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every property holds for the compiled kernels and for plain PyTorch."""
    if request.param == "plain":
        monkeypatch.setattr(native, "library", lambda: None)
    elif native.library() is None:
        pytest.skip("no C compiler: there is no compiled path to test")
    return str(request.param)


def built(layer: Recurrent, arriving: Sequence, seed: int = 0) -> Recurrent:
    """With no weight at zero."""
    torch.manual_seed(seed)
    layer.build(arriving)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.4)
    return layer.eval()


@CELLS
@pytest.mark.usefixtures("path")
def test_step_is_sequence(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 6, layers=3, dropout=0.5, norm="layer"), Sequence(7, 4))
    x = torch.randn(2, 7, 4)
    states, outputs = layer.initial_state(x[:, 0]), []
    for now in x.unbind(1):
        output, states = layer.step(now, states)
        outputs.append(output)
    given, ends = layer.carry(x, layer.initial_state(x[:, 0]))
    torch.testing.assert_close(torch.stack(outputs, 1), layer(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(given, layer(x))
    for state, end in zip(states, ends, strict=True):
        torch.testing.assert_close(state, end, rtol=1e-5, atol=1e-5)


@CELLS
@pytest.mark.usefixtures("path")
def test_numpy_says_the_same(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 5), Sequence(6, 3)).double()
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    weights = {name.rpartition(".")[2]: value.numpy() for name, value in layer.state_dict().items()}
    zeros, seen = np.zeros(5), x[0].numpy()
    match cell:
        case "sru":
            expected = reference.sru(seen, weights["weight"], weights["bias"], weights["peephole"], zeros)
        case "mingru":
            expected = reference.mingru(seen, weights["weight"], weights["bias"], zeros)
        case _:
            w, u = weights["weight_ih_l0"], weights["weight_hh_l0"]
            arriving, hidden = weights["bias_ih_l0"], weights["bias_hh_l0"]
            if cell == "gru":
                expected = reference.gru(seen, w, u, arriving, hidden, zeros)
            elif cell == "lstm":
                expected = reference.lstm(seen, w, u, arriving + hidden, zeros, zeros)
            else:
                expected = reference.elman(seen, w, u, arriving + hidden, zeros)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@CELLS
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("padded", [False, True])
def test_compiled_is_plain(
    cell: CellKind, direction: Direction, padded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs, last states and every gradient, from states that are not zero."""
    if native.library() is None:
        pytest.skip("no C compiler: there is no compiled path to test")
    layer = built(Recurrent(cell, 6, 2, direction=direction), Sequence(7, 4))
    x = torch.randn(3, 7, 4, requires_grad=True)
    lengths = torch.tensor([7, 2, 5]) if padded else None
    starts = [tuple(torch.randn_like(one) for one in state) for state in layer.initial_state(x[:, 0])]

    def everything() -> list[Tensor]:
        outputs, ends = layer.carry(x, starts, lengths)
        loss = outputs.square().sum() + sum(one.pow(3).sum() for state in ends for one in state)
        slopes = torch.autograd.grad(loss, [x, *layer.parameters()])
        return [outputs, *(one for state in ends for one in state), *slopes]

    compiled = everything()
    monkeypatch.setattr(native, "library", lambda: None)
    for one, other in zip(compiled, everything(), strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-4, atol=1e-5 * max(1.0, float(other.detach().abs().max()))
        )


@pytest.mark.parametrize("name", ["gru", "sru", "mingru"])
def test_kernels_of_bfloat16_are_near(name: str) -> None:
    """Called by themselves: on processors without bfloat16 the layers do not ask for them."""
    if native.library() is None:
        pytest.skip("no C compiler: there is no compiled path to test")
    torch.manual_seed(0)
    gates = {"gru": 3, "sru": 4, "mingru": 2}[name]
    before, lengths = torch.randn(3, 7, 2, 2 * gates * 16), torch.tensor([7, 2, 5])
    weight, bias, peephole = torch.randn(2, 48, 16) * 0.2, torch.randn(2, 48), torch.randn(64)

    def everything(kind: torch.dtype) -> list[Tensor]:
        given = [one.to(kind).requires_grad_() for one in (before, weight, bias, peephole)]
        match name:
            case "gru":
                outputs = operators.gru(given[0], given[1], given[2], lengths, None, False)[0]
            case "sru":
                outputs = operators.sru(given[0], given[3], lengths, None, 2, False)[0]
            case _:
                outputs = operators.mingru(given[0], lengths, None, 2, False)[0]
        slopes = torch.autograd.grad(outputs.float().square().sum(), given, allow_unused=True)
        return [outputs, *(one for one in slopes if one is not None)]

    for exact, rounded in zip(everything(torch.float32), everything(torch.bfloat16), strict=True):
        assert rounded.dtype == torch.bfloat16
        assert (rounded.float() - exact).abs().max() < 0.05 * exact.detach().abs().max()


@CELLS
@pytest.mark.usefixtures("path")
def test_carried_on_is_read_at_once(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 6, 2), Sequence(7, 4))
    x = torch.randn(2, 7, 4)
    first, states = layer.carry(x[:, :3], layer.initial_state(x[:, 0]))
    second, _ = layer.carry(x[:, 3:], states)
    torch.testing.assert_close(torch.cat([first, second], 1), layer(x), rtol=1e-5, atol=1e-5)


@CELLS
@pytest.mark.usefixtures("path")
def test_last_states_are_those_without_padding(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 6, direction="both"), Sequence(7, 4))
    x, lengths = torch.randn(3, 7, 4), torch.tensor([7, 2, 5])
    _, ends = layer.carry(x, layer.initial_state(x[:, 0]), lengths)
    for row, length in enumerate(lengths):
        alone = x[row : row + 1, :length]
        _, expected = layer.carry(alone, layer.initial_state(alone[:, 0]))
        for one, other in zip(ends[0], expected[0], strict=True):
            torch.testing.assert_close(one[row : row + 1], other, rtol=1e-5, atol=1e-5)


@CELLS
@pytest.mark.usefixtures("path")
def test_gradients_of_padded_sequences(cell: CellKind) -> None:
    layer = built(Recurrent(cell, 3, direction="both", return_="last"), Sequence(4, 2)).double()
    x, lengths = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True), torch.tensor([4, 2])
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def answer(x: Tensor, *values: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(
            layer, dict(zip(names, values, strict=True)), (x, lengths)
        )
        return output

    values = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    assert torch.autograd.gradcheck(answer, (x, *values), atol=1e-6)


@CELLS
def test_both_directions_are_one_each(cell: CellKind) -> None:
    both, forward, backward = (
        built(Recurrent(cell, 6, direction=way), Sequence(7, 4)) for way in DIRECTIONS[::-1]
    )
    forward, backward = backward, forward
    x, lengths = torch.randn(3, 7, 4), torch.tensor([7, 2, 5])
    share_weights(both, forward, 0)
    share_weights(both, backward, 1)
    expected = torch.cat([forward(x, lengths), backward(x, lengths)], dim=2)
    torch.testing.assert_close(both(x, lengths), expected)


def share_weights(both: Recurrent, one: Recurrent, way: int) -> None:
    """Gives ``one`` the weights of a way of ``both``."""
    weights = both.state_dict()
    taken = {}
    for name, value in one.state_dict().items():
        if ".ways." in name:
            taken[name] = weights[name.replace(".ways.0.", f".ways.{way}.")]
        else:
            taken[name] = weights[name].chunk(2)[way]
        assert taken[name].shape == value.shape
    one.load_state_dict(taken)


@CELLS
def test_last_is_the_end_of_each_direction(cell: CellKind) -> None:
    every = built(Recurrent(cell, 5, direction="both"), Sequence(6, 4))
    last = Recurrent(cell, 5, direction="both", return_="last")
    assert last.build(Sequence(6, 4)) == Vector(10)
    last.load_state_dict(every.state_dict())
    x, lengths = torch.randn(2, 6, 4), torch.tensor([6, 3])
    sequence = every(x, lengths)
    ends = torch.cat([sequence[[0, 1], lengths - 1, :5], sequence[:, 0, 5:]], dim=1)
    torch.testing.assert_close(last(x, lengths), ends)


@CELLS
@pytest.mark.parametrize("patch", [1, 2, (2, 3)])
@pytest.mark.usefixtures("path")
def test_a_map_is_read_by_rows_then_columns(cell: CellKind, patch: int | tuple[int, int]) -> None:
    """Against one row, then one column, at a time (ReNet, eq. 1 to 4)."""
    torch.manual_seed(0)
    layer = SpatialRecurrent(cell, 3, patch=patch)
    layer.build(Map(2, 4, 6))
    x = torch.randn(2, 2, 4, 6)
    high, wide = (patch, patch) if isinstance(patch, int) else patch
    grid = torch.stack(
        [
            torch.stack(
                [
                    x[:, :, row : row + high, column : column + wide].flatten(1)
                    for column in range(0, 6, wide)
                ],
                1,
            )
            for row in range(0, 4, high)
        ],
        1,
    )
    rows = torch.stack([one_way(layer.rows, row) for row in grid.unbind(1)], 1)
    columns = torch.stack([one_way(layer.columns, column) for column in rows.unbind(2)], 2)
    torch.testing.assert_close(layer(x), columns.permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5)


@CELLS
def test_crosswise_sees_its_own_row_and_column(cell: CellKind) -> None:
    torch.manual_seed(0)
    layer = SpatialRecurrent(cell, 3, reading="crosswise")
    assert layer.build(Map(2, 4, 6)) == Map(12, 4, 6)
    x = torch.randn(1, 2, 4, 6, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(x)[0, :, 1, 2].sum(), x)
    seen = slope[0].abs().sum(0) > 0
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[1], expected[:, 2] = True, True
    assert torch.equal(seen, expected)


def one_way(cell: nn.Module, x: Tensor) -> Tensor:
    """Both ways of sequences (batch, time, channels)."""
    outputs, _ = cell.unroll(x.unsqueeze(2), None, None, False)  # type: ignore[operator]
    given: Tensor = outputs.squeeze(2)
    return given


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_hidden_matrices_start_orthogonal(cell: CellKind) -> None:
    weights = make_cell(cell, 4, 8, (False, True)).state_dict()
    for gate in weights["ways.1.weight_hh_l0"].split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.usefixtures("path")
def test_weight_drop_is_of_training_alone(cell: CellKind) -> None:
    plain, dropped = Recurrent(cell, 8), Recurrent(cell, 8, weight_drop=0.9)
    built(plain, Sequence(7, 4))
    built(dropped, Sequence(7, 4))
    x = torch.randn(2, 7, 4)
    torch.testing.assert_close(dropped(x), plain(x))
    dropped.train()
    torch.manual_seed(1)
    first = dropped(x)
    torch.manual_seed(1)
    assert torch.equal(first, dropped(x))
    assert not torch.allclose(first, plain(x))
    torch.testing.assert_close(first[:, 0], plain(x)[:, 0])  # the first step has no state to read
    dropped(x).sum().backward()
    assert all(parameter.grad is not None for parameter in dropped.parameters())


@CELLS
def test_large_numbers_stay_finite(cell: CellKind) -> None:
    """exp of a large number is infinite, and 1 / (1 + inf) must be 0 (which -ffast-math breaks)."""
    layer = built(Recurrent(cell, 8, direction="both"), Sequence(5, 4))
    x = (torch.randn(2, 5, 4) * 1e4).requires_grad_()
    outputs = layer(x)
    (slope,) = torch.autograd.grad(outputs.sum(), x)
    assert torch.isfinite(outputs).all()
    assert torch.isfinite(slope).all()


def test_kernels_can_be_switched_off_and_need_no_compiler(tmp_path: Path) -> None:
    """In a process of its own: the library is looked for once."""
    program = "import torch; from plait.layers import native; print(native.described())"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    for extra, expected in (
        ({"PLAIT_NATIVE": "0"}, "without compiled kernels (switched off)"),
        ({"CC": "no-such-compiler"}, "without compiled kernels (no C compiler)"),
        ({"CC": "false"}, "without compiled kernels (no C compiler)"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment | extra,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
        assert not list(tmp_path.rglob("*.so"))


@pytest.mark.skipif(sys.platform != "linux", reason="there are compiled kernels on Linux alone")
def test_one_pool_of_threads_serves_pytorch_and_the_kernels() -> None:
    if native.library() is None:
        pytest.skip("no C compiler: there is no compiled path to test")
    program = (
        "from pathlib import Path; from plait.layers import native; native.library(); "
        "print(*{line.split()[-1] for line in Path('/proc/self/maps').read_text().splitlines() if 'gomp' in line})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (only,) = done.stdout.split()
    assert "torch" in only


def test_only_forward_reads_on() -> None:
    assert Recurrent("gru", 4).reads_on
    assert not Recurrent("gru", 4, direction="both").reads_on
    assert Recurrent("gru", 4).reach() == (float("inf"), 0)


def test_what_cannot_work_is_refused_with_the_remedy() -> None:
    with pytest.raises(NetworkError, match=r"map of 3x4x5 arrives.*to_sequence"):
        Recurrent("gru", 4).output(Map(3, 4, 5))
    with pytest.raises(NetworkError, match=r"numbers arrives.*embedding"):
        Recurrent("gru", 4).output(Tokens(5, 9))
    with pytest.raises(NetworkError, match="map of 5x5 arrives, which patches of 2 do not divide"):
        SpatialRecurrent("gru", 4, patch=2).output(Map(3, 5, 5))
    with pytest.raises(RecipeError, match="mingru has no hidden weights to drop"):
        Recurrent("mingru", 4, weight_drop=0.5)

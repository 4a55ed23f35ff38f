"""A cell of one's own needs its step alone: unrolled in every direction, padded, over maps, and in a model file."""

from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
import torch
from torch import Tensor, nn

from plait.errors import RecipeError
from plait.layers import Map, OwnCell, Recurrent, Sequence, SpatialRecurrent
from plait.layers.cell import State
from plait.layers.recurrence import Direction
from tests.layers.test_recurrence import DIRECTIONS
from tests.layers.test_recurrence_export import LENGTHS, TwoInputs, runner


class Leaky(OwnCell):
    """h' = h / 2 + tanh(W x), and the number of steps."""

    states = 2

    def __init__(self, channels: int, units: int) -> None:
        super().__init__(channels, units)
        self.weight = nn.Parameter(torch.randn(units, channels) * 0.4)

    def step(self, x: Tensor, state: State) -> State:
        return state[0] / 2 + torch.tanh(x @ self.weight.T), state[1] + 1


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_cell_of_ones_own_needs_its_step_alone(direction: Direction) -> None:
    torch.manual_seed(0)
    layer = Recurrent(Leaky, 6, 2, direction=direction)
    assert layer.title == "recurrent Leaky"
    given = layer.build(Sequence(7, 4))
    ways = len(layer.reversals)
    assert given == Sequence(7, 6 * ways)
    assert layer.multiply_adds(Sequence(7, 4)) == 7 * ways * (6 * 4 + 6 * 6 * ways)
    x, lengths = torch.randn(2, 7, 4), torch.tensor([7, 3])
    outputs, ends = layer.carry(x, layer.initial_state(x[:, 0]), lengths)
    alone, _ = layer.carry(x[1:, :3], layer.initial_state(x[1:, 0]))
    torch.testing.assert_close(outputs[1:, :3], alone)
    assert ends[0][1][:, 0].tolist() == [7, 3]
    if direction == "forward":
        state, steps = layer.initial_state(x[:, 0]), []
        for step in x.unbind(1):
            output, state = layer.step(step, state)
            steps.append(output)
        torch.testing.assert_close(layer(x), torch.stack(steps, dim=1))


def test_a_cell_of_ones_own_reads_maps_and_drops_no_weights() -> None:
    layer = SpatialRecurrent(Leaky, 3)
    layer.build(Map(4, 5, 6))
    assert layer(torch.randn(2, 4, 5, 6)).shape == (2, 6, 5, 6)
    with pytest.raises(RecipeError, match="Leaky has no hidden weights to drop"):
        Recurrent(Leaky, 3, weight_drop=0.5)
    with pytest.raises(
        RecipeError, match=r"cell is 'lstn': it should be 'rnn', 'lstm', 'gru', 'sru' or 'mingru'$"
    ):
        Recurrent("lstn", 3)  # type: ignore[arg-type]


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Without the checker of shapes, whose bookkeeping cannot be exported with a loop's step."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("unchecked")
def test_a_model_file_reads_any_length(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = Recurrent(Leaky, 5, 2, direction="both")
    layer.build(Sequence(7, 4))
    network = TwoInputs(layer)
    run = runner(network, (torch.randn(3, 7, 4), torch.tensor([7, 2, 5])), tmp_path)
    for longest, real in LENGTHS:
        x, lengths = torch.randn(len(real), longest, 4), torch.tensor(real)
        torch.testing.assert_close(run(x, lengths)[0], network(x, lengths), rtol=1e-4, atol=1e-5)

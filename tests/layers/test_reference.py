"""Convolution, pooling, norms, attention and losses against NumPy, one position at a time."""

from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.errors import NetworkError
from plait.layers import (
    AdaptivePool,
    Conv,
    Dense,
    GlobalPool,
    Layer,
    LossOptions,
    Map,
    Norm,
    Parallel,
    Pool,
    Repeat,
    Residual,
    Sequence,
    Stack,
    Tap,
    ToSequence,
    Vector,
    make_loss,
    read_network,
)
from tests import reference

Array = NDArray[np.float64]


def built(layer: Layer, arriving: Map | Sequence | Vector) -> Layer:
    torch.manual_seed(0)
    layer.build(arriving)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return layer.double()


def arrays(layer: Layer) -> dict[str, Array]:
    return {name.rpartition(".")[2]: value.numpy() for name, value in layer.state_dict().items()}


def close(given: Tensor, expected: Array) -> None:
    np.testing.assert_allclose(given.detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 1, 1, 1), (2, 0, 1, 2), (1, 2, 2, 4)]
)
def test_convolution(stride: int, padding: int, dilation: int, groups: int) -> None:
    layer = built(
        Conv(8, 3, stride, padding=padding, dilation=dilation, groups=groups, bias=False), Map(4, 7, 6)
    )
    x = torch.randn(1, 4, 7, 6, dtype=torch.float64)
    expected = reference.convolution(x[0].numpy(), arrays(layer)["weight"], stride, padding, dilation, groups)
    close(layer(x)[0], expected)


def test_a_sequence_is_convolved_as_a_map_of_one_row() -> None:
    layer = built(Conv(8, 3, 2, bias=False), Sequence(9, 4))
    x = torch.randn(1, 9, 4, dtype=torch.float64)
    kernel = np.zeros((8, 4, 3, 3))
    kernel[:, :, 1] = arrays(layer)["weight"]
    expected = reference.convolution(x[0].numpy().T[:, None, :], kernel, 1, 1)[:, 0, ::2]
    close(layer(x)[0].T, expected)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling(kind: str) -> None:
    layer = Pool(3, "max" if kind == "max" else "average", 2)
    x = torch.randn(1, 4, 8, 7, dtype=torch.float64)
    close(layer(x)[0], reference.pool(x[0].numpy(), 3, 2, largest=kind == "max"))


@pytest.mark.parametrize("kind", ["max", "average"])
def test_adaptive_pooling_of_padded_sequences_is_torchs_of_each(kind: str) -> None:
    layer = AdaptivePool(3, "max" if kind == "max" else "average")
    torch_s = torch.nn.AdaptiveMaxPool1d(3) if kind == "max" else torch.nn.AdaptiveAvgPool1d(3)
    x, lengths = torch.randn(4, 9, 2, dtype=torch.float64), torch.tensor([9, 3, 5, 7])
    given = layer(x, lengths)
    for row, length in enumerate(lengths):
        close(given[row].T, torch_s(x[row, :length].T[None])[0].numpy())
    assert layer.output_lengths(lengths).tolist() == [3] * 4


def test_adaptive_pooling_of_maps_is_torchs() -> None:
    x = torch.randn(2, 3, 7, 9)
    torch.testing.assert_close(
        AdaptivePool([3, 4], "max")(x), torch.nn.functional.adaptive_max_pool2d(x, (3, 4))
    )
    torch.testing.assert_close(AdaptivePool(2)(x), torch.nn.functional.adaptive_avg_pool2d(x, 2))


@pytest.mark.parametrize("padded", [False, True])
def test_attention_is_a_weighed_average(padded: bool) -> None:
    layer = built(GlobalPool("attention"), Sequence(6, 3))
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    seen = x[0, :4].numpy() if padded else x[0].numpy()
    scores = np.exp(seen @ arrays(layer)["weight"][0])
    close(layer(x, torch.tensor([4]) if padded else None)[0], (scores / scores.sum()) @ seen)


@pytest.mark.parametrize("kind", ["batch", "layer", "rms"])
def test_norms(kind: str) -> None:
    layer = built(Norm("batch" if kind == "batch" else "layer" if kind == "layer" else "rms"), Map(4, 3, 5))
    x = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    positions, weights = x.permute(0, 2, 3, 1).reshape(-1, 4).numpy(), arrays(layer)
    match kind:
        case "batch":
            expected = reference.batch_norm(positions, weights["weight"], weights["bias"])
        case "layer":
            expected = reference.layer_norm(positions, weights["weight"], weights["bias"])
        case _:
            expected = reference.rms_norm(positions, weights["weight"], torch.finfo(torch.float64).eps)
    close(layer(x).permute(0, 2, 3, 1).reshape(-1, 4), expected)


@pytest.mark.parametrize(
    "layer", [Norm(), Conv(3, 1, norm="batch"), Dense(3, norm="batch")], ids=["norm", "conv", "dense"]
)
def test_padding_has_no_part_in_the_statistics_of_training(layer: Layer) -> None:
    """In training batch norm looks at the whole batch: what lies beyond the lengths must not be seen."""
    built(layer, Sequence(6, 3)).train()
    x, lengths = torch.randn(3, 6, 3, dtype=torch.float64), torch.tensor([6, 2, 4])
    other = torch.where(torch.arange(6)[None, :, None] < lengths[:, None, None], x, 1e3)
    first, second = layer(x, lengths), layer(other, lengths)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(first[row, :length], second[row, :length])
    real = torch.cat([first[row, :length] for row, length in enumerate(lengths)])
    shift = dict(layer.named_parameters())[
        next(name for name, _ in layer.named_parameters() if "bias" in name)
    ]
    torch.testing.assert_close(real.mean(0), shift.detach())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_losses(smoothing: float) -> None:
    logits, targets = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    rows = [*zip(logits.numpy(), targets.tolist(), strict=True)]

    def loss(name: str, gamma: float) -> float:
        options = {"name": name, "label_smoothing": smoothing, "class_weights": "none", "gamma": gamma}
        return float(
            make_loss(LossOptions.model_validate(options), torch.ones(4, dtype=torch.int64))(logits, targets)
        )

    expected = np.mean([reference.cross_entropy(*row, smoothing) for row in rows])
    assert loss("cross-entropy", 0) == pytest.approx(expected)
    if smoothing == 0:
        assert loss("focal", 2.0) == pytest.approx(np.mean([reference.focal(*row, 2.0) for row in rows]))


def test_branches_lie_side_by_side() -> None:
    layer = Parallel([[Conv(4)], [Pool(1), Conv(2, 1)]])
    assert layer.build(Map(3, 5, 5)) == Map(6, 5, 5)
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(layer(x), torch.cat([branch(x) for branch in layer.branches], 1))


def test_branches_that_do_not_agree_are_refused_by_number() -> None:
    with pytest.raises(NetworkError, match=r"branch 1 gives a map of 3x5x5 and branch 2 a map of 3x2x2"):
        Parallel([[Tap("a")], [Pool(2)]]).output(Map(3, 5, 5))
    with pytest.raises(NetworkError, match=r"layer 1 \(parallel\): branch 2, layer 2 \(pool 9\)"):
        Stack(*read_network([{"parallel": [[{"tap": "x"}], [{"pool": 2}, {"pool": 9}]]}])).output(
            Map(3, 5, 5)
        )


def test_taps_name_inner_outputs() -> None:
    network = Stack(Conv(4), Tap("fine"), Pool(2), Conv(8), Tap("coarse"), GlobalPool())
    arriving = Map(3, 8, 8)
    assert network.taps(arriving) == {"fine": Map(4, 8, 8), "coarse": Map(8, 4, 4)}
    network.build(arriving)
    x = torch.randn(2, 3, 8, 8)
    given, passed = network.tapped(x)
    torch.testing.assert_close(given, network(x))
    assert {name: tuple(value.shape) for name, value in passed.items()} == {
        "fine": (2, 4, 8, 8),
        "coarse": (2, 8, 4, 4),
    }
    with pytest.raises(NetworkError, match="two taps are named 'a'"):
        Stack(Tap("a"), Tap("a")).taps(arriving)


def test_taps_are_heard_from_within_groups() -> None:
    branches = Parallel([[Conv(4), Tap("first")], [Tap("second")]])
    network = Stack(Residual([Conv(3), Tap("inside")]), Repeat(1, [Conv(8), Tap("again")]), branches)
    arriving, x = Map(3, 8, 8), torch.randn(2, 3, 8, 8)
    network.build(arriving)
    given, passed = network.tapped(x)
    torch.testing.assert_close(given, network(x))
    assert network.taps(arriving) == {name: Map(*one.shape[1:]) for name, one in passed.items()}
    assert [*passed] == ["inside", "again", "first", "second"]
    torch.testing.assert_close(given, torch.cat([passed["first"], passed["second"]], dim=1))
    with pytest.raises(NetworkError, match="two taps are named 'a'"):
        Stack(Repeat(2, [Tap("a")])).taps(arriving)


def test_a_vector_is_read_in_order() -> None:
    layer = ToSequence(width=2)
    assert layer.output(Vector(6)) == Sequence(3, 2)
    assert layer(torch.arange(6.0)[None]).tolist() == [[[0, 1], [2, 3], [4, 5]]]
    with pytest.raises(NetworkError, match="steps of 4 do not divide"):
        ToSequence(width=4).output(Vector(6))


@pytest.mark.parametrize("by", ["rows", "positions"])
def test_maps_of_different_widths_are_read_by_columns_alone(by: Literal["rows", "positions"]) -> None:
    layer = ToSequence(by)
    given = layer.build(Map(2, 3, 5))
    x = torch.randn(2, 2, 3, 5)
    assert isinstance(given, Sequence)
    assert layer.output_lengths(torch.tensor([5, 5])).tolist() == [given.time] * 2
    assert torch.equal(layer(x, torch.tensor([5, 5])), layer(x))
    with pytest.raises(NetworkError, match="take columns"):
        layer(x, torch.tensor([5, 4]))

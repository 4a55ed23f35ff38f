"""A recipe's list to layers: what is read, and what every mistake is told."""

from typing import Any

import pytest
import torch

from plait.errors import NetworkError, RecipeError
from plait.layers import Conv, Dense, GlobalPool, Map, Pool, Recurrent, Stack, network_table, read_network
from plait.layers.convolution import AUTO_SIDE

NETWORK: list[Any] = [
    {"conv": {"channels": 16, "kernel": [3, 5], "stride": "auto", "norm": "batch", "activation": "relu"}},
    {"residual": [{"conv": 16}, {"squeeze": None}]},
    {"repeat": {"times": 2, "layers": [{"conv": {"channels": 16, "stride": 2}}]}},
    {"to_sequence": "columns"},
    {"recurrent": {"cell": "gru", "units": 8, "direction": "both", "return": "last"}},
    "dropout",
    {"dense": 10},
]


def test_a_list_is_read() -> None:
    stack = Stack(*read_network(NETWORK))
    stack.build(Map(3, 32, 40))
    assert stack(torch.randn(2, 3, 32, 40)).shape == (2, 10)
    assert [layer.title for layer in stack] == [
        "conv 16", "residual", "repeat 2", "to_sequence columns", "recurrent gru", "dropout 0.5", "dense 10",
    ]  # fmt: skip


def test_the_list_and_python_say_the_same() -> None:
    read = Stack(*read_network([{"conv": 8}, {"pool": 2}, "global_pool", {"dense": 3}]))
    written = Stack(Conv(8), Pool(2), GlobalPool(), Dense(3))
    assert network_table(read, Map(3, 8, 8)) == network_table(written, Map(3, 8, 8))


def test_repeated_layers_have_weights_of_their_own() -> None:
    stack = Stack(*read_network([{"repeat": {"times": 3, "layers": [{"conv": 4}]}}]))
    stack.build(Map(4, 5, 5))
    assert sum(parameter.numel() for parameter in stack.parameters()) == 3 * (4 * 4 * 9 + 4)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ([{"konv": 3}], "layer 1: there is no layer 'konv': did you mean 'conv'"),
        (
            [{"conv": 3}, {"pool": {"sise": 2}}],
            r"layer 2 \(pool\): unknown option 'sise': did you mean 'size'",
        ),
        ([{"conv": {"channels": "many"}}], "layer 1: conv: channels is 'many': it should be a valid integer"),
        ([{"conv": {"channels": 0}}], "channels is 0: it should be greater than or equal to 1"),
        ([{"conv": {"channels": True}}], "channels is True"),
        ([{"conv": {"channels": 3, "norm": "bach"}}], "norm is 'bach'.*'batch'"),
        ([{"conv": {}}], "layer 1: conv: the option 'channels' is missing"),
        ([{"recurrent": "gru"}], "the option 'units' is missing"),
        ([{"recurrent": {"cell": "gru", "units": 4, "return": "all"}}], "return is 'all'"),
        ([{"recurrent": {"cell": "gru", "units": 4, "retrun": "last"}}], "did you mean 'return'"),
        ([{"conv": 3, "pool": 2}], "layer 1: .* is not a layer's description"),
        ([17], "layer 1: 17 is not a layer's description"),
        ([{"flatten": 3}], "it has no options"),
        ([{"residual": [{"konv": 3}]}], r"layer 1 \(residual\), layer 1: there is no layer"),
        ([{"dropout": 1.0}], "share is 1.0: it should be less than 1"),
        ([{"normalize": {"mean": [0.5], "std": [0.0]}}], "std above zero"),
    ],
)
def test_mistakes_name_the_layer_and_the_remedy(network: list[Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_network(network)


def test_python_is_told_the_same() -> None:
    with pytest.raises(RecipeError, match="recurrent: units is -1: it should be greater"):
        Recurrent("gru", -1)


def test_what_cannot_work_names_layer_and_remedy() -> None:
    pools = [{"pool": 2}] * 4
    with pytest.raises(NetworkError) as caught:
        Stack(*read_network(pools)).output(Map(3, 8, 8))
    assert str(caught.value) == (
        "layer 4 (pool 2): a map of 1x1 arrives, and pooling by 2 needs at least 2x2; "
        "remove it or enlarge data.image_size"
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ([{"dense": 3}, {"conv": 3}], r"layer 2 \(conv 3\): a vector of 3 arrives"),
        ([{"conv": {"channels": 4, "groups": 2}}], "3 channels arrive, which 2 groups do not divide"),
        ([{"conv": {"channels": 4, "residual": True}}], "give as many channels as arrive"),
        ([{"conv": {"channels": 4, "kernel": 2}}], "take an odd kernel"),
        ([{"conv": {"channels": 4, "kernel": 9, "padding": 0}}], "does not fit"),
        ([{"residual": [{"conv": 4}]}], "let them give what arrives"),
        ([{"repeat": {"times": 4, "layers": [{"pool": 2}]}}], r"layer 1 \(repeat 4\): layer 4 \(pool 2\)"),
        ([{"recurrent": {"cell": "gru", "units": 3}}], "put to_sequence before it"),
        ([{"to_map": 1}], "to_map reads a sequence"),
        ([{"spatial_recurrent": {"cell": "gru", "units": 3, "patch": 2, "residual": True}}], "take patch: 1"),
    ],
)
def test_shapes_that_do_not_fit(network: list[Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Stack(*read_network(network)).output(Map(3, 8, 8))


def test_auto_stride_brings_any_picture_to_about_the_same_side() -> None:
    for side in range(8, 700):
        given = Conv(1, stride="auto").output(Map(3, side, side + 9))
        assert isinstance(given, Map)
        assert given.height == side or given.height >= AUTO_SIDE / 1.5
        assert given.height <= AUTO_SIDE * 1.5
    small, large = Conv(1, stride="auto"), Conv(1, stride="auto")
    small.build(Map(3, AUTO_SIDE, AUTO_SIDE))
    large.build(Map(3, 4 * AUTO_SIDE, 4 * AUTO_SIDE))
    assert [small.convolution.kernel_size, large.convolution.kernel_size] == [(3, 3), (7, 7)]

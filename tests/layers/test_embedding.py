"""Embedding: padding is zeros and stays so, and in training whole channels are dropped, for every step alike."""

import pytest
import torch

from plait.errors import NetworkError
from plait.layers import Embedding, Map, Tokens


def test_padding_is_zeros_and_learns_nothing() -> None:
    layer = Embedding(6)
    layer.build(Tokens(4, 10))
    given = layer(torch.tensor([[3, 0, 5, 0]]))
    assert not given[0, [1, 3]].any()
    given.sum().backward()
    assert layer.table.weight.grad is not None
    assert not layer.table.weight.grad[0].any()
    assert layer.table.weight.grad[3].any()


def test_dropout_takes_the_same_channels_at_every_step_of_a_text() -> None:
    layer = Embedding(64, dropout=0.5)
    layer.build(Tokens(20, 50))
    tokens = torch.randint(1, 50, (200, 20), generator=torch.Generator().manual_seed(0))
    whole = layer.eval()(tokens)
    torch.manual_seed(0)
    dropped = layer.train()(tokens)
    gone = dropped == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    assert 0.47 < gone.float().mean() < 0.53
    torch.testing.assert_close(dropped[~gone], 2 * whole[~gone])


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"map of 3x8x8 arrives.*put it first for texts"):
        Embedding(4).output(Map(3, 8, 8))

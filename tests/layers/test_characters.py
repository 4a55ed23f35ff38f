"""Character convolution: a word is what its characters are, wherever it stands and whatever padding follows."""

import pytest
import torch

from plait.errors import NetworkError
from plait.layers import CharacterConv, Sequence, Tokens, Words

SHAPE = Words(4, 20, 6, 30)


def layer() -> CharacterConv:
    torch.manual_seed(0)
    made = CharacterConv(5, embedding=4)
    made.build(SHAPE)
    return made.eval()


def test_padding_behind_a_word_changes_nothing() -> None:
    made = layer()
    short = torch.tensor([[[7, 3, 4, 5]]])
    padded = torch.tensor([[[7, 3, 4, 5, 0, 0, 0]]])
    torch.testing.assert_close(made(padded), made(short))


def test_a_word_is_its_largest_window() -> None:
    made = layer()
    signs = torch.tensor([3, 4, 5])
    vectors = torch.nn.functional.pad(made.table(signs).T, (1, 1))
    windows = [
        (made.convolution.weight * vectors[None, :, start : start + 3]).sum((1, 2)) + made.convolution.bias
        for start in range(3)
    ]
    expected = torch.stack(windows).amax(0)
    torch.testing.assert_close(made(torch.tensor([[[7, 3, 4, 5]]]))[0, 0], expected)


def test_the_words_own_number_is_not_looked_at() -> None:
    made = layer()
    assert torch.equal(made(torch.tensor([[[7, 3, 4, 5]]])), made(torch.tensor([[[2, 3, 4, 5]]])))


def test_a_step_without_characters_is_zeros() -> None:
    assert not layer()(torch.zeros(1, 3, 7, dtype=torch.int64)).any()


def test_what_cannot_work_is_refused() -> None:
    for arriving in (Tokens(4, 9), Sequence(4, 3)):
        with pytest.raises(NetworkError, match="words with their characters"):
            CharacterConv(4).output(arriving)
    with pytest.raises(NetworkError, match="no middle"):
        CharacterConv(4, 2).output(SHAPE)

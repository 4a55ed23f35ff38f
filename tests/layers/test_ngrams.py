"""The linear model of n-grams sums the same weights in PyTorch as its buckets say, however texts are padded."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.inference.text import pad
from plait.layers.ngrams import NgramLinear, ngram_buckets

TOKENS = 30_001
TEXT = st.lists(st.integers(1, TOKENS - 1), min_size=1, max_size=30)


def model(orders: list[int]) -> NgramLinear:
    found = NgramLinear(3, orders, 4096, TOKENS)
    chance = torch.Generator().manual_seed(0)
    found.weight.copy_(torch.randn(4096, 3, generator=chance))
    found.spelling.copy_(torch.randn(TOKENS, 3, generator=chance))
    found.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    return found


@settings(max_examples=50, deadline=None)
@given(
    st.lists(TEXT, min_size=1, max_size=5),
    st.sampled_from([[1], [1, 2], [2, 3], [1, 2, 3]]),
    st.integers(1, 16),
)
def test_it_sums_what_its_buckets_say(texts: list[list[int]], orders: list[int], multiple: int) -> None:
    linear = model(orders)
    arrays = [np.array(text, np.int64) for text in texts]
    values, lengths = pad(arrays, multiple)
    found = linear(torch.from_numpy(values), torch.from_numpy(lengths))
    for row, text in enumerate(arrays):
        buckets = ngram_buckets(text, orders, 4096)
        total = linear.weight[torch.from_numpy(buckets)].sum(0) + linear.spelling[text].sum(0)
        expected = total / len(text) ** 0.5 + linear.bias
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_texts_of_the_same_words_in_another_order_differ_by_pairs_alone() -> None:
    one, other = torch.tensor([[5, 6, 7]]), torch.tensor([[7, 6, 5]])
    lengths = torch.tensor([3])
    assert torch.allclose(model([1])(one, lengths), model([1])(other, lengths))
    assert not torch.allclose(model([1, 2])(one, lengths), model([1, 2])(other, lengths))

"""A linear model of n-grams: the wide path beside a deep network (Cheng et al. 2016, "Wide & deep learning")."""

from collections.abc import Sequence as Series

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

FACTOR = 1_000_003
"""Of the hash; products stay far below 2 ** 63."""


def next_hash(before: Tensor, token: Tensor, buckets: int) -> Tensor:
    """Bucket of an n-gram from the bucket of all but its last token."""
    return (before * FACTOR + token * (FACTOR - 2)).remainder(buckets)


def ngram_buckets(tokens: NDArray[np.int64], orders: Series[int], buckets: int) -> NDArray[np.int64]:
    """The buckets of a text's n-grams (time,) of all ``orders``, those that fit within it."""
    found = []
    hashed = np.zeros(len(tokens), np.int64)
    for order in range(1, max(orders) + 1):
        hashed = (hashed[: len(tokens) - order + 1] * FACTOR + tokens[order - 1 :] * (FACTOR - 2)) % buckets
        if order in orders:
            found.append(hashed)
    return np.concatenate(found)


class NgramLinear(nn.Module):
    """Sum of a weight for each n-gram of a text, over the root of its tokens' number, plus a bias: logits.

    N-grams are hashed into ``buckets`` (Weinberger et al. 2009). What a token's spelling says is a weight more for
    each of ``tokens`` numbers: the sum over the n-grams of its characters, as in fastText (Bojanowski et al. 2017).
    Nothing in it is trained by gradients.
    """

    weight: Tensor
    spelling: Tensor
    bias: Tensor

    def __init__(self, classes: int, orders: Series[int], buckets: int, tokens: int) -> None:
        super().__init__()
        self.orders = tuple(orders)
        self.buckets = buckets
        self.register_buffer("weight", torch.zeros(buckets, classes))
        self.register_buffer("spelling", torch.zeros(tokens, classes))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch classes"]:
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        hashed = torch.zeros_like(tokens)
        within = (steps < lengths[:, None])[:, :, None]
        total = (nn.functional.embedding(tokens, self.spelling) * within).sum(dim=1)
        for order in range(1, max(self.orders) + 1):
            # The n-gram that ends at each step; those that begin before the text or end after it count nothing.
            shifted = nn.functional.pad(hashed, (1, 0))[:, :-1] if order > 1 else hashed
            hashed = next_hash(shifted, tokens, self.buckets)
            if order in self.orders:
                inside = (steps >= order - 1) & (steps < lengths[:, None])
                total = total + (nn.functional.embedding(hashed, self.weight) * inside[:, :, None]).sum(dim=1)
        return total / lengths[:, None].to(total.dtype).sqrt() + self.bias

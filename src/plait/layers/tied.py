"""TiedOutput: a sequence to scores of every token, by the same vectors that tokens are read by."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers.embedding import Embedding
from plait.layers.layer import STEP, Layer, Window
from plait.layers.shapes import Sequence, Shape


class TiedOutput(Layer):
    """Products with the ``size`` vectors of ``embedding``, and a bias a token (Press and Wolf 2017, Inan et al. 2017).

    What arrives must be as wide as those vectors. The embedding stays the owner of its weights.
    """

    word = "tied_output"

    def __init__(self, embedding: Embedding, size: int) -> None:
        super().__init__()
        self.given = {}
        self.size = size
        # In a list: a module would be registered, and its weights saved, a second time.
        self._embeddings = [embedding]

    def output(self, arriving: Shape) -> Shape:
        assert isinstance(arriving, Sequence) and arriving.channels == self._embeddings[0].channels
        return Sequence(arriving.time, self.size)

    def create(self, arriving: Shape) -> None:
        self.bias = nn.Parameter(torch.zeros(self.size))

    def forward(
        self, x: Float[Tensor, "batch time channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time vocabulary"]:
        return F.linear(x, self._embeddings[0].table.weight, self.bias)

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        assert isinstance(arriving, Sequence)
        return arriving.time * arriving.channels * self.size

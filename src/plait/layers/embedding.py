"""Embedding: a vector for each token number (Bengio et al. 2003)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Count, Share, checked
from plait.layers.shapes import Sequence, Shape, Tokens


class Embedding(Layer):
    """Tokens (of words, their own numbers) to vectors of ``channels`` numbers; token 0, padding, is one of zeros.

    ``dropout`` is the share of the channels that are zeroed in training, the same ones at every step of a text
    (variational dropout, Gal and Ghahramani 2016).
    """

    word = "embedding"

    @checked
    def __init__(self, channels: Count, dropout: Share = 0.0) -> None:
        super().__init__()
        self.channels = channels
        self.dropout = dropout

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Tokens):
            raise NetworkError(
                f"a {arriving} arrives, and embedding reads token numbers: remove it, or put it first for texts"
            )
        return Sequence(arriving.time, self.channels)

    def create(self, arriving: Shape) -> None:
        assert isinstance(arriving, Tokens)
        self.table = nn.Embedding(arriving.vocabulary, self.channels, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0].zero_()

    def forward(
        self, x: Int[Tensor, "batch time *letters"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels"]:
        vectors: Tensor = self.table(x if x.dim() == 2 else x[..., 0])
        if self.training and self.dropout:
            kept = torch.rand(len(x), 1, self.channels, device=x.device) >= self.dropout
            vectors = vectors * (kept / (1 - self.dropout))
        return vectors

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

"""Embedding: a vector for each token number (Bengio et al. 2003)."""

from typing import Annotated

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Count, Share, checked
from plait.layers.shapes import Sequence, Shape, Tokens, Words, remedy


class Embedding(Layer):
    """Tokens to vectors of ``channels`` numbers; token 0, padding, is one of zeros.

    ``vectors`` names a file of word vectors (word2vec's and fastText's text format, GloVe) of as many numbers, from
    which training starts; the words it lacks are drawn.

    Of words that come with features ``column`` says what is read: 0 the word itself, 1 its first feature, and so on.

    ``dropout`` is the share of the channels that are zeroed in training, the same ones at every step of a text
    (variational dropout, Gal and Ghahramani 2016).
    """

    word = "embedding"

    @checked
    def __init__(
        self,
        channels: Count,
        dropout: Share = 0.0,
        column: Annotated[int, Field(ge=0)] = 0,
        vectors: str | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.dropout = dropout
        self.column = column
        self.vectors = vectors

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Tokens):
            raise NetworkError(
                f"a {arriving} arrives, and embedding reads token numbers: "
                f"{remedy(arriving, 'remove it, or put it first for texts')}"
            )
        columns = self._sizes(arriving)
        if self.column >= len(columns):
            raise NetworkError(
                f"column {self.column} is asked for, but a {arriving} arrives with {len(columns) - 1} features: name "
                "their columns in data.features"
            )
        return Sequence(arriving.time, self.channels)

    def create(self, arriving: Shape) -> None:
        assert isinstance(arriving, Tokens)
        self.table = nn.Embedding(self._sizes(arriving)[self.column], self.channels, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0].zero_()

    def forward(
        self, x: Int[Tensor, "batch time *letters"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels"]:
        vectors: Tensor = self.table(x if x.dim() == 2 else x[..., self.column])
        if self.training and self.dropout:
            kept = torch.rand(len(x), 1, self.channels, device=x.device) >= self.dropout
            vectors = vectors * (kept / (1 - self.dropout))
        return vectors

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

    @staticmethod
    def _sizes(arriving: Tokens) -> tuple[int, ...]:
        """How many numbers there are of each column."""
        return arriving.vocabulary, *(arriving.features if isinstance(arriving, Words) else ())

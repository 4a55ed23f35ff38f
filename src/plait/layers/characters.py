"""Character convolution: what a word looks like, from its characters (dos Santos and Zadrozny 2014)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Count, Share, checked
from plait.layers.shapes import Sequence, Shape, Words


class CharacterConv(Layer):
    """Of each word: its characters as vectors of ``embedding`` numbers, a convolution over them, and of each of its
    ``channels`` the largest value over the word's characters.

    ``dropout`` is the share of a character's numbers that are zeroed in training.
    """

    word = "character_conv"

    @checked
    def __init__(
        self, channels: Count, kernel: Count = 3, embedding: Count = 30, dropout: Share = 0.0
    ) -> None:
        super().__init__()
        self.channels = channels
        self.kernel = kernel
        self.width = embedding
        self.dropout = nn.Dropout(dropout)

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Words):
            raise NetworkError(
                f"a {arriving} arrives, and character_conv reads words with their characters: put it first, in a "
                "branch beside the embedding of the words (sequence-tagging)"
            )
        if self.kernel % 2 == 0:
            raise NetworkError(f"a kernel of {self.kernel} has no middle: take an odd one")
        return Sequence(arriving.time, self.channels)

    def create(self, arriving: Shape) -> None:
        assert isinstance(arriving, Words)
        self.before = arriving.width - arriving.letters
        self.table = nn.Embedding(arriving.characters, self.width, padding_idx=0)
        nn.init.uniform_(self.table.weight, -((3 / self.width) ** 0.5), (3 / self.width) ** 0.5)
        with torch.no_grad():
            self.table.weight[0].zero_()
        self.convolution = nn.Conv1d(self.width, self.channels, self.kernel, padding=self.kernel // 2)

    def forward(
        self, x: Int[Tensor, "batch time width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels"]:
        batch, time, width = x.shape
        signs = x[..., self.before :].reshape(batch * time, width - self.before)
        vectors = self.dropout(self.table(signs)).transpose(1, 2)
        seen = F.pad(self.convolution(vectors), (0, 1))
        # Of a word without characters, padding, the zero behind them is what is left.
        real = torch.cat([signs != 0, (signs[:, :1] == 0)], dim=1)
        largest = seen.masked_fill(~real[:, None], -torch.inf).max(dim=2).values
        return largest.reshape(batch, time, self.channels)

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        assert isinstance(arriving, Words)
        return arriving.time * arriving.letters * self.kernel * self.width * self.channels

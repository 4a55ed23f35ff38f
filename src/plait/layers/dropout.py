"""Dropout: some activations zeroed in training (Srivastava et al. 2014)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import Share, checked
from plait.layers.shapes import Raw, Shape, remedy


class Dropout(Layer):
    """Zeroes this ``share`` of the numbers in training and scales up the others; nothing in evaluation.

    ``variational``: of a sequence the same channels at every step (Gal and Ghahramani 2016).
    """

    word = "dropout"

    @checked
    def __init__(self, share: Share = 0.5, variational: bool = False) -> None:
        super().__init__()
        self.variational = variational
        self.dropout = nn.Dropout(share)

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Raw):
            raise NetworkError(f"a {arriving} arrives, and dropout needs channels: {remedy(arriving)}")
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *axes"]:
        if self.variational and x.dim() == 3 and self.training:
            kept: Tensor = self.dropout(torch.ones_like(x[:, :1]))
            return x * kept
        dropped: Tensor = self.dropout(x)
        return dropped

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

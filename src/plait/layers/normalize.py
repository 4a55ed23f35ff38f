"""Normalize: pictures of 0..255 to numbers about zero, inside the network, so that it is exported with it."""

from collections.abc import Sequence as Series

import torch
from jaxtyping import Float, Num
from torch import Tensor

from plait.errors import NetworkError, RecipeError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import checked
from plait.layers.shapes import Map, Shape


class Normalize(Layer):
    """(x / 255 - mean) / std for each channel of uint8 or float in 0..255; ``mean``, ``std`` are in 0..1."""

    word = "normalize"

    mean: Tensor
    std: Tensor

    @checked
    def __init__(self, mean: Series[float], std: Series[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or min(std) <= 0:
            raise RecipeError(
                f"normalize: mean {mean} and std {std} must be as long as each other, and std above zero"
            )
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def know(self, mean: Series[float], std: Series[float]) -> None:
        """Takes each channel's mean and standard deviation in 0..1 in place of those it was made with."""
        self.mean.copy_(self.mean.new_tensor(mean))
        self.std.copy_(self.std.new_tensor(std))

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Map) or arriving.channels != len(self.mean):
            raise NetworkError(
                f"a {arriving} arrives, and normalize has the statistics of {len(self.mean)} channels"
            )
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Num[Tensor, "batch channels height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        scale = 1 / (255 * self.std)
        shift = -self.mean / self.std
        return torch.addcmul(shift[:, None, None], x.to(scale.dtype), scale[:, None, None])

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

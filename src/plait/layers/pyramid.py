"""Pyramid: maps of falling size brought to equal channels, the coarse ones telling the fine ones what they saw."""

from collections.abc import Sequence as Series

import torch.nn.functional as F
from torch import Tensor, nn

from plait.layers.convolution import Conv
from plait.layers.layer import Layer
from plait.layers.shapes import Map
from plait.layers.stack import Stack


class Pyramid(nn.Module):
    """Feature pyramid (Lin et al. 2017), then ``context`` layers over each map, with weights of their own.

    Takes maps (batch, channels, height, width) of the shapes ``arriving``, from fine to coarse, and gives as many of
    ``channels``. A coarse map is enlarged by its nearest values to the next finer one, whatever the sizes are. The
    context must keep a map's shape.
    """

    def __init__(self, arriving: Series[Map], channels: int, context: Series[Series[Layer]]) -> None:
        super().__init__()
        self.arriving = list(arriving)
        self.shapes = [Map(channels, shape.height, shape.width) for shape in arriving]
        self.lateral = nn.ModuleList(Conv(channels, 1, norm="batch") for _ in arriving)
        self.smooth = nn.ModuleList(Conv(channels, 3, norm="batch", activation="relu") for _ in arriving)
        self.context = nn.ModuleList(Stack(*layers) for layers in context)
        for lateral, smooth, after, before, shape in zip(
            self.lateral, self.smooth, self.context, arriving, self.shapes, strict=True
        ):
            assert isinstance(lateral, Conv) and isinstance(smooth, Conv) and isinstance(after, Stack)
            lateral.build(before)
            smooth.build(shape)
            after.build(shape)

    def multiply_adds(self) -> int:
        """Of one example; as a layer's."""
        levels = zip(self.lateral, self.smooth, self.context, self.arriving, self.shapes, strict=True)
        return sum(
            lateral.multiply_adds(before) + smooth.multiply_adds(shape) + context.multiply_adds(shape)  # type: ignore[operator]
            for lateral, smooth, context, before, shape in levels
        )

    def forward(self, maps: Series[Tensor]) -> list[Tensor]:
        given: list[Tensor] = []
        above: Tensor | None = None
        levels = list(zip(maps, self.lateral, self.smooth, self.context, strict=True))
        for arriving, lateral, smooth, context in reversed(levels):
            here: Tensor = lateral(arriving)
            if above is not None:
                here = here + F.interpolate(above, size=here.shape[-2:], mode="nearest")
            above = here
            given.append(context(smooth(here)))
        return given[::-1]

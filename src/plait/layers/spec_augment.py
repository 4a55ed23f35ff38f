"""SpecAugment: spans of steps and of channels hidden in training (Park et al. 2019)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import checked
from plait.layers.shapes import Sequence, Shape

LARGEST_SHARE = 0.2
"""Of a recording's steps, hidden by one mask."""

Number = Annotated[int, Field(ge=0)]


class SpecAugment(Layer):
    """Zeroes random spans of a sequence in training, each example's own; nothing in evaluation.

    ``times`` spans of up to ``time`` steps, and never more than a fifth of the real ones, and ``bands`` spans of up to
    ``band`` channels; how long they are and where they begin is drawn evenly (Park et al. 2019, "SpecAugment", without
    its warping of time).
    """

    word = "spec_augment"

    @checked
    def __init__(self, times: Number = 2, time: Number = 40, bands: Number = 2, band: Number = 15) -> None:
        super().__init__()
        self.times = times
        self.time = time
        self.bands = bands
        self.band = band

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Sequence):
            raise NetworkError(
                f"a {arriving} arrives, and spec_augment reads a sequence: put it after log_mel"
            )
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch time channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels"]:
        if not self.training:
            return x
        batch, time, channels = x.shape
        steps = torch.full((batch,), time, device=x.device) if lengths is None else lengths
        longest = (steps * LARGEST_SHARE).long().clamp_max(self.time)
        hidden_steps = _spans(self.times, time, steps, longest)
        every = torch.full_like(steps, channels)
        hidden_bands = _spans(self.bands, channels, every, every.clamp_max(self.band))
        return x.masked_fill(hidden_steps[:, :, None] | hidden_bands[:, None], 0)

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


def _spans(
    count: int, size: int, real: Int[Tensor, "batch"], longest: Int[Tensor, "batch"]
) -> Bool[Tensor, "batch size"]:
    """True in ``count`` spans of 0 to ``longest`` places, within the first ``real`` of ``size``."""
    drawn = torch.rand(2, len(real), count, device=real.device)
    spans = (drawn[0] * (longest[:, None] + 1)).floor()
    begins = (drawn[1] * (real[:, None] - spans + 1)).floor()[:, :, None]
    places = torch.arange(size, device=real.device)
    return ((places >= begins) & (places < begins + spans[:, :, None])).any(dim=1)

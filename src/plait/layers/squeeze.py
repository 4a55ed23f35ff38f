"""Squeeze and excitation: each channel is weighed by what the whole map or sequence holds (Hu et al. 2018)."""

from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.masks import blank_padding
from plait.layers.options import Count, checked
from plait.layers.shapes import Map, Sequence, Shape, remedy

LEAST_UNITS = 8


class Squeeze(Layer):
    """Averages each channel over a map's real columns, or a sequence's real steps, and from the averages computes a
    weight in 0..1 for each.

    Between the two lie channels / ``ratio`` units, at least 8.
    """

    word = "squeeze"

    @checked
    def __init__(self, ratio: Count = 16) -> None:
        super().__init__()
        self.ratio = ratio

    def output(self, arriving: Shape) -> Shape:
        if not isinstance(arriving, Map | Sequence):
            raise NetworkError(
                f"a {arriving} arrives, and squeeze weighs the channels of a map or a sequence: "
                f"{remedy(arriving, 'move it before')}"
            )
        return arriving

    def create(self, arriving: Shape) -> None:
        channels, units = self._sizes(arriving)
        self.weigh = nn.Sequential(
            nn.Linear(channels, units), nn.ReLU(inplace=True), nn.Linear(units, channels), nn.Sigmoid()
        )

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *axes"]:
        weights: Tensor = self.weigh(self._average(x, lengths))
        return x * (weights[:, :, None, None] if x.dim() == 4 else weights[:, None])

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        channels, units = self._sizes(arriving)
        return 2 * channels * units

    def _average(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        axes, height = ((2, 3), x.shape[2]) if x.dim() == 4 else ((1,), 1)
        if lengths is None:
            return x.mean(dim=axes)
        return blank_padding(x, lengths).sum(dim=axes) / (lengths * height).clamp_min(1)[:, None]

    def _sizes(self, arriving: Shape) -> tuple[int, int]:
        assert isinstance(arriving, Map | Sequence)
        return arriving.channels, max(LEAST_UNITS, arriving.channels // self.ratio)

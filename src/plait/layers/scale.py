"""Scale: what arrives, times one number that is not learnt."""

from jaxtyping import Float
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import checked
from plait.layers.shapes import Raw, Shape, remedy


class Scale(Layer):
    """Multiplies by ``factor``; before the classes it tempers what the network says at first (Jordan 2024)."""

    word = "scale"

    @checked
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Raw):
            raise NetworkError(f"a {arriving} arrives, and scale needs channels: {remedy(arriving)}")
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *axes"]:
        return x * self.factor

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

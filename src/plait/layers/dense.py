"""Dense: a fully connected layer."""

from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.activation import ActivationKind, make_activation
from plait.layers.layer import STEP, Layer, Window
from plait.layers.norm import NormKind, make_norm, normalized
from plait.layers.options import Count, checked
from plait.layers.shapes import Map, Raw, Sequence, Shape, Vector, remedy


class Dense(Layer):
    """Weighted sums of all channels of a vector, or of each step of a sequence; a map is flattened first."""

    word = "dense"

    @checked
    def __init__(self, units: Count, activation: ActivationKind = "none", norm: NormKind = "none") -> None:
        super().__init__()
        self.units = units
        self.activation_kind: ActivationKind = activation
        self.norm_kind: NormKind = norm

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Raw):
            raise NetworkError(f"a {arriving} arrives, and a dense layer needs channels: {remedy(arriving)}")
        return Sequence(arriving.time, self.units) if isinstance(arriving, Sequence) else Vector(self.units)

    def create(self, arriving: Shape) -> None:
        self.linear = nn.Linear(_arriving_units(arriving), self.units, bias=self.norm_kind == "none")
        self.norm = make_norm(self.norm_kind, self.output(arriving))
        self.activation = make_activation(self.activation_kind, overwrite=True)

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        values = x.flatten(1) if x.dim() == 4 else x
        active: Tensor = self.activation(normalized(self.norm, self.linear(values), lengths))
        return active

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        steps = arriving.time if isinstance(arriving, Sequence) else 1
        return steps * _arriving_units(arriving) * self.units


def _arriving_units(arriving: Shape) -> int:
    assert not isinstance(arriving, Raw)
    size = arriving.height * arriving.width if isinstance(arriving, Map) else 1
    return arriving.channels * size

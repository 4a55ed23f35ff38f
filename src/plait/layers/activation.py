"""Activation: the nonlinear function between layers."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import STEP, Layer, Window
from plait.layers.options import checked
from plait.layers.shapes import Raw, Shape, remedy

ActivationKind = Literal[
    "none", "relu", "leaky_relu", "elu", "gelu", "silu", "hardswish", "mish", "tanh", "sigmoid"
]


class Activation(Layer):
    """The function named ``kind``, of each number alone."""

    word = "activation"

    @checked
    def __init__(self, kind: ActivationKind = "relu") -> None:
        super().__init__()
        self.activation = make_activation(kind, overwrite=False)

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Raw):
            raise NetworkError(f"a {arriving} arrives, and an activation needs channels: {remedy(arriving)}")
        return arriving

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *axes"]:
        active: Tensor = self.activation(x)
        return active

    def window(self) -> Window:
        return STEP

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


def make_activation(kind: ActivationKind, overwrite: bool) -> nn.Module:
    """The module of this name; with ``overwrite`` it may write over what arrives.

    That saves memory traffic, and is right only after an operation whose backward never reads its own output
    (convolution, norm, addition, a dense layer).
    """
    return nn.ReLU(inplace=True) if overwrite and kind == "relu" else _KINDS[kind]()


_KINDS: dict[ActivationKind, type[nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

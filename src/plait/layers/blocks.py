"""Blocks of convolutions: the residual block and the separable convolution."""

from typing import Any, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.layers.activation import ActivationKind, make_activation
from plait.layers.convolution import Conv, map_or_sequence
from plait.layers.layer import Layer, Window
from plait.layers.masks import blank_padding, valid_steps
from plait.layers.norm import NormKind, scale_of
from plait.layers.options import Count, Sides, checked
from plait.layers.shapes import Shape, sides, with_sides


class ResidualBlock(Layer):
    """The basic block: two convolutions of 3 and a shortcut past them (He et al. 2015).

    Where the shape changes, the shortcut is a convolution of 1 with that stride (``conv``), or averages first
    and then convolves at stride 1 (``pool``: He et al. 2018, "Bag of tricks", ResNet-D). The last norm's
    scale starts at zero, so that a block starts as its shortcut (Goyal et al. 2017).
    """

    word = "residual_block"

    @checked
    def __init__(
        self,
        channels: Count,
        stride: Count = 1,
        norm: NormKind = "batch",
        activation: ActivationKind = "relu",
        shortcut: Literal["conv", "pool"] = "conv",
    ) -> None:
        super().__init__()
        self.first = Conv(channels, 3, stride, norm=norm, activation=activation)
        self.second = Conv(channels, 3, norm=norm)
        self.shortcut = Conv(channels, 1, stride if shortcut == "conv" else 1, norm=norm)
        self.pooled = stride if shortcut == "pool" else 1
        self.activation = make_activation(activation, overwrite=True)

    def output(self, arriving: Shape) -> Shape:
        return self.second.output(self.first.output(arriving))

    def create(self, arriving: Shape) -> None:
        given = self.second.build(self.first.build(arriving))
        self.changes = given != arriving
        if self.changes:
            self.shortcut.build(self._pooled(arriving))
        scale = scale_of(self.second.norm)
        if scale is not None:
            nn.init.zeros_(scale)

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        after = lengths if lengths is None else self.first.output_lengths(lengths)
        changed = self.second(self.first(x, lengths), after)
        around = self._around(x, lengths, after) if self.changes else x
        active: Tensor = self.activation(changed + around)
        return active

    def window(self) -> Window:
        return self.first.window().then(self.second.window())

    def multiply_adds(self, arriving: Shape) -> int:
        middle = self.first.output(arriving)
        total = self.first.multiply_adds(arriving) + self.second.multiply_adds(middle)
        if self.output(arriving) == arriving:
            return total
        return total + self.shortcut.multiply_adds(self._pooled(arriving))

    def _pooled(self, arriving: Shape) -> Shape:
        positions = map_or_sequence(arriving)
        return with_sides(
            positions, positions.channels, [-(-side // self.pooled) for side in sides(positions)]
        )

    def _around(self, x: Tensor, lengths: Tensor | None, after: Tensor | None) -> Tensor:
        """The shortcut's convolution, of what arrives or of its averages, which are already as few as are given."""
        around: Tensor = self.shortcut(self._pool(x, lengths), lengths if self.pooled == 1 else after)
        return around

    def _pool(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Averages of what each window holds of the map, or of the real steps."""
        if self.pooled == 1:
            return x
        average = self._average(blank_padding(x, lengths))
        if lengths is None:
            return average
        mask = valid_steps(x, lengths).to(x.dtype)
        real = F.avg_pool1d(mask.flatten(1)[:, None], self.pooled, ceil_mode=True)[:, 0].clamp(min=1e-9)
        return average / (real[:, None, None] if x.dim() == 4 else real[:, :, None])

    def _average(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return F.avg_pool2d(x, self.pooled, ceil_mode=True)
        return F.avg_pool1d(x.transpose(1, 2), self.pooled, ceil_mode=True).transpose(1, 2)


class SeparableConv(Layer):
    """Each channel convolved by itself, then a convolution of 1 across channels (Howard et al. 2017, "MobileNets").

    ``norm`` and ``activation`` follow both halves.
    """

    word = "separable_conv"

    @checked
    def __init__(
        self,
        channels: Count,
        kernel: Sides = 3,
        stride: Sides = 1,
        *,
        dilation: Sides = 1,
        norm: NormKind = "none",
        activation: ActivationKind = "none",
    ) -> None:
        super().__init__()
        self.depthwise_options: dict[str, Any] = {
            "kernel": kernel,
            "stride": stride,
            "dilation": dilation,
            "groups": "depthwise",
            "norm": norm,
            "activation": activation,
        }
        self.pointwise = Conv(channels, 1, norm=norm, activation=activation)

    def output(self, arriving: Shape) -> Shape:
        return self.pointwise.output(self._depthwise(arriving).output(arriving))

    def create(self, arriving: Shape) -> None:
        self.depthwise = self._depthwise(arriving)
        self.pointwise.build(self.depthwise.build(arriving))

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        after = lengths if lengths is None else self.depthwise.output_lengths(lengths)
        given: Tensor = self.pointwise(self.depthwise(x, lengths), after)
        return given

    def window(self) -> Window:
        return self.depthwise.window().then(self.pointwise.window())

    def multiply_adds(self, arriving: Shape) -> int:
        depthwise = self._depthwise(arriving)
        return depthwise.multiply_adds(arriving) + self.pointwise.multiply_adds(depthwise.output(arriving))

    def _depthwise(self, arriving: Shape) -> Conv:
        """As many channels as arrive, which only ``arriving`` tells."""
        return Conv(map_or_sequence(arriving).channels, **self.depthwise_options)

"""Convolution over maps and sequences."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from plait.errors import NetworkError, RecipeError
from plait.layers.activation import ActivationKind, make_activation
from plait.layers.layer import Layer, Window
from plait.layers.masks import blank_padding
from plait.layers.norm import NormKind, make_norm, norm_window, normalized
from plait.layers.options import Count, Sides, checked, pair
from plait.layers.shapes import Map, Sequence, Shape, remedy, sides, with_sides

AUTO_SIDE = 56
"""Stride ``auto`` brings any picture to about this many positions a side."""


class Conv(Layer):
    """Convolution, then norm, then (with ``residual``) addition of what arrived, then activation.

    Takes a map, or a sequence (over its time). Padding ``same`` gives the arriving side divided by the
    stride, rounded up; a number is zeros on each side. Stride ``auto`` is the power of two that brings a
    map's shorter side nearest 56, and the kernel grows to at least 2 * stride - 1, so that every position is
    read; of a sequence it is 1. ``groups`` is a number, or depthwise (each channel by itself); ``bias`` auto
    is for a convolution without a norm. ``initial`` dirac lets the first channels start as those that arrive
    (Zagoruyko and Komodakis 2017, "DiracNets"); groups must be 1.
    """

    word = "conv"

    @checked
    def __init__(
        self,
        channels: Count,
        kernel: Sides = 3,
        stride: Sides | Literal["auto"] = 1,
        *,
        padding: Annotated[int, Field(ge=0)] | Literal["same"] = "same",
        dilation: Sides = 1,
        groups: Count | Literal["depthwise"] = 1,
        bias: bool | Literal["auto"] = "auto",
        norm: NormKind = "none",
        activation: ActivationKind = "none",
        residual: bool = False,
        initial: Literal["he", "dirac"] = "he",
    ) -> None:
        super().__init__()
        if initial == "dirac" and groups != 1:
            raise RecipeError(f"conv: initial dirac passes on whole channels, which groups {groups} divides")
        self.initial = initial
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.bias = norm == "none" if bias == "auto" else bias
        self.norm_kind: NormKind = norm
        self.activation_kind: ActivationKind = activation
        self.residual = residual

    def output(self, arriving: Shape) -> Shape:
        positions = map_or_sequence(arriving)
        self._check_groups(positions.channels)
        given = with_sides(positions, self.channels, [axis.given for axis in self._axes(positions)])
        if self.residual and given != arriving:
            raise NetworkError(
                f"a {arriving} arrives and a {given} would be given, and residual adds the two: "
                "give as many channels as arrive, stride 1 and padding same, or leave residual out"
            )
        return given

    def create(self, arriving: Shape) -> None:
        positions = map_or_sequence(arriving)
        axes = self._axes(positions)
        self.last_axis = axes[-1]
        self.convolution = _convolution(
            axes, positions.channels, self.channels, self._groups(positions.channels), self.bias
        )
        if self.initial == "dirac":
            # The channels beyond those that arrive stay as PyTorch draws them, which is about as large.
            nn.init.dirac_(self.convolution.weight[: positions.channels])
        else:
            # He et al. 2015, "Delving deep into rectifiers", for the backward pass, as torchvision's ResNet.
            nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")
        if self.convolution.bias is not None:
            nn.init.zeros_(self.convolution.bias)
        given = self.output(arriving)
        self.norm = make_norm(self.norm_kind, given)
        self.norm_seen = norm_window(self.norm_kind, given)
        self.activation = make_activation(self.activation_kind, overwrite=True)

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        after = None if lengths is None else self.output_lengths(lengths)
        convolved = normalized(self.norm, self._convolve(x, lengths), after)
        if self.residual:
            convolved = convolved + x
        active: Tensor = self.activation(convolved)
        return active

    def window(self) -> Window:
        axis = self.last_axis
        left, span = axis.padding, axis.span
        return Window(left, span - 1 - left, axis.stride, trim=span - 1 - 2 * left).then(self.norm_seen)

    def multiply_adds(self, arriving: Shape) -> int:
        positions = map_or_sequence(arriving)
        axes = self._axes(positions)
        a_channel = (
            math.prod(axis.kernel for axis in axes) * positions.channels // self._groups(positions.channels)
        )
        return math.prod(axis.given for axis in axes) * a_channel * self.channels

    def _convolve(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if x.dim() == 4:
            over_map: Tensor = self.convolution(blank_padding(x, lengths))
            return over_map
        over_time: Tensor = self.convolution(blank_padding(x, lengths).transpose(1, 2))
        return over_time.transpose(1, 2)

    def _axes(self, arriving: Map | Sequence) -> list["Axis"]:
        arriving_sides = sides(arriving)
        stride = _auto_stride(arriving) if self.stride == "auto" else self.stride
        options = [pair(option)[-len(arriving_sides) :] for option in (self.kernel, stride, self.dilation)]
        return [self._axis(*one) for one in zip(arriving_sides, *options, strict=True)]

    def _axis(self, side: int, kernel: int, stride: int, dilation: int) -> "Axis":
        if self.stride == "auto":
            kernel = max(kernel, 2 * stride - 1)
        span = dilation * (kernel - 1) + 1
        if self.padding == "same" and span % 2 == 0:
            raise NetworkError(
                f"a kernel of {kernel} has no middle for padding same: take an odd kernel, or padding: 0"
            )
        axis = Axis(side, kernel, stride, dilation, span // 2 if self.padding == "same" else self.padding)
        if axis.given < 1:
            raise NetworkError(
                f"a side of {side} arrives, and a kernel that spans {span} with padding {self.padding} does "
                "not fit; take a smaller kernel or padding: same, or enlarge data.image_size"
            )
        return axis

    def _groups(self, channels: int) -> int:
        return channels if self.groups == "depthwise" else self.groups

    def _check_groups(self, channels: int) -> None:
        groups = self._groups(channels)
        for what, number in (("arrive", channels), ("are given", self.channels)):
            if number % groups:
                raise NetworkError(
                    f"{number} channels {what}, which {groups} groups do not divide: change either"
                )


@dataclass(frozen=True)
class Axis:
    """A convolution along one side of a map, or along a sequence's time."""

    side: int
    kernel: int
    stride: int
    dilation: int
    padding: int

    @property
    def span(self) -> int:
        return self.dilation * (self.kernel - 1) + 1

    @property
    def given(self) -> int:
        return (self.side + 2 * self.padding - self.span) // self.stride + 1


def map_or_sequence(arriving: Shape) -> Map | Sequence:
    """What arrives, if convolution can read it."""
    if isinstance(arriving, (Map, Sequence)):
        return arriving
    raise NetworkError(
        f"a {arriving} arrives, and a convolution reads a map or a sequence: "
        f"{remedy(arriving, 'move it before the vector')}"
    )


def _convolution(
    axes: list[Axis], arriving: int, given: int, groups: int, bias: bool
) -> nn.Conv1d | nn.Conv2d:
    if len(axes) == 1:
        time = axes[0]
        return nn.Conv1d(arriving, given, time.kernel, time.stride, time.padding, time.dilation, groups, bias)
    down, across = axes
    return nn.Conv2d(
        arriving,
        given,
        (down.kernel, across.kernel),
        (down.stride, across.stride),
        (down.padding, across.padding),
        (down.dilation, across.dilation),
        groups,
        bias,
    )


def _auto_stride(arriving: Map | Sequence) -> int:
    if isinstance(arriving, Sequence):
        return 1
    return 1 << max(0, round(math.log2(min(sides(arriving)) / AUTO_SIDE)))

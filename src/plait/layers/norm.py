"""Norm: activations brought to a common scale, by batch, by channels, or by groups of channels."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, STEP, Layer, Window
from plait.layers.masks import valid_steps
from plait.layers.options import checked
from plait.layers.shapes import Map, Sequence, Shape, Tokens

NormKind = Literal["none", "batch", "layer", "group", "rms"]


class Norm(Layer):
    """Normalizes a map, a sequence or a vector; a scale (and a shift, but for rms) a channel is learnt.

    ``batch``: Ioffe and Szegedy 2015. ``layer``: Ba et al. 2016, over the channels of each position.
    ``group``: Wu and He 2018, at most 32 groups; of a map over positions too, of a sequence step by step, so
    that padding changes nothing. ``rms``: Zhang and Sennrich 2019, over the channels of each position.
    """

    word = "norm"

    @checked
    def __init__(self, kind: NormKind = "batch") -> None:
        super().__init__()
        self.kind = kind

    def output(self, arriving: Shape) -> Shape:
        if isinstance(arriving, Tokens):
            raise NetworkError(f"a {arriving} arrives, and a norm needs numbers: put an embedding before it")
        return arriving

    def create(self, arriving: Shape) -> None:
        self.norm = make_norm(self.kind, arriving)
        self.seen = norm_window(self.kind, arriving)

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *axes"]:
        return normalized(self.norm, x, lengths)

    def window(self) -> Window:
        return self.seen

    def multiply_adds(self, arriving: Shape) -> int:
        return 0


def make_norm(kind: NormKind, arriving: Shape) -> nn.Module:
    """The module that normalizes a tensor of the shape ``arriving``; an Identity for ``none``."""
    assert not isinstance(arriving, Tokens)
    channels = arriving.channels
    match kind:
        case "batch":
            return _batch_norm(arriving)
        case "group" if isinstance(arriving, Map):
            return nn.GroupNorm(math.gcd(32, channels), channels)
        case "layer" | "group" | "rms":
            return ChannelNorm(kind, channels)
    return nn.Identity()


def normalized(norm: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """``x`` by a module from ``make_norm``; only the batch norm of a sequence asks for the lengths."""
    normal: Tensor = norm(x, lengths) if isinstance(norm, SequenceBatchNorm) else norm(x)
    return normal


def norm_window(kind: NormKind, arriving: Shape) -> Window:
    """What a norm sees of the arriving steps: only a group norm of a map looks beyond each."""
    return EVERYTHING if kind == "group" and isinstance(arriving, Map) else STEP


def scale_of(norm: nn.Module) -> nn.Parameter | None:
    """The learnt scale of a module from ``make_norm``; None where there is none."""
    return dict(norm.named_parameters()).get("weight")


class ChannelNorm(nn.Module):
    """Normalizes the channels of each position, whichever axis they lie on."""

    def __init__(self, kind: Literal["layer", "group", "rms"], channels: int) -> None:
        super().__init__()
        self.kind = kind
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = None if kind == "rms" else nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "batch *axes"]) -> Float[Tensor, "batch *axes"]:
        # A channels-last map is permuted without a copy.
        if x.dim() == 4:
            return self._last_axis(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self._last_axis(x)

    def _last_axis(self, x: Tensor) -> Tensor:
        if self.kind == "layer":
            return F.layer_norm(x, (self.channels,), self.weight, self.bias)
        if self.kind == "rms":
            return F.rms_norm(x, (self.channels,), self.weight.to(x.dtype))
        rows = F.group_norm(x.reshape(-1, self.channels), math.gcd(32, self.channels), self.weight, self.bias)
        return rows.reshape(x.shape)


class SequenceBatchNorm(nn.BatchNorm1d):
    """Batch norm of a sequence (batch, time, channels): padding has no part in its statistics."""

    def forward(
        self, x: Float[Tensor, "batch time channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time channels"]:
        if lengths is None or not self.training:
            return super().forward(x.transpose(1, 2)).transpose(1, 2)
        real = valid_steps(x, lengths)[:, :, 0]
        normal = torch.zeros_like(x)
        normal[real] = super().forward(x[real])
        return normal


def _batch_norm(arriving: Shape) -> nn.Module:
    assert not isinstance(arriving, Tokens)
    if isinstance(arriving, Map):
        return nn.BatchNorm2d(arriving.channels)
    kind = SequenceBatchNorm if isinstance(arriving, Sequence) else nn.BatchNorm1d
    return kind(arriving.channels)

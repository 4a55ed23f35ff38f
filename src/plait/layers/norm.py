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
from plait.layers.shapes import Map, Raw, Sequence, Shape, remedy

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
        if isinstance(arriving, Raw):
            raise NetworkError(f"a {arriving} arrives, and a norm needs channels: {remedy(arriving)}")
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
    assert not isinstance(arriving, Raw)
    channels = arriving.channels
    match kind:
        case "batch":
            return _batch_norm(arriving)
        case "group" if isinstance(arriving, Map):
            return MapGroupNorm(math.gcd(32, channels), channels)
        case "layer" | "group" | "rms":
            return ChannelNorm(kind, channels)
    return nn.Identity()


def normalized(norm: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """``x`` by a module from ``make_norm``; only what looks beyond a position asks for the lengths."""
    normal: Tensor = norm(x, lengths) if isinstance(norm, _LOOKING_BEYOND) else norm(x)
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


class MapBatchNorm(nn.BatchNorm2d):
    """Batch norm of a map: in training the columns that are padding have no part in its statistics."""

    def forward(
        self, x: Float[Tensor, "batch channels height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        if lengths is None or not self.training:
            return super().forward(x)
        # Sums of what is masked, without picking it out: that would copy, and wait for the accelerator.
        count = (lengths.sum() * x.shape[2]).clamp_min(1)
        wide = x.to(self.weight.dtype)
        mean, variance = _moments(wide, valid_steps(x, lengths), count, (0, 2, 3))
        self._remember(mean.flatten(), variance.flatten() * (count / (count - 1).clamp_min(1)))
        scale = self.weight[:, None, None] * (variance + self.eps).rsqrt()
        return ((wide - mean) * scale + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked.add_(1)


class MapGroupNorm(nn.GroupNorm):
    """Group norm of a map over its real columns."""

    def forward(
        self, x: Float[Tensor, "batch channels height width"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        if lengths is None:
            return super().forward(x)
        groups = x.to(self.weight.dtype).reshape(len(x), self.num_groups, -1, *x.shape[2:])
        count = (lengths * math.prod(groups.shape[2:4])).clamp_min(1)[:, None, None, None, None]
        mean, variance = _moments(groups, valid_steps(x, lengths)[:, None], count, (2, 3, 4))
        normal = ((groups - mean) * (variance + self.eps).rsqrt()).flatten(1, 2)
        scaled = normal * self.weight[:, None, None] + self.bias[:, None, None]
        return scaled.to(x.dtype, memory_format=torch.channels_last)


NORMS = (ChannelNorm, nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
"""Every module with a norm's scale and bias: this file's, and those of pretrained and of one's own networks."""
_LOOKING_BEYOND = (SequenceBatchNorm, MapBatchNorm, MapGroupNorm)


def _moments(x: Tensor, real: Tensor, count: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance along ``axes``, which stay, of the ``count`` numbers that are real."""
    mean = x.masked_fill(~real, 0).sum(dim=axes, keepdim=True) / count
    return mean, (x - mean).masked_fill(~real, 0).square().sum(dim=axes, keepdim=True) / count


def _batch_norm(arriving: Shape) -> nn.Module:
    assert not isinstance(arriving, Raw)
    if isinstance(arriving, Map):
        return MapBatchNorm(arriving.channels)
    kind = SequenceBatchNorm if isinstance(arriving, Sequence) else nn.BatchNorm1d
    return kind(arriving.channels)

"""Masks: where a padded batch of sequences, or of maps of different widths, holds real steps (columns)."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def valid_steps(
    x: Float[Tensor, "batch *axes"], lengths: Int[Tensor, "batch"]
) -> Bool[Tensor, "batch *mask"]:
    """True where a step of a sequence, or a column of a map, is real: (batch, time, 1) or (batch, 1, 1, width)."""
    real = torch.arange(x.shape[-1 if x.dim() == 4 else 1], device=x.device) < lengths[:, None]
    return real[:, None, None] if x.dim() == 4 else real[:, :, None]


def blank_padding(
    x: Float[Tensor, "batch *axes"], lengths: Int[Tensor, "batch"] | None
) -> Float[Tensor, "batch *axes"]:
    """``x`` with zeros beyond each example's length, whatever stood there."""
    return x if lengths is None else x.masked_fill(~valid_steps(x, lengths), 0)


def reverse(
    x: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None
) -> Float[Tensor, "batch time channels"]:
    """The real steps of each example in reverse order, padding left behind them; its own inverse."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    order = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x.gather(1, order[:, :, None].expand_as(x))


def last_step(
    x: Float[Tensor, "batch time *_"], lengths: Int[Tensor, "batch"] | None, turned: bool = False
) -> Tensor:
    """The last real step of each example; the first where a sequence is read from its end (``turned``)."""
    if turned or lengths is None:
        return x[:, 0 if turned else -1]
    return x[torch.arange(x.shape[0], device=x.device), lengths - 1]

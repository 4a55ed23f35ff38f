"""Boxes as tensors (..., 4: left, top, right, bottom): how much they cover each other, and losses from that."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def box_areas(boxes: Float[Tensor, "*axes 4"]) -> Float[Tensor, "*axes"]:
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def pair_overlaps(
    ones: Float[Tensor, "batch ones 4"], others: Float[Tensor, "batch others 4"]
) -> Float[Tensor, "batch ones others"]:
    """Intersection over union of each with each."""
    return overlaps(ones[:, :, None], others[:, None])


def overlaps(ones: Float[Tensor, "*#axes 4"], others: Float[Tensor, "*#axes 4"]) -> Tensor:
    """Intersection over union of boxes that stand at the same place, or are broadcast to it."""
    corner = torch.maximum(ones[..., :2], others[..., :2])
    sides = (torch.minimum(ones[..., 2:], others[..., 2:]) - corner).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (box_areas(ones) + box_areas(others) - shared).clamp(min=1e-7)


def ciou_loss(found: Float[Tensor, "boxes 4"], true: Float[Tensor, "boxes 4"]) -> Float[Tensor, "boxes"]:
    """1 - overlap, plus the distance of middles and the difference of shapes (Zheng et al. 2020, "Distance-IoU loss",
    equations 10 to 12)."""
    overlap = overlaps(found, true)
    around = torch.maximum(found[..., 2:], true[..., 2:]) - torch.minimum(found[..., :2], true[..., :2])
    apart = (found[..., :2] + found[..., 2:] - true[..., :2] - true[..., 2:]) / 2
    distance = apart.square().sum(dim=-1) / around.square().sum(dim=-1).clamp(min=1e-7)
    leaning = 4 / math.pi**2 * (_slope(true) - _slope(found)).square()
    with torch.no_grad():
        weight = leaning / (1 - overlap + leaning).clamp(min=1e-7)
    return 1 - overlap + distance + weight * leaning


def _slope(boxes: Tensor) -> Tensor:
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-4)
    return torch.atan(sides[..., 0] / sides[..., 1])

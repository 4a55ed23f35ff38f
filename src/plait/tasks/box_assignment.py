"""Which positions of a detector's maps learn which box: task-aligned assignment (Feng et al. 2021, "TOOD")."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from plait.data.box_targets import IGNORED
from plait.tasks.box_geometry import pair_overlaps

POSITIONS = 10
"""Of each box."""
SCORE_POWER, OVERLAP_POWER = 0.5, 6.0


@dataclass(frozen=True)
class Assigned:
    """Of every position: whether it learns a box, which, and how sure of its class it should be."""

    positive: Bool[Tensor, "batch positions"]
    boxes: Float[Tensor, "batch positions 4"]
    scores: Float[Tensor, "batch positions classes"]
    counted: Float[Tensor, "batch positions"]
    """1, or 0 within what is ignored."""


@torch.no_grad()
def assign(
    scores: Float[Tensor, "batch positions classes"],
    boxes: Float[Tensor, "batch positions 4"],
    points: Float[Tensor, "positions 3"],
    labels: Int[Tensor, "batch most"],
    truth: Float[Tensor, "batch most 4"],
) -> Assigned:
    """Each box is learnt by the positions within it that score its class and cover it best: score ** 0.5 * overlap ** 6
    (equation 1, powers as in later detectors). A position that several boxes want goes to the one it covers best.

    What a position should answer is its share of the best of its box's, times the best overlap (equation 3), so that
    scores rank boxes by how well they fit.
    """
    real = labels >= 0
    overlap = pair_overlaps(truth, boxes)
    own = scores.transpose(1, 2).gather(1, labels.clamp(min=0)[:, :, None].expand(-1, -1, scores.shape[1]))
    inside = _within(points, truth)
    within = inside & real[:, :, None]
    fit = own.pow(SCORE_POWER) * overlap.pow(OVERLAP_POWER) * within
    chosen = _best(fit + 1e-9 * _nearness(points, truth), within)
    owner, positive = _owners(chosen, overlap)
    best_fit = (fit * chosen).amax(dim=2)
    best_overlap = (overlap * chosen).amax(dim=2)
    shares = fit / best_fit.clamp(min=1e-9)[:, :, None] * best_overlap[:, :, None]
    share = shares.gather(1, owner[:, None])[:, 0]
    target = F.one_hot(labels.clamp(min=0).gather(1, owner), scores.shape[2]) * (share * positive)[:, :, None]
    covered = (inside & (labels == IGNORED)[:, :, None]).any(dim=1)
    return Assigned(
        positive,
        truth.gather(1, owner[:, :, None].expand(-1, -1, 4)),
        target.to(scores.dtype),
        (~covered | positive).to(scores.dtype),
    )


def _within(points: Tensor, truth: Tensor) -> Bool[Tensor, "batch most positions"]:
    """Whether a position's middle lies in a box; a box smaller than the positions are apart has the nearest of them."""
    middle = (truth[..., :2] + truth[..., 2:])[:, :, None] / 2
    half = (truth[..., 2:] - truth[..., :2])[:, :, None] / 2
    reach = torch.maximum(half, 0.51 * points[:, 2].min().expand_as(half[..., :1]))
    within: Tensor = ((points[:, :2] - middle).abs() < reach).all(dim=-1)
    return within


def _nearness(points: Tensor, truth: Tensor) -> Float[Tensor, "batch most positions"]:
    """1 in a box's middle, falling: what decides while nothing covers it."""
    middle = (truth[..., :2] + truth[..., 2:])[:, :, None] / 2
    side = (truth[..., 2:] - truth[..., :2]).amax(dim=2)[:, :, None].clamp(min=1)
    distance: Tensor = (points[:, :2] - middle).norm(dim=-1)
    return 1 / (1 + distance / side)


def _best(fit: Tensor, within: Tensor) -> Bool[Tensor, "batch most positions"]:
    """The POSITIONS that fit each box best."""
    count = min(POSITIONS, fit.shape[2])
    places = (fit * within).topk(count, dim=2).indices
    chosen = torch.zeros_like(within).scatter_(2, places, True)
    return chosen & within


def _owners(
    chosen: Tensor, overlap: Tensor
) -> tuple[Int[Tensor, "batch positions"], Bool[Tensor, "batch positions"]]:
    """The box of each position, and whether it has one; takes back what went to another."""
    owner = torch.where(chosen, overlap, -torch.ones_like(overlap)).argmax(dim=1)
    mine = torch.zeros_like(chosen).scatter_(1, owner[:, None], True)
    chosen &= mine
    return owner, chosen.any(dim=1)

"""Which emission of a region learns which box, by Hungarian matching, and the loss of a recurrent detector from that
(Stewart, Andriluka and Ng 2016, "End-to-end people detection in crowded scenes", section 3.2)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from plait.data.box_targets import IGNORED, NOBODY
from plait.tasks.box_geometry import box_areas, ciou_loss, overlaps

LATER = 0.1
"""What a step more costs beside score and overlap, which are up to 1: the first steps learn, so that scores fall."""
EDGES = 0.5
"""Weight of edges against that of CIoU."""
COVERED = 0.5
"""An emission that lies within what is ignored by more than this share of its area is not held against anyone."""


@dataclass(frozen=True)
class Matched:
    """Of every truth the number of the emission that learns it, or NOBODY; ``left_out`` are those for which their
    region has no steps."""

    emissions: Int[Tensor, "batch most"]
    left_out: int


@torch.no_grad()
def match(
    scores: Float[Tensor, "batch emissions classes"],
    boxes: Float[Tensor, "batch emissions 4"],
    points: Float[Tensor, "emissions 3"],
    labels: Int[Tensor, "batch most"],
    truth: Float[Tensor, "batch most 4"],
    steps: int,
) -> Matched:
    """Each box belongs to the region that holds its middle. Of a region's boxes as many as it has ``steps`` are learnt,
    each by an emission of its own, so that the whole costs least: a pair costs LATER times the step's number, less the
    score of the box's class and the overlap."""
    real = labels >= 0
    regions = _regions(points[::steps], truth)
    cost = _costs(scores, boxes, regions, labels, truth, steps)
    # Most boxes are alone in their region, and take what is cheapest.
    chosen = torch.where(real, cost.argmin(dim=2), NOBODY)
    for picture, crowd in _crowds(regions, real):
        chosen[picture, crowd] = _shared(cost[picture, crowd])
    learnt = chosen >= 0
    emissions = torch.where(learnt, regions * steps + chosen, NOBODY)
    return Matched(emissions, int((real & ~learnt).sum()))


def set_loss(
    logits: Float[Tensor, "batch emissions classes"],
    boxes: Float[Tensor, "batch emissions 4"],
    points: Float[Tensor, "emissions 3"],
    labels: Int[Tensor, "batch most"],
    truth: Float[Tensor, "batch most 4"],
    steps: int,
    box: float,
) -> Float[Tensor, ""]:
    """Binary cross-entropy of all classes of all emissions, of which matched ones should say 1 to their box's, and
    ``box`` times the distance of matched boxes (CIoU, and a little of how far edges are apart), a matched box."""
    logits = logits.float()
    matched = match(logits.detach().sigmoid(), boxes.detach(), points, labels, truth, steps)
    picture, place = (matched.emissions >= 0).nonzero(as_tuple=True)
    emission = matched.emissions[picture, place]
    asked = torch.zeros_like(logits)
    asked[picture, emission, labels[picture, place]] = 1.0
    apart = F.binary_cross_entropy_with_logits(logits, asked, reduction="none").sum(dim=2)
    counted = ~_covered(boxes.detach(), labels, truth)
    counted[picture, emission] = True
    found, true = boxes[picture, emission], truth[picture, place]
    fit = ciou_loss(found, true) + EDGES * _edges_apart(found, true)
    return ((apart * counted).sum() + box * fit.sum()) / max(1, len(picture))


def _regions(middles: Tensor, truth: Tensor) -> Int[Tensor, "batch most"]:
    """The number of the region that holds a box's middle; the nearest of one that lies outside all."""
    middle = (truth[..., :2] + truth[..., 2:])[:, :, None] / 2
    return (middles[:, :2] - middle).abs().amax(dim=-1).argmin(dim=2)


def _costs(
    scores: Tensor, boxes: Tensor, regions: Tensor, labels: Tensor, truth: Tensor, steps: int
) -> Float[Tensor, "batch most steps"]:
    """Of each box with each step of its region; what is no number costs much."""
    number = torch.arange(steps, device=boxes.device)
    picture = torch.arange(len(boxes), device=boxes.device)[:, None, None]
    emissions = regions[:, :, None] * steps + number
    score = scores[picture, emissions, labels.clamp(min=0)[:, :, None]]
    overlap = overlaps(boxes[picture, emissions], truth[:, :, None])
    return (LATER * number - score - overlap).nan_to_num(nan=1e3)


def _crowds(regions: Tensor, real: Tensor) -> list[tuple[int, NDArray[np.int64]]]:
    """The boxes that share a region with others: the picture's number, and theirs in it."""
    found: list[tuple[int, NDArray[np.int64]]] = []
    for picture, (numbers, marked) in enumerate(zip(regions.cpu().numpy(), real.cpu().numpy(), strict=True)):
        held, counts = np.unique(numbers[marked], return_counts=True)
        found += [(picture, np.flatnonzero(marked & (numbers == one))) for one in held[counts > 1]]
    return found


def _shared(cost: Float[Tensor, "boxes steps"]) -> Int[Tensor, "boxes"]:
    """The step of each box of one region, or NOBODY."""
    chosen = torch.full((len(cost),), NOBODY, device=cost.device)
    rows, columns = linear_sum_assignment(cost.cpu().numpy())
    chosen[rows] = torch.from_numpy(columns).to(chosen)
    return chosen


def _covered(boxes: Tensor, labels: Tensor, truth: Tensor) -> Bool[Tensor, "batch emissions"]:
    """Whether a box lies within an ignored one."""
    ignored = labels == IGNORED
    if not ignored.any():
        return torch.zeros(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    corner = torch.maximum(boxes[:, None, :, :2], truth[:, :, None, :2])
    far = torch.minimum(boxes[:, None, :, 2:], truth[:, :, None, 2:])
    share = box_areas(torch.cat([corner, far], dim=-1)) / box_areas(boxes)[:, None].clamp(min=1e-7)
    return ((share > COVERED) & ignored[:, :, None]).any(dim=1)


def _edges_apart(found: Tensor, true: Tensor) -> Float[Tensor, "boxes"]:
    """The mean distance of edges, as a share of the true box's sides."""
    sides = (true[:, 2:] - true[:, :2]).clamp(min=1).repeat(1, 2)
    return ((found - true).abs() / sides).mean(dim=1)

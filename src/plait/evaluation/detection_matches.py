"""Matches of detections and marked boxes, as COCO makes them; all pictures and thresholds at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plait.errors import RunError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
"""Of intersection over union, from which on a detection is right."""
MOST = 100
"""Detections of a class that count in a picture."""
AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""The least and the largest area in pixels of what counts."""


@dataclass(frozen=True)
class Marked:
    """What is marked in a picture: ``boxes`` (boxes, 4) are left, top, right, bottom in pixels, ``labels`` numbers of
    classes; what is ``ignored`` counts neither for nor against a detector."""

    boxes: Floats
    labels: Ints
    ignored: Flags


@dataclass(frozen=True)
class Found:
    """What a detector found in a picture, in any order: ``boxes`` as in Marked, ``scores`` the higher the surer."""

    boxes: Floats
    labels: Ints
    scores: Floats


@dataclass(frozen=True)
class Truths:
    """The marked boxes of all pictures, one after the other."""

    picture: Ints
    label: Ints
    boxes: Floats
    ignored: Flags


@dataclass(frozen=True)
class Matches:
    """The detections of all pictures, by picture, class and falling score, and what became of them.

    ``rank`` counts from 0 within a picture and class. ``truth`` (thresholds, detections) is the number of the marked
    box that a detection was given, or -1; a detection that is neither ``right`` nor ``wrong`` does not count.
    ``totals`` (classes, pictures) is how many marked boxes count.
    """

    picture: Ints
    label: Ints
    score: Floats
    boxes: Floats
    rank: Ints
    truth: Ints
    right: Flags
    wrong: Flags
    truths: Truths
    totals: Ints


def match(
    marked: Sequence[Marked],
    found: Sequence[Found],
    classes: int,
    thresholds: Floats = THRESHOLDS,
    area: tuple[float, float] = AREAS["all"],
) -> Matches:
    """What COCO's evaluation matches (Lin et al. 2014; pycocotools), where a marked box's area is that of its box.

    Within a picture and class the surest detection chooses first: of the boxes that are free and overlap by the
    threshold the one that overlaps most. Where there is none, one that is ignored will do: it may be chosen many times,
    and its overlap is the share of the detection that it covers. Such a detection does not count, and neither does
    one that found nothing and is outside of the range of areas; boxes outside of it are ignored, but chosen once.
    Raises ValueError for no pictures and for parts that do not fit, RunError for detections that are not numbers.
    """
    if not marked:
        raise ValueError("there are no examples to score")
    truths = _truths(marked)
    picture, label, score, boxes, rank = _detections(marked, found, classes)
    outside = _outside(truths.boxes, area)
    ignored = truths.ignored | outside
    given = _given(picture * classes + label, boxes, truths, ignored, classes, thresholds)
    right = (given >= 0) & ~np.append(ignored, True)[given]
    totals = np.zeros((classes, len(marked)), np.int64)
    np.add.at(totals, (truths.label[~ignored], truths.picture[~ignored]), 1)
    wrong = (given < 0) & ~_outside(boxes, area)
    return Matches(picture, label, score, boxes, rank, given, right, wrong, truths, totals)


def pairs(ones: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Where the same number stands in both: the places in ``ones``, rising, and those in ``others``."""
    order = np.argsort(others, kind="stable")
    start = np.searchsorted(others[order], ones, "left")
    counts = np.searchsorted(others[order], ones, "right") - start
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(ones)), counts), order[np.repeat(start, counts) + within]


def areas(boxes: Floats) -> Floats:
    """Of boxes (boxes, 4)."""
    found: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return found


def overlaps(ones: Floats, others: Floats, covered: Flags) -> Floats:
    """Of each two boxes that stand in the same place the intersection over the union, or, where ``covered``, over the
    area of the first. Right edges are left ones plus widths, so that no rounding parts us from pycocotools."""
    ends = [one[:, :2] + (one[:, 2:] - one[:, :2]) for one in (ones, others)]
    sides = np.minimum(*ends) - np.maximum(ones[:, :2], others[:, :2])
    shared = np.where((sides > 0).all(axis=1), sides[:, 0] * sides[:, 1], 0.0)
    whole = np.where(covered, areas(ones), areas(ones) + areas(others) - shared)
    found: Floats = np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0)
    return found


def _truths(marked: Sequence[Marked]) -> Truths:
    picture = np.repeat(np.arange(len(marked)), [len(one.labels) for one in marked])
    label = np.concatenate([one.labels for one in marked]).astype(np.int64)
    boxes = np.concatenate([one.boxes.reshape(-1, 4) for one in marked]).astype(np.float64)
    return Truths(picture, label, boxes, np.concatenate([one.ignored for one in marked]).astype(bool))


def _detections(
    marked: Sequence[Marked], found: Sequence[Found], classes: int
) -> tuple[Ints, Ints, Floats, Floats, Ints]:
    """Picture, label, score, box and rank of those that count."""
    if len(marked) != len(found):
        raise ValueError(f"detections of {len(found)} pictures arrived for {len(marked)} that are marked")
    picture = np.repeat(np.arange(len(found)), [len(one.labels) for one in found])
    label = np.concatenate([one.labels for one in found]).astype(np.int64)
    score = np.concatenate([one.scores for one in found]).astype(np.float64)
    boxes = np.concatenate([one.boxes.reshape(-1, 4) for one in found]).astype(np.float64)
    _check(label, score, boxes, classes)
    order = np.lexsort((-score, label, picture))
    rank = _rank((picture * classes + label)[order])
    kept = order[rank < MOST]
    return picture[kept], label[kept], score[kept], boxes[kept], rank[rank < MOST]


def _check(label: Ints, score: Floats, boxes: Floats, classes: int) -> None:
    if len(label) and not 0 <= label.min() <= label.max() < classes:
        raise ValueError(f"labels {label.min()} to {label.max()} arrived, but there are {classes} classes")
    broken = int((~np.isfinite(score) | ~np.isfinite(boxes).all(axis=1)).sum())
    if broken:
        raise RunError(
            f"{broken} of {len(score)} detections are not numbers: training has diverged; try a smaller "
            "learning rate, or clip gradients"
        )


def _rank(keys: Ints) -> Ints:
    """The place of each within its run of equal keys."""
    places = np.arange(len(keys))
    first = np.diff(keys, prepend=-1) != 0
    found: Ints = places - np.maximum.accumulate(np.where(first, places, 0))
    return found


def _outside(boxes: Floats, area: tuple[float, float]) -> Flags:
    sizes = areas(boxes)
    found: Flags = (sizes < area[0]) | (sizes > area[1])
    return found


def _given(
    keys: Ints, boxes: Floats, truths: Truths, ignored: Flags, classes: int, thresholds: Floats
) -> Ints:
    """The number of the marked box that each detection gets, or -1: (thresholds, detections)."""
    one, other = pairs(keys, truths.picture * classes + truths.label)
    overlap = overlaps(boxes[one], truths.boxes[other], truths.ignored[other])
    order = _wishes(one, other, overlap, ignored, thresholds.min())
    one, other, able = one[order], other[order], overlap[order] >= thresholds[:, None]
    given = np.full((len(thresholds), len(keys)), -1, np.int64)
    taken = np.zeros((len(thresholds), len(ignored)), bool)
    once = np.append(~truths.ignored, False)
    for places in _rounds(one, keys):
        choice = _choices(one[places], able[:, places] & ~taken[:, other[places]])
        chosen = np.append(other[places], -1)[choice]
        given[:, np.unique(one[places])] = chosen
        threshold, column = np.nonzero(once[chosen])
        taken[threshold, chosen[threshold, column]] = True
    return given


def _wishes(one: Ints, other: Ints, overlap: Floats, ignored: Flags, least: float) -> Ints:
    """Pairs that overlap enough, by detection, and there by what it would choose first: as in pycocotools the later of
    two boxes that overlap alike."""
    near = np.flatnonzero(overlap >= least)
    one, other = one[near], other[near]
    return near[np.lexsort((-other, -overlap[near], ignored[other], one))]


def _rounds(one: Ints, keys: Ints) -> list[Ints]:
    """The pairs of the detections that choose first in their picture and class, then of those that choose second, and
    so on."""
    detections, number = np.unique(one, return_inverse=True)
    turn = _rank(keys[detections])[number]
    order = np.argsort(turn, kind="stable")
    return np.split(order, np.cumsum(np.bincount(turn))[:-1]) if len(one) else []


def _choices(one: Ints, open: Flags) -> Ints:
    """The first open place of each detection, or -1: (thresholds, detections)."""
    starts = np.flatnonzero(np.diff(one, prepend=-1))
    places = np.where(open, np.arange(len(one)), len(one))
    first: Ints = np.minimum.reduceat(places, starts, axis=1)
    return np.where(first < len(one), first, -1)

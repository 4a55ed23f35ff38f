"""What is wrong with detections: classes taken for each other, and TIDE's kinds of errors with what mending them gains.

All at an intersection over union of 0.5, the first of the matches' thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plait.evaluation.detection_matches import (
    THRESHOLDS,
    Flags,
    Floats,
    Ints,
    Matches,
    overlaps,
    pairs,
)
from plait.evaluation.detection_precision import average_precisions, mean

KINDS = ("classification", "localization", "both", "duplicate", "background", "missed")
NEAR, RIGHT = 0.1, float(THRESHOLDS[0])
"""TIDE's two thresholds: from NEAR on a detection means a box, from RIGHT on it has it."""
NONE = -1
MISSED = KINDS.index("missed")


@dataclass(frozen=True)
class Faults:
    """Of each detection its kind of error, or NONE, and the marked box that it means, or NONE."""

    kind: Ints
    truth: Ints


def shown(matches: Matches, confidences: Sequence[float | None]) -> Flags:
    """Which detections count and are at least as sure as their class asks for; of a class without a confidence none."""
    least = np.array([np.inf if one is None else one for one in confidences])
    kept: Flags = (matches.right | matches.wrong)[0] & (matches.score >= least[matches.label])
    return kept


def confusion(matches: Matches, kept: Flags) -> Ints:
    """Counts (classes + 1, classes + 1) of truths and detections; the last column is of boxes that were missed, the
    last row of detections of nothing.

    Whatever their classes, the two that overlap most are paired first; of two that overlap alike those of one class,
    then the surer one.
    """
    classes, counted = len(matches.totals), ~matches.truths.ignored
    detections, truths = _paired(matches, kept)
    prediction = np.full(len(counted), classes)
    prediction[truths] = matches.label[detections]
    alone = kept.copy()
    alone[detections] = False
    found = np.zeros((classes + 1, classes + 1), np.int64)
    np.add.at(found, (matches.truths.label[counted], prediction[counted]), 1)
    found[classes] += np.bincount(matches.label[alone], minlength=classes + 1)
    return found


def errors(matches: Matches, kept: Flags) -> list[dict[str, Any]]:
    """TIDE's kinds of errors (Bolya et al. 2020): how many there are among the detections that are ``kept``, and what
    AP50 would gain if all of the kind, also of detections that are not kept, were mended and nothing else.

    Gains do not add up. A detection is of the first kind that fits: it is at its class's box, but not well enough
    (localization); at a box of another class (classification); at a box that a surer one has (duplicate); at none
    (background); near one of another class (both). Missed is a box that is neither found nor meant by one of the
    first two kinds.
    """
    matches = replace(matches, truth=matches.truth[:1], right=matches.right[:1], wrong=matches.wrong[:1])
    faults = _faults(matches)
    seen = np.bincount(faults.kind[kept & (faults.kind != NONE)], minlength=len(KINDS))
    seen[MISSED] = _missed(matches, faults, kept).sum()
    known = matches.totals.sum(axis=1) > 0
    now = mean(average_precisions(matches)[0, 0]) or 0.0
    mended = [_mended(matches, faults, number) for number in range(len(KINDS))]
    return [
        {"name": name, "count": int(count), "gain": _precision(after, known) - now}
        for name, count, after in zip(KINDS, seen, mended, strict=True)
    ]


def _paired(matches: Matches, kept: Flags) -> tuple[list[int], list[int]]:
    """Detections and the boxes that they have, each once."""
    one, other, overlap = _neighbors(matches, RIGHT)
    differs = matches.label[one] != matches.truths.label[other]
    order = np.lexsort((-matches.score[one], differs, -overlap))
    order = order[kept[one[order]]]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for detection, truth in zip(one[order].tolist(), other[order].tolist(), strict=True):
        if detection not in found and truth not in taken:
            found[detection] = truth
            taken.add(truth)
    return list(found), list(found.values())


def _neighbors(matches: Matches, least: float) -> tuple[Ints, Ints, Floats]:
    """Detections and boxes that count, in one picture, whose overlap is at least that; and the overlap."""
    truths = matches.truths
    one, other = pairs(matches.picture, np.where(truths.ignored, NONE, truths.picture))
    overlap = overlaps(matches.boxes[one], truths.boxes[other], np.zeros(len(one), bool))
    near = overlap >= least
    return one[near], other[near], overlap[near]


def _faults(matches: Matches) -> Faults:
    one, other, overlap = _neighbors(matches, NEAR)
    same = matches.label[one] == matches.truths.label[other]
    own, own_truth = _nearest(one[same], other[same], overlap[same], len(matches.label))
    foreign, foreign_truth = _nearest(one[~same], other[~same], overlap[~same], len(matches.label))
    tests = [
        ("localization", (own >= NEAR) & (own < RIGHT)),
        ("classification", foreign >= RIGHT),
        ("duplicate", own >= RIGHT),
        ("background", np.maximum(own, foreign) <= NEAR),
    ]
    numbers = [KINDS.index(name) for name, _ in tests]
    kind = np.select([test for _, test in tests], numbers, KINDS.index("both"))
    kind = np.where(matches.wrong[0], kind, NONE)
    means = [kind == KINDS.index(name) for name in ("localization", "classification")]
    return Faults(kind, np.select(means, [own_truth, foreign_truth], NONE))


def _nearest(one: Ints, other: Ints, overlap: Floats, detections: int) -> tuple[Floats, Ints]:
    """The largest overlap of each detection, or 0, and whose it is, or NONE."""
    order = np.lexsort((overlap, one))
    best, whose = np.zeros(detections), np.full(detections, NONE)
    best[one[order]] = overlap[order]  # of several for one place the last is kept: the largest
    whose[one[order]] = other[order]
    return best, whose


def _missed(matches: Matches, faults: Faults, kept: Flags) -> Flags:
    """Which boxes are neither found nor meant."""
    met = np.append(matches.truths.ignored, False)
    met[matches.truth[0, kept & matches.right[0]]] = True
    met[faults.truth[kept]] = True
    return ~met[:-1]


def _mended(matches: Matches, faults: Faults, kind: int) -> Matches:
    """The matches if errors of this kind were not: a detection of a wrong class or place gets its box's, all others go;
    boxes that were missed were never there."""
    faulty = faults.kind == kind
    if kind == MISSED:
        gone = _missed(matches, faults, np.ones(len(faulty), bool))
        totals = matches.totals.copy()
        np.subtract.at(totals, (matches.truths.label[gone], matches.truths.picture[gone]), 1)
        return replace(matches, totals=totals)
    moved = faulty & (faults.truth != NONE)
    truth = np.where(moved, faults.truth, matches.truth[0])
    label = np.where(moved, np.append(matches.truths.label, 0)[faults.truth], matches.label)
    right = _surest(matches.score, truth, matches.right[0] | moved)
    return replace(matches, label=label, truth=truth[None], right=right[None], wrong=matches.wrong & ~faulty)


def _surest(score: Floats, truth: Ints, right: Flags) -> Flags:
    """Of several right detections of one box the surest alone."""
    order = np.flatnonzero(right)
    order = order[np.argsort(-score[order], kind="stable")]
    _, first = np.unique(truth[order], return_index=True)
    kept = np.zeros(len(right), bool)
    kept[order[first]] = True
    return kept


def _precision(matches: Matches, known: Flags) -> float:
    """AP50 over the classes that were marked. Where no box is left, detections make it 0; without them, it is none."""
    values = average_precisions(matches)[0, 0]
    answered = np.bincount(matches.label[(matches.right | matches.wrong)[0]], minlength=len(values)) > 0
    values = np.where(np.isnan(values) & answered, 0.0, values)
    return mean(values[known]) or 0.0

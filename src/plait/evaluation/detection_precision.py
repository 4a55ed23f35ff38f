"""Precision and recall of detections from their matches, also of pictures drawn again without matching anew."""

import numpy as np
from numpy.typing import NDArray

from plait.evaluation.detection_matches import MOST, Floats, Ints, Matches

Counts = NDArray[np.int32]
"""Half as large as int64: draws are many."""

RECALLS: Floats = np.linspace(0, 1, 101)
AT_ONCE = 20_000_000
"""Numbers of a class held in memory, times as many draws as go in."""


def average_precisions(matches: Matches, times: Ints | None = None) -> Floats:
    """COCO's average precision at 101 recalls: (draws, thresholds, classes), NaN of a class of which nothing is marked.

    ``times`` (draws, pictures) is how often each picture counts; by default there is one draw of all pictures once.
    """
    once = np.ones((1, matches.totals.shape[1]), np.int64)
    drawn: Counts = (once if times is None else times).astype(np.int32)
    found = [
        _draws(matches, order, drawn, drawn @ matches.totals[label].astype(np.int32))
        for label, order in enumerate(by_class(matches))
    ]
    return np.stack(found, axis=2)


def average_recalls(matches: Matches, most: int = MOST) -> Floats:
    """The share of what is marked that the ``most`` surest detections of a picture and class find: (thresholds,
    classes), NaN of a class of which nothing is marked."""
    totals = matches.totals.sum(axis=1)
    counted = matches.right & (matches.rank < most)
    right = np.stack([np.bincount(matches.label[row], minlength=len(totals)) for row in counted])
    return np.where(totals > 0, right / np.maximum(totals, 1), np.nan)


def curve(matches: Matches, order: Ints) -> Floats:
    """The precision at each of the 101 recalls at the first threshold, of a class's detections in their ``order``."""
    total = matches.totals[matches.label[order[:1]]].sum()
    right, wrong = matches.right[0, order], matches.wrong[0, order]
    places = np.flatnonzero(right)
    hits = np.arange(1, len(places) + 1)
    precision = _envelope(hits / (right | wrong).cumsum()[places])
    where = np.searchsorted(hits / max(1, total), RECALLS)
    return np.append(precision, 0.0)[where]


def by_class(matches: Matches) -> list[Ints]:
    """The places of each class's detections, the surest first."""
    order = np.lexsort((-matches.score, matches.label))
    return np.split(order, np.cumsum(np.bincount(matches.label, minlength=len(matches.totals)))[:-1])


def mean(values: Floats) -> float | None:
    """Of those that are numbers, None where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _draws(matches: Matches, order: Ints, drawn: Counts, totals: Counts) -> Floats:
    """Of one class: (draws, thresholds)."""
    found = np.zeros((len(drawn), len(matches.right)))
    step = max(1, AT_ONCE // max(1, len(order)))
    for start in range(0, len(drawn), step):
        part = slice(start, start + step)
        times = drawn[part][:, matches.picture[order]]
        seen = times.cumsum(axis=1, dtype=np.int32)
        for threshold, (right, wrong) in enumerate(zip(matches.right, matches.wrong, strict=True)):
            places, skipped = np.flatnonzero(right[order]), np.flatnonzero(~(right | wrong)[order])
            counted = seen[:, places] - _before(times, skipped, places)
            found[part, threshold] = _area(times[:, places], counted, totals[part])
    found[totals == 0] = np.nan
    return found


def _before(times: Counts, skipped: Ints, places: Ints) -> Counts:
    """How many of the detections that do not count come before each place."""
    sums = times[:, skipped].cumsum(axis=1, dtype=np.int32)
    return np.pad(sums, ((0, 0), (1, 0)))[:, np.searchsorted(skipped, places)]


def _area(times: Counts, counted: Counts, totals: Counts) -> Floats:
    """The mean over 101 recalls of the best precision at that recall or a higher one.

    It changes at right detections alone: each counts for as many of the recalls as it is the first to reach. Of
    several copies of a picture the last has the best precision, so that they need not stand apart.
    """
    hits = times.cumsum(axis=1, dtype=np.int32)
    reached = np.searchsorted(RECALLS, hits / np.maximum(totals, 1)[:, None], "right")
    shares = np.diff(reached, axis=1, prepend=0) / len(RECALLS)
    area: Floats = (_envelope(hits / np.maximum(counted, 1)) * shares).sum(axis=1)
    return area


def _envelope(precision: Floats) -> Floats:
    """The best from each place on."""
    best: Floats = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    return best

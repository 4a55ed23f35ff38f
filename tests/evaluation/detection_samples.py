"""Pictures with boxes, marked and found, for the tests of detection."""

import numpy as np

from plait.evaluation.detection_matches import Found, Marked

Pictures = tuple[list[Marked], list[Found]]
BOX = (0.0, 0.0, 100.0, 100.0)


def random_pictures(seed: int, ties: bool = False, whole: bool = False) -> Pictures:
    """Boxes of any size, found roughly, twice or not at all; some empty pictures, some with more than 100 detections of
    a class; of some seeds a class that is never marked, or nothing found."""
    rng = np.random.default_rng(seed)
    most = (0, 8, 60, 300)[seed % 4] if seed % 8 else 0
    pictures = [one_picture(rng, 3 - seed % 2, most) for _ in range(rng.integers(2, 9))]
    marked, found = ([pair[side] for pair in pictures] for side in (0, 1))
    if whole:
        marked = [Marked(one.boxes.round(-1), one.labels, one.ignored) for one in marked]
        found = [Found(one.boxes.round(-1), one.labels, one.scores) for one in found]
    if ties:
        found = [Found(one.boxes, one.labels, one.scores.round(1)) for one in found]
    return marked, found


def one_picture(rng: np.random.Generator, classes: int, most: int) -> tuple[Marked, Found]:
    count = int(rng.integers(0, 12)) if rng.random() < 0.8 else 0
    corners = rng.uniform(0, 150, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 160, (count, 2))], axis=1)
    labels = rng.integers(0, classes, count)
    detections = int(rng.integers(most // 2, most + 1)) if count else min(most, 3)
    whose = rng.integers(0, max(1, count), detections)
    start = boxes[whose] if count else np.tile(BOX, (detections, 1))
    said = np.where(
        rng.random(detections) < 0.8, labels[whose] if count else 0, rng.integers(0, 3, detections)
    )
    given = start + rng.normal(0, 5, (detections, 4))
    given[:, 2:] = np.maximum(given[:, 2:], given[:, :2] + 1)
    return Marked(boxes, labels, rng.random(count) < 0.15), Found(given, said, rng.random(detections))


def picture_found(rows: list[tuple[float, ...]]) -> Found:
    """Of rows: left, top, right, bottom, label, score."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(np.int64), table[:, 5])


def joined(one: Found, other: Found) -> Found:
    return Found(
        np.concatenate([one.boxes, other.boxes]),
        np.concatenate([one.labels, other.labels]),
        np.concatenate([one.scores, other.scores]),
    )


def reordered(one: Found, seed: int) -> Found:
    order = np.random.default_rng(seed).permutation(len(one.labels))
    return Found(one.boxes[order], one.labels[order], one.scores[order])


def without_ignored(one: Marked) -> Marked:
    kept = ~one.ignored
    return Marked(one.boxes[kept], one.labels[kept], one.ignored[kept])

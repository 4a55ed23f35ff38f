"""Object detection without PyTorch: a picture into its canvas; what the network found as boxes of the picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plait.inference.detection_input import DetectionInput, Letterboxed
from plait.inference.input import Array
from plait.inference.picture import open_picture, storage
from plait.inference.prediction import Origin, Prediction, refuse_nonsense
from plait.inference.spec import ModelSpec, Predictor

CONFIDENCE = 0.5
"""Of a class for which none was found on validation."""
DIGITS = 2
"""Of pixels."""


@dataclass(frozen=True)
class Detected:
    """One thing found: its class, its score and its edges in pixels of the picture."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    def to_json(self) -> dict[str, Any]:
        box = [round(side, DIGITS) for side in (self.left, self.top, self.right, self.bottom)]
        return {"label": self.label, "score": self.score, "box": box}


@dataclass(frozen=True)
class Detections(Prediction):
    """What was found in a picture of ``size`` (height, width), the surest first."""

    objects: tuple[Detected, ...]
    size: tuple[int, int]

    def cells(self) -> dict[str, str | float]:
        found = (
            f"{one.label} {one.left:.0f} {one.top:.0f} {one.right:.0f} {one.bottom:.0f}"
            for one in self.objects
        )
        return {
            "prediction": "|".join(found),
            "probability": "|".join(f"{one.score:.6g}" for one in self.objects),
        }

    def to_json(self) -> dict[str, Any]:
        return self.origin.to_json() | {
            "prediction": [one.to_json() for one in self.objects],
            "height": self.size[0],
            "width": self.size[1],
        }


def encode(origin: Origin, spec: ModelSpec) -> Letterboxed:
    """Raises PictureError."""
    assert isinstance(spec.input, DetectionInput)
    picture = open_picture(origin.content, 3, spec.max_pixels)
    pixels = np.ascontiguousarray(storage(picture, spec.input.picture).transpose(2, 0, 1))
    return Letterboxed(pixels, (picture.shape[0], picture.shape[1]))


def answer(
    predictor: Predictor, inputs: Sequence[Letterboxed], origins: Sequence[Origin]
) -> Iterable[Prediction]:
    """Raises ModelError where the network's answers are not numbers."""
    outputs = predictor.run(*predictor.spec.input.collate([one.pixels for one in inputs]))
    sizes = [one.size for one in inputs]
    return decode(outputs, origins, sizes, predictor.spec)


def decode(
    outputs: Sequence[Array], origins: Sequence[Origin], sizes: Sequence[tuple[int, int]], spec: ModelSpec
) -> list[Prediction]:
    """Boxes (batch, most, 4), scores and classes (batch, most) and counts (batch,) to what was found in each picture,
    in its own pixels; raises ModelError where they are not numbers."""
    boxes, scores, classes, counts = outputs
    refuse_nonsense(boxes, scores)
    answers: list[Prediction] = []
    for row, (origin, size) in enumerate(zip(origins, sizes, strict=True)):
        real = slice(0, int(counts[row]))
        found = _objects(boxes[row, real], scores[row, real], classes[row, real], size, spec)
        answers.append(Detections(origin, found, size))
    return answers


def _objects(
    boxes: Array, scores: Array, classes: Array, size: tuple[int, int], spec: ModelSpec
) -> tuple[Detected, ...]:
    assert isinstance(spec.input, DetectionInput)
    least = np.array([spec.input.confidences.get(name, CONFIDENCE) for name in spec.classes])
    kept = scores >= least[np.asarray(classes, np.int64)]
    edges = spec.input.back(np.asarray(boxes[kept], np.float64), size)
    return tuple(
        Detected(spec.classes[int(number)], float(score), *map(float, box))
        for number, score, box in zip(classes[kept], scores[kept], edges, strict=True)
    )


def largest_difference(expected: Sequence[Array], found: Sequence[Array]) -> float:
    """How far two answers to one batch are apart: boxes that have one of the same class beside them by the difference
    of edges (as a share of a thousand pixels) and scores, others by their score. Not a number where an answer is none.

    The order of equal scores, and which of two boxes that touch by just the allowed overlap is dropped, are chance.
    """
    if not all(np.isfinite(array).all() for array in (*expected, *found)):
        return float("nan")
    apart = [
        _one_sided([one[row] for one in first], [one[row] for one in second])
        for first, second in ((expected, found), (found, expected))
        for row in range(len(expected[0]))
    ]
    return float(np.max(apart, initial=0.0))


def _one_sided(expected: Sequence[Array], found: Sequence[Array]) -> float:
    boxes, scores, classes, count = expected
    largest = 0.0
    for place in range(int(count)):
        same = np.flatnonzero(found[2][: int(found[3])] == classes[place])
        edges = np.abs(found[0][same] - boxes[place]).max(axis=1) / 1000
        differences = np.maximum(edges, np.abs(found[1][same] - scores[place]))
        largest = max(largest, float(min([*differences, scores[place]])))
    return largest

"""What a detector got wrong, picture by picture, as the report shows it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.data.table import Table
from plait.evaluation.detection_matches import Found, Marked
from plait.inference.boxes import Floats, overlaps
from plait.inference.detection_input import DetectionInput
from plait.inference.object_detection import CONFIDENCE

HALF = 0.5
"""Boxes that cover each other by this (intersection over union) are the same."""


def mistakes(
    table: Table,
    marked: Sequence[Marked],
    found: Sequence[Found],
    sizes: Sequence[tuple[int, int]],
    classes: Sequence[str],
    canvas: DetectionInput,
    most: int,
) -> dict[int, dict[str, Any]]:
    """The ``most`` pictures with the most mistakes, the worst first, by row.

    Each has its ``boxes``: label, score (None of what is marked), kind (found, missed, wrong, or ignored) and edges as
    shares of the canvas.
    """
    least = np.array([canvas.confidences.get(name, CONFIDENCE) for name in classes])
    drawn = {
        row: [_placed(one, sizes[row], canvas) for one in _boxes(truth, answer, classes, least)]
        for row, (truth, answer) in enumerate(zip(marked, found, strict=True))
    }
    wrong = {row: sum(one["kind"] in ("missed", "wrong") for one in boxes) for row, boxes in drawn.items()}
    rows = sorted((row for row in drawn if wrong[row]), key=lambda row: -wrong[row])[:most]
    return {row: _shown(table, row, drawn[row]) for row in rows}


def _boxes(truth: Marked, answer: Found, classes: Sequence[str], least: Floats) -> list[dict[str, Any]]:
    kept = np.flatnonzero(answer.scores >= least[answer.labels])
    kept = kept[np.argsort(-answer.scores[kept], kind="stable")]
    free = ~truth.ignored
    kinds = []
    for place in kept:
        cover = overlaps(answer.boxes[place][None], truth.boxes)[0]
        same = np.where(truth.labels == answer.labels[place], cover, 0)
        best = int(np.argmax(np.where(free, same, 0))) if len(cover) else -1
        if best >= 0 and free[best] and same[best] >= HALF:
            free[best] = False
            kinds.append("found")
        else:
            kinds.append("ignored" if (same[truth.ignored] > 0).any() else "wrong")
    missed = [
        _one(classes[truth.labels[place]], None, "missed", truth.boxes[place])
        for place in np.flatnonzero(free)
    ]
    return missed + [
        _one(classes[answer.labels[place]], float(answer.scores[place]), kind, answer.boxes[place])
        for place, kind in zip(kept, kinds, strict=True)
    ]


def _one(label: str, score: float | None, kind: str, edges: Floats) -> dict[str, Any]:
    return {"label": label, "score": score, "kind": kind, "box": edges}


def _placed(one: dict[str, Any], size: tuple[int, int], canvas: DetectionInput) -> dict[str, Any]:
    shares = canvas.into(one["box"], size) / np.array([canvas.width, canvas.height] * 2)
    return one | {"box": [round(float(side), 4) for side in shares]}


def _shown(table: Table, row: int, boxes: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {kind: sum(one["kind"] == kind for one in boxes) for kind in ("found", "missed", "wrong")}
    return {
        "input": str(table.frame.iloc[row]["input"]),
        "target": f"{counts['found'] + counts['missed']} boxes",
        "prediction": f"{counts['found']} found, {counts['missed']} missed, {counts['wrong']} wrong",
        "probability": None,
        "boxes": boxes,
    }

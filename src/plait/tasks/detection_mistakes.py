"""What a detector got wrong, picture by picture, as the report shows it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from plait.data.table import Table
from plait.errors import counted
from plait.evaluation.detection_matches import (
    THRESHOLDS,
    Flags,
    Floats,
    Found,
    Marked,
    Matches,
    match,
)
from plait.inference.detection_input import DetectionInput
from plait.inference.object_detection import CONFIDENCE


def mistakes(
    table: Table,
    marked: Sequence[Marked],
    found: Sequence[Found],
    sizes: Sequence[tuple[int, int]],
    classes: Sequence[str],
    canvas: DetectionInput,
    most: int,
) -> dict[int, dict[str, Any]]:
    """The ``most`` pictures with the most mistakes, the worst first, by row; mistakes are what the scores count.

    Each has its ``boxes``: label, score (None of what is marked), kind (found, wrong or ignored; missed or, beside what
    was found, marked) and edges as shares of the canvas.
    """
    least = np.array([canvas.confidences.get(name, CONFIDENCE) for name in classes])
    matches = match(marked, found, len(classes), THRESHOLDS[:1])
    drawn: dict[int, list[dict[str, Any]]] = {row: [] for row in range(len(marked))}
    for row, box in _boxes(matches, matches.score >= least[matches.label], classes):
        drawn[row].append(_placed(box, sizes[row], canvas))
    wrong = {row: sum(one["kind"] in ("missed", "wrong") for one in boxes) for row, boxes in drawn.items()}
    rows = sorted((row for row in drawn if wrong[row]), key=lambda row: -wrong[row])[:most]
    return {row: _shown(table, row, drawn[row]) for row in rows}


def _boxes(matches: Matches, sure: Flags, classes: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """What is marked, then what was found, the surest first, each with its picture's row."""
    truths = matches.truths
    missed = ~truths.ignored
    missed[matches.truth[0, sure & matches.right[0]]] = False
    for place in np.flatnonzero(~truths.ignored):
        kind = "missed" if missed[place] else "marked"
        box = _one(classes[truths.label[place]], None, kind, truths.boxes[place])
        yield int(truths.picture[place]), box
    kinds = np.select([matches.right[0], matches.wrong[0]], ["found", "wrong"], "ignored")
    for place in sorted(np.flatnonzero(sure), key=lambda place: -matches.score[place]):
        box = _one(
            classes[matches.label[place]],
            float(matches.score[place]),
            str(kinds[place]),
            matches.boxes[place],
        )
        yield int(matches.picture[place]), box


def _one(label: str, score: float | None, kind: str, edges: Floats) -> dict[str, Any]:
    return {"label": label, "score": score, "kind": kind, "box": edges}


def _placed(one: dict[str, Any], size: tuple[int, int], canvas: DetectionInput) -> dict[str, Any]:
    shares = canvas.into(one["box"], size) / np.array([canvas.width, canvas.height] * 2)
    return one | {"box": [round(float(side), 4) for side in shares]}


def _shown(table: Table, row: int, boxes: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {kind: sum(one["kind"] == kind for one in boxes) for kind in ("found", "missed", "wrong")}
    return {
        "input": str(table.frame.iloc[row]["input"]),
        "target": counted(counts["found"] + counts["missed"], "box"),
        "prediction": f"{counts['found']} found, {counts['missed']} missed, {counts['wrong']} wrong",
        "probability": None,
        "boxes": boxes,
    }

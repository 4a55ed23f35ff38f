"""COCO's numbers of a detector, counted by faster-coco-eval."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.evaluation.detection_matches import Found, Marked

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar_1", "ar_10", "ar_100")
"""In COCO's order; of the recall by size, which follows there, we say nothing."""


def coco_scores(marked: Sequence[Marked], found: Sequence[Found], classes: int) -> dict[str, float | None]:
    """What COCO calls AP, AP50, AP75, AP of small, medium and large things and AR of 1, 10 and 100 detections; None
    where nothing of the kind is marked. A thing's size is that of its box."""
    from faster_coco_eval import COCO, COCOeval_faster

    shared = {
        "images": [{"id": number + 1} for number in range(len(marked))],
        "categories": [{"id": number + 1} for number in range(classes)],
    }
    evaluation = COCOeval_faster(
        COCO({**shared, "annotations": _truths(marked)}),
        COCO({**shared, "annotations": _detections(found)}),
        "bbox",
        print_function=_silence,
    )
    evaluation.run()
    values = map(float, evaluation.stats[: len(NAMES)])
    return {name: None if value < 0 else value for name, value in zip(NAMES, values, strict=True)}


def _silence(*_: object) -> None:
    """Prints nothing."""


def _truths(marked: Sequence[Marked]) -> list[dict[str, Any]]:
    ignored = [flag for one in marked for flag in one.ignored.tolist()]
    boxes = _annotations(marked)
    return [{**box, "iscrowd": int(flag)} for box, flag in zip(boxes, ignored, strict=True)]


def _detections(found: Sequence[Found]) -> list[dict[str, Any]]:
    scores = [score for one in found for score in one.scores.astype(np.float64).tolist()]
    boxes = _annotations(found)
    return [{**box, "score": score, "iscrowd": 0} for box, score in zip(boxes, scores, strict=True)]


def _annotations(pictures: Sequence[Marked | Found]) -> list[dict[str, Any]]:
    """Left, top, width and height; numbers begin with 1, for 0 stands for no match."""
    found: list[dict[str, Any]] = []
    for picture, one in enumerate(pictures):
        boxes = one.boxes.reshape(-1, 4).astype(np.float64)
        sides = boxes[:, 2:] - boxes[:, :2]
        lists = np.concatenate([boxes[:, :2], sides], axis=1).tolist()
        for box, label in zip(lists, one.labels.tolist(), strict=True):
            given = {"image_id": picture + 1, "category_id": label + 1, "bbox": box, "area": box[2] * box[3]}
            found.append({"id": len(found) + 1, **given})
    return found

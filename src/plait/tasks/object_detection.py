"""Object detection: a picture in, boxes and their classes out.

convolution -> recurrence over the map for context -> location, then class. What runs without PyTorch is
inference/object_detection.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch, Targets
from plait.data.box_targets import BoxTargets
from plait.data.table import Table
from plait.errors import DataError, Problem, counted
from plait.evaluation.detection_baseline import mean_box_baseline
from plait.evaluation.detection_matches import Found, Marked
from plait.evaluation.detection_scores import detection_scores, quick_ap
from plait.inference.boxes import Annotation
from plait.inference.detection_input import DetectionInput
from plait.inference.object_detection import CONFIDENCE
from plait.layers import Layer, Shape
from plait.tasks.detection_heads import DetectionHead, Raw
from plait.tasks.detection_mistakes import mistakes
from plait.tasks.detector import Detector
from plait.tasks.task import Baseline, Loss, Output, Task, on_cpu


class ObjectDetection(Task):
    """Any number of boxes a picture; ``told_by`` is what tells them."""

    name = "object-detection"
    metric = "ap50"
    several_labels = False

    def __init__(self, classes: Sequence[str], canvas: DetectionInput, told_by: DetectionHead) -> None:
        self.classes = list(classes)
        self.canvas = canvas
        self.told_by = told_by

    def encode(self, table: Table) -> BoxTargets:
        """Raises DataError for boxes of a class not trained on."""
        self.refuse_unknown(table)
        return BoxTargets(_annotations(table), self.classes, self.canvas)

    def refuse_unknown(self, table: Table) -> None:
        known = set(self.classes)
        unknown = [
            Problem(
                "unknown class",
                one.file or place[0],
                f"{box.told} in {Path(place[0]).name}: {box.label!r} was not among the training classes",
                box.row,
            )
            for one, place in zip(_annotations(table), table.places, strict=True)
            for box in one.boxes
            if box.label not in known and not box.ignored
        ]
        if unknown:
            raise DataError(
                f"{counted(len(unknown), 'box')} of a class that the network was not trained on:", unknown
            )

    def some(self, targets: Targets, rows: np.ndarray) -> BoxTargets:
        assert isinstance(targets, BoxTargets)
        return targets.some(rows.tolist())

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def head(self, arriving: Shape) -> list[Layer]:
        """None in the recipe's list: boxes are told from the taps of it."""
        return []

    def loss(self, outputs: Raw, targets: Tensor) -> Tensor:
        return self.told_by.loss(outputs, targets)

    def outputs(self, network: nn.Module, batches: Iterable[Batch]) -> Iterable[Output]:
        """What is found in each picture, and all that was told, in float32 on the CPU."""
        assert isinstance(network, Detector)
        device = next(network.parameters()).device
        network.eval()
        for batch in batches:
            with torch.no_grad():
                logits, boxes, points = network.raw(batch.values.to(device))
                raw = logits.float(), boxes.float(), points.float()
                found = network.answer(raw, *batch.values.shape[2:])
            yield (on_cpu(found), on_cpu(raw)), batch

    def answers(self, outputs: Iterable[Output]) -> list[Found]:
        """In pixels of the canvas."""
        found: dict[int, Found] = {}
        for (given, _), batch in outputs:
            for place, row in enumerate(batch.rows.tolist()):
                found[row] = _found(*(one[place] for one in given))
        return [found[row] for row in sorted(found)]

    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, Any]:
        assert isinstance(targets, BoxTargets)
        losses: list[float] = []

        def watched() -> Iterator[Output]:
            # What is told at every position of every picture would not fit into memory.
            for (given, raw), batch in outputs:
                with torch.no_grad():
                    losses.extend([float(loss(raw, batch.targets))] * len(batch.rows))
                yield (given, raw), batch

        ap50, ap = quick_ap(*self.compared(targets, self.answers(watched())), self.classes)
        return {
            "score": ap50,
            "error": (ap50 * (1 - ap50) / max(1, len(targets))) ** 0.5,
            "loss": float(np.mean(losses)),
            "shown": lambda _: [f"AP {100 * ap:.1f} %"],
        }

    def score(self, targets: Targets, answers: list[Found]) -> dict[str, Any]:
        assert isinstance(targets, BoxTargets)
        least = self.canvas.confidences
        confidences = [least.get(name, CONFIDENCE) for name in self.classes] if least else None
        return detection_scores(*self.compared(targets, answers), self.classes, confidences)

    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        """The mean box of each class, in every picture."""
        assert isinstance(train_targets, BoxTargets) and isinstance(test_targets, BoxTargets)
        name, found = mean_box_baseline(
            _marked(train_targets), train_targets.sizes, test_targets.sizes, len(self.classes)
        )
        return [{"name": name, "value": quick_ap(_marked(test_targets), found, self.classes)[0]}]

    def mistakes(
        self, table: Table, targets: Targets, answers: list[Found], most: int
    ) -> dict[int, dict[str, Any]]:
        """Pictures with the most that was missed or found where nothing is."""
        assert isinstance(targets, BoxTargets)
        marked, found = self.compared(targets, answers)
        return mistakes(table, marked, found, targets.sizes, self.classes, self.canvas, most)

    def compared(self, targets: BoxTargets, answers: Sequence[Found]) -> tuple[list[Marked], list[Found]]:
        """Both in pixels of the pictures."""
        found = [
            Found(np.asarray(self.canvas.back(one.boxes, size), np.float64), one.labels, one.scores)
            for one, size in zip(answers, targets.sizes, strict=True)
        ]
        return _marked(targets), found


def _annotations(table: Table) -> list[Annotation]:
    found = [target for target in table.targets if isinstance(target, Annotation)]
    assert len(found) == len(table), "a checked table says of every picture what is marked"
    return found


def _found(boxes: Tensor, scores: Tensor, classes: Tensor, count: Tensor) -> Found:
    kept = int(count)
    return Found(
        boxes[:kept].numpy().astype(np.float64),
        classes[:kept].numpy().astype(np.int64),
        scores[:kept].numpy().astype(np.float64),
    )


def _marked(targets: BoxTargets) -> list[Marked]:
    return [Marked(one.boxes, one.labels, one.ignored) for one in targets.marked]

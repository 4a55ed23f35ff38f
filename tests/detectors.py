"""A detector so small that it learns in seconds, for the tests of object detection."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from plait.data.box_targets import BoxTargets, padded_boxes
from plait.inference.boxes import Annotation, Box
from plait.inference.detection_input import DetectionInput
from plait.inference.object_detection import Detected, Detections
from plait.inference.prediction import Origin
from plait.inference.spec import ModelSpec
from plait.media.boxed_pictures import BoxedPictures, canvas, detector, of_boxes
from plait.recipe import DetectionRecipe, read_recipe
from plait.tasks import ObjectDetection
from plait.tasks.detector import Detector

LAYERS = (
    "network=[{conv: {channels: 12, stride: 2, norm: batch, activation: relu}}, "
    "{conv: {channels: 24, stride: 2, norm: batch, activation: relu}}, "
    "{conv: {channels: 32, stride: 2, norm: batch, activation: relu}}, {tap: eighth}]"
)
TINY = (
    LAYERS,
    "data.image_size=64",
    "pyramid.channels=24",
    "pyramid.context=[{spatial_recurrent: {cell: mingru, units: 8, reading: crosswise, residual: true}}]",
    "head.depth=1",
)
"""Changes to the default recipe: a network of one map, whose positions are 8 pixels apart."""
SMALL = (
    *TINY,
    "training.precision=float32",
    "training.batch_size=8",
    "training.epochs=60",
    "augmentation.scale=[0.9, 1.1]",
    "augmentation.aspect=1",
    "augmentation.color=0.1",
    "augmentation.mosaic=0",
)
"""Changes by which 24 pictures of tests.boxes are learnt in seconds."""


def recipe(*changes: str) -> DetectionRecipe:
    """The default with the tiny network, changed further."""
    return of_boxes(read_recipe(task="object-detection", changes=[*TINY, *changes]))


def spec(classes: Sequence[str] = ("bar", "square"), input: DetectionInput | None = None) -> ModelSpec:
    return ModelSpec(
        task="object-detection",
        classes=list(classes),
        several_labels=False,
        input=input or DetectionInput(64, 64, 20),
        recipe={},
        scores=None,
        plait_version="0.1.0",
        trained_on="2026-01-31",
    )


def task(asked: DetectionRecipe, classes: Sequence[str] = ("bar", "square")) -> ObjectDetection:
    return BoxedPictures().task(spec(classes, canvas(asked)), asked, [1] * len(classes))


def network(asked: DetectionRecipe, classes: int = 2, seed: int = 0) -> Detector:
    """Freshly drawn; it learns what pictures in 0 .. 255 are by itself."""
    torch.manual_seed(seed)
    made = detector(asked, canvas(asked), classes)
    made.normalize.mean.fill_(120.0)
    made.normalize.std.fill_(50.0)
    return made


def awake(made: Detector) -> Detector:
    """Scales that start at zero drawn at random, so that what lies behind them is learnt too."""
    for parameter in made.parameters():
        if not parameter.detach().any():
            torch.nn.init.normal_(parameter, std=0.3)
    return made


def outspoken(made: Detector) -> Detector:
    """Scores everywhere between 0 and 1, and boxes of all sizes, as a trained detector may give them."""
    torch.manual_seed(1)
    for name, values in made.head.named_parameters():
        if values.shape[0] == 4 or "classes" in name:
            torch.nn.init.normal_(values, std=0.4)
    return awake(made).eval()


def targets(*pictures: Sequence[tuple[float, ...]]) -> torch.Tensor:
    """Of each picture its boxes: class number, left, top, right, bottom."""
    return padded_boxes([np.array(boxes, np.float32).reshape(-1, 5) for boxes in pictures])


def box_targets(
    marked: Sequence[Sequence[tuple[str, int, int, int, int]]], size: tuple[int, int]
) -> BoxTargets:
    """Of pictures of one ``size`` in a canvas of 64 x 64."""
    annotations = [Annotation(tuple(Box(*one) for one in boxes), size) for boxes in marked]
    return BoxTargets(annotations, ["bar", "square"], DetectionInput(64, 64, 20))


def found(
    path: Path, size: tuple[int, int], *objects: tuple[str, float, float, float, float, float]
) -> Detections:
    """What might be found in a picture: class, score and edges."""
    return Detections(Origin(str(path)), tuple(Detected(*one) for one in objects), size)

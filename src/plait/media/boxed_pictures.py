"""Pictures with boxes: what a recipe leaves to the data (`auto`), settled; how they are opened, drawn and shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plait.data.batches import Batch, EvaluationBatches
from plait.data.box_batches import BoxTrainingBatches
from plait.data.box_targets import BoxTargets
from plait.data.box_views import Views
from plait.data.gather import Gathered
from plait.data.store import PictureStore
from plait.errors import RecipeError
from plait.evaluation.data_uri import thumbnail_uri
from plait.inference.boxes import Annotation
from plait.inference.detection_input import DetectionInput
from plait.inference.input import ModelInput
from plait.inference.spec import ModelSpec
from plait.layers import Map, Shape, Stack
from plait.layers.pyramid import Pyramid
from plait.layers.table import TableRow, count_parameters
from plait.media.medium import Medium, pace
from plait.media.pictures import fit_to_pictures
from plait.recipe import DetectionRecipe, Recipe
from plait.recipe_sections import DenseHeadOptions, RecurrentHeadOptions
from plait.tasks import ObjectDetection, Task, automatic
from plait.tasks.detection_heads import DenseHead, DetectionHead, RecurrentHead
from plait.tasks.detector import Detector, levels, pyramid_over

EVALUATION_BATCH = 16
SHOWN = 480
"""Pixels of a picture in the report, the longer side."""


class BoxedPictures(Medium):
    """Pictures letterboxed into one canvas, with what is marked in them."""

    noun = "picture"
    baseline_rows = 100_000
    train_rows = 200

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """Size, epochs and batch size from the training part."""
        recipe = of_boxes(asking())
        size = recipe.data.image_size
        if size == "auto" or isinstance(size, int):
            longer = automatic.detection_side(train.sizes, _shorter_sides(train)) if size == "auto" else size
            size = automatic.canvas(train.sizes, longer)
        examples = len(train.table)
        batch_size, epochs = (
            automatic.detection_batch_size(examples),
            automatic.detection_epochs(examples),
        )
        settled = recipe.with_values(
            data={"image_size": size}, training=pace(recipe.training, examples, batch_size, epochs)
        )
        self.refuse_impossible(settled)
        return settled

    def refuse_impossible(self, recipe: Recipe) -> None:
        _outlined(of_boxes(recipe), 1)

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return train.table.classes

    def input(self, recipe: Recipe, train: Gathered) -> DetectionInput:
        return canvas(of_boxes(recipe))

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        return self.arriving(canvas(of_boxes(recipe)))

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, DetectionInput)
        return Map(3, input.height, input.width)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        if not len(found.table):
            return {"boxes": None}
        counts = [len(target.boxes) for target in found.table.targets if isinstance(target, Annotation)]
        sides = np.sort(_shorter_sides(found))
        return {
            "boxes": {
                "boxes": sum(counts),
                "most": max(counts),
                "without": counts.count(0),
                "smallest": round(100 * float(sides[0]), 1) if len(sides) else None,
                "largest": round(100 * float(sides[-1]), 1) if len(sides) else None,
                "median": round(100 * float(np.median(sides)), 1) if len(sides) else None,
            }
        }

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> ObjectDetection:
        assert isinstance(spec.input, DetectionInput)
        asked = of_boxes(recipe)
        return ObjectDetection(spec.classes, spec.input, told_by(asked))

    def behind(self, recipe: Recipe, classes: int) -> list[TableRow]:
        """The pyramid and the head."""
        asked = of_boxes(recipe)
        network = _outlined(asked, classes)
        maps = f"{len(network.pyramid.shapes)} maps of {asked.pyramid.channels}"
        costs = network.pyramid.multiply_adds(), int(network.head.multiply_adds())  # type: ignore[operator]
        sizes = [count_parameters(part) for part in (network.pyramid, network.head)]
        place = len(network.body) + 1
        return [
            TableRow(number=place, layer="pyramid", output=maps, parameters=sizes[0], multiply_adds=costs[0]),
            TableRow(
                number=place + 1,
                layer=f"head {asked.head.name}",
                output="boxes and classes",
                parameters=sizes[1],
                multiply_adds=costs[1],
            ),
        ]

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> Detector:
        assert isinstance(input, DetectionInput)
        return detector(of_boxes(recipe), input, len(task.classes))

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> PictureStore:
        assert isinstance(input, DetectionInput)
        data = of_boxes(recipe).data
        budget = data.cache_mb * 1_000_000
        return PictureStore(gathered.table, input.picture, budget, max_pixels=data.max_pixels)

    def fit(
        self, network: Any, store: PictureStore, targets: BoxTargets, train: Gathered, recipe: Recipe
    ) -> None:
        fit_to_pictures(network.normalize, network.body, store, recipe.training.seed)

    def training_batches(
        self,
        store: PictureStore,
        targets: BoxTargets,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        assert isinstance(input, DetectionInput)
        views = Views(of_boxes(recipe).augmentation, (input.height, input.width), len(store))
        size, seed = int(recipe.training.batch_size), recipe.training.seed
        return BoxTrainingBatches(store, targets, size, seed, views, total, start)

    def evaluation_batches(self, store: PictureStore, targets: BoxTargets) -> Iterable[Batch]:
        return EvaluationBatches(store, targets, EVALUATION_BATCH)

    def plain(self, store: PictureStore, gathered: Gathered, rows: np.ndarray) -> None:
        """Baselines read the targets."""

    def tuned(self, input: ModelInput, scores: dict[str, Any]) -> ModelInput:
        """Each class is answered from the score on that gives the best F1."""
        assert isinstance(input, DetectionInput)
        best = {one["name"]: one["confidence"] for one in scores["classes"] if one["confidence"] is not None}
        return replace(input, confidences=best)

    def untuned(self, input: ModelInput) -> ModelInput:
        assert isinstance(input, DetectionInput)
        return replace(input, confidences={})

    def of_classes(self, gathered: Gathered, classes: Sequence[str]) -> Gathered:
        """All pictures, and the boxes of these classes."""
        known = set(classes)
        kept = [
            replace(target, boxes=tuple(box for box in target.boxes if box.label in known))
            for target in gathered.table.targets
            if isinstance(target, Annotation)
        ]
        return replace(gathered, table=gathered.table.with_column("target", kept))

    def thumbnails(self, store: PictureStore, rows: np.ndarray) -> list[str | None]:
        return [thumbnail_uri(store.center([row])[0].permute(1, 2, 0).numpy(), SHOWN) for row in rows]


def of_boxes(recipe: Recipe) -> DetectionRecipe:
    """The recipe, whose task is object detection."""
    assert isinstance(recipe, DetectionRecipe)
    return recipe


def canvas(recipe: DetectionRecipe, default_side: int = automatic.DETECTION_SIDE) -> DetectionInput:
    """What the network takes; where the recipe leaves it to the data, a square. Raises RecipeError for sides that are
    no multiples of GRAIN."""
    size = default_side if recipe.data.image_size == "auto" else recipe.data.image_size
    height, width = (size, size) if isinstance(size, int) else size
    try:
        return DetectionInput(height, width, recipe.detection.most)
    except ValueError as error:
        raise RecipeError(f"data.image_size is {size}: {error}") from error


def detector(recipe: DetectionRecipe, input: DetectionInput, classes: int) -> Detector:
    """The recipe's network, built; raises NetworkError naming the layer that cannot work."""
    body = Stack(*recipe.layers())
    maps, strides = levels(body, input)
    pyramid: Pyramid = pyramid_over(maps, recipe.pyramid.channels, [recipe.context() for _ in maps])
    body.build(Map(3, input.height, input.width))
    head = told_by(recipe)
    return Detector(body, pyramid, head.layers(pyramid.shapes, strides, classes), head.answer)


def _outlined(recipe: DetectionRecipe, classes: int) -> Detector:
    """Built without memory."""
    with torch.device("meta"):
        return detector(recipe, canvas(recipe), classes)


def told_by(recipe: DetectionRecipe) -> DetectionHead:
    """The head that the recipe asks for."""
    head, answers = recipe.head, recipe.detection
    common = recipe.loss.box, answers.least, answers.most
    match head:
        case DenseHeadOptions():
            return DenseHead(*common, depth=head.depth, overlap=answers.overlap)
        case RecurrentHeadOptions():
            return RecurrentHead(
                *common, depth=head.depth, cell=head.cell, units=head.units, steps=head.steps
            )


def _shorter_sides(found: Gathered) -> np.ndarray:
    """Of every box, as a share of its picture's longer side."""
    sides = [
        min(box.right - box.left, box.bottom - box.top) / max(target.size)
        for target in found.table.targets
        if isinstance(target, Annotation) and target.size is not None
        for box in target.boxes
    ]
    return np.array(sides)

"""Lines of text in pictures: what a recipe leaves to the data (`auto`), settled; how they are opened and shown."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from plait.data.batches import Batch
from plait.data.gather import Gathered
from plait.data.line_store import LineStore, changed_lines
from plait.data.text_store import SequenceEvaluationBatches, SequenceTrainingBatches
from plait.data.transcript_targets import TranscriptTargets
from plait.errors import NetworkError, Problem
from plait.evaluation.data_uri import png_uri
from plait.inference.input import ModelInput
from plait.inference.line import LineInput
from plait.inference.spec import ModelSpec
from plait.layers import Map, Shape, Stack, outlined
from plait.media.medium import Medium, pace, weights
from plait.media.writing import symbols_of, unit_of, unknown_remarks, without_room, writing_of
from plait.recipe import LineRecipe, Recipe
from plait.tasks import Task, TextRecognition, automatic
from plait.tasks.text_recognition import TYPICAL_WIDTH, LineNetwork, line_network

EVALUATION_BATCH = 32


class Lines(Medium):
    """Pictures of one height and any width, with what is written in them."""

    noun = "line"
    baseline_rows = 100_000
    train_rows = 200

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """Units, epochs and batch size from the training part."""
        recipe = of_lines(asking())
        examples = len(train.table)
        size, epochs = automatic.line_batch_size(examples), automatic.line_epochs(examples)
        settled = recipe.with_values(
            data={"units": unit_of(recipe)}, training=pace(recipe.training, examples, size, epochs)
        )
        self.refuse_impossible(settled)
        return settled

    def refuse_impossible(self, recipe: Recipe) -> None:
        """The network must take the narrowest line, and its weights fit any width."""
        if recipe.own is not None:
            return
        height = of_lines(recipe).data.height
        built = [weights(recipe, Map(1, height, width)) for width in (height, TYPICAL_WIDTH)]
        if built[0] != built[1]:
            raise NetworkError(
                "the network's weights depend on the width of its lines: end its maps with to_sequence: columns, and "
                "leave out flatten"
            )

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return symbols_of(of_lines(recipe), train)

    def input(self, recipe: Recipe, train: Gathered) -> LineInput:
        height, step = of_lines(recipe).data.height, 1
        if recipe.own is None:
            step = _body(recipe, height).window().stride
        return LineInput(height, step, writing_of(of_lines(recipe), train))

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        return Map(1, of_lines(recipe).data.height, TYPICAL_WIDTH)

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, LineInput)
        return Map(1, input.height, TYPICAL_WIDTH)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        if not len(found.table):
            return {"lines": None}
        heights, widths = np.sort(found.sizes[:, 0]), np.sort(found.sizes[:, 1])
        return {
            "lines": {
                "lowest": int(heights[0]),
                "highest": int(heights[-1]),
                "narrowest": int(widths[0]),
                "widest": int(widths[-1]),
                "symbols": len(symbols_of(of_lines(recipe), found)),
            }
        }

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        return unknown_remarks(train)

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> TextRecognition:
        assert isinstance(spec.input, LineInput)
        return TextRecognition(spec.classes, spec.input.writing, spec.input.step, "character")

    def impossible(self, recipe: Recipe, gathered: Gathered) -> dict[int, Problem]:
        """Transcripts that CTC cannot align to the steps of their line, made as narrow as augmentation may."""
        if recipe.own is not None:
            return {}
        asked, train = of_lines(recipe), gathered.part("", "train")
        input = self.input(recipe, train)
        narrowest = [
            max(input.least, int(input.width(height, width) * (1 - asked.augmentation.scale)))
            for height, width in gathered.sizes.tolist()
        ]
        steps = _body(recipe, input.height).output_lengths(torch.tensor(narrowest)).tolist()
        return without_room(gathered, symbols_of(asked, train), input.writing, steps)

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> LineNetwork:
        assert isinstance(input, LineInput)
        return line_network(task, recipe.layers(), input)

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> LineStore:
        assert isinstance(input, LineInput)
        data = of_lines(recipe).data
        return LineStore(gathered.table, input, data.cache_mb * 1_000_000, data.max_pixels)

    def training_batches(
        self,
        store: LineStore,
        targets: TranscriptTargets,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        size, seed = int(recipe.training.batch_size), recipe.training.seed
        draw = changed_lines(store, of_lines(recipe).augmentation, seed)
        return SequenceTrainingBatches(store, targets, size, seed, draw, total, start)

    def evaluation_batches(self, store: LineStore, targets: TranscriptTargets) -> Iterable[Batch]:
        return SequenceEvaluationBatches(store, targets, EVALUATION_BATCH)

    def plain(self, store: LineStore, gathered: Gathered, rows: np.ndarray) -> None:
        """Baselines read the targets."""

    def thumbnails(self, store: LineStore, rows: np.ndarray) -> list[str | None]:
        return [png_uri(Image.fromarray(store.one(int(row))[0])) for row in rows]


def of_lines(recipe: Recipe) -> LineRecipe:
    """The recipe, whose task is one on lines of text."""
    assert isinstance(recipe, LineRecipe)
    return recipe


def _body(recipe: Recipe, height: int) -> Stack:
    """The recipe's layers, built without memory."""
    return outlined(recipe.layers(), Map(1, height, TYPICAL_WIDTH))

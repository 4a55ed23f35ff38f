"""Running text: what a recipe leaves to the data (`auto`), settled; how it becomes tokens that are read on and on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plait.data.batches import Batch
from plait.data.cuts import without_beginning
from plait.data.gather import Gathered
from plait.data.stream_store import (
    StreamEvaluationBatches,
    StreamStore,
    StreamTargets,
    StreamTrainingBatches,
)
from plait.data.subword_learning import learn_subwords
from plait.errors import DataError, NetworkError
from plait.inference.input import ModelInput
from plait.inference.language_modeling import generate
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.stream import StreamInput, learn_tokens, pieces
from plait.inference.text import FIRST
from plait.layers import Shape, Tokens
from plait.media.medium import Medium
from plait.recipe import Recipe, StreamRecipe
from plait.tasks import LanguageModeling, Task, automatic
from plait.tasks.language_modeling import (
    CARRIED,
    LanguageNetwork,
    language_network,
    refuse_looking_ahead,
    tokens_of,
)

SAMPLES = 3
SAMPLE_TOKENS = {"characters": 400, "subwords": 150, "words": 100}
"""Of a text that the report shows."""


class Streams(Medium):
    """Running text as one long row of token numbers."""

    noun = "token"
    baseline_rows = 5_000_000
    train_rows = 50_000
    passing = (CARRIED,)

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """Tokens, vocabulary, epochs and batch size from the training part."""
        recipe = of_streams(asking())
        data, training = recipe.data, recipe.training
        tokens = "characters" if data.tokens == "auto" else data.tokens
        least = automatic.stream_least(tokens) if data.least == "auto" else data.least
        # Of subwords, which are not learnt yet, there are no more than characters and no fewer than words.
        counted = "words" if tokens == "subwords" else tokens
        count = sum(len(pieces(text, counted)) for text in train.table.frame["input"])
        size = (
            automatic.stream_batch_size(count, data.window)
            if training.batch_size == "auto"
            else training.batch_size
        )
        epochs = automatic.stream_epochs(count) if training.epochs == "auto" else training.epochs
        if count < 2 * size:
            raise DataError(
                f"{train.table.source}: {count} tokens to train on, which {size} places in a batch do not divide: "
                "lower training.batch_size, or bring more text"
            )
        settled = recipe.with_values(
            data={"tokens": tokens, "least": least}, training={"epochs": epochs, "batch_size": size}
        )
        self.refuse_impossible(settled)
        return settled

    def refuse_impossible(self, recipe: Recipe) -> None:
        """The network must read a text token after token."""
        if recipe.own is not None:
            raise NetworkError(
                "a language model carries its state from window to window, and a network of your own does not say what "
                "it carries: give the network as a list of layers"
            )
        with torch.device("meta"):
            _built(of_streams(recipe), StreamInput("characters", [], []))

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        """None: what is told apart are tokens, which the input lists."""
        return []

    def input(self, recipe: Recipe, train: Gathered) -> StreamInput:
        data = of_streams(recipe).data
        assert data.tokens != "auto" and data.least != "auto"
        texts: list[str] = list(train.table.frame["input"])
        merges: list[str] = []
        if data.tokens == "subwords":
            words = (word for text in texts for word in pieces(text, "words"))
            known, merges = learn_subwords(words, data.least, data.vocabulary)
        else:
            known = learn_tokens(texts, data.tokens, data.least, data.vocabulary)
        input = StreamInput(data.tokens, known, [], merges)
        with torch.device("meta"):
            return replace(input, states=_built(of_streams(recipe), input).flat_widths)

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        if found is None or not len(found.table):
            return Tokens(of_streams(recipe).data.window, FIRST + of_streams(recipe).data.vocabulary)
        return Tokens(of_streams(recipe).data.window, self.input(recipe, found).size)

    def arriving(self, input: ModelInput) -> Shape:
        """A token: what the network costs is then a token's."""
        assert isinstance(input, StreamInput)
        return tokens_of(input, 1)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        """How much there is."""
        if not len(found.table):
            return {"running_text": None}
        data = of_streams(recipe).data
        assert data.tokens != "auto"
        texts: list[str] = list(found.table.frame["input"])
        input = self.input(recipe, found)
        return {
            "running_text": {
                "files": len(texts),
                "characters": sum(map(len, texts)),
                "tokens": sum(len(input.pieces(text)) for text in texts),
                "kind": data.tokens,
                "vocabulary": input.size - FIRST,
            }
        }

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> LanguageModeling:
        assert isinstance(spec.input, StreamInput)
        return LanguageModeling(spec.input)

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> LanguageNetwork:
        assert isinstance(input, StreamInput)
        return _built(of_streams(recipe), input)

    def sample(self, gathered: Gathered, rows: int) -> Gathered:
        """The last ``rows`` characters."""
        begin = int(gathered.sizes.sum()) - rows
        return gathered if begin <= 0 else replace(gathered, table=without_beginning(gathered.table, begin))

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> StreamStore:
        assert isinstance(input, StreamInput)
        return StreamStore(gathered.table, input)

    def steps_per_epoch(self, recipe: Recipe, examples: int) -> int:
        """Windows that follow each other in each row of a batch."""
        return max(1, examples // (int(recipe.training.batch_size) * of_streams(recipe).data.window))

    def training_batches(
        self,
        store: StreamStore,
        targets: StreamTargets,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        window = of_streams(recipe).data.window
        return StreamTrainingBatches(store, int(recipe.training.batch_size), window, total, start)

    def evaluation_batches(self, store: StreamStore, targets: StreamTargets) -> Iterable[Batch]:
        return StreamEvaluationBatches(store)

    def plain(self, store: StreamStore, gathered: Gathered, rows: np.ndarray) -> None:
        """Baselines read the targets."""

    def thumbnails(self, store: StreamStore, rows: np.ndarray) -> list[str | None]:
        return [None] * len(rows)

    def samples(self, predictor: Predictor) -> list[str]:
        """Texts that the network writes, each from a seed of its own."""
        assert isinstance(predictor.spec.input, StreamInput)
        length = SAMPLE_TOKENS[predictor.spec.input.tokens]
        return ["".join(generate(predictor, tokens=length, seed=seed)) for seed in range(SAMPLES)]


def of_streams(recipe: Recipe) -> StreamRecipe:
    """The recipe, whose task is one on running text."""
    assert isinstance(recipe, StreamRecipe)
    return recipe


def _built(recipe: StreamRecipe, input: StreamInput) -> LanguageNetwork:
    size, output = recipe.training.batch_size, recipe.output
    refuse_looking_ahead(recipe.layers(), tokens_of(input))
    return language_network(
        LanguageModeling(input),
        recipe.layers(),
        1 if size == "auto" else size,
        output.tied,
        output.activation,
        output.change,
    )

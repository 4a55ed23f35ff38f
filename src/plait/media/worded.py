"""Media of numbered tokens: texts and sentences; and what may be read without labels first, so that the network knows
the language."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from plait.data.batches import Batch
from plait.data.gather import Gathered
from plait.data.text_store import SequenceEvaluationBatches, SequenceTrainingBatches, WordStore, word_dropped
from plait.data.unlabelled import NONE, Unlabelled, read_unlabelled
from plait.errors import RecipeError
from plait.inference.input import ModelInput
from plait.inference.text import most_frequent
from plait.layers import Tokens
from plait.media.medium import EVALUATION_BATCH, Medium
from plait.recipe import Recipe, SentenceRecipe, WordedRecipe
from plait.tasks.masked_tokens import reading_layers

SEEN = 5
"""A token that only texts without labels hold gets a number where it stands there so often (as in word2vec)."""


class Worded(Medium):
    """Texts, or sentences of words."""

    @abstractmethod
    def store(self, inputs: Iterable[Any], input: ModelInput) -> WordStore:
        """Inputs as the table has them, opened."""

    @abstractmethod
    def divided(self, texts: Sequence[str], input: ModelInput) -> Sequence[Any]:
        """Texts without labels, as the table has its inputs."""

    def open(self, gathered: Gathered, recipe: Recipe, input: ModelInput) -> WordStore:
        return self.store(gathered.table.frame["input"], input)

    def training_batches(
        self,
        store: WordStore,
        targets: Any,
        hints: Tensor | None,
        recipe: Recipe,
        input: ModelInput,
        start: int,
        total: int,
    ) -> Iterable[Batch]:
        size, seed = int(recipe.training.batch_size), recipe.training.seed
        draw = word_dropped(store, seed, of_words(recipe).augmentation.word_dropout)
        return SequenceTrainingBatches(store, targets, size, seed, draw, total, start, hints)

    def evaluation_batches(self, store: WordStore, targets: Any) -> Iterable[Batch]:
        return SequenceEvaluationBatches(store, targets, EVALUATION_BATCH)

    def thumbnails(self, store: WordStore, rows: np.ndarray) -> list[str | None]:
        return [None] * len(rows)


def of_words(recipe: Recipe) -> WordedRecipe:
    """The recipe, whose task is one on words."""
    assert isinstance(recipe, WordedRecipe)
    return recipe


def unlabelled(recipe: Recipe) -> Unlabelled:
    """The texts without labels that the recipe names, none where it names none; raises DataError."""
    asked = of_words(recipe)
    source = asked.pretraining.unlabelled
    return NONE if source is None else read_unlabelled(source, asked.data.encoding)


def extended(known: list[str], others: Iterable[str], most: int) -> list[str]:
    """``known`` tokens and those that ``others`` hold SEEN times, the most frequent first, ``most`` in all."""
    counted = Counter(others)
    for token in known:
        counted.pop(token, None)
    return known + most_frequent(counted, SEEN, max(0, most - len(known)))


def refuse_unreadable(recipe: Recipe, arriving: Tokens) -> None:
    """Raises NetworkError or RecipeError where the network cannot be pretrained as the recipe says."""
    asked = of_words(recipe)
    if not asked.pretraining.epochs:
        return
    if asked.own is not None:
        raise RecipeError(
            "pretraining.epochs is for networks of plait's layers: set it to 0 for one of your own"
        )
    reading_layers(asked.layers(), arriving)
    if isinstance(asked, SentenceRecipe) and asked.data.features and asked.pretraining.unlabelled:
        raise RecipeError(
            "pretraining.unlabelled holds words alone, but data.features names columns beside them: "
            "leave one of them out"
        )

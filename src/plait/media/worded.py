"""Media of numbered tokens: what may be read without labels first, so that the network knows the language."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from plait.data.gather import Gathered
from plait.data.text_store import WordStore
from plait.data.unlabelled import NONE, Unlabelled, read_unlabelled
from plait.errors import RecipeError
from plait.inference.input import ModelInput
from plait.inference.text import most_frequent
from plait.layers import Layer, Tokens
from plait.media.medium import Medium
from plait.recipe import Recipe, SentenceRecipe, TextRecipe
from plait.tasks.masked_tokens import reading_layers

SEEN = 5
"""A token that only texts without labels hold gets a number where it stands there so often (as in word2vec)."""


class Worded(Medium):
    """Texts, or sentences of words."""

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        """Which texts without labels were taken for what."""
        return [f"{problem.file}: {problem.message}" for problem in unlabelled(recipe).findings]

    @abstractmethod
    def store(self, inputs: Iterable[Any], input: ModelInput) -> WordStore:
        """Inputs as the table has them, opened."""

    @abstractmethod
    def divided(self, texts: Sequence[str], input: ModelInput) -> Sequence[Any]:
        """Texts without labels, as the table has its inputs."""

    def foreseen(self, train: Gathered, recipe: Recipe, input: ModelInput) -> WordStore:
        """The training part and what the recipe names beside it, to be read without labels."""
        texts = self.divided(unlabelled(recipe).texts, input)
        return self.store([*train.table.frame["input"], *texts], input)


def unlabelled(recipe: Recipe) -> Unlabelled:
    """The texts without labels that the recipe names, none where it names none; raises DataError."""
    assert isinstance(recipe, TextRecipe | SentenceRecipe)
    source = recipe.pretraining.unlabelled
    return NONE if source is None else read_unlabelled(source, recipe.data.encoding)


def extended(known: list[str], others: Iterable[str], most: int) -> list[str]:
    """``known`` tokens and those that ``others`` hold SEEN times, the most frequent first, ``most`` in all."""
    counted = Counter(others)
    for token in known:
        counted.pop(token, None)
    return known + most_frequent(counted, SEEN, max(0, most - len(known)))


def refuse_unreadable(recipe: Recipe, layers: Sequence[Layer], arriving: Tokens) -> None:
    """Raises NetworkError or RecipeError where the network cannot be pretrained as the recipe says."""
    assert isinstance(recipe, TextRecipe | SentenceRecipe)
    if not recipe.pretraining.epochs:
        return
    if recipe.own is not None:
        raise RecipeError(
            "pretraining.epochs is for networks of plait's layers: set it to 0 for one of your own"
        )
    reading_layers(layers, arriving)
    if isinstance(recipe, SentenceRecipe) and recipe.data.features and recipe.pretraining.unlabelled:
        raise RecipeError(
            "pretraining.unlabelled holds words alone, but data.features names columns beside them: "
            "leave one of them out"
        )

"""Texts: what a recipe leaves to the data (`auto`), settled; how they become tokens, are drawn and shown."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from plait.data import reader_text_folders
from plait.data.gather import Gathered
from plait.data.subword_learning import learn_subwords
from plait.data.text_store import TextStore
from plait.errors import NetworkError
from plait.inference.input import ModelInput
from plait.inference.spec import ModelSpec
from plait.inference.text import FIRST, TextInput, learn_vocabulary, script, split
from plait.layers import Shape, Tokens
from plait.media.medium import pace, sample, weights
from plait.media.worded import Worded, extended, refuse_unreadable, unlabelled
from plait.recipe import Recipe, TextRecipe
from plait.tasks import Task, TextClassification, automatic
from plait.tasks.classification import loss_name
from plait.tasks.ngram_fit import fit_ngrams
from plait.tasks.text_classification import TYPICAL_LENGTH, TextNetwork, text_network

FEW = 1000
"""So many texts decide by which script they are written, and show how long texts are."""


class Texts(Worded):
    """Texts of any length as token numbers of a vocabulary learnt from the training part."""

    noun = "text"
    baseline_rows = 50_000
    fitted = ("ngrams.",)

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """Tokens, vocabulary, n-grams, epochs and batch size from the training part."""
        recipe = of_texts(asking())
        examples = len(train.table)
        data = recipe.data
        tokens = script(_few(train)) if data.tokens == "auto" else data.tokens
        ngrams = recipe.ngrams
        orders = automatic.ngram_orders(tokens) if ngrams.orders == "auto" else ngrams.orders
        characters = ngrams.character_orders
        if characters == "auto":
            characters = automatic.character_orders(tokens, sum(map(len, train.table.frame["input"])))
        least = automatic.least(examples) if data.least == "auto" else data.least
        size, epochs = automatic.text_batch_size(examples), automatic.text_epochs(examples)
        settled = recipe.with_values(
            data={"tokens": tokens, "least": least},
            ngrams={"orders": orders, "character_orders": characters},
            loss={"name": loss_name(recipe.loss.name, train.table.several_labels)},
            training=pace(recipe.training, examples, size, epochs),
        )
        self.refuse_impossible(settled)
        return settled

    def refuse_impossible(self, recipe: Recipe) -> None:
        """The network must take a text of one token, and its weights fit any length."""
        refuse_unreadable(recipe, Tokens(TYPICAL_LENGTH, FIRST))
        if recipe.own is not None:
            return
        built = [weights(recipe, Tokens(time, FIRST)) for time in (1, TYPICAL_LENGTH)]
        if built[0] != built[1]:
            raise NetworkError(
                "the network's weights depend on the length of its texts: end its sequences with global_pool, or "
                "with a recurrent layer that gives its last state (return: last), in place of flatten"
            )

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        return train.table.classes

    def input(self, recipe: Recipe, train: Gathered) -> TextInput:
        data = of_texts(recipe).data
        assert data.tokens != "auto" and data.least != "auto"
        texts: list[str] = list(train.table.frame["input"])
        merges: list[str] = []
        if data.tokens == "subwords":
            words = (word for text in texts for word in split(text, "words", data.lowercase))
            known, merges = learn_subwords(words, data.least, data.vocabulary)
        else:
            known = learn_vocabulary(texts, data.tokens, data.lowercase, data.least, data.vocabulary)
            others = (
                token
                for text in unlabelled(recipe).texts
                for token in split(text, data.tokens, data.lowercase)
            )
            known = extended(known, others, data.vocabulary)
        unit = "file" if train.table.format == reader_text_folders.NAME else "line"
        return TextInput(data.tokens, data.lowercase, known, data.longest, train.table.column, unit, merges)

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        if found is None or not len(found.table):
            return Tokens(TYPICAL_LENGTH, FIRST + of_texts(recipe).data.vocabulary)
        return self.arriving(self.input(recipe, found))

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, TextInput)
        return Tokens(TYPICAL_LENGTH, input.size)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        """Lengths in tokens; the share of the texts that the recipe cuts."""
        data = of_texts(recipe).data
        if not len(found.table):
            return {"texts": None}
        assert data.tokens != "auto"
        input = self.input(recipe, found)
        lengths = np.sort(_lengths(found, input))
        return {
            "texts": {
                "tokens": data.tokens,
                "shortest": int(lengths[0]),
                "median": int(lengths[len(lengths) // 2]),
                "longest": int(lengths[-1]),
                "vocabulary": input.size - FIRST,
                "cut": float((lengths > data.longest).mean()) if data.longest else 0.0,
            }
        }

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        data = of_texts(recipe).data
        if not data.longest:
            return []
        assert data.tokens != "auto"
        share = float((_lengths(train, self.input(recipe, train)) > data.longest).mean())
        return [f"data.longest cuts {share:.1%} of the training texts after {data.longest} {data.tokens}"]

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> TextClassification:
        return TextClassification(spec.classes, spec.several_labels, of_texts(recipe).loss, counts)

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> TextNetwork:
        assert isinstance(input, TextInput)
        ngrams = of_texts(recipe).ngrams
        assert ngrams.orders != "auto"
        return text_network(task, recipe.layers(), input, ngrams.orders, ngrams.buckets)

    def store(self, inputs: Iterable[str], input: ModelInput) -> TextStore:
        assert isinstance(input, TextInput)
        return TextStore(inputs, input)

    def divided(self, texts: Sequence[str], input: ModelInput) -> Sequence[str]:
        return texts

    def fit(
        self, network: nn.Module, store: TextStore, targets: Tensor, train: Gathered, recipe: Recipe
    ) -> Tensor | None:
        """The linear model of n-grams; what it says of each training text without having seen it."""
        assert isinstance(network, TextNetwork)
        if network.ngrams is None:
            return None
        orders = of_texts(recipe).ngrams.character_orders
        assert orders != "auto"
        spellings, groups = store.input.spellings, _groups(train)
        return fit_ngrams(
            network.ngrams, store.texts, spellings, orders, targets, groups, recipe.training.seed
        )

    def plain(self, store: TextStore, gathered: Gathered, rows: np.ndarray) -> list[str]:
        texts = gathered.table.frame["input"]
        return [texts.iloc[row] for row in rows]


def of_texts(recipe: Recipe) -> TextRecipe:
    """The recipe, whose task is one on texts."""
    assert isinstance(recipe, TextRecipe)
    return recipe


def _few(gathered: Gathered) -> list[str]:
    texts = gathered.table.frame["input"]
    return [texts.iloc[row] for row in sample(len(texts), FEW, seed=0)]


def _lengths(gathered: Gathered, input: TextInput) -> np.ndarray:
    return np.array([len(input.pieces(text)) for text in gathered.table.frame["input"]])


def _groups(train: Gathered) -> np.ndarray:
    """A number for each text that its copies, and all of its group, share."""
    names = [
        digest if group is None else str(group)
        for digest, group in zip(train.digests, train.table.frame["group"], strict=True)
    ]
    groups: np.ndarray = np.unique(names, return_inverse=True)[1]
    return groups

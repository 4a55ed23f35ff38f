"""Sentences: what a recipe leaves to the data (`auto`), settled; how they become words and characters, are drawn and
shown."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from plait.data.gather import Gathered
from plait.data.sentence_store import SentenceStore
from plait.errors import NetworkError
from plait.inference.conll import BETWEEN
from plait.inference.input import ModelInput
from plait.inference.sentence import SentenceInput, known_as, learn_words, split_text, splitter_of, word_of
from plait.inference.spec import ModelSpec
from plait.inference.tags import all_tags, are_spans, kinds
from plait.inference.text import FIRST
from plait.layers import Shape, Words
from plait.media.medium import pace, weights
from plait.media.worded import Worded, extended, refuse_unreadable, unlabelled
from plait.recipe import Recipe, SentenceRecipe
from plait.tasks import SequenceTagging, Task, automatic
from plait.tasks.sequence_tagging import TYPICAL_LENGTH, TaggingNetwork, tagging_network, words_of


class Sentences(Worded):
    """Tokens of any number, each as a word and as its characters."""

    noun = "sentence"
    baseline_rows = 1_000_000

    def settle(self, asking: Callable[..., Recipe], train: Gathered) -> Recipe:
        """The network, vocabulary, epochs and batch size from the training part."""
        characters = automatic.single_characters(_word_lengths(train))
        recipe = of_sentences(asking(instead="single_characters" if characters else None))
        examples = len(train.table)
        least = automatic.least(examples) if recipe.data.least == "auto" else recipe.data.least
        size, epochs = automatic.tagging_batch_size(examples), automatic.tagging_epochs(examples)
        settled = recipe.with_values(
            data={"least": least, "letters": _letters(recipe, train)},
            training=pace(recipe.training, examples, size, epochs),
        )
        self.refuse_impossible(settled)
        return settled

    def refuse_impossible(self, recipe: Recipe) -> None:
        """The network must take a sentence of one word, and its weights fit any length."""
        asked = of_sentences(recipe).data.letters
        letters = 2 if asked == "auto" else asked
        features = (FIRST,) * len(of_sentences(recipe).data.features)
        arriving = [Words(time, FIRST, letters, FIRST, features) for time in (1, TYPICAL_LENGTH)]
        refuse_unreadable(recipe, arriving[1])
        if recipe.own is not None:
            return
        built = [weights(recipe, one) for one in arriving]
        if built[0] != built[1]:
            raise NetworkError(
                "the network's weights depend on the length of its sentences: leave out flatten"
            )

    def classes(self, recipe: Recipe, train: Gathered) -> list[str]:
        """Of spans every tag of the recipe's scheme for the kinds in training; otherwise the tags in training."""
        found = train.table.classes
        return all_tags(kinds(found), of_sentences(recipe).tags.scheme) if are_spans(found) else found

    def input(self, recipe: Recipe, train: Gathered) -> SentenceInput:
        data = of_sentences(recipe).data
        sentences = list(train.table.frame["input"])
        least = automatic.least(len(sentences)) if data.least == "auto" else data.least
        letters = _letters(recipe, train)
        words, signs = learn_words(sentences, data.lowercase, least, data.vocabulary, letters)
        splitter = splitter_of(sentences)
        others = (token.word for text in unlabelled(recipe).texts for token in split_text(text, splitter))
        words = extended(words, (known_as(word, data.lowercase) for word in others), data.vocabulary)
        return SentenceInput(
            words,
            signs,
            data.lowercase,
            letters,
            splitter,
            train.table.column,
            train.table.scheme,
            data.features,
            _feature_values(sentences, len(data.features)),
        )

    def preview(self, recipe: Recipe, found: Gathered | None) -> Shape:
        data = of_sentences(recipe).data
        if found is None or not len(found.table):
            letters = automatic.letters(99) if data.letters == "auto" else data.letters
            features = (FIRST + 100,) * len(data.features)
            return Words(TYPICAL_LENGTH, FIRST + data.vocabulary, letters, FIRST + 100, features)
        return self.arriving(self.input(recipe, found))

    def arriving(self, input: ModelInput) -> Shape:
        assert isinstance(input, SentenceInput)
        return words_of(input, TYPICAL_LENGTH)

    def describe(self, found: Gathered, recipe: Recipe) -> dict[str, Any]:
        """Lengths in tokens."""
        if not len(found.table):
            return {"sentences": None}
        lengths = np.sort(found.sizes[:, 0])
        input = self.input(recipe, found)
        return {
            "sentences": {
                "shortest": int(lengths[0]),
                "median": int(lengths[len(lengths) // 2]),
                "longest": int(lengths[-1]),
                "tokens": int(lengths.sum()),
                "vocabulary": input.size - FIRST,
                "characters": input.signs - FIRST,
                "spans": are_spans(found.table.classes),
            }
        }

    def remarks(self, recipe: Recipe, train: Gathered) -> list[str]:
        found = [problem for problem in train.findings if problem.kind in ("scheme", "first characters")]
        return [problem.message for problem in found]

    def task(self, spec: ModelSpec, recipe: Recipe, counts: Sequence[int]) -> SequenceTagging:
        tags = of_sentences(recipe).tags
        return SequenceTagging(spec.classes, tags.scheme, tags.chain)

    def network(self, task: Task, recipe: Recipe, input: ModelInput) -> TaggingNetwork:
        assert isinstance(input, SentenceInput) and isinstance(task, SequenceTagging)
        return tagging_network(task, recipe.layers(), input)

    def store(self, inputs: Iterable[Sequence[str]], input: ModelInput) -> SentenceStore:
        assert isinstance(input, SentenceInput)
        return SentenceStore(inputs, input)

    def divided(self, texts: Sequence[str], input: ModelInput) -> Sequence[Sequence[str]]:
        assert isinstance(input, SentenceInput)
        return [tuple(token.word for token in split_text(text, input.splitter)) for text in texts]

    def plain(self, store: SentenceStore, gathered: Gathered, rows: np.ndarray) -> list[tuple[str, ...]]:
        sentences = gathered.table.frame["input"]
        return [tuple(map(word_of, sentences.iloc[row])) for row in rows]


def of_sentences(recipe: Recipe) -> SentenceRecipe:
    """The recipe, whose task is one on sentences."""
    assert isinstance(recipe, SentenceRecipe)
    return recipe


def _letters(recipe: Recipe, train: Gathered) -> int:
    asked = of_sentences(recipe).data.letters
    if asked != "auto":
        return asked
    return automatic.letters(max(_word_lengths(train)))


def _word_lengths(train: Gathered) -> list[int]:
    """Characters of each token."""
    return [len(word_of(token)) for tokens in train.table.frame["input"] for token in tokens]


def _feature_values(sentences: Sequence[tuple[str, ...]], count: int) -> list[list[str]]:
    """What each feature holds in these sentences."""
    held: list[set[str]] = [set() for _ in range(count)]
    for sentence in sentences if count else ():
        for token in sentence:
            for values, value in zip(held, token.split(BETWEEN)[1:], strict=True):
                values.add(value)
    return [sorted(values) for values in held]

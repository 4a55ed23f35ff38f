"""Recipe: what was asked. Read from the task's own YAML, the user's YAML and the command line, in that order.

Everything is checked before anything is done: an unknown or doubled key, a wrong type or a number out of range is a
RecipeError that names the place and the nearest known key. Nothing in a recipe can name code to import.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import PrivateAttr, ValidationError
from torch import nn

from plait.data.augmentation import AugmentationOptions
from plait.data.box_views import BoxAugmentation
from plait.data.line_store import LineAugmentation
from plait.data.options import (
    BoxDataOptions,
    DataOptions,
    LineDataOptions,
    PictureDataOptions,
    SentenceDataOptions,
    SoundDataOptions,
    SpeechDataOptions,
    StreamDataOptions,
    TextDataOptions,
    TranscriptDataOptions,
)
from plait.data.sound_store import SoundAugmentation
from plait.data.table import Content
from plait.errors import RecipeError, suggestion
from plait.layers import Layer, Own, read_network
from plait.layers.losses import LossOptions
from plait.recipe_sections import (
    BoxLossOptions,
    DecodingOptions,
    DetectionOptions,
    EvaluationOptions,
    HeadOptions,
    NgramOptions,
    OutputOptions,
    PretrainingOptions,
    PyramidOptions,
    TagOptions,
    WordDropout,
)
from plait.recipe_values import apply_change, faults, load_yaml, overlay
from plait.section import Section
from plait.training.options import TrainingOptions

INSTEAD = ("small_pictures", "single_characters")
"""Sections of a recipe that hold instead of the rest of it, each for data of one kind."""
ANSWERING = ("decoding", "evaluation")
"""Sections that say how a trained network is asked: no weight depends on them."""


class Recipe(Section):
    """The whole recipe of one run, every value given; ``network`` is a list of layer descriptions."""

    task: str
    data: DataOptions
    network: list[Any]
    training: TrainingOptions

    _own: nn.Module | None = PrivateAttr(default=None)

    def layers(self) -> list[Layer]:
        """The network's layers, not built; a network of the user's own is copied, so that theirs stays as it is.

        Raises RecipeError where the network is the user's own and was not given.
        """
        if self._own is not None:
            return [Own(copy.deepcopy(self._own))]
        return read_network(self.network)

    @property
    def own(self) -> nn.Module | None:
        """The user's module, as it was given."""
        return self._own

    def with_own(self, module: nn.Module) -> Self:
        """The same recipe with the user's module for its network, which the file can only name."""
        recipe = type(self)._checked(
            self.model_dump(mode="json") | {"network": [{Own.word: type(module).__name__}]}
        )
        recipe._own = module
        return recipe

    @property
    def split_seed(self) -> int:
        """The seed of whatever is drawn to divide the data."""
        return self.training.seed if self.data.split_seed is None else self.data.split_seed

    def with_values(self, **sections: Mapping[str, Any]) -> Self:
        """The same recipe with some values of some sections replaced, checked again."""
        values = self.model_dump(mode="json")
        for section, changes in sections.items():
            values[section] = {**values[section], **changes}
        changed = self._checked(values)
        changed._own = self._own
        return changed

    def answering(self, changes: Iterable[str]) -> Self:
        """The same recipe, by which a trained network is asked otherwise; ``changes`` are such as "decoding.width=16".

        Raises RecipeError for a change of anything else, and for a value that only training would find.
        """
        values = self.model_dump(mode="json")
        for change in changes:
            section = change.partition(".")[0]
            if section not in ANSWERING:
                raise RecipeError(
                    f"--set {change}: the network was trained so; after training only "
                    f"{' and '.join(ANSWERING)} can change: train again with it"
                )
            apply_change(values, change)
            if "auto" in values[section].values():
                raise RecipeError(f"--set {change}: training finds what auto means; say a value")
        return self.with_values(**{name: values[name] for name in ANSWERING if name in values})

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise RecipeError("\n  ".join(["the recipe does not fit:", *faults(values, error)])) from error

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


class PictureRecipe(Recipe):
    """Of a task on pictures."""

    data: PictureDataOptions
    loss: LossOptions
    augmentation: AugmentationOptions
    evaluation: EvaluationOptions


class WordedRecipe(Recipe):
    """Of a task on words, or other tokens with numbers."""

    data: TextDataOptions | SentenceDataOptions
    augmentation: WordDropout
    pretraining: PretrainingOptions


class TextRecipe(WordedRecipe):
    """Of a task on texts."""

    data: TextDataOptions
    loss: LossOptions
    ngrams: NgramOptions


class SentenceRecipe(WordedRecipe):
    """Of a task on tagged sentences."""

    data: SentenceDataOptions
    tags: TagOptions


class StreamRecipe(Recipe):
    """Of a task on running text."""

    data: StreamDataOptions
    output: OutputOptions


class AudioRecipe(Recipe):
    """Of audio classification."""

    data: SoundDataOptions
    loss: LossOptions
    augmentation: SoundAugmentation


class TranscribingRecipe(Recipe):
    """Of a task whose answers are transcripts."""

    data: TranscriptDataOptions
    decoding: DecodingOptions


class SpeechRecipe(TranscribingRecipe):
    """Of speech recognition."""

    data: SpeechDataOptions
    augmentation: SoundAugmentation


class LineRecipe(TranscribingRecipe):
    """Of text recognition."""

    data: LineDataOptions
    augmentation: LineAugmentation


class DetectionRecipe(Recipe):
    """Of object detection."""

    data: BoxDataOptions
    pyramid: PyramidOptions
    head: HeadOptions
    loss: BoxLossOptions
    detection: DetectionOptions
    augmentation: BoxAugmentation

    def context(self) -> list[Layer]:
        """The layers over one map of the pyramid, not built."""
        return read_network(self.pyramid.context) if self.pyramid.context else []


RECIPES: dict[str, type[Recipe]] = {
    "image-classification": PictureRecipe,
    "text-classification": TextRecipe,
    "sequence-tagging": SentenceRecipe,
    "language-modeling": StreamRecipe,
    "audio-classification": AudioRecipe,
    "speech-recognition": SpeechRecipe,
    "text-recognition": LineRecipe,
    "object-detection": DetectionRecipe,
}
"""What a recipe of each task holds."""
TASK_NAMES = tuple(RECIPES)
TASK_OF: dict[Content, str] = {
    "pictures": "image-classification",
    "texts": "text-classification",
    "sentences": "sequence-tagging",
    "running text": "language-modeling",
    "recordings": "audio-classification",
    "speech": "speech-recognition",
    "text lines": "text-recognition",
    "boxes": "object-detection",
}
"""The task that data of each kind is for, where nothing else is asked."""


def default_text(task: str) -> str:
    """The default recipe of ``task`` as shipped, comments included; raises RecipeError for an unknown task."""
    return (files("plait.tasks") / f"{_known(task).replace('-', '_')}.yaml").read_text(encoding="utf-8")


def read_recipe(
    path: str | Path | None = None,
    changes: Iterable[str] = (),
    task: str = "image-classification",
    adapt: Callable[[dict[str, Any]], None] | None = None,
    instead: str | None = None,
) -> Recipe:
    """The task's default, overlaid by the file at ``path``, ``adapt``-ed, then ``changes`` such as "training.epochs=5".

    ``task`` holds where the file names none, and ``instead`` the section of INSTEAD that the data asks for. Raises
    RecipeError.
    """
    given = {} if path is None else load_yaml(_text(Path(path)), str(path))
    values = load_yaml(default_text(str(given.get("task", task))), "the default recipe")
    sections = [name for name in INSTEAD if name in values]
    overlay(values, _special(values, sections, instead), "the default recipe")
    special = _special(given, sections, instead)
    for changed in (given, special):
        overlay(values, changed, str(path))
    if adapt is not None:
        adapt(values)
    for change in changes:
        apply_change(values, change)
    try:
        return parse(values)
    except RecipeError as error:
        raise error if path is None else RecipeError(f"{path}: {error}") from error


def _special(values: dict[str, Any], sections: Iterable[str], instead: str | None) -> Any:
    """Takes ``sections`` out of ``values``, and gives the one that holds."""
    taken: dict[str | None, Any] = {name: values.pop(name, {}) for name in sections}
    return taken.get(instead, {})


def parse(values: Mapping[str, Any]) -> Recipe:
    """A recipe of its own task's kind; checks types and ranges, and raises RecipeError naming every wrong place."""
    return RECIPES[_known(str(values.get("task")))]._checked(values)


def _known(task: str) -> str:
    if task not in TASK_NAMES:
        raise RecipeError(f"unknown task {task!r}: {suggestion(task, TASK_NAMES)}")
    return task


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} cannot be read: {error}") from error

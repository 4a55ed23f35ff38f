"""ModelSpec: what a model says about itself beside its weights; as JSON in a run and inside model.onnx."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from plait.errors import ModelError
from plait.inference.detection_input import DetectionInput
from plait.inference.input import Array, ModelInput, Port
from plait.inference.line import LineInput
from plait.inference.picture import PictureInput
from plait.inference.sentence import SentenceInput
from plait.inference.sound import SoundInput
from plait.inference.stream import StreamInput
from plait.inference.text import TextInput

FORMAT_VERSION = 1
"""Raised when a model of an older plait could no longer be read rightly."""

Words = type[TextInput] | type[SentenceInput] | type[StreamInput]
Signals = type[PictureInput] | type[SoundInput] | type[LineInput] | type[DetectionInput]
INPUTS: dict[str, Words | Signals] = {
    "image-classification": PictureInput,
    "text-classification": TextInput,
    "sequence-tagging": SentenceInput,
    "language-modeling": StreamInput,
    "audio-classification": SoundInput,
    "speech-recognition": SoundInput,
    "text-recognition": LineInput,
    "object-detection": DetectionInput,
}
"""What each task's network takes."""

MAX_PIXELS = 100_000_000
"""A larger picture is refused unopened, where the recipe sets no limit of its own."""


@dataclass(frozen=True)
class ModelSpec:
    """Task, classes (a language model has none), how an input becomes the network's, the recipe it was trained by and
    its test scores."""

    task: str
    classes: list[str]
    several_labels: bool
    """Any number of classes an input (those of probability 0.5 and more) instead of one."""
    input: ModelInput
    recipe: dict[str, Any]
    scores: dict[str, Any] | None
    plait_version: str
    trained_on: str
    """The date, as 2026-01-31; empty before training."""
    format_version: int = FORMAT_VERSION

    @property
    def max_pixels(self) -> int:
        """The most pixels of a picture that is opened, as the recipe says."""
        data = self.recipe.get("data")
        limit = data.get("max_pixels") if isinstance(data, dict) else None
        return limit if isinstance(limit, int) and limit > 0 else MAX_PIXELS

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The arrays that the network gives, in order."""
        count = len(self.classes)
        if isinstance(self.input, StreamInput | DetectionInput):
            return self.input.outputs
        if self.task == "sequence-tagging":
            transitions = Port("transitions", "float32", (count, count), batched=False)
            return Port("emissions", "float32", ("time", count)), transitions
        if self.task in ("speech-recognition", "text-recognition"):
            after = self.input.after if isinstance(self.input, SoundInput) else ()
            return Port("logits", "float32", ("steps", 1 + count)), Port("steps", "int64", ()), *after
        return (Port("logits", "float32", (count,)),)

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values; from_json gives the same spec back."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "input": self.input.to_json()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ModelSpec":
        """Reads to_json's dictionary; raises ModelError for a missing or unknown key or a wrong type."""
        if not isinstance(values, Mapping):
            raise ModelError(f"a model's description is {type(values).__name__}, expected a mapping")
        _check_version(values.get("format_version"))
        _check_types(values)
        if values["task"] not in INPUTS:
            raise ModelError(f"the model's task is {values['task']!r}; this plait knows {', '.join(INPUTS)}")
        try:
            return cls(**{**values, "input": INPUTS[values["task"]].from_json(values["input"])})
        except (TypeError, ValueError, KeyError) as error:
            raise ModelError(f"a model's description of its input cannot be read: {error}") from error


class Predictor(Protocol):
    """A network that answers: a deployed model, or a run's."""

    spec: ModelSpec

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """The arrays of one batch, one for each of the input's ports, to one for each of the spec's outputs."""
        ...


_TYPES: dict[str, tuple[type, ...]] = {
    "task": (str,),
    "classes": (list,),
    "several_labels": (bool,),
    "input": (dict,),
    "recipe": (dict,),
    "scores": (dict, type(None)),
    "plait_version": (str,),
    "trained_on": (str,),
    "format_version": (int,),
}


def _check_version(version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int):
        raise ModelError(f"a model's format_version is {version!r}, expected a whole number")
    if version != FORMAT_VERSION:
        remedy = "install a newer plait" if version > FORMAT_VERSION else "export it again from its run"
        raise ModelError(
            f"the model has format {version}, and this plait reads format {FORMAT_VERSION}: {remedy}"
        )


def _check_types(values: Mapping[str, Any]) -> None:
    if odd := sorted(map(str, set(values) ^ set(_TYPES))):
        raise ModelError(f"a model's description has missing or unknown keys: {', '.join(odd)}")
    for key, types in _TYPES.items():
        if not isinstance(values[key], types):
            raise ModelError(
                f"a model's description: {key} is {type(values[key]).__name__}, expected {types[0].__name__}"
            )
    classes = values["classes"]
    if not all(isinstance(name, str) for name in classes) or len(set(classes)) < len(classes):
        raise ModelError("a model's classes must be different names")
    if not classes and INPUTS.get(values["task"]) is not StreamInput:
        raise ModelError("a model's classes must be one or more different names")

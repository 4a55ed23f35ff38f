"""Text recognition without PyTorch: a line's picture as the network takes it; its scores as a transcript."""

from collections.abc import Sequence

from plait.inference.input import Array
from plait.inference.line import LineInput
from plait.inference.prediction import Origin, Prediction
from plait.inference.spec import ModelSpec
from plait.inference.transcription import Scribe

__all__ = ["decode", "encode", "scribe"]


def encode(origin: Origin, spec: ModelSpec) -> Array:
    """uint8 (1, height, width); raises PictureError."""
    assert isinstance(spec.input, LineInput)
    return spec.input.open(origin.content, spec.max_pixels)


def scribe(spec: ModelSpec) -> Scribe:
    """Places are in columns of the picture, made ``height`` high."""
    assert isinstance(spec.input, LineInput)
    return Scribe(spec.classes, spec.input.writing, spec.input.step)


def decode(outputs: Sequence[Array], origins: Sequence[Origin], spec: ModelSpec) -> list[Prediction]:
    """Logits (batch, steps, 1 + symbols) and steps (batch,) to transcripts; raises ModelError where they are not
    numbers."""
    return list(scribe(spec).transcripts(outputs, origins))

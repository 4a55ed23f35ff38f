"""Speech recognition without PyTorch: a recording as the network takes it; its scores as a transcript."""

from collections.abc import Sequence

from plait.inference.input import Array
from plait.inference.prediction import Origin, Prediction
from plait.inference.sound import SoundInput
from plait.inference.sound_file import Clip
from plait.inference.spec import ModelSpec
from plait.inference.transcription import Scribe

__all__ = ["decode", "encode", "scribe"]


def encode(origin: Origin, spec: ModelSpec) -> Array:
    """int16 (samples,), or float32 (frames, dimensions); raises SoundError."""
    assert isinstance(spec.input, SoundInput)
    return spec.input.open(Clip(origin.content))


def scribe(spec: ModelSpec) -> Scribe:
    """Places are in seconds."""
    assert isinstance(spec.input, SoundInput) and spec.input.writing is not None
    return Scribe(spec.classes, spec.input.writing, spec.input.step_seconds)


def decode(outputs: Sequence[Array], origins: Sequence[Origin], spec: ModelSpec) -> list[Prediction]:
    """Logits (batch, steps, 1 + symbols) and steps (batch,) to transcripts; raises ModelError where they are not
    numbers."""
    return scribe(spec).transcripts(outputs, origins)

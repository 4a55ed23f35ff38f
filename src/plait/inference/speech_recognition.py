"""Speech recognition without PyTorch: a recording as the network takes it; its scores as a transcript."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from plait.inference.input import Array
from plait.inference.long_sound import cuts
from plait.inference.prediction import Origin, Prediction
from plait.inference.sound import SoundInput, at_least
from plait.inference.sound_file import Clip
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.transcription import Scribe, Transcript, joined, moved

__all__ = ["answer", "decode", "encode", "scribe"]


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
    return list(scribe(spec).transcripts(outputs, origins))


def answer(predictor: Predictor, inputs: Sequence[Array], origins: Sequence[Origin]) -> Iterator[Prediction]:
    """The transcript of every recording, long ones heard in pieces that are cut where they are quietest."""
    input, spec = predictor.spec.input, predictor.spec
    assert isinstance(input, SoundInput) and input.writing is not None
    ends = [[*([] if input.dimensions else cuts(one, input.rate)), len(one)] for one in inputs]
    if max(map(len, ends)) == 1:
        yield from decode(predictor.run(*input.collate(inputs)), origins, spec)
        return
    spaced = input.writing.unit == "words" or any(symbol.startswith(" ") for symbol in spec.classes)
    hearing = scribe(spec)
    for sound, origin, cut in zip(inputs, origins, ends, strict=True):
        parts: list[Transcript] = []
        for begin, end in pairwise([0, *cut]):
            piece = at_least(sound[begin:end], input.least)
            (found,) = hearing.transcripts(predictor.run(*input.collate([piece])), [origin])
            parts.append(replace(found, words=moved(found.words, begin / input.rate)))
        yield joined(parts, spaced)

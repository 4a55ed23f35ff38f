"""Transcription: what was said or written, from the scores of its symbols by CTC; shared by sound and pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from plait.errors import ModelError
from plait.inference.ctc import greedy
from plait.inference.ctc_decoder import Decoder, Heard, heard, spelled
from plait.inference.input import Array
from plait.inference.ngram_model import NgramModel, read_arpa
from plait.inference.prediction import Origin, Prediction, refuse_nonsense
from plait.inference.stream import pieces
from plait.inference.subwords import Subwords
from plait.inference.text import check_fields
from plait.inference.transcripts import tidy

UNITS = ("characters", "subwords", "words")
PUNCTUATION = ("keep", "drop")


@dataclass(frozen=True)
class Writing:
    """How what is heard is written, and how it is chosen among all that it may be.

    ``unit`` is what a symbol stands for; ``lowercase`` and ``punctuation`` (keep or drop) are what becomes of a
    transcript before it is learnt or compared. ``width`` is the beam's: 1 takes the likeliest symbol of every step;
    ``language`` an n-gram model of words in ARPA's format, or empty, which ``weight`` weighs, and ``bonus`` is added
    for a word, ``hot`` for certain words, in nats. Where there are ``phrases``, one of them is answered, or,
    where it ``rejects``, nothing if none is near to what is heard. Raises ValueError for values that mean nothing.
    """

    unit: str
    lowercase: bool
    punctuation: str
    merges: list[str] = field(default_factory=list)
    width: int = 1
    language: str = ""
    weight: float = 0.5
    bonus: float = 0.0
    hot: dict[str, float] = field(default_factory=dict)
    phrases: list[str] = field(default_factory=list)
    rejects: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("unit", self.unit, UNITS),
            ("punctuation", self.punctuation, PUNCTUATION),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(known)}")
        if self.width < 1:
            raise ValueError(f"width is {self.width}, but must be at least 1")
        _ = self._subwords  # It refuses merges that mean nothing.

    @cached_property
    def _subwords(self) -> Subwords:
        return Subwords(self.merges)

    @cached_property
    def _language(self) -> NgramModel | None:
        return read_arpa(self.language) if self.language else None

    def tidy(self, text: str) -> str:
        """The transcript as it is learnt and compared."""
        return tidy(text, self.lowercase, self.punctuation)

    def plain(self) -> "Writing":
        """The same symbols, the likeliest of every step taken."""
        return Writing(self.unit, self.lowercase, self.punctuation, self.merges)

    def pieces(self, text: str) -> list[str]:
        """The symbols that spell a transcript; a subword that begins a word has a blank before it."""
        plain = self.tidy(text)
        if self.unit == "characters":
            return list(plain)
        if self.unit == "words":
            return plain.split()
        return [piece for word in pieces(" " + plain, "words") for piece in self._subwords.split(word)]

    def decoder(self, symbols: Sequence[str]) -> Decoder:
        """What finds the answer, where the network tells ``symbols`` apart."""
        numbers = {symbol: number for number, symbol in enumerate(symbols, start=1)}
        spelled = [self.pieces(phrase) for phrase in self.phrases]
        return Decoder(
            width=self.width,
            language=self._language,
            weight=self.weight,
            bonus=self.bonus,
            hot=self.hot,
            phrases=tuple(tuple(numbers[piece] for piece in one) for one in spelled),
            rejects=self.rejects,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Writing":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        check_fields(values, FIELDS, "description of how a model writes")
        try:
            return cls(**values)
        except ValueError as error:
            raise ModelError(f"how a model writes: {error}") from error


FIELDS: dict[str, type] = {
    "unit": str,
    "lowercase": bool,
    "punctuation": str,
    "merges": list,
    "width": int,
    "language": str,
    "weight": float,
    "bonus": float,
    "hot": dict,
    "phrases": list,
    "rejects": bool,
}
"""Of a Writing, as JSON has them."""


@dataclass(frozen=True)
class PlacedWord:
    """A word and where it lies: ``start`` and ``end`` in the input's own measure (seconds, or columns of a line);
    ``characters`` are the confidences of its characters (none where symbols are words)."""

    text: str
    start: float
    end: float
    confidence: float
    characters: tuple[float, ...]


@dataclass(frozen=True)
class Transcript(Prediction):
    """What an input says."""

    text: str
    confidence: float
    words: tuple[PlacedWord, ...]

    def cells(self) -> dict[str, str | float]:
        return {"prediction": self.text, "probability": self.confidence}

    def to_json(self) -> dict[str, Any]:
        return self.origin.to_json() | {
            "prediction": self.text,
            "probability": self.confidence,
            "words": [asdict(word) for word in self.words],
        }


class Scribe:
    """Writes down what a network's scores say; ``step`` is what one step of them measures."""

    def __init__(self, symbols: Sequence[str], writing: Writing, step: float) -> None:
        self.symbols = list(symbols)
        self.writing = writing
        self.step = step
        self._decoder = writing.decoder(symbols)

    def hear(self, logits: Array) -> Heard:
        """Of the scores (steps, 1 + symbols) of one input."""
        return heard(np.asarray(logits, np.float64), self.symbols, self.writing.unit, self._decoder)

    def likeliest(self, logits: Array) -> str:
        """The text alone, by the likeliest symbol of every step."""
        found = greedy(np.asarray(logits, np.float64))
        return spelled([self.symbols[one - 1] for one in found], self.writing.unit)

    def transcripts(self, outputs: Sequence[Array], origins: Sequence[Origin]) -> list[Transcript]:
        """Of logits (batch, steps, 1 + symbols) and the steps that are real (batch,); raises ModelError where they are
        not numbers."""
        logits, steps, *_ = outputs
        refuse_nonsense(logits)
        return [
            self._transcript(origin, self.hear(logits[row, : int(steps[row])]))
            for row, origin in enumerate(origins)
        ]

    def _transcript(self, origin: Origin, found: Heard) -> Transcript:
        return Transcript(origin, found.text, found.confidence, placed(found, self.step))


def placed(found: Heard, step: float) -> tuple[PlacedWord, ...]:
    """The words, their places in the measure of ``step``."""
    return tuple(
        PlacedWord(
            word.text,
            round(word.start * step, 3),
            round(word.end * step, 3),
            word.confidence,
            word.characters,
        )
        for word in found.words
    )


def moved(words: Iterable[PlacedWord], shift: float) -> tuple[PlacedWord, ...]:
    """The same words, later."""
    return tuple(
        replace(word, start=round(word.start + shift, 3), end=round(word.end + shift, 3)) for word in words
    )


def joined(parts: Sequence[Transcript], spaced: bool) -> Transcript:
    """One after the other, with blanks between where words have such; the confidence is that all of it is right."""
    text = (" " if spaced else "").join(part.text for part in parts if part.text)
    words = tuple(word for part in parts for word in part.words)
    return Transcript(parts[0].origin, text, float(np.prod([part.confidence for part in parts])), words)

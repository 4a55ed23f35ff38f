"""Sequence tagging without PyTorch: a sentence as the network takes it; potentials as tags, spans and confidences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plait.inference.input import Array
from plait.inference.prediction import Origin, Prediction, refuse_nonsense
from plait.inference.sentence import Numbers, SentenceInput, Token, split_text, word_of
from plait.inference.spec import ModelSpec
from plait.inference.tag_paths import Floats, best_path, marginals
from plait.inference.tags import Span, marked, spans


@dataclass(frozen=True)
class FoundSpan:
    """A span of a sentence: its kind, its text, its characters ``start`` to ``end`` - 1 in the input."""

    kind: str
    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class Tagging(Prediction):
    """A tag for every token, in the scheme of the data; where tags mark spans, the spans."""

    tokens: tuple[Token, ...]
    tags: tuple[str, ...]
    probabilities: tuple[float, ...]
    """Of each token's tag, over all paths."""
    spans: tuple[FoundSpan, ...] | None

    def cells(self) -> dict[str, str | float]:
        """Spans as ``kind: text``, one after the other; other tags beside their words; the least sure of them."""
        if self.spans is None:
            pairs = zip(self.tokens, self.tags, strict=True)
            said = " ".join(f"{token.word}/{tag}" for token, tag in pairs)
            return {"prediction": said, "probability": min(self.probabilities)}
        said = "; ".join(f"{span.kind}: {span.text}" if span.kind else span.text for span in self.spans)
        sure = [span.probability for span in self.spans] or self.probabilities
        return {"prediction": said, "probability": min(sure)}

    def to_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            **self.origin.to_json(),
            "tokens": [token.word for token in self.tokens],
            "tags": list(self.tags),
            "probabilities": list(self.probabilities),
        }
        if self.spans is not None:
            answer["spans"] = [
                {
                    "kind": span.kind,
                    "text": span.text,
                    "start": span.start,
                    "end": span.end,
                    "probability": span.probability,
                }
                for span in self.spans
            ]
        return answer


def tokens_of(origin: Origin, spec: ModelSpec) -> tuple[Token, ...]:
    """The tokens as they were given, in a text where blanks divide them; or those of raw text."""
    assert isinstance(spec.input, SentenceInput)
    if origin.tokens is None:
        return tuple(split_text(origin.content, spec.input.splitter)) or (Token(origin.content, 0, 0),)
    placed, begin = [], 0
    for word in map(word_of, origin.tokens):
        placed.append(Token(word, begin, begin + len(word)))
        begin += len(word) + 1
    return tuple(placed)


def encode(origin: Origin, spec: ModelSpec) -> Numbers:
    """The sentence as numbers (time, 1 + letters)."""
    assert isinstance(spec.input, SentenceInput)
    if origin.tokens is not None:
        return spec.input.encode(origin.tokens)
    return spec.input.encode([token.word for token in tokens_of(origin, spec)])


def decode(outputs: Sequence[Array], origins: Sequence[Origin], spec: ModelSpec) -> list[Prediction]:
    """Emissions (batch, time, tags) and transitions (tags, tags) to predictions; raises ModelError where they are not
    numbers."""
    emissions, transitions = (np.asarray(one, np.float64) for one in outputs)
    refuse_nonsense(emissions, transitions)
    return [_tagging(origin, emissions[row], transitions, spec) for row, origin in enumerate(origins)]


def _tagging(origin: Origin, emissions: Floats, transitions: Floats, spec: ModelSpec) -> Prediction:
    tokens = tokens_of(origin, spec)
    potentials = emissions[: len(tokens)]
    path = best_path(potentials, transitions)
    likely = marginals(potentials, transitions)[np.arange(len(path)), path]
    tags = [spec.classes[number] for number in path]
    found = None
    assert isinstance(spec.input, SentenceInput)
    if spec.input.scheme:
        marking = spans(tags)
        found = tuple(_found(span, tokens, likely, origin) for span in marking)
        tags = marked(marking, len(tags), spec.input.scheme)
    return Tagging(origin, tokens, tuple(tags), tuple(float(one) for one in likely), found)


def _found(span: Span, tokens: Sequence[Token], likely: Floats, origin: Origin) -> FoundSpan:
    """As sure as its least sure token."""
    begin, end = tokens[span.start].start, tokens[span.end - 1].end
    return FoundSpan(
        span.kind, origin.content[begin:end], begin, end, float(likely[span.start : span.end].min())
    )

"""Language modeling without PyTorch: how well a network foresees a text, and texts it writes itself."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.errors import DataError, ModelError
from plait.inference.input import Array
from plait.inference.prediction import Origin, Prediction, refuse_nonsense
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.stream import StreamInput
from plait.inference.text import FIRST, Numbers

WINDOW = 256
"""Tokens that are read at once; what lies before is in the states."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Foreseen(Prediction):
    """How well a text was foreseen: ``bits`` of information in all of its ``tokens``."""

    bits: float
    tokens: int

    @property
    def bits_per_character(self) -> float:
        return self.bits / max(len(self.origin.content), 1)

    @property
    def perplexity(self) -> float:
        """2 to the bits a token."""
        return float(2 ** (self.bits / max(self.tokens, 1)))

    def cells(self) -> dict[str, str | float]:
        """Bits a character, and the probability of a token (its geometric mean)."""
        return {"prediction": self.bits_per_character, "probability": 1 / self.perplexity}

    def to_json(self) -> dict[str, Any]:
        content = self.origin.content
        return {
            **self.origin.to_json(),
            "bits_per_character": self.bits_per_character,
            "bits_per_byte": self.bits / max(len(content.encode("utf-8", "surrogatepass")), 1),
            "perplexity": self.perplexity,
            "characters": len(content),
            "tokens": self.tokens,
        }


def encode(origin: Origin, spec: ModelSpec) -> Numbers:
    """The text's token numbers (time,)."""
    return stream_of(spec).encode(origin.content)


def answer(predictor: Predictor, inputs: Sequence[Array], origins: Sequence[Origin]) -> Iterator[Prediction]:
    """Each text by itself, read from its beginning to its end; raises ModelError where an answer is no number."""
    stream = stream_of(predictor.spec)
    for tokens, origin in zip(inputs, origins, strict=True):
        nats = float(nats_of(predictor, np.asarray(tokens, np.int64)).sum())
        bits = nats / math.log(2) + stream.naming_bits(origin.content)
        yield Foreseen(origin, bits, len(tokens))


def nats_of(predictor: Predictor, tokens: Numbers) -> Floats:
    """-log of the probability of each token after all before it; the first is read after the end of a line."""
    stream = stream_of(predictor.spec)
    states = stream.beginning(1)
    before = np.concatenate([[stream.start], tokens])[:-1]
    found = [np.zeros(0)]
    for begin in range(0, len(tokens), WINDOW):
        logits, states = asked(predictor, before[begin : begin + WINDOW], states)
        chances = log_probabilities(logits)
        said = tokens[begin : begin + WINDOW]
        found.append(-chances[np.arange(len(said)), said])
    return np.concatenate(found)


def generate(
    predictor: Predictor,
    prompt: str = "",
    tokens: int = 300,
    temperature: float = 0.8,
    top_p: float = 0.9,
    seed: int | None = None,
) -> Iterator[str]:
    """What the network writes after ``prompt``, token by token.

    Each is drawn from the likeliest whose probabilities together reach ``top_p`` (Holtzman et al. 2020), after
    probabilities are raised to 1 / ``temperature``; at temperature 0 the likeliest is taken. The same ``seed`` gives
    the same text; None a new one each time. Raises DataError for numbers out of range, ModelError for a network of
    another task.
    """
    stream = stream_of(predictor.spec)
    if tokens < 0 or not temperature >= 0 or not 0 < top_p <= 1:
        raise DataError(
            f"tokens is {tokens}, temperature {temperature:g} and top-p {top_p:g}: the first two must be at least 0, "
            "top-p above 0 and at most 1"
        )
    return _written(predictor, stream, prompt, tokens, temperature, top_p, np.random.default_rng(seed))


def stream_of(spec: ModelSpec) -> StreamInput:
    """The input of a network that reads running text; raises ModelError for another task's."""
    if not isinstance(spec.input, StreamInput):
        raise ModelError(f"only a language model writes text, and this network's task is {spec.task}")
    return spec.input


def asked(
    predictor: Predictor, tokens: Numbers, states: tuple[Array, ...]
) -> tuple[Array, tuple[Array, ...]]:
    """Logits (time, size) of what follows each of ``tokens``, and the states to go on with."""
    logits, *after = predictor.run(tokens[None], *states)
    return logits[0], tuple(after)


def log_probabilities(logits: Array) -> Floats:
    """Over the last axis; raises ModelError where they are not numbers."""
    values = np.asarray(logits, np.float64)
    refuse_nonsense(values)
    values = values - values.max(axis=-1, keepdims=True)
    chances: Floats = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
    return chances


def _written(
    predictor: Predictor,
    stream: StreamInput,
    prompt: str,
    tokens: int,
    temperature: float,
    top_p: float,
    chance: np.random.Generator,
) -> Iterator[str]:
    states = stream.beginning(1)
    read = np.concatenate([[stream.start], stream.encode(prompt)])
    for begin in range(0, len(read), WINDOW):
        logits, states = asked(predictor, read[begin : begin + WINDOW], states)
    for place in range(tokens):
        number = FIRST + _drawn(log_probabilities(logits[-1, FIRST:]), temperature, top_p, chance)
        yield stream.decode(number)
        if place + 1 < tokens:
            logits, states = asked(predictor, np.array([number], np.int64), states)


def _drawn(chances: Floats, temperature: float, top_p: float, chance: np.random.Generator) -> int:
    if temperature == 0:
        return int(chances.argmax())
    probabilities = np.exp(log_probabilities(chances / temperature))
    order = np.argsort(-probabilities, kind="stable")
    reached = np.cumsum(probabilities[order])
    # All before the sum reaches top_p, and the one that reaches it.
    kept = order[: int(np.searchsorted(reached, top_p)) + 1]
    sums = np.cumsum(probabilities[kept])
    return int(kept[min(int(np.searchsorted(sums, chance.random() * sums[-1], side="right")), len(kept) - 1)])

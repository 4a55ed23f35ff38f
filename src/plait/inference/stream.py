"""Running text to the token numbers a network reads one after the other, and back. No character is lost on the way."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from plait.errors import ModelError
from plait.inference.input import Array, ModelInput, Port, first_states, random_states, state_ports
from plait.inference.subwords import Subwords
from plait.inference.text import (
    FIRST,
    PADDING,
    TOKENS,
    UNKNOWN,
    UNSPACED,
    Numbers,
    check_fields,
    most_frequent,
    pad,
)

LINE_END = "\n"
REPLACEMENT = "\ufffd"
LENGTHS = (400, 1, 7, 63)
"""Of the random texts that a model file is compared with its network on."""
NAMING_BITS = 20.087463
"""log2 of 1,114,112, the characters that Unicode has room for: the price of naming one that has no number."""

_WORD = re.compile(
    rf" ?[^\W_{UNSPACED}]+(?:['’][^\W_{UNSPACED}]+)*|[{UNSPACED}]| ?[^\w\s]|.", flags=re.DOTALL
)


@dataclass(frozen=True)
class StreamInput(ModelInput):
    """How running text becomes the network's input: one token after the other, and what it carries from token to token.

    ``tokens`` are characters, words (with the blank before them; every other sign, and each ideograph, alone) or the
    subwords that ``merges`` make of words; ``vocabulary`` lists those with a number of their own, counted from FIRST,
    every other is UNKNOWN. ``states`` are the widths of the arrays that the network carries. Raises ValueError for
    values that mean nothing.
    """

    noun: ClassVar[str] = "text"
    column: ClassVar[str] = ""
    unit: ClassVar[str] = "file"

    tokens: str
    vocabulary: list[str]
    states: list[int]
    merges: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._subwords  # It refuses merges that mean nothing.
        if self.tokens not in TOKENS:
            raise ValueError(f"tokens is {self.tokens!r}, but must be one of {', '.join(TOKENS)}")
        if any(width < 1 for width in self.states):
            raise ValueError(f"states are {self.states}, but widths must be at least 1")
        self._numbers.update({token: number for number, token in enumerate(self.vocabulary, FIRST)})
        if len(self._numbers) < len(self.vocabulary) or "" in self._numbers:
            raise ValueError("the vocabulary names a token twice, or one of no character")

    @cached_property
    def _subwords(self) -> Subwords:
        return Subwords(self.merges)

    @property
    def ports(self) -> tuple[Port, ...]:
        return Port("tokens", "int64", ("time",)), *state_ports("state", self.states)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the network gives: a score of every token for every next place, and the states to go on with."""
        return Port("logits", "float32", ("time", self.size)), *state_ports("after", self.states)

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Padded on the right, which no earlier place sees; the states of a beginning beside."""
        values, _ = pad([np.asarray(one, np.int64) for one in inputs])
        return values, *self.beginning(len(inputs))

    def beginning(self, count: int) -> tuple[Array, ...]:
        """The states before anything is read, of ``count`` texts."""
        return first_states(self.states, count)

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        """Of one of LENGTHS, from random states."""
        chance = np.random.default_rng(seed)
        values = chance.integers(UNKNOWN, self.size, (count, LENGTHS[seed % len(LENGTHS)]))
        return values, *random_states(self.states, count, chance)

    @property
    def size(self) -> int:
        """How many token numbers there are."""
        return FIRST + len(self.vocabulary)

    @property
    def start(self) -> int:
        """What a text's first token is read after: the end of a line, where there are lines."""
        return self._numbers.get(LINE_END, PADDING)

    def encode(self, text: str) -> Numbers:
        """Token numbers (time,)."""
        return self.numbers(self.pieces(text))

    def numbers(self, tokens: Iterable[str]) -> Numbers:
        """Of tokens, UNKNOWN for those that have none."""
        return np.array([self._numbers.get(token, UNKNOWN) for token in tokens], np.int64)

    def decode(self, number: int) -> str:
        """A token's characters; of what has no number, Unicode's replacement character."""
        if number < FIRST:
            return REPLACEMENT if number == UNKNOWN else ""
        return self.vocabulary[number - FIRST]

    def naming_bits(self, text: str) -> float:
        """What naming the tokens of ``text`` that have no number costs beside their prediction."""
        unknown = (token for token in self.pieces(text) if token not in self._numbers)
        return NAMING_BITS * sum(map(len, unknown))

    def pieces(self, text: str) -> list[str]:
        """The tokens in order; put together they are the text."""
        if self.tokens != "subwords":
            return pieces(text, self.tokens)
        return [piece for word in pieces(text, "words") for piece in self._subwords.split(word)]

    def to_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in FIELDS}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "StreamInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        check_fields(values, FIELDS)
        if not all(type(width) is int for width in values["states"]):
            raise ModelError("text input: states must be a list of whole numbers")
        try:
            return cls(**values)
        except ValueError as error:
            raise ModelError(f"text input: {error}") from error


FIELDS: dict[str, type] = {"tokens": str, "vocabulary": list, "states": list, "merges": list}
"""Of a StreamInput, as JSON has them."""


def pieces(text: str, tokens: str) -> list[str]:
    """A text's characters or words in order; put together they are the text."""
    return list(text) if tokens == "characters" else _WORD.findall(text)


def learn_tokens(texts: Iterable[str], tokens: str, least: int, most: int) -> list[str]:
    """Tokens that occur at least ``least`` times in ``texts``, the most frequent first, at most ``most`` of them."""
    return most_frequent(Counter(piece for text in texts for piece in pieces(text, tokens)), least, most)

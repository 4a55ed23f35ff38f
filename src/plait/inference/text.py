"""A text to the token numbers a network sees. Training, testing and the deployed model all come through here."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plait.errors import ModelError
from plait.inference.input import Array, ModelInput, Port
from plait.inference.subwords import Subwords

Numbers = NDArray[np.int64]

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Token numbers: of what is no token, of tokens never seen in training, and of the vocabulary's first."""
TOKENS = ("words", "subwords", "characters")
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f\U00020000-\U0003134f"
"""Scripts written without spaces between words: kana, Chinese ideographs, Thai."""

LONGEST_EXAMPLE = 63

_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+(?:['’][^\W_{UNSPACED}]+)*|[^\w\s]|_")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_ENDING = "##"
"""Begins the name of an ending, which stands for rare words that end so."""
_ENDINGS = (3, 2)


@dataclass(frozen=True)
class TextInput(ModelInput):
    """How a text becomes the network's input.

    ``tokens`` are words (each ideograph of a script without spaces counts as one), the subwords that ``merges`` make of
    them, or characters; ``vocabulary`` lists those that have a number of their own, counted from FIRST. A word that is
    not among them gets the number of its ending, where that is there ("##ing"), and otherwise UNKNOWN. Texts beyond
    ``longest`` tokens are cut (0: none is). ``column`` is the table's column that the texts came from, "" where they
    came from files; ``unit`` says what one text is in a file: line or file. Raises ValueError for values that mean
    nothing.
    """

    noun: ClassVar[str] = "text"

    tokens: str
    lowercase: bool
    vocabulary: list[str]
    longest: int
    column: str
    unit: str
    merges: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._subwords  # It refuses merges that mean nothing.
        if self.tokens not in TOKENS:
            raise ValueError(f"tokens is {self.tokens!r}, but must be one of {', '.join(TOKENS)}")
        if self.unit not in ("line", "file"):
            raise ValueError(f"unit is {self.unit!r}, but must be line or file")
        if self.longest < 0:
            raise ValueError(f"longest is {self.longest}, but must be at least 0")
        self._numbers.update({token: number for number, token in enumerate(self.vocabulary, FIRST)})
        if len(self._numbers) < len(self.vocabulary):
            raise ValueError("the vocabulary names a token twice")

    @cached_property
    def _subwords(self) -> Subwords:
        return Subwords(self.merges)

    @property
    def ports(self) -> tuple[Port, ...]:
        return Port("tokens", "int64", ("time",)), Port("lengths", "int64", ())

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Padded on the right; the lengths beside."""
        return pad([np.asarray(one, np.int64) for one in inputs])

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        """Of very different lengths, the shortest possible among them."""
        chance = np.random.default_rng(seed)
        lengths = chance.integers(1, LONGEST_EXAMPLE, count)
        lengths[0] = LONGEST_EXAMPLE if seed % 2 else 1
        return pad([chance.integers(UNKNOWN, self.size, int(length)) for length in lengths])

    @property
    def size(self) -> int:
        """How many token numbers there are."""
        return FIRST + len(self.vocabulary)

    @property
    def spellings(self) -> list[str]:
        """Of every token number what it is written like: of a word between "<" and ">", of an ending up to ">"."""
        return ["", ""] + [
            token.removeprefix(_ENDING) + ">" if token.startswith(_ENDING) else f"<{token}>"
            for token in self.vocabulary
        ]

    def encode(self, text: str) -> Numbers:
        """Token numbers (time,); at least one, so that an empty text has an answer too."""
        found = [self._number(token) for token in self.pieces(text)]
        if self.longest:
            found = found[: self.longest]
        return np.array(found or [UNKNOWN], np.int64)

    def pieces(self, text: str) -> list[str]:
        """The tokens in order."""
        if self.tokens != "subwords":
            return split(text, self.tokens, self.lowercase)
        words = split(text, "words", self.lowercase)
        return [piece for word in words for piece in self._subwords.split(word)]

    def to_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in FIELDS}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TextInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        check_fields(values, FIELDS)
        try:
            return cls(**values)
        except ValueError as error:
            raise ModelError(f"text input: {error}") from error

    def _number(self, token: str) -> int:
        number = self._numbers.get(token)
        if number is not None or self.tokens != "words":
            return UNKNOWN if number is None else number
        endings = (self._numbers.get(ending) for ending in _endings(token))
        return next((one for one in endings if one is not None), UNKNOWN)


FIELDS: dict[str, type] = {
    "tokens": str,
    "lowercase": bool,
    "vocabulary": list,
    "longest": int,
    "column": str,
    "unit": str,
    "merges": list,
}
"""Of a TextInput, as JSON has them."""


LISTS_OF_TEXTS = ("vocabulary", "merges", "phrases")


def check_fields(values: Mapping[str, Any], fields: Mapping[str, type], what: str = "text input") -> None:
    """Raises ModelError unless ``values`` are exactly ``fields``, and those of LISTS_OF_TEXTS lists of texts."""
    if set(values) != set(fields):
        raise ModelError(f"a {what} needs exactly {sorted(fields)}, but {sorted(values)} arrived")
    for name, kind in fields.items():
        if type(values[name]) is not kind:
            raise ModelError(f"{what}: {name} is {type(values[name]).__name__}, not {kind.__name__}")
        if name in LISTS_OF_TEXTS and not all(isinstance(token, str) for token in values[name]):
            raise ModelError(f"{what}: {name} must be a list of texts")


def pad(texts: Sequence[Numbers], multiple: int = 1) -> tuple[Numbers, Numbers]:
    """Token numbers (batch, time) and lengths (batch,); time is the longest, rounded up to a ``multiple``."""
    lengths = np.array([len(text) for text in texts], np.int64)
    longest = -(-int(lengths.max(initial=1)) // multiple) * multiple
    values = np.full((len(texts), longest), PADDING, np.int64)
    for row, text in enumerate(texts):
        values[row, : len(text)] = text
    return values, lengths


def split(text: str, tokens: str, lowercase: bool) -> list[str]:
    """A text's tokens in order, after Unicode's compatibility normalization (NFKC): full width becomes plain.

    Words are runs of letters and digits (with an apostrophe inside), every other sign alone, and so each character
    of a script without spaces. Of characters every one counts; white space of any length is one blank.
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = plain.lower() if lowercase else plain
    return _WORD.findall(plain) if tokens == "words" else list(" ".join(plain.split()))


def script(texts: Iterable[str]) -> str:
    """ "characters" where most letters of ``texts`` belong to scripts without spaces, otherwise "words"."""
    letters = unspaced = 0
    for text in texts:
        letters += sum(map(str.isalpha, text))
        unspaced += len(_UNSPACED.findall(text))
    return "characters" if unspaced > letters / 2 else "words"


def learn_vocabulary(texts: Sequence[str], tokens: str, lowercase: bool, least: int, most: int) -> list[str]:
    """Tokens that occur at least ``least`` times in ``texts``, the most frequent first, at most ``most`` of them.

    Of words also the endings that at least ten rarer words share; they are what unseen words are known by.
    """
    counted = Counter(token for text in texts for token in split(text, tokens, lowercase))
    known = most_frequent(counted, least, most)
    if tokens == "characters":
        return known
    rare = counted.keys() - set(known)
    endings = Counter(ending for token in rare for ending in _endings(token))
    return known + sorted(ending for ending, count in endings.items() if count >= 10)


def most_frequent(counted: Counter[str], least: int, most: int) -> list[str]:
    """What was counted at least ``least`` times, the most frequent first, at most ``most``."""
    order = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return [token for token, count in order if count >= least][:most]


def _endings(token: str) -> list[str]:
    """Of a word of letters, the longest first."""
    if not token.isalpha() or _UNSPACED.match(token):
        return []
    return [_ENDING + token[-length:] for length in _ENDINGS if len(token) > length + 1]

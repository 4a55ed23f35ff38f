"""A sentence to the numbers a network sees: each word's own, and those of its characters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plait.errors import ModelError
from plait.inference.conll import BETWEEN
from plait.inference.input import Array, ModelInput, Port
from plait.inference.tags import MARKINGS
from plait.inference.text import FIRST, PADDING, UNKNOWN, UNSPACED, most_frequent, pad

Numbers = NDArray[np.int64]

SPLITTERS = ("words", "characters")
LONGEST_EXAMPLE = 63

_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+(?:[-'’.,&/_][^\W_{UNSPACED}]+)*|\S")
_CHARACTER = re.compile(r"\S")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Token:
    """A token of a text, and the characters ``start`` to ``end`` - 1 that it stands at."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class SentenceInput(ModelInput):
    """How a sentence becomes the network's input.

    ``vocabulary`` lists the words that have a number of their own, counted from FIRST (``lowercase``: in lower case,
    each digit as 0), ``characters`` the signs that have one. Of a word ``letters`` signs are read: of a longer one the
    beginning and the end. ``splitter`` divides raw text: into words, or into characters. ``column`` is where the tags
    of a file of columns stand, ``scheme`` how they mark spans there (one of MARKINGS; "" where they do not). Raises
    ValueError for values that mean nothing. ``features`` are the columns beside the word (in a token each stands behind
    a tab), ``values`` what each may hold.
    """

    noun: ClassVar[str] = "sentence"

    vocabulary: list[str]
    characters: list[str]
    lowercase: bool
    letters: int
    splitter: str
    column: str
    scheme: str
    features: list[str]
    values: list[list[str]]
    _words: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    _signs: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    _values: list[dict[str, int]] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.splitter not in SPLITTERS:
            raise ValueError(f"splitter is {self.splitter!r}, but must be one of {', '.join(SPLITTERS)}")
        if self.scheme not in ("", *MARKINGS):
            raise ValueError(f"scheme is {self.scheme!r}, but must be empty or one of {', '.join(MARKINGS)}")
        if self.letters < 2:
            raise ValueError(f"letters is {self.letters}, but must be at least 2")
        if len(self.features) != len(self.values):
            raise ValueError("features and values differ in number")
        self._values.extend({value: number for number, value in enumerate(one, FIRST)} for one in self.values)
        for known, names in ((self._words, self.vocabulary), (self._signs, self.characters)):
            known.update({name: number for number, name in enumerate(names, FIRST)})
            if len(known) < len(names):
                raise ValueError("the vocabulary names a word or a character twice")

    @property
    def ports(self) -> tuple[Port, ...]:
        """Of each word its number, then those of its features, then those of its characters."""
        return Port("words", "int64", ("time", self.width)), Port("lengths", "int64", ())

    @property
    def width(self) -> int:
        """Numbers of a word."""
        return 1 + len(self.features) + self.letters

    @property
    def size(self) -> int:
        """How many word numbers there are."""
        return FIRST + len(self.vocabulary)

    @property
    def signs(self) -> int:
        """How many character numbers there are."""
        return FIRST + len(self.characters)

    def encode(self, tokens: Sequence[str]) -> Numbers:
        """int64 (time, width); at least one word."""
        found = np.zeros((max(len(tokens), 1), self.width), np.int64)
        begin = 1 + len(self.features)
        found[:, :begin] = UNKNOWN
        for place, token in enumerate(tokens):
            word, *beside = token.split(BETWEEN)
            found[place, 0] = self._words.get(known_as(word, self.lowercase), UNKNOWN)
            numbers = [known.get(value, UNKNOWN) for known, value in zip(self._values, beside, strict=True)]
            found[place, 1:begin] = numbers
            signs = [self._signs.get(sign, UNKNOWN) for sign in shortened(word, self.letters)]
            found[place, begin : begin + len(signs)] = signs
        return found

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Padded behind each sentence; the lengths beside."""
        return pad_sentences([np.asarray(one, np.int64) for one in inputs])

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        """Of very different lengths, the shortest possible among them."""
        chance = np.random.default_rng(seed)
        lengths = chance.integers(1, LONGEST_EXAMPLE, count)
        lengths[0] = LONGEST_EXAMPLE if seed % 2 else 1
        return pad_sentences([self._drawn(chance, int(length)) for length in lengths])

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SentenceInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        expected = {
            "vocabulary": list,
            "characters": list,
            "lowercase": bool,
            "letters": int,
            "splitter": str,
            "column": str,
            "scheme": str,
            "features": list,
            "values": list,
        }
        if set(values) != set(expected):
            raise ModelError(
                f"a sentence input needs exactly {sorted(expected)}, but {sorted(values)} arrived"
            )
        for name, kind in expected.items():
            if type(values[name]) is not kind:
                raise ModelError(
                    f"sentence input: {name} is {type(values[name]).__name__}, not {kind.__name__}"
                )
        lists = [values[name] for name in ("vocabulary", "characters", "features")] + values["values"]
        if not all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in lists):
            raise ModelError(
                "sentence input: vocabulary, characters, features and their values must be texts"
            )
        try:
            return cls(**values)
        except ValueError as error:
            raise ModelError(f"sentence input: {error}") from error

    def _drawn(self, chance: np.random.Generator, length: int) -> Numbers:
        signs = chance.integers(UNKNOWN, self.signs, (length, self.letters))
        signs[np.arange(self.letters) >= chance.integers(1, self.letters + 1, length)[:, None]] = PADDING
        sizes = [self.size, *(FIRST + len(values) for values in self.values)]
        columns = [chance.integers(UNKNOWN, size, (length, 1)) for size in sizes]
        return np.concatenate([*columns, signs], axis=1)


def pad_sentences(sentences: Sequence[Numbers], multiple: int = 1) -> tuple[Numbers, Numbers]:
    """int64 (batch, time, width) and lengths (batch,); time is the longest, rounded up to a ``multiple``."""
    words, lengths = pad([sentence[:, 0] for sentence in sentences], multiple)
    values = np.full((*words.shape, sentences[0].shape[1]), PADDING, np.int64)
    for row, sentence in enumerate(sentences):
        values[row, : len(sentence)] = sentence
    return values, lengths


def word_of(token: str) -> str:
    """A token without its features."""
    return token.partition(BETWEEN)[0]


def split_text(text: str, splitter: str) -> list[Token]:
    """The tokens of raw text, and where they stand.

    By words: runs of letters and digits, with one of - ' . , & / _ between two of them; every other sign by itself,
    and so each character of a script without spaces. By characters: every sign that is no white space.
    """
    pattern = _WORD if splitter == "words" else _CHARACTER
    return [Token(found[0], *found.span()) for found in pattern.finditer(text)]


def splitter_of(sentences: Iterable[Sequence[str]]) -> str:
    """How raw text is divided as these sentences are: by characters where nearly every token is one."""
    tokens = single = 0
    for sentence in sentences:
        tokens += len(sentence)
        single += sum(len(word_of(token)) == 1 for token in sentence)
    return "characters" if single > 0.95 * tokens else "words"


def known_as(token: str, lowercase: bool) -> str:
    """What of a token its number stands for; full width counts as plain (NFKC)."""
    plain = unicodedata.normalize("NFKC", token)
    return _DIGIT.sub("0", plain.lower()) if lowercase else plain


def shortened(token: str, letters: int) -> str:
    """At most ``letters`` signs of a token, from both ends."""
    plain = unicodedata.normalize("NFKC", token)
    if len(plain) <= letters:
        return plain
    begin = letters // 2
    return plain[:begin] + plain[begin - letters :]


def learn_words(
    sentences: Iterable[Sequence[str]], lowercase: bool, least: int, most: int, letters: int
) -> tuple[list[str], list[str]]:
    """Vocabulary and characters of ``sentences``: words that occur ``least`` times, the most frequent first, at most
    ``most``; every character that is read."""
    words: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    for sentence in sentences:
        for word in map(word_of, sentence):
            words[known_as(word, lowercase)] += 1
            signs.update(shortened(word, letters))
    return most_frequent(words, least, most), sorted(signs)

"""A backoff n-gram model of words: how likely a word is after others; read from and written to ARPA's format."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property

Gram = tuple[str, ...]

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
FLOOR = math.log(1e-7)
"""Of an unknown word, in nats, where the model itself says nothing of such."""
NEVER = -99.0
"""ARPA's log10 of the probability zero."""


class NgramModel:
    """``grams``: of every known n-gram the log probability of its last word after the others, and the log weight with
    which shorter n-grams count after it (Katz 1987); both in nats.

    ``unknown`` is the log probability of a word that is not known, where ``<unk>`` is not known either. Raises
    ValueError where there is no n-gram, or a word of an n-gram is not known by itself.
    """

    def __init__(self, grams: Mapping[Gram, tuple[float, float]], unknown: float = FLOOR) -> None:
        if not grams:
            raise ValueError("a model of words needs at least one word")
        self.order = max(map(len, grams))
        self.unknown = unknown
        self._grams = dict(grams)
        self._named = {gram[0] for gram in grams if len(gram) == 1}
        for gram in grams:
            if not self._named.issuperset(gram):
                raise ValueError(f"{' '.join(gram)!r} has a word that is not among the 1-grams")

    @cached_property
    def words(self) -> frozenset[str]:
        """The known words, without the signs for begin, end and unknown."""
        return frozenset(self._named - {BEGIN, END, UNKNOWN})

    @property
    def start(self) -> Gram:
        """The context of a sentence's first word."""
        return self.trim((BEGIN,))

    def trim(self, context: Gram) -> Gram:
        """As much of a context as the model looks at: the last order - 1 words."""
        return context[max(len(context) - self.order + 1, 0) :]

    def score(self, word: str, context: Gram) -> float:
        """Log probability of a word, or of END, after others, in nats."""
        if word not in self._named and UNKNOWN not in self._named:
            return self.unknown
        word = self._known(word)
        history = tuple(map(self._known, self.trim(context)))
        weight = 0.0
        while (*history, word) not in self._grams:
            weight += self._grams.get(history, (0.0, 0.0))[1]
            history = history[1:]
        return weight + self._grams[(*history, word)][0]

    def sentence(self, words: Sequence[str]) -> float:
        """Log probability of a whole sentence and its end, in nats."""
        row = (BEGIN, *words, END)
        return sum(
            self.score(word, row[max(place - self.order, 0) : place])
            for place, word in enumerate(row)
            if place
        )

    def to_arpa(self) -> str:
        """Of ARPA's format: log10, n-grams in alphabetical order."""
        orders = [sorted(gram for gram in self._grams if len(gram) == n + 1) for n in range(self.order)]
        counts = [f"ngram {n}={len(grams)}" for n, grams in enumerate(orders, start=1)]
        lines = ["\\data\\", *counts]
        for n, grams in enumerate(orders, start=1):
            lines += ["", f"\\{n}-grams:", *(self._line(gram) for gram in grams)]
        return "\n".join([*lines, "", "\\end\\", ""])

    def _line(self, gram: Gram) -> str:
        chance, weight = (one / math.log(10) for one in self._grams[gram])
        backoff = f"\t{weight:.7f}" if len(gram) < self.order and weight else ""
        return f"{chance:.7f}\t{' '.join(gram)}{backoff}"

    def _known(self, word: str) -> str:
        return word if word in self._named else UNKNOWN


def read_arpa(text: str) -> NgramModel:
    """The model that a text in ARPA's format describes. Raises ValueError, with the line, where it is damaged."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            reader.read(line.strip(" \t\r\ufeff"))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    if not reader.ended:
        raise ValueError(f"line {number}: the text ends here, before \\end\\")
    return NgramModel(reader.grams)


_COUNT = re.compile(r"ngram\s+(\d+)\s*=\s*(\d+)")
_SECTION = re.compile(r"\\(\d+)-grams:")
_GAP = re.compile(r"[ \t]+")


class _Reader:
    """Reads one line after the other; what stands before \\data\\ and after \\end\\ is no part of the model."""

    def __init__(self) -> None:
        self.grams: dict[Gram, tuple[float, float]] = {}
        self.ended = False
        self._announced: list[int] | None = None
        self._section = 0
        self._left = 0

    def read(self, line: str) -> None:
        if self._announced is None:
            self._announced = [] if line == "\\data\\" else None
        elif line == "\\end\\" and not self.ended:
            self._begin(len(self._announced) + 1)
            if not self.grams:
                raise ValueError("the model ends here, without a word")
            self.ended = True
        elif line and not self.ended:
            self._content(line)

    def _content(self, line: str) -> None:
        if section := _SECTION.fullmatch(line):
            self._begin(int(section[1]))
        elif self._section:
            self._gram(_GAP.split(line))
        elif count := _COUNT.fullmatch(line):
            self._announce(int(count[1]), int(count[2]))
        else:
            raise ValueError(f"{line!r} where a count such as 'ngram 1=200' or '\\1-grams:' was expected")

    def _announce(self, order: int, count: int) -> None:
        assert self._announced is not None
        if order != len(self._announced) + 1:
            raise ValueError(
                f"the count of {order}-grams where that of {len(self._announced) + 1}-grams belongs"
            )
        self._announced.append(count)

    def _begin(self, section: int) -> None:
        """Of a section, or of what comes after the last."""
        assert self._announced is not None
        if self._left:
            raise ValueError(f"{self._left} {self._section}-grams fewer than were announced")
        if section != self._section + 1 or section > len(self._announced) + 1:
            raise ValueError(
                f"after section {self._section} of {len(self._announced)} comes section {section}"
            )
        self._section = section
        self._left = self._announced[section - 1] if section <= len(self._announced) else 0

    def _gram(self, fields: list[str]) -> None:
        if not self._left:
            raise ValueError(f"more {self._section}-grams than were announced")
        if len(fields) not in (self._section + 1, self._section + 2):
            raise ValueError(
                f"{len(fields)} fields, but a {self._section}-gram has {self._section + 1}, or one more"
            )
        gram = tuple(UNKNOWN if word == "<UNK>" else word for word in fields[1 : self._section + 1])
        chance, *backoff = map(_nats, (fields[0], *fields[self._section + 1 :]))
        self._check(gram, chance)
        self.grams[gram] = (chance, backoff[0] if backoff else 0.0)
        self._left -= 1

    def _check(self, gram: Gram, chance: float) -> None:
        if chance > 0:
            raise ValueError(f"{' '.join(gram)!r} has a probability above 1")
        if gram in self.grams:
            raise ValueError(f"{' '.join(gram)!r} stands here for the second time")
        if len(gram) > 1 and not all((word,) in self.grams for word in gram):
            raise ValueError(f"{' '.join(gram)!r} has a word that is not among the 1-grams")


def _nats(text: str) -> float:
    """Of a log10; no number is infinite, so that a weight of 0 makes 0 of it."""
    value = float(text)
    if math.isnan(value) or value == math.inf:
        raise ValueError(f"{text} is no logarithm")
    return max(value, NEVER) * math.log(10)

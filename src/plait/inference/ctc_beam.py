"""Beam search: the likeliest labellings of a row of steps, words weighed by an n-gram model as they are finished."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from plait.inference.ctc import BLANK, Floats, Labelling, Numbers, log_probabilities
from plait.inference.ngram_model import END, NgramModel

PRUNE = 1e-4
"""Symbols less probable than this at a step begin nothing there."""


def beam_search(
    logprobs: Floats,
    symbols: Sequence[str],
    unit: str,
    width: int,
    language: NgramModel | None,
    weight: float,
    bonus: float,
    hot: Mapping[str, float],
    prune: float = PRUNE,
) -> list[tuple[Labelling, float]]:
    """Up to ``width`` labellings and their scores in nats, the best first.

    Prefix beam search (Hannun, Maas, Jurafsky and Ng 2014, "First-pass large vocabulary continuous speech recognition
    using bi-directional recurrent DNNs"). A score is log p(labelling | logprobs (steps, 1 + symbols)), exactly, plus
    weight * log p(words) by ``language``, plus ``bonus`` a word, plus what ``hot`` gives to words. A word counts once
    it is finished. A symbol below the probability ``prune`` at a step begins nothing there, unless it is the likeliest.
    """
    words = _Lexicon(symbols, unit, language, weight, bonus, hot)
    floor = math.log(prune) if prune > 0 else -math.inf
    beam = _Beam([words.nothing], np.zeros(1), np.full(1, -np.inf))
    for row in np.asarray(logprobs, np.float64):
        beam = beam.after(row, _likely(row, floor, width + 1), words, width)
    found = [prefix.symbols for prefix in beam.prefixes]
    scores = log_probabilities(logprobs, found) + [words.finished(prefix) for prefix in beam.prefixes]
    return sorted(zip(found, scores.tolist(), strict=True), key=lambda one: -one[1])


def _likely(row: Floats, floor: float, most: int) -> Numbers:
    """Symbols of log probability ``floor`` at least, and the likeliest. Of one prefix's successors no more than the
    beam's width and one, its own last symbol, can come into the beam, words aside."""
    likely: Numbers = np.flatnonzero(row >= min(floor, row.max()))
    likely = likely[likely != BLANK]
    if len(likely) > most:
        likely = likely[np.argsort(-row[likely], kind="stable")[:most]]
    return likely


class _Prefix(NamedTuple):
    """The beginning of a labelling: the word it is in, the words before that, and the score of those finished."""

    symbols: Labelling
    word: str
    context: tuple[str, ...]
    score: float


class _Lexicon:
    """What words add to the score of a prefix."""

    def __init__(
        self,
        symbols: Sequence[str],
        unit: str,
        language: NgramModel | None,
        weight: float,
        bonus: float,
        hot: Mapping[str, float],
    ) -> None:
        self._texts = ["", *symbols]
        self._whole = unit == "words"
        self._ends = np.array([text.startswith(" ") for text in self._texts])
        self._language, self._weight, self._bonus, self._hot = language, weight, bonus, hot
        self._gains: dict[tuple[tuple[str, ...], str], float] = {}
        self.nothing = _Prefix((), "", language.start if language else (), 0.0)

    def gains(self, prefixes: Sequence[_Prefix], symbols: Numbers) -> Floats:
        """What each symbol adds to each prefix (prefixes, symbols) by finishing a word."""
        if self._whole:
            texts = [self._texts[one] for one in symbols.tolist()]
            gains = [self._gain(prefix.context, text) for prefix in prefixes for text in texts]
            return np.array(gains).reshape(len(prefixes), len(texts))
        ends = self._ends[symbols]
        if not ends.any():
            return np.zeros(1)
        finished = np.array([self._gain(prefix.context, prefix.word) for prefix in prefixes])
        return np.asarray(finished[:, None] * ends)

    def grown(self, prefix: _Prefix, symbol: int, gain: float) -> _Prefix:
        """The prefix and one symbol more."""
        symbols, text = (*prefix.symbols, symbol), self._texts[symbol]
        if self._whole:
            return _Prefix(symbols, "", self._after(prefix.context, text), prefix.score + gain)
        if not self._ends[symbol]:
            return _Prefix(symbols, prefix.word + text, prefix.context, prefix.score)
        return _Prefix(
            symbols, text.strip(" "), self._after(prefix.context, prefix.word), prefix.score + gain
        )

    def finished(self, prefix: _Prefix) -> float:
        """The score of all words when the sentence ends here."""
        score = prefix.score + self._gain(prefix.context, prefix.word)
        if self._language is None:
            return score
        return score + self._weight * self._language.score(END, self._after(prefix.context, prefix.word))

    def _gain(self, context: tuple[str, ...], word: str) -> float:
        """Of a finished word; none of no characters."""
        gain = self._gains.get((context, word))
        if gain is None:
            gain = self._bonus + self._hot.get(word, 0.0) if word else 0.0
            if word and self._language is not None:
                gain += self._weight * self._language.score(word, context)
            self._gains[context, word] = gain
        return gain

    def _after(self, context: tuple[str, ...], word: str) -> tuple[str, ...]:
        return context if self._language is None or not word else self._language.trim((*context, word))


class _Beam:
    """Prefixes, and the log probability (prefixes,) of all paths to each that end in a blank or in its last symbol."""

    def __init__(self, prefixes: list[_Prefix], blank: Floats, symbol: Floats) -> None:
        self.prefixes, self.blank, self.symbol = prefixes, blank, symbol

    def after(self, row: Floats, likely: Numbers, words: _Lexicon, width: int) -> "_Beam":
        """The beam one step later, at which ``row`` (classes,) are the log probabilities."""
        either = np.logaddexp(self.blank, self.symbol)
        last = np.array([prefix.symbols[-1] if prefix.symbols else BLANK for prefix in self.prefixes])
        blank, symbol = either + row[BLANK], self.symbol + row[last]
        # A symbol is heard twice in a row only with a blank between.
        longer = np.where(last[:, None] == likely, self.blank[:, None], either[:, None]) + row[likely]
        self._meet(symbol, longer, likely)
        gains = words.gains(self.prefixes, likely) + np.zeros(longer.shape)
        score = np.array([prefix.score for prefix in self.prefixes])
        scores = [np.logaddexp(blank, symbol) + score, (longer + gains + score[:, None]).ravel()]
        best = _best(np.concatenate(scores), width)
        blanks = np.concatenate([blank, np.full(longer.size, -np.inf)])[best]
        prefixes = [self._prefix(place, likely, gains, words) for place in best.tolist()]
        return _Beam(prefixes, blanks, np.concatenate([symbol, longer.ravel()])[best])

    def _meet(self, symbol: Floats, longer: Floats, likely: Numbers) -> None:
        """Where a prefix grows into another of the beam, moves its probability there."""
        places = {prefix.symbols: place for place, prefix in enumerate(self.prefixes)}
        columns = {one: column for column, one in enumerate(likely.tolist())}
        for place, prefix in enumerate(self.prefixes):
            column = columns.get(prefix.symbols[-1]) if prefix.symbols else None
            shorter = places.get(prefix.symbols[:-1]) if column is not None else None
            if shorter is not None:
                symbol[place] = np.logaddexp(symbol[place], longer[shorter, column])
                longer[shorter, column] = -np.inf

    def _prefix(self, place: int, likely: Numbers, gains: Floats, words: _Lexicon) -> _Prefix:
        if place < len(self.prefixes):
            return self.prefixes[place]
        row, column = divmod(place - len(self.prefixes), len(likely))
        return words.grown(self.prefixes[row], int(likely[column]), float(gains[row, column]))


def _best(scores: Floats, width: int) -> Numbers:
    """Places of the highest, those of no probability left out."""
    best = np.argsort(-scores, kind="stable")[:width]
    return best[np.isfinite(scores[best])]

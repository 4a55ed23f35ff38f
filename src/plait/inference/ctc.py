"""Connectionist temporal classification: what a row of steps says, where, and how surely.

Graves, Fernández, Gomez and Schmidhuber 2006, "Connectionist temporal classification". A network tells one blank
(column 0) and the symbols (columns from 1) apart at every step; a labelling is a row of columns without blanks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plait.inference.ngram_model import END, NgramModel

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]
Labelling = tuple[int, ...]

BLANK = 0
PRUNE = 1e-4
"""Symbols less probable than this at a step begin nothing there."""
REJECTION = 10.0
"""By how many nats free listening must be likelier than the best phrase for no phrase to be answered."""


@dataclass(frozen=True)
class Word:
    """A word and its steps, from ``start`` up to but without ``end``; ``confidence`` is of its least sure symbol."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Heard:
    """What was heard: ``symbols`` are columns of the logits, ``confidence`` is the probability of the whole."""

    text: str
    symbols: Labelling
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Decoder:
    """How a labelling is chosen. A beam of ``width`` 1 with nothing else takes the likeliest symbol of every step.

    ``language`` is weighed by ``weight``; ``bonus`` is added for every word and ``hot`` for certain words, in nats.
    Where there are ``phrases``, one of them is the answer; or, if it ``rejects``, nothing, where what is heard freely
    is likelier than the best phrase by more than ``threshold`` nats.
    """

    width: int = 1
    language: NgramModel | None = None
    weight: float = 0.5
    bonus: float = 0.0
    hot: dict[str, float] = field(default_factory=dict)
    phrases: tuple[Labelling, ...] = ()
    rejects: bool = False
    threshold: float = REJECTION

    @property
    def searches(self) -> bool:
        """Whether anything but the likeliest symbol of every step may be chosen."""
        return self.width > 1 or self.language is not None or self.bonus != 0 or bool(self.hot)


def heard(logits: Floats, symbols: Sequence[str], unit: str, decoder: Decoder) -> Heard:
    """What ``logits`` (steps, 1 + symbols) say; ``unit`` is characters, subwords or words.

    The confidence of the greedy answer is its exact probability; of a searched one its share in what the search found,
    words included; of a phrase its share in the phrases. Raises ValueError where columns and symbols do not agree.
    """
    if logits.ndim != 2 or logits.shape[1] != 1 + len(symbols):
        raise ValueError(
            f"logits are {logits.shape}, but {len(symbols)} symbols need (steps, {1 + len(symbols)})"
        )
    if not len(logits):
        return Heard("", (), 1.0, ())
    logprobs = log_softmax(logits)
    chosen, confidence = _chosen(logprobs, symbols, unit, decoder)
    text = spelled([symbols[one - 1] for one in chosen], unit)
    return Heard(text, chosen, confidence, _words(logprobs, chosen, symbols, unit))


def spelled(symbols: Sequence[str], unit: str) -> str:
    """The text of a row of symbols, without outer blanks and with one blank where there are several."""
    return " ".join(word for word in ("" if unit != "words" else " ").join(symbols).split(" ") if word)


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Log probabilities (steps, classes) of each step's classes."""
    above = np.asarray(logits, np.float64)
    above = above - above.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(above - np.log(np.exp(above).sum(axis=1, keepdims=True)))


def greedy(logprobs: Floats) -> Labelling:
    """The labelling of the most probable path: repetitions are one, blanks none."""
    path = logprobs.argmax(axis=1)
    changes = np.append(True, path[1:] != path[:-1])[: len(path)]
    return tuple(int(one) for one in path[changes & (path != BLANK)])


def log_probability(logprobs: Floats, symbols: Sequence[int]) -> float:
    """Log of the sum over all paths (steps, classes) of a labelling; -inf where no path has it."""
    return float(log_probabilities(logprobs, [symbols])[0])


def log_probabilities(logprobs: Floats, labellings: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Of several labellings (labellings,) at once, by the forward sums of Graves et al. 2006, section 4.1."""
    states, skips = _lattice(labellings)
    sums = _before(states)
    for row in logprobs:
        sums = np.logaddexp.reduce(_arrivals(sums, skips), axis=0) + row[states]
    each, last = np.arange(len(states)), np.array([2 * len(one) for one in labellings], np.int64)
    ends = sums[each, np.maximum(last - 1, 0)]
    return np.logaddexp(sums[each, last], np.where(last > 0, ends, -np.inf))


def forced_alignment(logprobs: Floats, symbols: Sequence[int]) -> Numbers:
    """The steps [start, end) of each symbol (symbols, 2) on the labelling's most probable path.

    Raises ValueError where no path (steps, classes) has the labelling.
    """
    states, skips = _lattice([symbols])
    best = _before(states)
    back = np.zeros((len(logprobs), states.shape[1]), np.int8)
    for step, row in enumerate(logprobs):
        arrivals = _arrivals(best, skips)
        back[step] = arrivals.argmax(axis=0)[0]
        best = arrivals.max(axis=0) + row[states]
    if not np.isfinite(best[0, -2:].max()):
        raise ValueError(f"no path through {len(logprobs)} steps has these {len(symbols)} symbols")
    path = _traced(back, states.shape[1] - len(best[0, -2:]) + int(best[0, -2:].argmax()))
    places = 1 + 2 * np.arange(len(symbols))
    return np.stack([np.searchsorted(path, places, side) for side in ("left", "right")], axis=1)


def best_phrase(
    logprobs: Floats, phrases: Sequence[Labelling], rejects: bool, threshold: float = REJECTION
) -> tuple[int | None, float]:
    """The place of the most probable phrase, and its probability among the phrases.

    Where it ``rejects``, hearing freely is one more choice, worth the greedy labelling's probability less ``threshold``
    nats; None means that it is the best. None is also the answer, of probability 0, where no phrase fits the steps.
    """
    exact = log_probabilities(logprobs, phrases)
    scores = np.append(exact, log_probability(logprobs, greedy(logprobs)) - threshold if rejects else -np.inf)
    if not np.isfinite(scores.max()):
        return None, 0.0
    best = int(scores.argmax())
    return None if best == len(phrases) else best, float(_shares(scores)[best])


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


def _chosen(logprobs: Floats, symbols: Sequence[str], unit: str, decoder: Decoder) -> tuple[Labelling, float]:
    """The decoder's labelling and its probability."""
    if decoder.phrases:
        phrases = list(dict.fromkeys(decoder.phrases))
        place, probability = best_phrase(logprobs, phrases, decoder.rejects, decoder.threshold)
        return () if place is None else phrases[place], probability
    if decoder.searches:
        return _searched(logprobs, symbols, unit, decoder)
    path = greedy(logprobs)
    return path, min(1.0, math.exp(log_probability(logprobs, path)))


def _searched(
    logprobs: Floats, symbols: Sequence[str], unit: str, decoder: Decoder
) -> tuple[Labelling, float]:
    """The beam's best; labellings that spell the same text share its probability."""
    words = decoder.language, decoder.weight, decoder.bonus, decoder.hot
    found = beam_search(logprobs, symbols, unit, decoder.width, *words)
    texts = [spelled([symbols[one - 1] for one in labelling], unit) for labelling, _ in found]
    shares = _shares(np.array([score for _, score in found]))
    same = sum(share for text, share in zip(texts, shares, strict=True) if text == texts[0])
    return found[0][0], min(1.0, float(same))


def _words(logprobs: Floats, chosen: Labelling, symbols: Sequence[str], unit: str) -> tuple[Word, ...]:
    """The labelling's words where they lie."""
    steps = forced_alignment(logprobs, chosen)
    sure = [
        float(np.exp(logprobs[start:end, one].max())) for one, (start, end) in zip(chosen, steps, strict=True)
    ]
    texts = [symbols[one - 1] for one in chosen]
    return tuple(
        Word(
            spelled([texts[place] for place in places], unit),
            int(steps[places[0], 0]),
            int(steps[places[-1], 1]),
            min(sure[place] for place in places),
        )
        for places in _divided(texts, unit)
    )


def _divided(texts: Sequence[str], unit: str) -> list[list[int]]:
    """The places of each word's symbols; mere blanks belong to none."""
    words: list[list[int]] = [[]]
    for place, text in enumerate(texts):
        if unit == "words" or text.startswith(" "):
            words.append([])
        if text.strip(" "):
            words[-1].append(place)
    return [word for word in words if word]


def _shares(scores: Floats) -> NDArray[np.float64]:
    return np.asarray(np.exp(log_softmax(scores[None])[0]))


def _lattice(labellings: Sequence[Sequence[int]]) -> tuple[Numbers, NDArray[np.bool_]]:
    """Labellings with a blank around every symbol (labellings, states), and where the blank before may be skipped."""
    longest = max(map(len, labellings), default=0)
    states = np.full((len(labellings), 2 * longest + 1), BLANK, np.int64)
    for row, labelling in enumerate(labellings):
        states[row, 1 : 2 * len(labelling) : 2] = labelling
    skips = np.zeros(states.shape, bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, skips


def _before(states: Numbers) -> NDArray[np.float64]:
    """Scores before the first step: as if a blank had been."""
    scores = np.full(states.shape, -np.inf)
    scores[:, 0] = 0
    return scores


def _arrivals(scores: NDArray[np.float64], skips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores (3, labellings, states) of coming from the same state, the one before, and the one before that."""
    found = np.full((3, *scores.shape), -np.inf)
    found[0] = scores
    found[1, :, 1:] = scores[:, :-1]
    found[2, :, 2:] = np.where(skips[:, 2:], scores[:, :-2], -np.inf)
    return found


def _traced(back: NDArray[np.int8], state: int) -> Numbers:
    """The states (steps,) of the path that ends in ``state``, by how many it moved ahead at each step."""
    path = np.zeros(len(back), np.int64)
    for step in range(len(back) - 1, -1, -1):
        path[step] = state
        state -= int(back[step, state])
    return path


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

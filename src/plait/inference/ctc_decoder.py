"""What a network's scores say: the labelling that is chosen, its text, its words with their places, how sure all is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from plait.inference.ctc import (
    REJECTION,
    Floats,
    Labelling,
    best_phrase,
    forced_alignment,
    greedy,
    log_probability,
    log_softmax,
    shares_of,
)
from plait.inference.ctc_beam import beam_search
from plait.inference.ngram_model import NgramModel


@dataclass(frozen=True)
class Word:
    """A word and its steps, from ``start`` up to but without ``end``; ``confidence`` is of its least sure symbol,
    ``characters`` those of its characters (none where symbols are words)."""

    text: str
    start: int
    end: int
    confidence: float
    characters: tuple[float, ...]


@dataclass(frozen=True)
class Heard:
    """What was heard in so many ``steps``: ``symbols`` are columns of the logits, ``confidence`` is the probability of
    the whole."""

    text: str
    symbols: Labelling
    confidence: float
    words: tuple[Word, ...]
    steps: int = 0


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
    return Heard(text, chosen, confidence, _words(logprobs, chosen, symbols, unit), len(logits))


def spelled(symbols: Sequence[str], unit: str) -> str:
    """The text of a row of symbols, without outer blanks and with one blank where there are several."""
    return " ".join(word for word in ("" if unit != "words" else " ").join(symbols).split(" ") if word)


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
    shares = shares_of(np.array([score for _, score in found]))
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
            () if unit == "words" else _of_characters(texts, sure, places),
        )
        for places in _divided(texts, unit)
    )


def _of_characters(texts: Sequence[str], sure: Sequence[float], places: Sequence[int]) -> tuple[float, ...]:
    """Every character is as sure as the symbol that it is part of."""
    return tuple(sure[place] for place in places for _ in texts[place].strip(" "))


def _divided(texts: Sequence[str], unit: str) -> list[list[int]]:
    """The places of each word's symbols; mere blanks belong to none."""
    words: list[list[int]] = [[]]
    for place, text in enumerate(texts):
        if unit == "words" or text.startswith(" "):
            words.append([])
        if text.strip(" "):
            words[-1].append(place)
    return [word for word in words if word]

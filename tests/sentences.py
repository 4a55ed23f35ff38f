"""Small sets of tagged sentences that a network can learn in seconds, written in columns."""

from pathlib import Path

import numpy as np

PLACES = ["Paris", "Oslo", "Lima", "Cairo", "Delhi"]
NAMES = ["Anna", "Ben", "Chen", "Dora", "Emil"]
OTHER = ["went", "to", "saw", "the", "river", "near", "with", "and", "in", "lives"]
SMALL = (
    "training.epochs=12",
    "training.precision=float32",
    "training.averaging=0.9",
    "network=[{parallel: {branches: [[{embedding: 16}], [{character_conv: {channels: 12, embedding: 8}}]]}}, "
    "{recurrent: {cell: mingru, units: 12, direction: both}}]",
)
"""Changes to the default recipe that make a run last a second or two."""

Sentence = list[tuple[str, str]]


def sentences(count: int, seed: int = 0) -> list[Sentence]:
    """Words, and among them names (PER, of one or two words) and places (LOC), in IOB2."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sentence: Sentence = []
        for _ in range(int(chance.integers(2, 5))):
            sentence += [(str(word), "O") for word in chance.choice(OTHER, chance.integers(1, 4))]
            if chance.random() < 0.5:
                sentence.append((str(chance.choice(PLACES)), "B-LOC"))
            else:
                name = [str(word) for word in chance.choice(NAMES, chance.integers(1, 3))]
                sentence += [(word, "I-PER" if place else "B-PER") for place, word in enumerate(name)]
        found.append(sentence)
    return found


def columns(path: Path, found: list[Sentence], each_document: int | None = None) -> Path:
    """word, part of speech, tag a line; with ``each_document``, documents of so many sentences."""
    lines = []
    for number, sentence in enumerate(found):
        if each_document and number % each_document == 0:
            lines += ["-DOCSTART- X O", ""]
        lines += [f"{word} X {tag}" for word, tag in sentence] + [""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path

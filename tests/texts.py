"""Small sets of texts that a network can learn in seconds, written to a table."""

import csv
from pathlib import Path

import numpy as np

GOOD = ["good", "fine", "lovely", "happy", "warm"]
BAD = ["bad", "poor", "ugly", "sad", "cold"]
OTHER = ["the", "film", "was", "a", "story", "and", "cast", "it", "ends", "so"]
SMALL = (
    "training.epochs=4",
    "training.precision=float32",
    "network=[{embedding: 16}, {conv: {channels: 16, kernel: 3, activation: relu}}, "
    "{recurrent: {cell: mingru, units: 8, direction: both}}, {global_pool: max}]",
    "ngrams.buckets=1024",
)
"""Changes to the default recipe that make a run last a second or two."""


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts with two words that tell the class among others, and the class."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        words = [str(word) for word in chance.choice(OTHER, chance.integers(3, 12))]
        telling = (GOOD, BAD)[number % 2]
        words[1:1] = [str(word) for word in chance.choice(telling, 2)]
        found.append((" ".join(words), ("good", "bad")[number % 2]))
    return found


def table(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path

"""Running text that a network can learn in seconds."""

from pathlib import Path

import numpy as np

SUBJECTS = ["the cat", "a dog", "the old man", "my friend"]
VERBS = ["sees", "hears", "follows", "finds"]
SMALL = (
    "training.epochs=5",
    "training.precision=float32",
    "training.averaging=0.9",
    "training.batch_size=8",
    "data.window=32",
    "network=[{embedding: 16}, {recurrent: {cell: gru, units: 48}}]",
    "training.optimizer.learning_rate=0.01",
)
"""Changes to the default recipe that make a run last a second or two."""


def story(sentences: int, seed: int = 0) -> str:
    """Sentences in one line (lines that begin alike are taken for labels); which object follows a verb is certain, the
    rest is drawn."""
    chance = np.random.default_rng(seed)
    lines = []
    for _ in range(sentences):
        verb = int(chance.integers(len(VERBS)))
        first, last = SUBJECTS[int(chance.integers(len(SUBJECTS)))], SUBJECTS[verb]
        lines.append(f"{first} {VERBS[verb]} {last}.")
    return "A story\n" + " ".join(lines) + "\n"


def book(path: Path, sentences: int = 700, seed: int = 0) -> Path:
    path.write_text(story(sentences, seed), encoding="utf-8")
    return path

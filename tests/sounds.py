"""Recordings for tests: a letter is a tone of its own, a word letters one after the other, in a little noise."""

import csv
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
TONES = {"a": 400, "b": 800, "c": 1300, "d": 2000}
SECONDS = 0.1
"""A letter, and the pause between two."""
NETWORK = (
    "[{log_mel: {mels: 20}}, {to_map: 1}, {conv: {channels: 8, stride: [2, 2], norm: batch, activation: relu}}, "
    "{to_sequence: columns}, {recurrent: {cell: gru, units: 32, direction: both}}]"
)
SPEECH = [
    f"network={NETWORK}",
    "training.epochs=30",
    "training.batch_size=8",
    "training.optimizer.learning_rate=0.02",
    "training.averaging=0.9",
    "training.precision=float32",
]
CLASSES = [
    f"network={NETWORK[:-1]}, {{global_pool: max}}]",
    "training.epochs=8",
    "training.batch_size=8",
    "training.optimizer.learning_rate=0.01",
    "training.averaging=0.9",
    "training.precision=float32",
]


def sound(text: str, seed: int = 0, rate: int = RATE) -> NDArray[np.int16]:
    """int16 samples of a text of the letters of TONES; a blank is a breath."""
    draw = np.random.default_rng(seed)
    size = int(SECONDS * rate)
    pieces = [np.zeros(size)]
    for letter in text:
        tone = TONES.get(letter)
        time = np.arange(size) / rate
        wave = draw.normal(0, 0.2, size) if tone is None else np.sin(2 * np.pi * tone * time)
        pieces += [wave * draw.uniform(0.5, 1), np.zeros(size)]
    samples = 8000 * np.concatenate(pieces)
    samples += draw.normal(0, 30, len(samples))
    return samples.astype(np.int16)


def words(count: int, seed: int = 0) -> list[str]:
    """Texts of one to three letters, here and there divided by a blank."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        letters = "".join(draw.choice(list(TONES), draw.integers(1, 4)))
        found.append(f"{letters[0]} {letters[1:]}" if len(letters) > 1 and draw.random() < 0.5 else letters)
    return found


def write(path: Path, text: str, seed: int = 0, rate: int = RATE) -> Path:
    """The recording of a text, in the form that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(text, seed, rate), rate)
    return path


def speech_table(path: Path, texts: list[str], column: str = "text") -> Path:
    """A table of recordings, which lie in a folder beside it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["audio", column])
        for number, text in enumerate(texts):
            write(path.parent / "clips" / f"{number}.wav", text, number)
            writer.writerow([f"clips/{number}.wav", text])
    return path

"""Pictures of lines for tests: a letter is a pattern of bars of its own, in a little noise."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.sounds import words

PATTERNS = {"a": (2, 2), "b": (6, 2), "c": (2, 6), "d": (5, 5)}
"""Width of the upper and of the lower bar."""
NETWORK = (
    "[{conv: {channels: 8, stride: [2, 2], norm: batch, activation: relu}}, {pool: 2}, {to_sequence: columns}, "
    "{recurrent: {cell: gru, units: 32, direction: both}}]"
)
SMALL = [
    f"network={NETWORK}",
    "data.height=16",
    "training.epochs=30",
    "training.batch_size=8",
    "training.optimizer.learning_rate=0.02",
    "training.averaging=0.9",
    "training.precision=float32",
]


def line(text: str, seed: int = 0, height: int = 16) -> NDArray[np.uint8]:
    """uint8 (height, width); a blank is a wide grey column."""
    draw = np.random.default_rng(seed)
    pieces = [np.full((16, 6), 250.0)]
    for letter in text:
        box = np.full((16, 16), 250.0)
        if letter == " ":
            box[:, 4:12] = 150
        else:
            upper, lower = PATTERNS[letter]
            box[1:8, 2 : 2 + upper] = 10
            box[9:15, 2 : 2 + lower] = 10
        pieces.append(box)
    whole = np.concatenate(pieces, axis=1) + draw.normal(0, 5, (16, 6 + 16 * len(text)))
    picture = Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8))
    return np.asarray(picture.resize((picture.width * height // 16, height)))


def folder(place: Path, count: int) -> Path:
    """x.png beside x.gt.txt; test.txt names a fifth of them."""
    place.mkdir(parents=True, exist_ok=True)
    texts = words(count)
    for number, text in enumerate(texts):
        Image.fromarray(line(text, number, 16 + 8 * (number % 3))).save(place / f"{number}.nrm.png")
        (place / f"{number}.gt.txt").write_text(text + "\n", encoding="utf-8")
    parts = {"train": range(count * 4 // 5), "test": range(count * 4 // 5, count)}
    for part, numbers in parts.items():
        (place / f"{part}.txt").write_text("\n".join(map(str, numbers)) + "\n", encoding="utf-8")
    return place

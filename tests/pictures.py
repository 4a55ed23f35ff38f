"""Small picture sets that a network can learn in seconds, written to a folder."""

from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}
SMALL = (
    "training.epochs=3",
    # auto times both precisions; two runs to be compared must not depend on what else the machine does.
    "training.precision=float32",
    "network=[{conv: {channels: 8, norm: batch, activation: relu}}, {pool: 2}, "
    "{spatial_recurrent: {cell: gru, units: 4}}]",
    "augmentation.mixup=0",
)
"""Changes to the default recipe that make a run last a second or two."""


def picture(label: str, seed: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    """A noisy square of the class's color, different for every seed."""
    noise = np.random.default_rng(seed).normal(0, 25, (*size, 3))
    return Image.fromarray((np.array(COLORS[label]) + noise).clip(0, 255).astype(np.uint8))


def class_folders(folder: Path, each: int = 12, parts: tuple[str, ...] = ("",), side: int = 16) -> Path:
    """folder/[part/]label/number.png."""
    for shift, part in enumerate(parts):
        for number, label in enumerate(COLORS):
            where = folder / part / label
            where.mkdir(parents=True)
            for index in range(each):
                picture(label, 1000 * shift + 100 * number + index, (side, side)).save(where / f"{index}.png")
    return folder

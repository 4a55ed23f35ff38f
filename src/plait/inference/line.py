"""A picture of a line of text to what a network takes: grey, of one height, as wide as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plait.errors import ModelError
from plait.inference.input import Array, ModelInput, Port
from plait.inference.picture_file import Source, open_picture
from plait.inference.text import check_fields
from plait.inference.transcription import Writing

MULTIPLE = 32
"""Widths of batches are rounded up to this, so that kernels made for one width serve many."""
WIDTHS = (300, 100, 63, 800)
"""Of the random pictures that a model file is compared with its network on."""


@dataclass(frozen=True)
class LineInput(ModelInput):
    """How a line's picture becomes the network's input: ``height`` pixels high, one channel.

    One step that the network gives is ``step`` columns; ``writing`` says how transcripts are written. Raises
    ValueError for values that mean nothing.
    """

    noun: ClassVar[str] = "line"

    height: int
    step: int
    writing: Writing

    def __post_init__(self) -> None:
        if self.height < 1 or self.step < 1:
            raise ValueError(f"height {self.height}, step {self.step}: too small")

    @property
    def ports(self) -> tuple[Port, ...]:
        return Port("pictures", "uint8", (1, self.height, "width")), Port("lengths", "int64", ())

    @property
    def least(self) -> int:
        """Columns of the narrowest picture that the network is given."""
        return self.height

    def width(self, height: int, width: int) -> int:
        """Columns that a picture of this size becomes."""
        return max(self.least, round(width * self.height / height))

    def open(self, source: Source, max_pixels: int) -> NDArray[np.uint8]:
        """uint8 (1, height, width); one too narrow gets the color of its corner beside it. Raises PictureError."""
        pixels = open_picture(source, 1, max_pixels)[:, :, 0]
        wide = max(1, round(pixels.shape[1] * self.height / pixels.shape[0]))
        image = Image.fromarray(pixels).resize((wide, self.height), Image.Resampling.BICUBIC)
        line = np.asarray(image)
        missing = self.least - wide
        if missing > 0:
            line = np.pad(line, ((0, 0), (0, missing)), constant_values=line[0, 0])
        return np.ascontiguousarray(line[None])

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return pad_lines(inputs)

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        chance = np.random.default_rng(seed)
        widest = WIDTHS[seed % len(WIDTHS)]
        widths = [max(self.least, widest - place * widest // (2 * count)) for place in range(count)]
        return self.collate([chance.integers(0, 256, (1, self.height, wide), np.uint8) for wide in widths])

    def to_json(self) -> dict[str, Any]:
        return {"height": self.height, "step": self.step, "writing": self.writing.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LineInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        check_fields(values, {"height": int, "step": int, "writing": dict}, "line input")
        try:
            return cls(values["height"], values["step"], Writing.from_json(values["writing"]))
        except ValueError as error:
            raise ModelError(f"line input: {error}") from error


def pad_lines(inputs: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """uint8 (batch, 1, height, width) and widths (batch,); white beside the narrower ones."""
    widths = np.array([one.shape[-1] for one in inputs], np.int64)
    widest = -(-int(widths.max(initial=1)) // MULTIPLE) * MULTIPLE
    values = np.full((len(inputs), 1, inputs[0].shape[1], widest), 255, np.uint8)
    for row, one in enumerate(inputs):
        values[row, :, :, : one.shape[-1]] = one
    return values, widths

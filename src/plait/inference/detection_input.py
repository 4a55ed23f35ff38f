"""A picture to what a detector takes: letterboxed into a canvas, and its boxes there and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from plait.errors import ModelError
from plait.inference.boxes import Floats
from plait.inference.input import Array, ModelInput, Port
from plait.inference.picture import LARGEST_SIDE, PictureInput, place
from plait.inference.picture_file import Pixels
from plait.inference.text import check_fields

GRAIN = 32
"""Sides of a canvas are multiples of this, by which detectors make their coarsest maps smaller."""


@dataclass(frozen=True)
class DetectionInput(ModelInput):
    """How a picture becomes a detector's input: as large as a canvas of ``height`` x ``width`` pixels allows, in its
    middle, black around it. The network takes other sizes as well.

    It gives at most ``most`` boxes. Of each class in ``confidences`` those are answers that have at least that score.
    Raises ValueError for values that mean nothing.
    """

    noun: ClassVar[str] = "picture"

    height: int
    width: int
    most: int
    confidences: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, side in (("height", self.height), ("width", self.width)):
            if not GRAIN <= side <= LARGEST_SIDE or side % GRAIN:
                raise ValueError(f"{name} is {side}, but must be a multiple of {GRAIN} up to {LARGEST_SIDE}")
        if self.most < 1:
            raise ValueError(f"most is {self.most}, but must be at least 1")
        for name, value in self.confidences.items():
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise ValueError(f"the confidence of {name!r} is {value!r}, but must be a number from 0 to 1")

    @cached_property
    def picture(self) -> PictureInput:
        """How the canvas is filled."""
        return PictureInput(self.height, self.width, 3, "pad", 1.0)

    @property
    def ports(self) -> tuple[Port, ...]:
        return (Port("pictures", "uint8", (3, "height", "width")),)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the network gives: boxes in pixels of the canvas by falling score, zeros behind their count."""
        return (
            Port("boxes", "float32", (self.most, 4)),
            Port("scores", "float32", (self.most,)),
            Port("classes", "int64", (self.most,)),
            Port("count", "int64", ()),
        )

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return (np.stack(inputs),)

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        chance = np.random.default_rng(seed)
        high, wide = self.height, self.width
        if seed % 2:
            high, wide = high + GRAIN, max(GRAIN, wide - GRAIN)
        # Coarse patches: of pixels that differ from each other a network makes nothing.
        coarse = chance.integers(0, 256, (count, 3, high // 16, wide // 16), np.uint8)
        return (np.repeat(np.repeat(coarse, 16, axis=2), 16, axis=3),)

    def into(self, boxes: Floats, size: tuple[int, int]) -> Floats:
        """Boxes (n, 4) of a picture of ``size`` (height, width), in its pixels, as boxes of the canvas."""
        shift, factor = self._moves(size)
        return np.asarray(boxes * factor + shift)

    def back(self, boxes: Floats, size: tuple[int, int]) -> Floats:
        """Boxes of the canvas as boxes of the picture, cut at its edges."""
        shift, factor = self._moves(size)
        edges = np.array([size[1], size[0], size[1], size[0]], np.float64)
        return np.clip((boxes - shift) / factor, 0, edges)

    def _moves(self, size: tuple[int, int]) -> tuple[Floats, Floats]:
        placed = place(*size, self.height, self.width)
        factor = np.array([placed.width / size[1], placed.height / size[0]] * 2)
        return np.array([placed.left, placed.top] * 2, np.float64), factor

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "DetectionInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        check_fields(
            values, {"height": int, "width": int, "most": int, "confidences": dict}, "detection input"
        )
        try:
            return cls(**values)
        except ValueError as error:
            raise ModelError(f"detection input: {error}") from error


@dataclass(frozen=True)
class Letterboxed:
    """A picture in its canvas, uint8 (3, height, width), and the size it has by itself (height, width)."""

    pixels: Pixels
    size: tuple[int, int]

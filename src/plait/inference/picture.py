"""A picture to the pixels a network sees: opened, resized, cropped.

Training, testing and the deployed model all come through here, so that none sees other pixels than another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from plait.errors import ModelError
from plait.inference.input import Array, ModelInput, Port
from plait.inference.picture_file import PictureError, Pixels, Source, open_picture

__all__ = ["PictureError", "PictureInput", "Placed", "center", "open_picture", "place", "prepare", "storage"]

RESIZES = ("crop", "pad", "stretch")
LARGEST_SIDE = 65_535


@dataclass(frozen=True)
class PictureInput(ModelInput):
    """How a picture becomes the network's input.

    The network takes ``height`` x ``width`` pixels of ``channels`` (1 or 3). Pictures are resized to
    ``margin`` times that and evaluation takes the center. ``resize`` is "crop" (the shorter side fits, the
    center is kept), "pad" (the longer side fits, black borders) or "stretch". Raises ValueError for values
    that mean nothing.
    """

    noun: ClassVar[str] = "picture"

    height: int
    width: int
    channels: int
    resize: str
    margin: float

    def __post_init__(self) -> None:
        for name, side in (("height", self.height), ("width", self.width)):
            if not 1 <= side <= LARGEST_SIDE:
                raise ValueError(f"{name} is {side}, but must be 1 to {LARGEST_SIDE} pixels")
        if self.channels not in (1, 3):
            raise ValueError(f"channels is {self.channels}, but must be 1 (grey) or 3 (color)")
        if self.resize not in RESIZES:
            raise ValueError(f"resize is {self.resize!r}, but must be one of {', '.join(RESIZES)}")
        if not 1.0 <= self.margin <= 8.0:
            raise ValueError(f"margin is {self.margin}, but must be 1 to 8")

    @property
    def ports(self) -> tuple[Port, ...]:
        return (Port("pictures", "uint8", (self.channels, self.height, self.width)),)

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return (np.stack(inputs),)

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        shape = (count, self.channels, self.height, self.width)
        return (np.random.default_rng(seed).integers(0, 256, shape, np.uint8),)

    @property
    def stored(self) -> tuple[int, int]:
        """Height and width at which pictures are kept, in pixels."""
        return round(self.height * self.margin), round(self.width * self.margin)

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "PictureInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        expected: dict[str, type] = {
            "height": int,
            "width": int,
            "channels": int,
            "resize": str,
            "margin": float,
        }
        if set(values) != set(expected):
            raise ModelError(
                f"a picture input needs exactly {sorted(expected)}, but {sorted(values)} arrived"
            )
        checked = {name: _typed(name, values[name], kind) for name, kind in expected.items()}
        try:
            return cls(**checked)  # type: ignore[arg-type]  # each was checked one line above
        except ValueError as error:
            raise ModelError(f"picture input: {error}") from error


def storage(picture: Pixels, spec: PictureInput) -> Pixels:
    """Resized as kept for training: (height, width, channels) to ``spec.stored`` and the same channels."""
    height, width = spec.stored
    if picture.shape[:2] == (height, width):
        return picture
    if spec.resize == "pad":
        return _padded(picture, height, width)
    box = _cover(picture.shape[1], picture.shape[0], width / height) if spec.resize == "crop" else None
    return _resized(picture, height, width, box)


def center(stored: Pixels, spec: PictureInput) -> Pixels:
    """What evaluation sees: the middle ``spec.height`` x ``spec.width`` of (..., height, width, channels)."""
    top = (stored.shape[-3] - spec.height) // 2
    left = (stored.shape[-2] - spec.width) // 2
    return stored[..., top : top + spec.height, left : left + spec.width, :]


def prepare(source: Source, spec: PictureInput, max_pixels: int) -> Pixels:
    """From a file to what the network is given: uint8 (height, width, channels); raises PictureError."""
    return center(storage(open_picture(source, spec.channels, max_pixels), spec), spec)


def _typed(name: str, value: object, kind: type) -> object:
    # bool is an int to Python, and JSON writes 1.0 as 1 in some programs.
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ModelError(f"picture input: {name} is {value!r}, but must be of type {kind.__name__}")
    return value


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _cover(width: int, height: int, aspect: float) -> tuple[float, float, float, float]:
    """The largest centered box of ``aspect`` (width / height) within a picture: left, top, right, bottom."""
    wide = min(float(width), height * aspect)
    high = min(float(height), width / aspect)
    left, top = (width - wide) / 2, (height - high) / 2
    return left, top, min(left + wide, width), min(top + high, height)


def _resized(
    picture: Pixels, height: int, width: int, box: tuple[float, float, float, float] | None = None
) -> Pixels:
    """Bicubic, widened when shrinking so that fine patterns do not alias."""
    image = _image(picture).resize((width, height), Image.Resampling.BICUBIC, box=box)
    pixels: Pixels = np.array(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _padded(picture: Pixels, height: int, width: int) -> Pixels:
    placed = place(picture.shape[0], picture.shape[1], height, width)
    stored = np.zeros((height, width, picture.shape[2]), np.uint8)
    rows, columns = (
        slice(placed.top, placed.top + placed.height),
        slice(placed.left, placed.left + placed.width),
    )
    stored[rows, columns] = _resized(picture, placed.height, placed.width)
    return stored


@dataclass(frozen=True)
class Placed:
    """Where a picture lies within a larger canvas, in pixels of the canvas."""

    top: int
    left: int
    height: int
    width: int


def place(height: int, width: int, canvas_height: int, canvas_width: int) -> Placed:
    """A picture as large as the canvas allows, in its middle (letterboxing)."""
    scale = min(canvas_height / height, canvas_width / width)
    high = max(1, min(canvas_height, round(height * scale)))
    wide = max(1, min(canvas_width, round(width * scale)))
    return Placed((canvas_height - high) // 2, (canvas_width - wide) // 2, high, wide)

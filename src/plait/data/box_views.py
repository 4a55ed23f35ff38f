"""Views: what training shows of pictures with boxes, the boxes following their pixels; alone or four together (mosaic).

What is shown in a row's place is a pure function of (seed, epoch, row).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from plait.data.box_targets import IGNORED
from plait.data.chance import uniform
from plait.data.color import jitter
from plait.data.geometry import sample
from plait.section import Section

Floats = NDArray[np.float64]
Boxes = NDArray[np.float32]

SEEN, HINTED = 0.3, 0.1
"""Of a box's area in view: with less than SEEN it is ignored, with less than HINTED it is forgotten."""
LEAST_SIDE = 2.0
"""Pixels; what is smaller in view is ignored."""


class BoxAugmentation(Section):
    """How training pictures and their boxes are changed; every default stands in the task's recipe."""

    flip: Literal["none", "horizontal", "both"]
    scale: tuple[float, float]
    """Shown smaller or larger by a factor between these; a part of what is larger, what is smaller somewhere."""
    aspect: float = Field(ge=1, le=4)
    """Width over height is changed by a factor between 1 / aspect and aspect."""
    color: float = Field(ge=0, le=1)
    """Brightness, contrast and saturation are each multiplied by a factor in 1 - color .. 1 + color."""
    mosaic: float = Field(ge=0, le=1)
    """Share of the views that show parts of four pictures (Bochkovskiy et al. 2020, "YOLOv4")."""
    mixup: float = Field(ge=0, le=1)
    """Share of the views that another is blended into, half and half, with the boxes of both (Zhang et al. 2019)."""
    calm: float = Field(ge=0, le=1)
    """Share of the steps, at the end, without mosaic and mixup (Ge et al. 2021, "YOLOX")."""

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> Self:
        if not 0.1 <= self.scale[0] <= self.scale[1] <= 10:
            raise ValueError(f"scale is {list(self.scale)}, but needs 0.1 <= smallest <= largest <= 10")
        return self


class Draw(IntEnum):
    """The place of each of a view's random numbers; those of a PART stand four times."""

    MOSAIC = 0
    MIDDLE_Y = auto()
    MIDDLE_X = auto()
    BRIGHTNESS = auto()
    CONTRAST = auto()
    SATURATION = auto()
    MIXED = auto()


class Part(IntEnum):
    """The place of each random number of one picture in a view."""

    PARTNER = 0
    SCALE = auto()
    ASPECT = auto()
    PLACE_Y = auto()
    PLACE_X = auto()
    UPSIDE_DOWN = auto()
    MIRRORED = auto()


PARTS = 4
_COLORS = (Draw.BRIGHTNESS, Draw.CONTRAST, Draw.SATURATION)


@dataclass(frozen=True)
class Piece:
    """A picture in a view: ``row`` is shown in the window (top, left, bottom, right). What lies at x in the stored
    picture is seen at ``scale_x`` * x + ``start_x``; a negative scale mirrors."""

    row: int
    window: tuple[int, int, int, int]
    scale_y: float
    scale_x: float
    start_y: float
    start_x: float

    def matrix(self) -> Floats:
        """(2, 3): takes a pixel (x, y, 1) of the window to its place in the stored picture, both by their middles."""
        top, left, _, _ = self.window
        across = (left + 0.5 - self.start_x) / self.scale_x - 0.5
        down = (top + 0.5 - self.start_y) / self.scale_y - 0.5
        return np.array([[1 / self.scale_x, 0, across], [0, 1 / self.scale_y, down]])

    def moved(self, boxes: Boxes) -> Boxes:
        """Boxes (n, 5: label, left, top, right, bottom) of the stored picture as they are seen; what is hardly seen is
        ignored, and what is not seen left out."""
        edges = boxes[:, 1:] * np.array([self.scale_x, self.scale_y] * 2) + [self.start_x, self.start_y] * 2
        edges = np.concatenate(
            [np.minimum(edges[:, :2], edges[:, 2:]), np.maximum(edges[:, :2], edges[:, 2:])], 1
        )
        top, left, bottom, right = self.window
        seen = np.clip(edges, [left, top, left, top], [right, bottom, right, bottom])
        sides = seen[:, 2:] - seen[:, :2]
        share = sides.prod(axis=1) / np.maximum((edges[:, 2:] - edges[:, :2]).prod(axis=1), 1e-9)
        hardly = (share < SEEN) | (sides.min(axis=1) < LEAST_SIDE)
        labels = np.where(hardly, IGNORED, boxes[:, 0])
        kept = (share > HINTED) & (sides.min(axis=1) > 0)
        moved: Boxes = np.concatenate([labels[:, None], seen], axis=1, dtype=np.float32)[kept]
        return moved


class Views:
    """Plans and draws views of pictures that lie in canvases of ``size`` (height, width); ``examples`` is how many
    pictures there are."""

    def __init__(self, options: BoxAugmentation, size: tuple[int, int], examples: int) -> None:
        self.options = options
        self.size = size
        self.examples = examples

    def plan(self, seed: int, epoch: int, rows: NDArray[np.int64], done: float) -> list[list[Piece]]:
        """The pieces of each row's view; ``done`` is the share of the training that is over."""
        draws, parts = self._draws(seed, epoch, rows)
        mosaic = (draws[:, Draw.MOSAIC] < self.options.mosaic) & (done < 1 - self.options.calm)
        return [
            self._four(int(row), draw, part) if four else [self._whole(int(row), part[0])]
            for row, draw, part, four in zip(rows, draws, parts, mosaic, strict=True)
        ]

    def draw(self, pictures: Tensor, stored: Sequence[int], plans: Sequence[Sequence[Piece]]) -> Tensor:
        """float32 (views, channels, height, width) in 0 .. 255, channels last; ``pictures`` are uint8, those of the
        rows ``stored``."""
        places = {row: place for place, row in enumerate(stored)}
        views = torch.zeros(len(plans), pictures.shape[1], *self.size)
        for window, pieces in _by_window(plans):
            top, left, bottom, right = window
            rows = [places[piece.row] for _, piece in pieces]
            matrices = np.stack([piece.matrix() for _, piece in pieces])
            shown = sample(pictures[rows], matrices, (bottom - top, right - left), "zeros")
            views[[view for view, _ in pieces], :, top:bottom, left:right] = shown
        return views

    def colored(self, views: Tensor, seed: int, epoch: int, rows: NDArray[np.int64]) -> Tensor:
        """With other brightness, contrast and saturation."""
        if not self.options.color:
            return views.contiguous(memory_format=torch.channels_last)
        draws, _ = self._draws(seed, epoch, rows)
        factors = 1 + self.options.color * (2 * draws[:, list(_COLORS)] - 1)
        amounts = torch.from_numpy(factors).to(torch.float32).unbind(dim=1)
        return jitter(views, *amounts).contiguous(memory_format=torch.channels_last)

    def mixed(self, seed: int, epoch: int, rows: NDArray[np.int64], done: float) -> NDArray[np.bool_]:
        """Which rows' views another is blended into."""
        draws, _ = self._draws(seed, epoch, rows)
        chosen: NDArray[np.bool_] = draws[:, Draw.MIXED] < self.options.mixup * (done < 1 - self.options.calm)
        return chosen

    def _draws(self, seed: int, epoch: int, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        drawn = uniform(seed, epoch, rows, len(Draw) + PARTS * len(Part))
        return drawn[:, : len(Draw)], drawn[:, len(Draw) :].reshape(len(rows), PARTS, len(Part))

    def _whole(self, row: int, chance: Floats) -> Piece:
        return self._piece(row, (0, 0, *self.size), chance)

    def _four(self, row: int, draw: Floats, parts: Floats) -> list[Piece]:
        """Parts of four pictures around a middle; the row's own is the first."""
        high, wide = self.size
        y = round(high * (0.25 + 0.5 * draw[Draw.MIDDLE_Y]))
        x = round(wide * (0.25 + 0.5 * draw[Draw.MIDDLE_X]))
        windows = ((0, 0, y, x), (0, x, y, wide), (y, 0, high, x), (y, x, high, wide))
        partners = (parts[:, Part.PARTNER] * self.examples).astype(np.int64)
        rows = [row, *partners[1:].tolist()]
        return [self._piece(*one) for one in zip(rows, windows, parts, strict=True)]

    def _piece(self, row: int, window: tuple[int, int, int, int], chance: Floats) -> Piece:
        top, left, bottom, right = window
        low, high = self.options.scale
        factor = low * (high / low) ** chance[Part.SCALE]
        longer = self.options.aspect ** (chance[Part.ASPECT] - 0.5)
        scale_y, scale_x = factor / longer, factor * longer
        shown = self.size[0] * scale_y, self.size[1] * scale_x
        start_y = top + (bottom - top - shown[0]) * chance[Part.PLACE_Y]
        start_x = left + (right - left - shown[1]) * chance[Part.PLACE_X]
        if self.options.flip == "both" and chance[Part.UPSIDE_DOWN] < 0.5:
            start_y, scale_y = start_y + shown[0], -scale_y
        if self.options.flip != "none" and chance[Part.MIRRORED] < 0.5:
            start_x, scale_x = start_x + shown[1], -scale_x
        return Piece(row, window, scale_y, scale_x, start_y, start_x)


def _by_window(
    plans: Sequence[Sequence[Piece]],
) -> Iterator[tuple[tuple[int, int, int, int], list[tuple[int, Piece]]]]:
    """Pieces that fill the same window are drawn in one go."""
    found: dict[tuple[int, int, int, int], list[tuple[int, Piece]]] = {}
    for view, pieces in enumerate(plans):
        for piece in pieces:
            found.setdefault(piece.window, []).append((view, piece))
    yield from found.items()

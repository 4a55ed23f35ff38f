"""Augmentation: training pictures changed at random in ways that keep their class, a whole batch at once.

What happens to a picture is a pure function of (seed, epoch, its row): each random number has a fixed place
(``Draw``), so switching one operator on leaves the draws of the others as they were.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum, auto
from typing import Annotated, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from scipy.special import betaincinv
from torch import Tensor

from plait.data.chance import Purpose, uniform
from plait.data.color import jitter
from plait.data.geometry import Box, affine, boxes, cut_out, sample, windows
from plait.data.trivial import trivial_augment
from plait.inference.picture import PictureInput
from plait.section import Section

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Size = Annotated[float, Field(ge=0.25, le=1)]


class AugmentationOptions(Section):
    """Which operators are on and how strong; every default stands in the task's recipe."""

    flip: Literal["none", "horizontal", "alternating", "both", "auto"]
    """alternating: drawn in the first epoch, then mirrored in every other one (Jordan 2024), so that two epochs show
    each picture both ways."""
    shift: float = Field(ge=0, le=1)
    """Moved by up to this share of the side, each way; beyond the border the picture is mirrored."""
    crop: tuple[float, float]
    """Share of the stored picture's area that a random crop keeps, smallest and largest; [1, 1] is none."""
    aspect: float = Field(ge=1)
    """A random crop's width over height is changed by a factor between 1 / aspect and aspect."""
    rotate: float = Field(ge=0, le=180)
    """Degrees, at most, each way."""
    color: float = Field(ge=0, le=1)
    """Brightness, contrast and saturation are each multiplied by a factor in 1 - color .. 1 + color."""
    cutout: float = Field(ge=0, le=1)
    """Side of the box blanked out, as a share of the picture's side (DeVries and Taylor 2017)."""
    trivial_augment: bool
    mixup: float = Field(ge=0)
    """alpha of Beta(alpha, alpha) in Zhang et al. 2018; 0 is none."""
    cutmix: float = Field(ge=0)
    """alpha of Beta(alpha, alpha) in Yun et al. 2019; 0 is none. With mixup too, a mixed picture gets one."""
    mixed: float = Field(ge=0, le=1)
    """Share of the pictures that mixup or cutmix mix; the others stay whole."""
    sizes: Literal["auto"] | tuple[Size, Size]
    """Side of the training pictures as a share of image_size: in the first half, and at the end.

    Progressive resizing (Howard 2018; Tan and Le 2021, section 4): the first steps cost half as much. A last size
    below 1 leaves the larger pictures to answering, which pays where random crops magnify much (Touvron et al. 2019,
    "Fixing the train-test resolution discrepancy").
    """

    @model_validator(mode="after")
    def _crop_is_a_range(self) -> Self:
        if not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError(f"crop is {list(self.crop)}, but needs 0 < smallest <= largest <= 1")
        return self

    @model_validator(mode="after")
    def _sizes_grow(self) -> Self:
        if self.sizes != "auto" and self.sizes[0] > self.sizes[1]:
            raise ValueError(f"sizes is {list(self.sizes)}, but needs first <= last")
        return self

    @property
    def crops(self) -> bool:
        """Whether a random part of the picture is shown."""
        return self.crop != (1.0, 1.0) or self.aspect != 1

    @property
    def resamples(self) -> bool:
        """Whether pixels are computed anew, so that training pictures may have any size."""
        return self.crops or self.rotate != 0


class Draw(IntEnum):
    """The place of each of an example's random numbers."""

    MIRRORED = 0
    UPSIDE_DOWN = auto()
    SHIFT_Y = auto()
    SHIFT_X = auto()
    AREA = auto()
    ASPECT = auto()
    CROP_Y = auto()
    CROP_X = auto()
    ROTATE = auto()
    OPERATOR = auto()
    STRENGTH = auto()
    SIGN = auto()
    BRIGHTNESS = auto()
    CONTRAST = auto()
    SATURATION = auto()
    CUTOUT_Y = auto()
    CUTOUT_X = auto()


_COLORS = (Draw.BRIGHTNESS, Draw.CONTRAST, Draw.SATURATION)


class Augmentation:
    """Stored pictures to what the network sees of them in training, each by its own draw.

    ``options.flip`` and ``options.sizes`` must be settled (not auto). Flips, shifts and cutout move whole
    pixels and keep uint8; with any other operator on, pictures become float32. Without a random crop the
    network's own window is shown, unscaled.
    """

    def __init__(self, options: AugmentationOptions, spec: PictureInput) -> None:
        assert options.flip != "auto", "the recipe must be settled before augmentation"
        assert options.sizes != "auto", "the recipe must be settled before augmentation"
        self.options = options
        self.sizes = options.sizes
        self.size = (spec.height, spec.width)

    def __call__(self, pictures: Tensor, seed: int, epoch: int, rows: ArrayLike, done: float = 1.0) -> Tensor:
        """Training views (batch, channels, height, width), 0 .. 255, of the examples numbered ``rows``.

        Takes uint8 (batch, channels, stored height, stored width); channels last both. ``done`` is the share of
        the training that is over, which ``sizes`` asks for.
        """
        draws = uniform(seed, epoch, rows, len(Draw))
        options = self.options
        if options.flip == "alternating":
            first = uniform(seed, 0, rows, 1)[:, 0]
            draws[:, Draw.MIRRORED] = 1 - first if epoch % 2 else first
        if options.resamples:
            view = self._sampled(pictures, draws, training_size(self.size, self.sizes, done))
        else:
            view = self._moved(pictures, draws)
        if options.trivial_augment:
            view = trivial_augment(_planes(view), draws[:, [Draw.OPERATOR, Draw.STRENGTH, Draw.SIGN]])
        if options.color:
            view = jitter(_planes(view), *(self._factor(draws[:, place]) for place in _COLORS))
        if options.cutout:
            self._cut(view, draws)
        return view.contiguous(memory_format=torch.channels_last)

    def _moved(self, pictures: Tensor, draws: Floats) -> Tensor:
        """Whole pixels only."""
        most_y, most_x = (round(self.options.shift * side) for side in self.size)
        top = (pictures.shape[2] - self.size[0]) // 2 + _whole(draws[:, Draw.SHIFT_Y], most_y)
        left = (pictures.shape[3] - self.size[1]) // 2 + _whole(draws[:, Draw.SHIFT_X], most_x)
        return windows(pictures, top, left, *self._flips(draws), size=self.size)

    def _sampled(self, pictures: Tensor, draws: Floats, size: tuple[int, int]) -> Tensor:
        """Crop, shift, rotation and flip in one pass."""
        upside_down, mirrored = self._flips(draws)
        stored = (pictures.shape[2], pictures.shape[3])
        box_y, box_x = self._box(stored, draws)
        scale_y = box_y / size[0] * np.where(upside_down, -1, 1)
        scale_x = box_x / size[1] * np.where(mirrored, -1, 1)
        degrees = self.options.rotate * (2 * draws[:, Draw.ROTATE] - 1)
        center_y = self._center(stored[0], box_y, draws[:, Draw.CROP_Y], draws[:, Draw.SHIFT_Y], self.size[0])
        center_x = self._center(stored[1], box_x, draws[:, Draw.CROP_X], draws[:, Draw.SHIFT_X], self.size[1])
        matrices = affine(center_y, center_x, scale_y, scale_x, degrees, size=size)
        return sample(pictures, matrices, size)

    def _box(self, stored: tuple[int, int], draws: Floats) -> tuple[Floats, Floats]:
        """Height and width (batch,) of what is shown, in stored pixels."""
        if not self.options.crops:
            ones = np.ones(len(draws))
            return ones * self.size[0], ones * self.size[1]
        low, high = self.options.crop
        area = low + (high - low) * draws[:, Draw.AREA]
        longer = self.options.aspect ** (draws[:, Draw.ASPECT] - 0.5)
        side = np.sqrt(area)
        return stored[0] * np.minimum(side / longer, 1), stored[1] * np.minimum(side * longer, 1)

    def _center(self, stored: int, box: Floats, place: Floats, shift: Floats, side: int) -> Floats:
        """Middle of the box: anywhere it fits (the picture's middle without a random crop), then shifted."""
        room = (stored - box) * (place - 0.5) if self.options.crops else 0.0
        return np.asarray((stored - 1) / 2 + room + self.options.shift * side * (2 * shift - 1))

    def _flips(self, draws: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Upside down, mirrored."""
        return (
            (draws[:, Draw.UPSIDE_DOWN] < 0.5) & (self.options.flip == "both"),
            (draws[:, Draw.MIRRORED] < 0.5) & (self.options.flip != "none"),
        )

    def _factor(self, draws: Floats) -> Tensor:
        return torch.from_numpy(1 + self.options.color * (2 * draws - 1)).to(torch.float32)

    def _cut(self, view: Tensor, draws: Floats) -> None:
        height, width = view.shape[2:]
        center_y = (draws[:, Draw.CUTOUT_Y] * height).astype(np.int64)
        center_x = (draws[:, Draw.CUTOUT_X] * width).astype(np.int64)
        sides = (round(self.options.cutout * height), round(self.options.cutout * width))
        cut_out(view, center_y, center_x, sides)


def training_size(size: tuple[int, int], shares: tuple[float, float], done: float) -> tuple[int, int]:
    """Height and width of training pictures when the share ``done`` of the steps is over: two quarters, one, one.

    The first share for half of the steps, half way to the last for a quarter, then the last; whole multiples of 8
    pixels below 1.
    """
    first, last = shares
    share = (first, first, (first + last) / 2, last)[min(int(done * 4), 3)]
    if share == 1:
        return size
    height, width = (max(8, round(side * share / 8) * 8) for side in size)
    return min(height, size[0]), min(width, size[1])


def mix(
    values: Tensor, targets: Tensor, classes: int, options: AugmentationOptions, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """A share of the pictures (``options.mixed``) each mixed with a partner by mixup or cutmix, by (seed, step).

    Takes values (batch, channels, height, width), channels last, and targets, int64 (batch,) or float
    (batch, classes). Gives the mixed values, float32 if mixup is on, and float32 targets (batch, classes)
    weighted by the shares of their pictures.
    """
    assert options.mixup or options.cutmix, "nothing to mix"
    draws = uniform(seed, step, np.arange(len(values)), 6, Purpose.MIXING)
    partner = torch.from_numpy(np.argsort(draws[:, 0], kind="stable"))
    mixes = draws[:, 5] < options.mixed
    cuts = (draws[:, 1] < _cutmix_share(options)) & mixes
    alpha = np.where(cuts, options.cutmix, options.mixup or 1.0)
    kept = np.where(mixes, betaincinv(alpha, alpha, draws[:, 2]), 1.0)
    # The values' memory is channels last, and index_select keeps that only where it is the order of the axes.
    pixels = values.permute(0, 2, 3, 1)
    mixed = _blended(pixels, partner, np.where(cuts, 1.0, kept)) if options.mixup else pixels.clone()
    mixed = mixed.permute(0, 3, 1, 2)
    for picture, box in _replaced(cuts, kept, draws[:, 3:5], values.shape):
        mixed[picture][box] = values[int(partner[picture])][box].to(mixed.dtype)
        kept[picture] = 1 - mixed[picture, 0][box[1:]].numel() / mixed[picture, 0].numel()
    soft = F.one_hot(targets, classes) if targets.dim() == 1 else targets
    return mixed, _blended(soft, partner, kept)


def _cutmix_share(options: AugmentationOptions) -> float:
    """Share of the mixed pictures that cutmix mixes; mixup has the others."""
    if options.cutmix == 0:
        return 0.0
    return 0.5 if options.mixup else 1.0


def _replaced(
    cuts: NDArray[np.bool_], kept: Floats, places: Floats, shape: Sequence[int]
) -> Iterator[tuple[int, Box]]:
    """Pictures that cutmix takes and their boxes: (1 - kept) of the area around a place drawn evenly."""
    size = np.array(shape[2:])
    centers = (places * size).astype(np.int64)
    sides = np.round(np.sqrt(1 - kept)[:, None] * size).astype(np.int64)
    found = boxes(centers[:, 0], centers[:, 1], sides)
    return ((int(picture), found[picture]) for picture in np.flatnonzero(cuts))


def _blended(own: Tensor, partner: Tensor, kept: Floats) -> Tensor:
    """kept x own + (1 - kept) x the partner's along the first axis, float32."""
    values = own.to(torch.float32)
    share = torch.from_numpy(1 - kept).to(torch.float32).reshape(-1, *[1] * (own.dim() - 1))
    return values.index_select(0, partner).sub_(values).mul_(share).add_(values)


def _planes(pictures: Tensor) -> Tensor:
    """float32, one channel's map after the other: colors are quickest so."""
    return pictures.to(torch.float32, memory_format=torch.contiguous_format)


def _whole(draws: Floats, most: int) -> Integers:
    """A whole number from -most to most, each as likely."""
    return (draws * (2 * most + 1)).astype(np.int64) - most

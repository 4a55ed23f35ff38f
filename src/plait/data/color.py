"""Colors of a batch: brightness, contrast, saturation and the like, a different amount for each picture.

Pictures are float32 (batch, channels, height, width) in 0 .. 255, amounts float32 (batch,). Every operator
works pixel by pixel or on sums of whole numbers, so a picture's result does not depend on what else is in the
batch.
"""

import torch
from torch import Tensor

RED, GREEN, BLUE = 0.299, 0.587, 0.114
"""Share of each color in grey (ITU-R BT.601), as in Pillow."""


def jitter(pictures: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, then contrast, then saturation by factors (1 changes nothing), cut to 0 .. 255 once at the
    end.

    Written out, the three are one linear map of a pixel and its grey: with b, c, s the factors, g the pixel's
    grey and m the picture's mean grey, x becomes s c b x + (1 - s) c b g + (1 - c) b m.
    """
    b, c, s = (_each(factor) for factor in (brightness, contrast, saturation))
    shades = grey(pictures)
    constant = shades * ((1 - s) * c * b) + (1 - c) * b * mean_of_whole(shades)
    return pictures.mul(s * c * b).add_(constant).clamp_(0, 255)


def brightness(pictures: Tensor, factor: Tensor) -> Tensor:
    """Blends with black: 0 is black, 1 the picture."""
    return (pictures * _each(factor)).clamp_(0, 255)


def contrast(pictures: Tensor, factor: Tensor) -> Tensor:
    """Blends with the mean grey of the picture."""
    return blend(mean_of_whole(grey(pictures)), pictures, factor)


def saturation(pictures: Tensor, factor: Tensor) -> Tensor:
    """Blends with the picture in grey."""
    return blend(grey(pictures), pictures, factor)


def sharpness(pictures: Tensor, factor: Tensor) -> Tensor:
    """Blends with the picture smoothed by [[1 1 1] [1 5 1] [1 1 1]] / 13; the border stays as it is."""
    if min(pictures.shape[2:]) < 3:
        return pictures
    rows = pictures[:, :, :-2] + pictures[:, :, 1:-1] + pictures[:, :, 2:]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = pictures.clone()
    smooth[:, :, 1:-1, 1:-1] = (around + pictures[:, :, 1:-1, 1:-1] * 4) / 13
    return blend(smooth, pictures, factor)


def posterize(pictures: Tensor, bits: Tensor) -> Tensor:
    """Keeps the highest ``bits`` (int64, 1 .. 8) of each value's eight."""
    kept = 256 - (1 << (8 - bits))
    return (pictures.round().to(torch.int32) & _each(kept.to(torch.int32))).to(torch.float32)


def solarize(pictures: Tensor, threshold: Tensor) -> Tensor:
    """Inverts the values from ``threshold`` on."""
    return torch.where(pictures >= _each(threshold), 255 - pictures, pictures)


def autocontrast(pictures: Tensor) -> Tensor:
    """Stretches each channel to 0 .. 255; a channel of one value stays."""
    low, high = pictures.amin(dim=(2, 3), keepdim=True), pictures.amax(dim=(2, 3), keepdim=True)
    flat = high == low
    stretched = (pictures - low) * (255 / torch.where(flat, 1.0, high - low))
    return torch.where(flat, pictures, stretched)


def equalize(pictures: Tensor) -> Tensor:
    """Gives each channel a flat histogram, as Pillow's ImageOps.equalize does; values are rounded first."""
    count, channels = pictures.shape[:2]
    values = pictures.round().to(torch.int64).reshape(count * channels, -1)
    table = _equalizing(_histograms(values))
    return table.gather(1, values).to(torch.float32).reshape(pictures.shape)


def blend(other: Tensor, pictures: Tensor, factor: Tensor) -> Tensor:
    """0 gives ``other``, 1 the picture, more goes beyond, cut to 0 .. 255."""
    share = _each(factor)
    return (pictures * share + other * (1 - share)).clamp_(0, 255)


def grey(pictures: Tensor) -> Tensor:
    """(batch, 1, height, width); the sum is written out because its rounding must not depend on the batch."""
    if pictures.shape[1] == 1:
        return pictures
    return pictures[:, 0:1] * RED + pictures[:, 1:2] * GREEN + pictures[:, 2:3] * BLUE


def mean_of_whole(shades: Tensor) -> Tensor:
    """Mean (batch, 1, 1, 1) of the values rounded to whole numbers: such sums are exact in any order."""
    sums = shades.round().sum(dim=(1, 2, 3), keepdim=True, dtype=torch.float64)
    return (sums / shades[0].numel()).to(torch.float32)


def _histograms(values: Tensor) -> Tensor:
    """int64 (pictures and channels, 256)."""
    offset = torch.arange(len(values))[:, None] * 256
    return torch.bincount((values + offset).flatten(), minlength=len(values) * 256).reshape(-1, 256)


def _equalizing(histograms: Tensor) -> Tensor:
    """What each of 256 values becomes: the count below it over a 255th of all but the last value's count."""
    last = 255 - (histograms.flip(1) > 0).to(torch.int64).argmax(dim=1, keepdim=True)
    step = (histograms.sum(dim=1, keepdim=True) - histograms.gather(1, last)) // 255
    below = histograms.cumsum(dim=1) - histograms
    table = ((below + step // 2) // step.clamp(min=1)).clamp(0, 255)
    return torch.where(step == 0, torch.arange(256), table)


def _each(values: Tensor) -> Tensor:
    return values[:, None, None, None]

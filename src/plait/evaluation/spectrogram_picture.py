"""Spectrogram picture: a spectrogram as a PNG that a page can hold."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plait.evaluation.data_uri import png_uri

WIDEST = 1200
"""Pixels across."""
TALLEST = 160
"""Pixels that few channels are enlarged to."""
MAGNIFIED = 4
"""Pixels that a frame or a channel takes at most."""
SHADES = 64
"""More cannot be told apart, and make the file larger."""
RAMP = ((18, 20, 38), (52, 40, 104), (35, 100, 135), (70, 160, 140), (175, 208, 130), (250, 243, 205))
"""Dark to light, about the same step of lightness between neighbors."""


def png(values: NDArray[np.floating]) -> str:
    """``values`` (time, channels), channels from low to high frequencies, as a data URI: time to the right, low
    frequencies at the bottom, the strongest lightest. At most 1200 pixels wide: longer ones are averaged.

    Raises ValueError where there is nothing to draw.
    """
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"a spectrogram of shape {values.shape} arrived, but (time, channels) must not be empty"
        )
    shades = _shades(_averaged(np.asarray(values, np.float64)))
    picture = Image.fromarray(_magnified(shades.T[::-1])).convert("P")
    picture.putpalette(_palette())
    return png_uri(picture, optimize=True)


def _averaged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frames that would share a column, as their mean."""
    if len(values) <= WIDEST:
        return values
    starts = np.arange(WIDEST) * len(values) // WIDEST
    counts = np.diff(np.append(starts, len(values)))
    means: NDArray[np.float64] = np.add.reduceat(values, starts, axis=0) / counts[:, None]
    return means


def _shades(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """From the weakest hundredth to the strongest thousandth: one click must not darken all else."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(values.shape, np.uint8)
    low, high = np.quantile(finite, [0.01, 0.999])
    shares = np.clip(np.nan_to_num(values, nan=low) - low, 0, max(high - low, 1e-9)) / max(high - low, 1e-9)
    shades: NDArray[np.uint8] = np.round(shares * (SHADES - 1)).astype(np.uint8)
    return shades


def _magnified(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Short ones are drawn larger, each value as a whole block, so that words find room under them."""
    height, width = picture.shape
    down = min(MAGNIFIED, max(1, TALLEST // height))
    across = min(MAGNIFIED, max(1, WIDEST // width))
    return np.ascontiguousarray(picture.repeat(down, axis=0).repeat(across, axis=1))


def _palette() -> list[int]:
    places = np.linspace(0, len(RAMP) - 1, SHADES)
    colors = [np.interp(places, range(len(RAMP)), channel) for channel in np.array(RAMP).T]
    return [int(part) for part in np.round(np.stack(colors, axis=1)).ravel()]

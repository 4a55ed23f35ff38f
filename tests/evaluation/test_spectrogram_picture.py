"""A spectrogram's picture: where time and frequency lie, its size, and a ramp that gets lighter all the way."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from plait.evaluation.spectrogram_picture import png


def opened(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), np.float64)


def lightness(picture: np.ndarray) -> np.ndarray:
    """L* of CIE 1976, from sRGB."""
    linear = np.where(
        picture <= 0.04045 * 255, picture / 255 / 12.92, ((picture / 255 + 0.055) / 1.055) ** 2.4
    )
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


def test_time_runs_to_the_right_and_low_frequencies_lie_below() -> None:
    values = np.zeros((50, 40))
    values[40:, :10] = 1.0
    light = lightness(opened(png(values)))
    assert light.shape == (160, 200)
    strong = light > light.mean()
    assert strong[-40:, -40:].all()
    assert strong.sum() == 40 * 40


def test_stronger_is_lighter_by_about_the_same_step() -> None:
    light = lightness(opened(png(np.linspace(0, 1, 1000)[:, None])))[0]
    steps = np.diff(light[::100])
    assert (np.diff(light) >= 0).all()
    assert steps.max() < 2 * steps.min()


@pytest.mark.parametrize("frames", [1, 300, 1200, 1201, 5000])
def test_pictures_are_at_most_1200_wide(frames: int) -> None:
    width = opened(png(np.random.default_rng(0).normal(size=(frames, 80)))).shape[1]
    assert width <= 1200
    assert width >= min(frames, 1200)


def test_silence_and_what_is_no_number_are_drawn_and_nothing_is_refused() -> None:
    assert opened(png(np.zeros((5, 4)))).std(axis=(0, 1)).max() == 0
    assert opened(png(np.full((5, 4), -np.inf))).shape == (16, 20, 3)
    assert opened(png(np.array([[0.0, np.nan], [np.inf, 1.0]]))).shape == (8, 8, 3)
    with pytest.raises(ValueError, match=r"shape \(0, 80\)"):
        png(np.zeros((0, 80)))

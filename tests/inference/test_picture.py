"""Pictures get the size that was promised, from the middle, and the promise survives JSON."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from plait.errors import ModelError
from plait.inference.picture import PictureInput, center, prepare, storage

LIMIT = 1_000_000


def colors(height: int = 24, width: int = 40) -> np.ndarray:
    """A smooth picture in which no row, column or channel equals another."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    channels = [200 * rows / height, 220 * columns / width, 60 + 100 * (rows + columns) / (height + width)]
    return np.stack(channels, axis=2).astype(np.uint8)


def spec(resize: str = "crop", margin: float = 1.0, height: int = 20, width: int = 20) -> PictureInput:
    return PictureInput(height, width, 3, resize, margin)


SIDES = st.tuples(st.integers(1, 70), st.integers(1, 70))


@settings(max_examples=100, deadline=None)
@given(SIDES, SIDES, st.sampled_from([1, 3]), st.sampled_from(["crop", "pad", "stretch"]), st.floats(1, 2))
def test_any_size_gives_the_promised_size(
    sides: tuple[int, int], to: tuple[int, int], channels: int, resize: str, margin: float
) -> None:
    asked = PictureInput(*to, channels, resize, margin)
    stored = storage(colors(*sides)[:, :, :channels], asked)
    assert stored.shape == (*asked.stored, channels)
    assert stored.dtype == np.uint8
    assert center(stored, asked).shape == (*to, channels)
    assert center(stored[None, None], asked).shape == (1, 1, *to, channels)


def test_the_right_size_is_left_alone() -> None:
    for resize in ("crop", "pad", "stretch"):
        np.testing.assert_array_equal(storage(colors(20, 20), spec(resize)), colors(20, 20))


def test_crop_keeps_the_middle_and_equals_resizing_it() -> None:
    wide = colors(20, 60)
    np.testing.assert_array_equal(storage(wide, spec()), wide[:, 20:40])
    shrunk = Image.fromarray(colors(40, 80)[:, 20:60]).resize((20, 20), Image.Resampling.BICUBIC)
    inner = storage(colors(40, 80), spec()).astype(int) - np.asarray(shrunk)
    assert np.abs(inner[2:-2, 2:-2]).max() <= 1


def test_pad_keeps_everything_between_black_borders() -> None:
    stored = storage(np.full((20, 40, 3), 255, np.uint8), spec("pad"))
    assert (stored[:5] == 0).all()
    assert (stored[5:15] == 255).all()
    assert (stored[15:] == 0).all()


def test_stretch_is_plain_resizing() -> None:
    stretched = Image.fromarray(colors(31, 57)).resize((20, 20), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(storage(colors(31, 57), spec("stretch")), stretched)


def test_prepare_is_the_center_of_storage_of_the_file(tmp_path: Path) -> None:
    Image.fromarray(colors(50, 70)).save(tmp_path / "a.png")
    asked = spec(margin=1.2)
    assert asked.stored == (24, 24)
    expected = storage(colors(50, 70), asked)[2:22, 2:22]
    np.testing.assert_array_equal(prepare(tmp_path / "a.png", asked, LIMIT), expected)


def test_spec_survives_json() -> None:
    asked = spec("pad", 1.145)
    assert PictureInput.from_json(json.loads(json.dumps(asked.to_json()))) == asked


@pytest.mark.parametrize(
    "change",
    [
        {"height": 0},
        {"height": "20"},
        {"height": True},
        {"width": 10**6},
        {"channels": 2},
        {"resize": "fit"},
        {"margin": 0.5},
        {"margin": float("nan")},
        {"margin": "1"},
        {"more": 1},
    ],
)
def test_a_spec_that_means_nothing_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="picture input"):
        PictureInput.from_json(spec().to_json() | change)


def test_a_spec_without_a_key_is_refused() -> None:
    values = spec().to_json()
    del values["margin"]
    with pytest.raises(ModelError, match="margin"):
        PictureInput.from_json(values)


def test_neither_torch_nor_pandas_is_imported() -> None:
    code = "import sys, plait.inference.picture; print([m for m in ('torch', 'pandas') if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert ran.stdout.strip() == "[]"

"""Windows, affine samples and cutout, held against torchvision's on one draw."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as reference
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode

from plait.data.geometry import affine, boxes, cut_out, sample, windows

SHIFTS = st.integers(-40, 40)


def noise(count: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    size = (count, channels, height, width)
    pictures = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
    return pictures.contiguous(memory_format=torch.channels_last)


@given(SHIFTS, SHIFTS, st.booleans(), st.booleans(), st.integers(0, 1000))
def test_a_window_is_a_mirrored_pad_a_crop_and_flips(
    top: int, left: int, upside_down: bool, mirrored: bool, seed: int
) -> None:
    pictures = noise(2, 3, 9, 7, seed)
    found = windows(
        pictures,
        np.array([top, 0]),
        np.array([left, 1]),
        np.array([upside_down, False]),
        np.array([mirrored, False]),
        size=(6, 5),
    )
    padded = np.pad(pictures[0].numpy(), ((0, 0), (50, 50), (50, 50)), mode="reflect")
    expected = reference.crop(torch.from_numpy(padded), 50 + top, 50 + left, 6, 5)
    expected = reference.vertical_flip(expected) if upside_down else expected
    expected = reference.horizontal_flip(expected) if mirrored else expected
    assert torch.equal(found[0], expected)
    assert torch.equal(found[1], pictures[1, :, 0:6, 1:6])
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_picture_of_one_pixel_can_be_shifted() -> None:
    one, no = np.array([3]), np.array([False])
    assert torch.equal(
        windows(torch.full((1, 1, 1, 1), 9, dtype=torch.uint8), one, one, no, no, size=(1, 1)).flatten(),
        torch.tensor([9], dtype=torch.uint8),
    )


@pytest.mark.parametrize("degrees", [-135.0, -20.0, 0.0, 7.5, 90.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.0, -3.0)])
def test_rotation_scale_and_shift_equal_torchvision_affine(
    degrees: float, shift: tuple[float, float]
) -> None:
    pictures = noise(1, 3, 24, 31).float()
    expected = reference.affine(
        pictures,
        angle=degrees,
        translate=[0, 0],
        scale=1.25,
        shear=[0.0, 0.0],
        interpolation=InterpolationMode.BILINEAR,
    )
    matrices = affine(*(np.array([value]) for value in (11.5, 15.0, 0.8, 0.8, degrees)), size=(24, 31))
    torch.testing.assert_close(
        sample(pictures, matrices, (24, 31), beyond="zeros"), expected, atol=0.01, rtol=0
    )
    moved = affine(
        *(np.array([value]) for value in (11.5 + shift[0], 15.0 + shift[1], 1, 1, 0)), size=(24, 31)
    )
    shifted = sample(pictures, moved, (24, 31), beyond="zeros")
    whole = reference.affine(
        pictures, angle=0, translate=[-int(shift[1]), -int(shift[0])], scale=1, shear=[0.0, 0.0]
    )
    torch.testing.assert_close(shifted, whole, atol=0.01, rtol=0)


def test_a_crop_equals_torchvision_resized_crop_away_from_its_border() -> None:
    pictures = noise(1, 3, 40, 50).float()
    top, left, height, width, size = 5, 8, 24, 30, (32, 36)
    expected = reference.resized_crop(pictures, top, left, height, width, list(size), antialias=False)
    box = (top + (height - 1) / 2, left + (width - 1) / 2, height / size[0], width / size[1], 0.0)
    found = sample(pictures, affine(*(np.array([value]) for value in box), size=size), size)
    torch.testing.assert_close(found[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=0.01, rtol=0)


def test_sampling_without_change_gives_the_picture_and_mirrors_beyond_it() -> None:
    pictures = noise(1, 1, 12, 12)
    numbers = [np.array([value]) for value in (5.5 - 3, 5.5 + 2, 1.0, 1.0, 0.0)]
    found = sample(pictures, affine(*numbers, size=(12, 12)), (12, 12))
    no = np.array([False])
    expected = windows(pictures, np.array([-3]), np.array([2]), no, no, size=(12, 12))
    torch.testing.assert_close(found, expected.float(), atol=0.01, rtol=0)


@given(st.integers(0, 9), st.integers(0, 11), st.integers(0, 12), st.integers(0, 12), st.booleans())
def test_cutout_blanks_one_box_with_the_mean(y: int, x: int, high: int, wide: int, whole: bool) -> None:
    pictures = noise(2, 3, 10, 12) if whole else noise(2, 3, 10, 12).float()
    found = pictures.clone()
    cut_out(found, np.array([y, 0]), np.array([x, 0]), (high, wide))
    mean = pictures[0].double().mean(dim=(1, 2)).round().to(pictures.dtype)
    top, left = max(y - high // 2, 0), max(x - wide // 2, 0)
    bottom, right = max(min(y - high // 2 + high, 10), top), max(min(x - wide // 2 + wide, 12), left)
    fill = mean[:, None, None].expand(3, bottom - top, right - left)
    expected = reference.erase(pictures[0], top, left, bottom - top, right - left, fill)
    assert torch.equal(found[0], expected)


def test_boxes_never_leave_through_the_front() -> None:
    """A negative corner would count from the end."""
    ((_, rows, columns),) = boxes(np.array([0]), np.array([1]), np.array([[5, 5]]))
    assert (rows, columns) == (slice(0, 3), slice(0, 4))

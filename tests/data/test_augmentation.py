"""Augmentation as a pure function of (seed, epoch, example); mixing as a function of (seed, step)."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kstest
from torch import Tensor

from plait.data.augmentation import Augmentation, AugmentationOptions, mix, training_size
from plait.inference.picture import PictureInput, center

OFF: dict[str, Any] = {
    "flip": "none",
    "shift": 0.0,
    "crop": (1.0, 1.0),
    "aspect": 1.0,
    "rotate": 0.0,
    "color": 0.0,
    "cutout": 0.0,
    "trivial_augment": False,
    "mixup": 0.0,
    "mixed": 1.0,
    "sizes": (1.0, 1.0),
    "cutmix": 0.0,
}
EVERYTHING = {
    "flip": "both",
    "shift": 0.1,
    "crop": (0.4, 1.0),
    "aspect": 1.4,
    "rotate": 25.0,
    "color": 0.4,
    "cutout": 0.3,
    "trivial_augment": True,
}
CHOICES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "flip": {"flip": "horizontal"},
    "both flips": {"flip": "both"},
    "alternating flip": {"flip": "alternating"},
    "shift": {"shift": 0.2},
    "shift and cutout": {"shift": 0.2, "cutout": 0.4},
    "crop": {"crop": (0.3, 0.9), "aspect": 1.5},
    "rotate": {"rotate": 30.0, "shift": 0.1},
    "color": {"color": 0.5},
    "color and cutout": {"color": 0.5, "cutout": 0.4},
    "trivial": {"trivial_augment": True},
    "everything": EVERYTHING,
}
SPEC = PictureInput(13, 11, 3, "crop", 1.3)
STEADY = settings(deadline=None, max_examples=30)


def options(**changes: Any) -> AugmentationOptions:
    return AugmentationOptions(**{**OFF, **changes})


def stored(count: int, spec: PictureInput = SPEC, seed: int = 0) -> Tensor:
    """One picture for each row number, uint8 channels last, as a store gives them."""
    pixels = np.random.default_rng(seed).integers(
        0, 256, (count, *spec.stored, spec.channels), dtype=np.uint8
    )
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("choice", CHOICES)
@STEADY
@given(
    rows=st.lists(st.integers(0, 19), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 500),
)
def test_a_picture_is_bit_identical_in_any_batch_and_order(
    choice: str, channels: int, rows: list[int], seed: int, epoch: int
) -> None:
    spec = PictureInput(13, 11, channels, "crop", 1.3)
    augment, pictures = Augmentation(options(**CHOICES[choice]), spec), stored(20, spec)
    everything = augment(pictures, seed, epoch, np.arange(20))
    assert torch.equal(augment(pictures[rows], seed, epoch, rows), everything[rows])


@pytest.mark.parametrize("threads", [1, 2])
def test_large_batches_on_several_threads_draw_what_single_pictures_draw(threads: int) -> None:
    spec = PictureInput(64, 64, 3, "crop", 1.15)
    augment, pictures = Augmentation(options(**EVERYTHING), spec), stored(24, spec)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = augment(pictures, 3, 1, np.arange(24))
    finally:
        torch.set_num_threads(before)
    for row in range(24):
        assert torch.equal(together[row], augment(pictures[row : row + 1], 3, 1, [row])[0])


@pytest.mark.parametrize("choice", CHOICES)
def test_size_range_memory_and_type(choice: str) -> None:
    pictures = stored(30)
    before = pictures.clone()
    found = Augmentation(options(**CHOICES[choice]), SPEC)(pictures, 0, 0, np.arange(30))
    assert found.shape == (30, 3, 13, 11)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert -0.01 <= float(found.min()) <= float(found.max()) <= 255.01
    whole = choice in ("nothing", "flip", "both flips", "alternating flip", "shift", "shift and cutout")
    assert found.dtype == (torch.uint8 if whole else torch.float32)
    assert torch.equal(pictures, before)


def test_without_augmentation_training_sees_what_evaluation_sees() -> None:
    for spec in (SPEC, PictureInput(8, 8, 1, "crop", 1.0), PictureInput(10, 15, 3, "crop", 1.145)):
        pictures = stored(3, spec)
        expected = center(pictures.permute(0, 2, 3, 1).numpy(), spec)
        found = Augmentation(options(), spec)(pictures, 0, 0, np.arange(3))
        np.testing.assert_array_equal(found.permute(0, 2, 3, 1).numpy(), expected)


@pytest.mark.parametrize("choice", [name for name in CHOICES if name != "nothing"])
def test_seed_epoch_and_row_each_change_the_draw(choice: str) -> None:
    augment, one = Augmentation(options(**CHOICES[choice]), SPEC), stored(1).expand(40, -1, -1, -1)
    rows = np.arange(40)
    base = augment(one, 0, 0, rows)
    assert len(torch.unique(base.flatten(1), dim=0)) >= (4 if choice == "both flips" else 2)
    assert not torch.equal(base, augment(one, 1, 0, rows))
    assert not torch.equal(base, augment(one, 0, 1, rows))


def test_switching_one_operator_on_leaves_the_draws_of_the_others() -> None:
    pictures, rows = stored(40), np.arange(40)
    flipped = Augmentation(options(flip="horizontal"), SPEC)(pictures, 0, 0, rows)
    shown = Augmentation(options(flip="horizontal", cutout=0.3), SPEC)(pictures, 0, 0, rows)
    assert float((flipped == shown).float().mean()) > 0.8


def test_alternating_flips_show_each_picture_both_ways_in_two_epochs() -> None:
    pictures, rows = stored(40), np.arange(40)
    augment = Augmentation(options(flip="alternating"), SPEC)
    drawn = Augmentation(options(flip="horizontal"), SPEC)(pictures, 5, 0, rows)
    first, second, third = (augment(pictures, 5, epoch, rows) for epoch in range(3))
    assert torch.equal(first, drawn)
    assert torch.equal(third, first)
    assert torch.equal(second, first.flip(-1))


@pytest.mark.parametrize("flip", ["horizontal", "both", "alternating"])
def test_flips_are_drawn_half_of_the_time(flip: str) -> None:
    spec = PictureInput(2, 2, 1, "crop", 1.0)
    corner = torch.tensor([[[[1, 0], [0, 0]]]], dtype=torch.uint8).expand(4000, -1, -1, -1)
    places = Augmentation(options(flip=flip), spec)(corner, 0, 0, np.arange(4000)).flatten(1).argmax(1)
    found = np.bincount(places.numpy(), minlength=4) / 4000
    expected = [0.25] * 4 if flip == "both" else [0.5, 0.5, 0, 0]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_shifts_reach_their_limit_and_no_further() -> None:
    spec = PictureInput(21, 21, 1, "crop", 1.0)
    dot = torch.zeros(4000, 1, 21, 21, dtype=torch.uint8)
    dot[:, :, 10, 10] = 1
    places = Augmentation(options(shift=0.1), spec)(dot, 0, 0, np.arange(4000)).flatten(1).argmax(1)
    counts = np.bincount((places // 21).numpy(), minlength=21)
    assert counts[8:13].sum() == 4000
    assert counts[8:13].min() > 700


def test_a_crop_keeps_the_area_asked_for() -> None:
    """On a ramp the span of values seen is the share of the width kept."""
    spec = PictureInput(50, 50, 1, "crop", 2.0)
    ramp = torch.arange(100, dtype=torch.uint8).expand(500, 1, 100, 100).contiguous()
    found = Augmentation(options(crop=(0.25, 0.81)), spec)(ramp, 0, 0, np.arange(500))
    shares = (found[:, 0, 0, -1] - found[:, 0, 0, 0]) * 50 / 49 / 100
    assert kstest((shares**2).numpy(), "uniform", args=(0.25, 0.56)).pvalue > 1e-4
    assert 0.49 < float(shares.min()) < float(shares.max()) < 0.91


@pytest.mark.parametrize("crop", [(0.0, 1.0), (0.9, 0.5), (0.5, 1.2)])
def test_a_crop_that_is_no_range_is_refused(crop: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="0 < smallest <= largest <= 1"):
        options(crop=crop)


@pytest.mark.parametrize("sizes", [(0.2, 1.0), (0.5, 1.1), (0.9, 0.5)])
def test_sizes_that_are_no_range_are_refused(sizes: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="sizes"):
        options(sizes=sizes)


@pytest.mark.parametrize("left", [{"flip": "auto"}, {"sizes": "auto"}])
def test_what_is_left_to_the_data_must_be_settled_first(left: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="settled"):
        Augmentation(options(**left), SPEC)


def test_pictures_grow_to_the_whole_size_and_never_shrink() -> None:
    spec = PictureInput(112, 96, 3, "crop", 1.0)
    augment = Augmentation(options(crop=(1.0, 1.0), rotate=1.0, sizes=(0.7, 1.0)), spec)
    shapes = [tuple(augment(stored(2, spec), 0, 0, [0, 1], done / 8).shape[2:]) for done in range(9)]
    assert shapes[:4] == [(80, 64)] * 4
    assert shapes[6:] == [(112, 96)] * 3
    assert shapes == sorted(shapes)


def test_training_may_end_below_the_whole_size() -> None:
    assert [training_size((128, 128), (0.625, 0.875), done / 4)[0] for done in range(5)] == [
        80,
        80,
        96,
        112,
        112,
    ]
    assert training_size((137, 61), (1.0, 1.0), 1.0) == (137, 61)


def test_a_smaller_training_picture_shows_the_same_part() -> None:
    spec = PictureInput(64, 64, 3, "crop", 1.0)
    smooth = F.interpolate(stored(4, PictureInput(4, 4, 3, "crop", 1.0)).float(), (64, 64), mode="bicubic")
    pictures = smooth.clamp(0, 255).to(torch.uint8).contiguous(memory_format=torch.channels_last)
    augment = Augmentation(
        options(crop=(0.4, 1.0), aspect=1.3, rotate=20.0, sizes=(0.5, 1.0), flip="both"), spec
    )
    small, whole = (augment(pictures, 3, 1, range(4), done) for done in (0.0, 1.0))
    assert (small - F.interpolate(whole, (32, 32), mode="area")).abs().mean() < 3


@pytest.mark.parametrize("mixing", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_only_the_asked_share_of_pictures_is_mixed(mixing: dict[str, float]) -> None:
    values = stored(1000, PictureInput(8, 8, 1, "crop", 1.0))
    mixed, soft = mix(values, torch.arange(1000), 1000, options(**mixing, mixed=0.3), 0, 0)
    whole = soft.diagonal() == 1
    assert torch.equal(mixed[whole], values[whole].to(mixed.dtype))
    assert 0.65 < whole.float().mean() < 0.8


@pytest.mark.parametrize("mixing", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
@pytest.mark.parametrize("several", [False, True])
def test_each_target_weighs_what_is_left_of_its_picture(mixing: dict[str, float], several: bool) -> None:
    """Picture k is of the color 8 k and of class k alone, so its mean says what it was mixed from."""
    values = (torch.arange(30, dtype=torch.uint8) * 8)[:, None, None, None].expand(30, 3, 20, 16)
    values = values.contiguous(memory_format=torch.channels_last)
    targets = torch.eye(30) if several else torch.arange(30)
    mixed, soft = mix(values, targets, 30, options(**mixing), 4, 2)
    torch.testing.assert_close(soft.sum(1), torch.ones(30))
    torch.testing.assert_close(
        mixed.float().mean(dim=(1, 2, 3)), soft @ (torch.arange(30.0) * 8), atol=0.01, rtol=0
    )
    assert int((soft.max(1).values < 0.999).sum()) > 10
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    again = mix(values, targets, 30, options(**mixing), 4, 2)
    assert torch.equal(mixed, again[0])
    assert torch.equal(soft, again[1])
    assert not torch.equal(mixed, mix(values, targets, 30, options(**mixing), 4, 3)[0])
    assert values[:, 0, 0, 0].tolist() == [8 * number for number in range(30)]


def test_cutmix_replaces_one_box_by_the_same_place_of_the_partner() -> None:
    values = stored(12, PictureInput(20, 20, 3, "crop", 1.0))
    mixed, soft = mix(values, torch.arange(12), 12, options(cutmix=1.0), 1, 0)
    for own in range(12):
        partner = int((soft[own] * (torch.arange(12) != own)).argmax())
        theirs = (mixed[own] != values[own]).any(dim=0)
        assert torch.equal(mixed[own][:, theirs], values[partner][:, theirs])
        rows, columns = theirs.any(1).nonzero(), theirs.any(0).nonzero()
        if len(rows):
            assert bool(theirs[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all())


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    """Every picture is a class of its own, so its own entry is its share."""
    soft = mix(torch.zeros(1000, 1, 1, 1), torch.arange(1000), 1000, options(mixup=alpha), 0, 0)[1]
    assert kstest(soft.diagonal().numpy(), "beta", args=(alpha, alpha)).pvalue > 1e-4

"""Color operators and TrivialAugment, held against torchvision on one draw, picture by picture."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.v2.functional as reference
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import TrivialAugmentWide

from plait.data import color, trivial

FACTORS = torch.tensor([0.0, 0.3, 1.0, 1.7])
NAMES = {
    "shear x": "ShearX",
    "translate x": "TranslateX",
    "autocontrast": "AutoContrast",
    "shear y": "ShearY",
    "translate y": "TranslateY",
}


def pictures(channels: int = 3, count: int = 4) -> Tensor:
    """Smooth blotches, as photographs have, in whole numbers, one darker than the next."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(count, channels, 6, 8, generator=generator) * 255
    shade = torch.linspace(1, 0.4, count)[:, None, None, None]
    return (F.interpolate(coarse, (36, 40), mode="bilinear") * shade).round()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (color.brightness, reference.adjust_brightness),
        (color.contrast, reference.adjust_contrast),
        (color.saturation, reference.adjust_saturation),
        (color.sharpness, reference.adjust_sharpness),
    ],
)
def test_each_picture_gets_its_own_factor(
    own: Callable[[Tensor, Tensor], Tensor], theirs: Callable[[Tensor, float], Tensor], channels: int
) -> None:
    given = pictures(channels)
    found = own(given, FACTORS)
    for place, factor in enumerate(FACTORS.tolist()):
        # torchvision weighs red by 0.2989 and does not round the mean grey: half a level is allowed.
        expected = theirs(given[place : place + 1] / 255, factor) * 255
        torch.testing.assert_close(found[place : place + 1], expected, atol=0.5, rtol=0)


def test_jitter_is_the_three_one_after_the_other_where_nothing_is_cut_off() -> None:
    given = pictures() * 0.3 + 80
    factors = torch.tensor([[0.9, 1.1, 1.0, 1.05], [1.2, 0.8, 0.9, 1.0], [0.5, 1.3, 1.1, 0.9]])
    one_by_one = color.saturation(color.contrast(color.brightness(given, factors[0]), factors[1]), factors[2])
    torch.testing.assert_close(color.jitter(given, *factors), one_by_one, atol=0.2, rtol=0)
    torch.testing.assert_close(color.jitter(given, *torch.ones(3, 4)), given, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("level", [0, 4, 17, 30])
@pytest.mark.parametrize("operator", trivial.OPERATORS)
def test_each_operator_of_trivial_augment_equals_torchvision(operator: str, level: int, sign: int) -> None:
    given = pictures(count=1)
    number = np.array([trivial.OPERATORS.index(operator)])
    found = trivial.apply(given, number, np.array([level]), np.array([sign]))
    torch.testing.assert_close(found, _torchvision(operator, given, level, sign), atol=2.01, rtol=0)


def test_a_batch_gets_the_operators_that_its_pictures_get_alone() -> None:
    given = pictures(count=28)
    which = np.arange(28) % 14
    levels, signs = np.arange(28) + 2, np.where(np.arange(28) % 3, 1, -1)
    together = trivial.apply(given, which, levels, signs)
    for place in range(28):
        own = slice(place, place + 1)
        alone = trivial.apply(given[own], which[own], levels[own], signs[own])
        assert torch.equal(together[own], alone), trivial.OPERATORS[which[place]]


def test_draws_reach_every_operator_level_and_sign_about_evenly() -> None:
    which, levels, signs = trivial.choose(np.random.default_rng(0).random((28_000, 3)))
    assert np.bincount(which, minlength=14).min() > 1800
    assert np.bincount(levels, minlength=31).min() > 750
    assert abs(signs.mean()) < 0.03


@pytest.mark.parametrize("value", [0.0, 7.0, 255.0])
def test_a_picture_of_one_color_stays_whole(value: float) -> None:
    flat = torch.full((1, 3, 5, 5), value)
    for found in (color.autocontrast(flat), color.equalize(flat), color.contrast(flat, torch.tensor([1.9]))):
        torch.testing.assert_close(found, flat, atol=1e-4, rtol=0)


def test_pictures_too_small_to_smooth_are_left_alone() -> None:
    tiny = torch.rand(1, 1, 2, 5)
    assert torch.equal(color.sharpness(tiny, torch.tensor([0.0])), tiny)


def _torchvision(operator: str, given: Tensor, level: int, sign: int) -> Tensor:
    """As uint8 where torchvision counts values; as float, of its range, elsewhere."""
    augment = TrivialAugmentWide(interpolation=InterpolationMode.BILINEAR)
    name = NAMES.get(operator, operator.capitalize())
    strengths, signed = augment._AUGMENTATION_SPACE[name]
    values = strengths(31, *given.shape[2:])
    strength = 0.0 if values is None else float(values[level]) * (sign if signed else 1)
    scale = 255.0 if operator in ("brightness", "color", "contrast", "sharpness") else 1.0
    picture = (
        given.to(torch.uint8) if operator in ("posterize", "solarize", "autocontrast", "equalize") else given
    )
    changed = augment._apply_image_or_video_transform(
        picture / scale if scale != 1 else picture, name, strength, augment.interpolation, {Tensor: None}
    )
    return torch.as_tensor(changed).float() * scale

"""A trained network's answer over several views of a picture."""

import pytest
import torch
from torch import Tensor

from plait.layers import Dense, Map, Normalize, Stack
from plait.tasks.image_classification import PictureNetwork


def network(mirror: bool, shift: int) -> PictureNetwork:
    """Every pixel has a weight of its own, so that each view has an answer of its own."""
    torch.manual_seed(0)
    body = Stack(Dense(4))
    body.build(Map(3, 6, 5))
    return PictureNetwork(Normalize([0.0] * 3, [1 / 255] * 3), body, mirror, shift).eval()


def moved(pictures: Tensor, by: int) -> Tensor:
    """Down and right by ``by`` pixels; what comes in is mirrored at the border."""

    def places(side: int) -> Tensor:
        at = (torch.arange(side) - by).abs()
        return torch.where(at >= side, 2 * (side - 1) - at, at)

    return pictures[:, :, places(6)][:, :, :, places(5)]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_the_answer_is_the_mean_over_the_views(mirror: bool, shift: int) -> None:
    asked, plain = network(mirror, shift), network(False, 0)
    pictures = torch.rand(3, 3, 6, 5)

    def both(view: Tensor) -> Tensor:
        given: Tensor = (plain(view) + plain(view.flip(-1))) / 2 if mirror else plain(view)
        return given

    expected = both(pictures)
    if shift:
        expected = expected / 2 + (both(moved(pictures, shift)) + both(moved(pictures, -shift))) / 4
    torch.testing.assert_close(asked(pictures), expected)
    torch.testing.assert_close(asked.train()(pictures), plain(pictures))

"""Whitening makes what it was fitted to white; a dirac convolution begins by passing on what arrives."""

import pytest
import torch
import torch.nn.functional as F

from plait.errors import NetworkError, RecipeError
from plait.layers import Activation, Conv, Map, Normalize, Pool, Sequence, Stack, Whitening
from plait.layers.whitening import fit_whitening


def pictures(count: int = 40) -> torch.Tensor:
    """uint8 pictures whose neighbors and channels are alike, as those of photographs are."""
    torch.manual_seed(0)
    rough = F.avg_pool2d(torch.randn(count, 3, 20, 20), 5, 1)
    return ((rough + rough.mean(1, keepdim=True)) * 90 + 128).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_what_it_was_fitted_to_becomes_white(kernel: int) -> None:
    layer = Whitening(kernel)
    layer.build(Map(3, 16, 16))
    maps = pictures().float() / 60
    layer.fit(maps)
    half = 3 * kernel**2
    white = layer(maps)[:, :half].transpose(0, 1).flatten(1)
    covariance = torch.cov(white)
    assert (covariance - torch.diag(covariance.diag())).abs().max() < 0.02
    assert covariance.diag().min() > 0.5
    assert covariance.diag().max() < 1.02
    torch.testing.assert_close(layer(maps)[:, half:], -layer(maps)[:, :half])


def test_until_then_it_gives_the_pixels_of_each_square() -> None:
    layer = Whitening(2)
    layer.build(Map(3, 16, 16))
    maps = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(layer(maps)[:, :12].flatten(2), F.unfold(maps, 2))


def test_each_in_a_stack_is_fitted_to_what_arrives_there() -> None:
    stack = Stack(Whitening(2), Pool(2), Whitening(1), Activation("relu"))
    stack.build(Map(3, 16, 16))
    fit_whitening(Normalize([0.5] * 3, [0.2] * 3), stack, pictures())
    first, pool, second, _ = stack
    white = (
        second(pool(first(Normalize([0.5] * 3, [0.2] * 3)(pictures()))))[:, :24].transpose(0, 1).flatten(1)
    )
    variances = torch.cov(white).diag()
    assert float(variances.detach().median()) == pytest.approx(1, abs=0.02)


def test_what_has_no_squares_is_refused() -> None:
    for arriving in (Sequence(5, 8), Map(3, 1, 5)):
        with pytest.raises(NetworkError, match="square"):
            Whitening(2).output(arriving)


@pytest.mark.parametrize("arriving", [Map(4, 6, 5), Sequence(7, 4)])
@pytest.mark.parametrize("channels", [3, 4, 9])
def test_a_dirac_convolution_passes_on_what_arrives(arriving: Map | Sequence, channels: int) -> None:
    layer = Conv(channels, initial="dirac")
    layer.build(arriving)
    x = torch.randn(2, 4, 6, 5) if isinstance(arriving, Map) else torch.randn(2, 7, 4)
    axis = 1 if isinstance(arriving, Map) else 2
    passed = min(channels, 4)
    torch.testing.assert_close(layer(x).narrow(axis, 0, passed), x.narrow(axis, 0, passed))


def test_dirac_needs_whole_channels() -> None:
    with pytest.raises(RecipeError, match="dirac"):
        Conv(8, groups="depthwise", initial="dirac")

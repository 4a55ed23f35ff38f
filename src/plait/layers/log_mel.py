"""Log mel energies: a recording's samples as a sequence of short spectra, exported with the network."""

import contextlib
import math
from collections.abc import Iterator
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from pydantic import Field
from torch import Tensor

from plait.errors import NetworkError
from plait.layers.layer import Layer, Window
from plait.layers.masks import blank_padding
from plait.layers.options import Count, checked
from plait.layers.shapes import Samples, Sequence, Shape

PREEMPHASIS = 0.97
LEAST_ENERGY = torch.finfo(torch.float32).eps
LEAST_VARIANCE = 1e-5
RUNNING = 300
"""Steps over which a running mean is taken, the step itself the last; fewer at the beginning."""

Duration = Annotated[float, Field(gt=0)]


class LogMel(Layer):
    """The logarithm of the energy in ``mels`` bands, equally wide on the mel scale, of every ``hop_ms`` of a recording.

    Davis and Mermelstein 1980, as Kaldi's feature-fbank defines it: of each whole window of ``window_ms`` (snip_edges)
    the mean is removed, the samples are preemphasized by 0.97 and weighed by Kaldi's own window (povey), and the power
    of their Fourier transform, padded to a power of two, is summed by triangles from ``low`` to ``high`` hertz; a
    ``high`` of 0 or less is counted from half the rate. There is no dither. Samples are int16, or numbers of that
    range.

    ``normalize``: ``utterance`` brings each band of a recording to mean 0 and variance 1, ``mean`` to mean 0, over its
    real steps; ``running`` to mean 0 over the last three seconds (RUNNING steps) up to each step, which live use
    needs. A sequence that arrives holds such energies, computed beforehand, and is only normalized.
    """

    word = "log_mel"

    kernel: Tensor
    """(2 * bins, 1, window), the transform's real parts and then its imaginary ones."""
    triangles: Tensor
    """(bins, mels)."""

    @checked
    def __init__(
        self,
        mels: Count = 80,
        window_ms: Duration = 25.0,
        hop_ms: Duration = 10.0,
        low: Annotated[float, Field(ge=0)] = 20.0,
        high: float = 0.0,
        normalize: Literal["utterance", "mean", "running", "none"] = "utterance",
    ) -> None:
        super().__init__()
        self.mels = mels
        self.window_ms = window_ms
        self.hop_ms = hop_ms
        self.low = low
        self.high = high
        self.normalize = normalize

    def output(self, arriving: Shape) -> Shape:
        match arriving:
            case Sequence():
                return arriving
            case Samples(time, rate):
                size, hop = self._sizes(rate)
                self._check(time, size, hop, rate)
                return Sequence((time - size) // hop + 1, self.mels)
        raise NetworkError(
            f"a {arriving} arrives, and log_mel reads a recording's samples: put it first, for sound"
        )

    def create(self, arriving: Shape) -> None:
        self.frames = Window(0, 0)
        if isinstance(arriving, Samples):
            size, hop = self._sizes(arriving.rate)
            self.frames = Window(0, size - 1, hop, trim=size - 1)
            # They follow from the options, and would only make files larger.
            self.register_buffer("kernel", _kernel(size).float(), persistent=False)
            triangles = _triangles(arriving.rate, _bins(size), self.mels, *self._band(arriving.rate))
            self.register_buffer("triangles", triangles.float(), persistent=False)

    def forward(
        self, x: Num[Tensor, "batch time *channels"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch steps mels"]:
        with _float32(x):
            steps = (
                self._energies(x, lengths) if x.dim() == 2 else x if x.dtype == torch.float64 else x.float()
            )
            return self._normalized(steps, None if lengths is None else self.output_lengths(lengths))

    def window(self) -> Window:
        if self.normalize == "none":
            return self.frames
        if self.normalize == "running":
            return self.frames.then(Window(RUNNING - 1, 0))
        return Window(math.inf, math.inf, self.frames.stride, self.frames.trim)

    def multiply_adds(self, arriving: Shape) -> int:
        if not isinstance(arriving, Samples):
            return 0
        size, hop = self._sizes(arriving.rate)
        a_step = _bins(size) * (2 * size + self.mels)
        return ((arriving.time - size) // hop + 1) * a_step

    def _energies(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Mean removal, preemphasis, window and transform are linear: together they are one convolution."""
        samples = _without_offset(x.to(self.kernel.dtype), lengths)
        real, imaginary = F.conv1d(samples[:, None], self.kernel, stride=self.frames.stride).chunk(2, dim=1)
        energies = (real.square() + imaginary.square()).mT @ self.triangles
        return energies.clamp_min(LEAST_ENERGY).log()

    def _normalized(self, steps: Tensor, lengths: Tensor | None) -> Tensor:
        """Zero beyond each example's length."""
        if self.normalize == "none":
            return blank_padding(steps, lengths)
        if self.normalize == "running":
            return blank_padding(steps - _running_mean(steps), lengths)
        steps = blank_padding(steps - _mean(steps, lengths), lengths)
        if self.normalize == "mean":
            return steps
        return steps * _mean(steps.square(), lengths).clamp_min(LEAST_VARIANCE).rsqrt()

    def _sizes(self, rate: int) -> tuple[int, int]:
        """Samples in a window, and from one to the next; cut to whole ones, as Kaldi does."""
        return int(rate * 0.001 * self.window_ms), int(rate * 0.001 * self.hop_ms)

    def _band(self, rate: int) -> tuple[float, float]:
        return self.low, self.high if self.high > 0 else rate / 2 + self.high

    def _check(self, time: int, size: int, hop: int, rate: int) -> None:
        low, high = self._band(rate)
        if size < 2 or hop < 1:
            raise NetworkError(
                f"at {rate} samples a second a window of {self.window_ms} ms holds {size} and a hop of "
                f"{self.hop_ms} ms {hop}, and at least 2 and 1 are needed: take longer ones"
            )
        if not low < high <= rate / 2:
            raise NetworkError(
                f"at {rate} samples a second there are frequencies up to {rate / 2:g} Hz, and bands from {low:g} to "
                f"{high:g} Hz are asked for: change low or high"
            )
        if time < size:
            raise NetworkError(
                f"a recording of {time} samples arrives, and a window of {self.window_ms} ms needs at least {size}: "
                "leave out shorter recordings, or take a smaller window_ms"
            )


def _without_offset(
    samples: Float[Tensor, "batch time"], lengths: Tensor | None
) -> Float[Tensor, "batch time"]:
    """A constant is removed from every window anyway; a large one would cost float32 the quiet bands.

    Rounded, so that whole numbers stay whole numbers.
    """
    return samples - _mean(samples[:, :, None], lengths)[:, :, 0].round()


def _mean(steps: Float[Tensor, "batch time channels"], lengths: Tensor | None) -> Tensor:
    """Of each example's real steps (batch, 1, channels)."""
    if lengths is None:
        return steps.mean(dim=1, keepdim=True)
    return blank_padding(steps, lengths).sum(dim=1, keepdim=True) / lengths.clamp_min(1)[:, None, None]


def _running_mean(steps: Float[Tensor, "batch time channels"]) -> Tensor:
    """At each step the mean of the last RUNNING, or of all so far where they are fewer."""
    before = F.pad(steps.mT, (RUNNING - 1, 0))
    sums = F.avg_pool1d(before, RUNNING, stride=1) * RUNNING
    so_far = torch.arange(1, steps.shape[1] + 1, device=steps.device).clamp_max(RUNNING)
    return (sums / so_far).mT


def _bins(size: int) -> int:
    """Frequencies of the transform, without half the rate, which no triangle reaches."""
    return 1 << (size - 1).bit_length() - 1


def _kernel(size: int) -> Float[Tensor, "parts 1 size"]:
    """In float64: of a window without its mean, preemphasized and weighed, the Fourier transform."""
    bins, steps = _bins(size), torch.arange(size, dtype=torch.float64)
    angles = torch.arange(bins, dtype=torch.float64)[:, None] * steps * (math.pi / bins)
    povey = (0.5 - 0.5 * torch.cos(steps * (2 * math.pi / (size - 1)))) ** 0.85
    weighed = torch.cat([torch.cos(angles), -torch.sin(angles)]) * povey
    # Of each sample the next one loses a share, and the first one loses its own.
    following = torch.cat([weighed[:, 1:], torch.zeros(2 * bins, 1, dtype=torch.float64)], dim=1)
    following[:, 0] += weighed[:, 0]
    emphasized = weighed - PREEMPHASIS * following
    return (emphasized - emphasized.mean(dim=1, keepdim=True))[:, None]


def _triangles(rate: int, bins: int, mels: int, low: float, high: float) -> Float[Tensor, "bins mels"]:
    """In float64: each rises from the middle of the one before to its own, and falls to that of the next."""
    ends = _mel(torch.tensor([low, high], dtype=torch.float64))
    edges = ends[0] + torch.arange(mels + 2, dtype=torch.float64) * ((ends[1] - ends[0]) / (mels + 1))
    at = _mel(torch.arange(bins, dtype=torch.float64) * (rate / (2 * bins)))[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    return torch.minimum((at - left) / (middle - left), (right - at) / (right - middle)).clamp_min(0)


def _mel(hertz: Tensor) -> Tensor:
    return 1127 * torch.log(1 + hertz / 700)


@contextlib.contextmanager
def _float32(x: Tensor) -> Iterator[None]:
    """Whatever precision the network runs in: a convolution in bfloat16 or TF32 loses quiet bands beside loud ones."""
    with contextlib.ExitStack() as stack:
        if torch.is_autocast_enabled(x.device.type):
            stack.enter_context(torch.autocast(x.device.type, enabled=False))
        if x.is_cuda:
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
        yield

"""Detector: normalization, the recipe's layers, a pyramid over their taps, and a head that tells boxes and classes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.inference.detection_input import GRAIN, DetectionInput
from plait.layers import Layer, Map, Normalize, Stack
from plait.layers.pyramid import Pyramid
from plait.layers.suppression import Found
from plait.tasks.detection_heads import Raw


class Detector(nn.Module):
    """Takes (batch, 3, height, width) in 0 .. 255, uint8 or float.

    In training it gives what the loss compares (Raw); asked otherwise, boxes (batch, most, 4) in pixels by falling
    score, scores and classes (batch, most) and their count (batch), zeros behind it. These are what ``chosen`` gives of
    boxes and scores.
    """

    def __init__(
        self,
        body: Stack,
        pyramid: Pyramid,
        head: nn.Module,
        chosen: Callable[[Tensor, Tensor], Found],
    ) -> None:
        super().__init__()
        self.normalize = Normalize([0.0] * 3, [1.0] * 3)
        self.body = body
        self.pyramid = pyramid
        self.head = head
        self.chosen = chosen

    def forward(self, pictures: Tensor) -> Raw | Found:
        raw = self.raw(pictures)
        return raw if self.training else self.answer(raw, pictures.shape[2], pictures.shape[3])

    def raw(self, pictures: Tensor) -> Raw:
        """All that the head tells."""
        last, tapped = self.body.tapped(self.normalize(pictures))
        given: Raw = self.head(self.pyramid(list(tapped.values()) or [last]))
        return given

    def answer(self, raw: Raw, height: int | torch.SymInt, width: int | torch.SymInt) -> Found:
        """The surest of what is said, cut at the canvas's edges."""
        logits, boxes, _ = raw
        edges = torch.stack([boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)], dim=-1)
        return self.chosen(edges.flatten(2), logits.float().sigmoid())


def levels(body: Stack, canvas: DetectionInput) -> tuple[list[Map], list[int]]:
    """The maps that the pyramid joins, and their strides in pixels.

    They are those at the taps, or the last. Raises NetworkError where what passes is no map, grows, or is smaller than
    a picture by more than GRAIN.
    """
    arriving = Map(3, canvas.height, canvas.width)
    given = body.output(arriving)
    found = list(body.taps(arriving).values()) or [given]
    maps = [shape for shape in found if isinstance(shape, Map)]
    if len(maps) < len(found):
        raise NetworkError(
            f"a {found[0]} passes a tap, and boxes need maps: leave out what makes vectors or sequences of them"
        )
    strides = [canvas.height // shape.height for shape in maps]
    for shape, stride in zip(maps, strides, strict=True):
        if GRAIN % stride or (shape.height * stride, shape.width * stride) != (canvas.height, canvas.width):
            raise NetworkError(
                f"a {shape} of a picture of {canvas.height}x{canvas.width} passes a tap, and boxes need a map that is "
                f"smaller by 1, 2, 4, 8, 16 or {GRAIN}: change the strides before it"
            )
    if strides != sorted(strides):
        raise NetworkError(
            f"the taps' maps have strides {strides}, and the pyramid takes them from fine to coarse"
        )
    return maps, strides


def pyramid_over(maps: Sequence[Map], channels: int, context: Sequence[Sequence[Layer]]) -> Pyramid:
    """Built; raises NetworkError where the context does not keep a map's shape."""
    for shape, layers in zip(maps, context, strict=True):
        joined = Map(channels, shape.height, shape.width)
        given = Stack(*layers).output(joined)
        if given != joined:
            raise NetworkError(
                f"pyramid.context gives a {given} for a {joined}, and must keep its shape: take residual: true, or as "
                "many channels as arrive"
            )
    return Pyramid(maps, channels, context)

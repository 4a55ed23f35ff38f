"""Pooling: the largest or the average of a window, of a fixed number of parts, or of all positions."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.layers.layer import EVERYTHING, Layer, Window
from plait.layers.masks import blank_padding, last_step, valid_steps
from plait.layers.options import Sides, checked, pair
from plait.layers.shapes import Map, Sequence, Shape, Vector, extent, remedy, sides, with_sides

PoolKind = Literal["max", "average"]


class Pool(Layer):
    """The largest or the average of each window of a map or a sequence; without ``stride`` they do not
    overlap.

    A last window that does not fit is left out.
    """

    word = "pool"

    @checked
    def __init__(self, size: Sides = 2, kind: PoolKind = "max", stride: Sides | None = None) -> None:
        super().__init__()
        self.size = size
        self.kind = kind
        self.stride = size if stride is None else stride

    def output(self, arriving: Shape) -> Shape:
        positions = _positions(arriving, self.word)
        sizes, strides = self._windows(positions)
        if any(side < size for side, size in zip(sides(positions), sizes, strict=True)):
            needed = with_sides(positions, positions.channels, sizes)
            raise NetworkError(
                f"a {extent(positions)} arrives, and pooling by {self.size} needs at least "
                f"{extent(needed).split(' of ')[1]}; remove it or enlarge data.image_size"
            )
        given = [(side - s) // t + 1 for side, s, t in zip(sides(positions), sizes, strides, strict=True)]
        return with_sides(positions, positions.channels, given)

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        over_map = F.max_pool2d if self.kind == "max" else F.avg_pool2d
        if x.dim() == 4:
            return over_map(x, pair(self.size), pair(self.stride))
        # A sequence is a map of one row: torch's max_pool1d holds for one length in an exported program.
        row = over_map(x.mT[:, :, None], (1, pair(self.size)[1]), (1, pair(self.stride)[1]))
        return row[:, :, 0].mT

    def window(self) -> Window:
        size = pair(self.size)[1]
        return Window(0, size - 1, pair(self.stride)[1], trim=size - 1)

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

    def _windows(self, arriving: Map | Sequence) -> tuple[tuple[int, ...], tuple[int, ...]]:
        axes = len(sides(arriving))
        return pair(self.size)[-axes:], pair(self.stride)[-axes:]


class GlobalPool(Layer):
    """All positions of a map's real columns, or all real steps of a sequence, as one vector.

    ``average``, ``max``, ``last`` (a sequence's last real step), or ``attention``: an average weighed by a softmax
    over positions of a learnt score (Lin et al. 2017, "A structured self-attentive sentence embedding", with one
    score and no hidden layer), which starts as the plain average.
    """

    word = "global_pool"

    @checked
    def __init__(self, kind: Literal["average", "max", "last", "attention"] = "average") -> None:
        super().__init__()
        self.kind = kind

    def output(self, arriving: Shape) -> Shape:
        positions = _positions(arriving, self.word)
        if self.kind == "last" and isinstance(positions, Map):
            raise NetworkError(
                f"a {arriving} arrives, and only a sequence has a last step: take average or max"
            )
        return Vector(positions.channels)

    def create(self, arriving: Shape) -> None:
        if self.kind == "attention":
            self.score = nn.Linear(_positions(arriving, self.word).channels, 1, bias=False)
            nn.init.zeros_(self.score.weight)

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch channels"]:
        if x.dim() == 4:
            if lengths is None:
                return self._over(x.permute(0, 2, 3, 1).flatten(1, 2), None)
            # Column by column, so that the real positions come first.
            return self._over(x.permute(0, 3, 2, 1).flatten(1, 2), lengths * x.shape[2])
        return self._over(x, lengths)

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        if self.kind != "attention":
            return 0
        positions = _positions(arriving, self.word)
        return 2 * positions.channels * math.prod(sides(positions))

    def _over(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Over (batch, positions, channels)."""
        match self.kind:
            case "last":
                return last_step(x, lengths)
            case "max":
                seen = x if lengths is None else x.masked_fill(~valid_steps(x, lengths), -torch.inf)
                return seen.max(dim=1).values
            case "attention":
                scores = self.score(x)
                if lengths is not None:
                    scores = scores.masked_fill(~valid_steps(x, lengths), -torch.inf)
                weighed: Tensor = scores.softmax(dim=1).mT @ blank_padding(x, lengths)
                return weighed[:, 0]
        return x.mean(dim=1) if lengths is None else blank_padding(x, lengths).sum(dim=1) / lengths[:, None]


class AdaptivePool(Layer):
    """The largest or the average of each of ``size`` parts of a side, whatever its length (He et al. 2014, "Spatial
    pyramid pooling").

    Part i of a side of n holds the positions from floor(i n / size) to ceil((i + 1) n / size), as torch's adaptive
    pooling; n counts the real steps of a sequence, and the real columns of a map.
    """

    word = "adaptive_pool"

    @checked
    def __init__(self, size: Sides, kind: PoolKind = "average") -> None:
        super().__init__()
        self.size = size
        self.kind = kind

    def output(self, arriving: Shape) -> Shape:
        positions = _positions(arriving, self.word)
        return with_sides(positions, positions.channels, pair(self.size)[-len(sides(positions)) :])

    def create(self, arriving: Shape) -> None:
        """Nothing to learn."""

    def forward(
        self, x: Float[Tensor, "batch *axes"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch *given"]:
        rows, parts = pair(self.size)
        if x.dim() == 4 and lengths is not None:
            return self._real_columns(x, lengths)
        if x.dim() == 4 and self.kind == "max":
            by_rows = self._parts(x.permute(0, 2, 3, 1), 1, rows)
            return self._parts(by_rows, 2, parts).permute(0, 3, 1, 2)
        if x.dim() == 4:
            return F.adaptive_avg_pool2d(x, (rows, parts))
        if lengths is None and torch.compiler.is_exporting():
            # torch's own writes the parts of one length into a program.
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        if lengths is None:
            if self.kind == "max":
                return self._parts(x, 1, parts)
            return F.adaptive_avg_pool1d(x.transpose(1, 2), parts).transpose(1, 2)
        return self._real_parts(x, lengths, parts)

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        return torch.full_like(lengths, pair(self.size)[1])

    def window(self) -> Window:
        return EVERYTHING

    def multiply_adds(self, arriving: Shape) -> int:
        return 0

    def _parts(self, x: Tensor, axis: int, parts: int) -> Tensor:
        """The largest of each part along ``axis``: torch's own cannot be exported to ONNX."""
        side = x.shape[axis]
        bounds = [(part * side // parts, -(-(part + 1) * side // parts)) for part in range(parts)]
        return torch.stack(
            [x.narrow(axis, begin, end - begin).max(dim=axis).values for begin, end in bounds], dim=axis
        )

    def _real_columns(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Of a map: the parts of its height, then, the columns as steps, those of its real width."""
        rows, parts = pair(self.size)
        largest = self.kind == "max"
        by_rows = self._parts(x, 2, rows) if largest else F.adaptive_avg_pool2d(x, (rows, x.shape[3]))
        steps = by_rows.permute(0, 3, 2, 1).flatten(2)
        given = self._real_parts(steps, lengths, parts)
        return given.view(len(x), parts, rows, -1).permute(0, 3, 2, 1)

    def _real_parts(self, x: Tensor, lengths: Tensor, parts: int) -> Tensor:
        return torch.stack([self._part(x, lengths, part, parts) for part in range(parts)], dim=1)

    def _part(self, x: Tensor, lengths: Tensor, part: int, parts: int) -> Tensor:
        begin = (part * lengths).div(parts, rounding_mode="floor")
        end = -(-(part + 1) * lengths).div(parts, rounding_mode="floor")
        steps = torch.arange(x.shape[1], device=x.device)
        inside = ((steps >= begin[:, None]) & (steps < end[:, None]))[:, :, None]
        if self.kind == "max":
            return x.masked_fill(~inside, -torch.inf).max(dim=1).values
        return x.masked_fill(~inside, 0).sum(dim=1) / (end - begin)[:, None]


def _positions(arriving: Shape, word: str) -> Map | Sequence:
    if isinstance(arriving, (Map, Sequence)):
        return arriving
    raise NetworkError(
        f"a {arriving} arrives, and {word} reads a map or a sequence: {remedy(arriving, 'remove it')}"
    )

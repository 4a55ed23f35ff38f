"""Shapes: what a layer takes and what it gives, without the batch."""

from collections.abc import Sequence as Series
from dataclasses import dataclass


@dataclass(frozen=True)
class Map:
    """A tensor (batch, channels, height, width): a picture or what convolution made of it."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"map of {self.channels}x{self.height}x{self.width}"


@dataclass(frozen=True)
class Sequence:
    """A tensor (batch, time, channels); where examples differ in length, ``time`` is the longest."""

    time: int
    channels: int

    def __str__(self) -> str:
        return f"sequence of {self.time} steps of {self.channels}"


@dataclass(frozen=True)
class Vector:
    """A tensor (batch, channels)."""

    channels: int

    def __str__(self) -> str:
        return f"vector of {self.channels}"


@dataclass(frozen=True)
class Tokens:
    """A tensor (batch, time) of token numbers below ``vocabulary``; 0 is padding."""

    time: int
    vocabulary: int

    def __str__(self) -> str:
        return f"sequence of {self.time} token numbers"


@dataclass(frozen=True)
class Words(Tokens):
    """Tokens that come with more: a tensor (batch, time, 1 + features + letters), the word's number first.

    Then follow its features, whose numbers lie below those of ``features``, and its characters, below ``characters``;
    0 is padding there too.
    """

    letters: int
    characters: int
    features: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Numbers of a word."""
        return 1 + len(self.features) + self.letters

    def __str__(self) -> str:
        return f"sequence of {self.time} words of up to {self.letters} characters"


@dataclass(frozen=True)
class Samples:
    """A tensor (batch, time) of int16 samples of a recording, ``rate`` a second."""

    time: int
    rate: int

    def __str__(self) -> str:
        return f"recording of {self.time} samples, {self.rate} a second"


Raw = Tokens | Samples
"""What comes without channels."""
Shape = Map | Sequence | Vector | Raw


def remedy(arriving: Shape, otherwise: str = "put an embedding before it") -> str:
    """What to do where a layer cannot read ``arriving``, for messages: only log_mel reads a recording."""
    return "put log_mel before it" if isinstance(arriving, Samples) else otherwise


def sides(shape: Map | Sequence) -> tuple[int, ...]:
    """The axes along which positions lie: (height, width), or (time,)."""
    return (shape.height, shape.width) if isinstance(shape, Map) else (shape.time,)


def with_sides(shape: Map | Sequence, channels: int, given: Series[int]) -> Map | Sequence:
    """A shape of the same kind with other channels and sides."""
    return Map(channels, *given) if isinstance(shape, Map) else Sequence(given[0], channels)


def extent(shape: Map | Sequence) -> str:
    """The shape without its channels, for messages about sides: ``map of 7x7``."""
    return (
        f"map of {shape.height}x{shape.width}"
        if isinstance(shape, Map)
        else f"sequence of {shape.time} steps"
    )

"""Boxes: what was marked in a picture, or found in it; numpy alone."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Box:
    """One thing marked in a picture: its class, and its edges in pixels from the picture's upper left corner, x to the
    right and y downwards, as the file gives them.

    What is ``difficult`` (Pascal VOC) or a ``crowd`` (COCO) is neither learnt nor counted for or against a detector.
    ``row`` is its line in the file that marks it; ``written`` is what stands there, where no line leads to it.
    """

    label: str
    left: float
    top: float
    right: float
    bottom: float
    difficult: bool = False
    crowd: bool = False
    row: int | None = None
    written: str = field(default="", repr=False, compare=False)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    @property
    def ignored(self) -> bool:
        """Neither learnt nor counted."""
        return self.difficult or self.crowd

    @property
    def told(self) -> str:
        """As messages call it."""
        return self.written or str(self)

    def __str__(self) -> str:
        return f"{self.label} {self.left:g} {self.top:g} {self.right:g} {self.bottom:g}"


@dataclass(frozen=True)
class Annotation:
    """What is marked in one picture; in files boxes may be ``relative``, shares of the picture's sides.

    ``size`` is its height and width as the file gives them, if it does; of a checked table it is that of the picture as
    it is seen, and boxes are in its pixels. ``file`` is the one that marks it, for messages: where it lies makes no
    difference to what is marked.
    """

    boxes: tuple[Box, ...]
    size: tuple[int, int] | None = None
    relative: bool = False
    file: str | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return "|".join(map(str, self.boxes))

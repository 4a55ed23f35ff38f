"""Layer: an nn.Module that declares the shape it gives for the shape that arrives.

From these declarations follow the refusal of networks that cannot work, the masks and the table of a network.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Int
from torch import Tensor, nn

from plait.layers.cell import State
from plait.layers.shapes import Shape


@dataclass(frozen=True)
class Window:
    """What one output step sees along the axis whose length may vary (a sequence's time, a map's width).

    Output step t reads the steps t * stride - left to t * stride + right; ``trim`` is how many steps fewer
    than the arriving ones have a window of their own (a kernel of 3 without padding: 2).
    """

    left: float
    right: float
    stride: int = 1
    trim: int = 0

    def steps(self, length: int) -> int:
        """Steps given for ``length`` steps arriving; less than 1 where no window fits."""
        return (length - self.trim - 1) // self.stride + 1

    def then(self, following: "Window") -> "Window":
        """What both together see."""
        return Window(
            left=self.left + self.stride * following.left,
            right=self.right + self.stride * following.right,
            stride=self.stride * following.stride,
            trim=self.trim + self.stride * following.trim,
        )


STEP = Window(0, 0)
"""Each step sees itself alone."""
EVERYTHING = Window(math.inf, math.inf)


class Layer(nn.Module, ABC):
    """Constructed with its options; parameters are created by ``build``, which knows what arrives.

    ``given`` holds the options by name. Building twice is a bug of the caller.
    """

    word: ClassVar[str]
    """Its name in recipes."""
    given: dict[str, Any]
    taken: bool = False
    """Whether all of its weights came from another run, so that training may hold them at first."""

    @abstractmethod
    def output(self, arriving: Shape) -> Shape:
        """The shape given for what arrives; raises NetworkError with the remedy where it cannot work."""

    @abstractmethod
    def create(self, arriving: Shape) -> None:
        """Creates the parameters; ``output`` has accepted ``arriving``."""

    @abstractmethod
    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``lengths`` (batch) are each example's real steps, where they vary; beyond lies padding."""

    @abstractmethod
    def window(self) -> Window:
        """What one output step sees of the arriving steps."""

    @abstractmethod
    def multiply_adds(self, arriving: Shape) -> int:
        """Multiplications of one example with weights; norms, activations and additions are not counted."""

    @property
    def states(self) -> int:
        """States that ``carry`` takes and gives: none where each step sees itself alone."""
        return 0

    def initial_state(self, x: Tensor) -> list[State]:
        """Of the beginning of a sequence, for as many examples as there are in ``x``."""
        return []

    def carry(
        self, x: Tensor, states: list[State], lengths: Int[Tensor, "batch"] | None = None
    ) -> tuple[Tensor, list[State]]:
        """``forward`` from ``states``, which it gave at the end of what came before, with the states to go on with.

        Only of layers that look at no later step: read in pieces, a sequence gives what it gives as a whole.
        """
        assert self.window() == STEP, "see reads_on: it looks at other steps and carries none of them"
        return self(x, lengths), []

    @property
    def reads_on(self) -> bool:
        """Whether ``carry`` can be asked."""
        return self.window() == STEP

    def tapped(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """``forward``, and with it its inner outputs by name, where it has any."""
        return self(x, lengths), {}

    def taps(self, arriving: Shape) -> dict[str, Shape]:
        """The shapes of its inner outputs, by name."""
        return {}

    def build(self, arriving: Shape) -> Shape:
        """Creates the parameters for what arrives and returns the shape given."""
        given = self.output(arriving)
        self.create(arriving)
        return given

    def output_lengths(self, lengths: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """Real steps of each example after this layer: none where it is shorter than a window."""
        window = self.window()
        return ((lengths - window.trim - 1).div(window.stride, rounding_mode="floor") + 1).clamp_min(0)

    def reach(self) -> tuple[float, float]:
        """How many steps it looks (left, right); infinite for a recurrence."""
        window = self.window()
        return window.left, window.right

    @property
    def title(self) -> str:
        """Its name with its first option, as in ``pool 2``, for messages and tables."""
        first = next(iter(self.given.values()), None)
        first = first.__name__ if isinstance(first, type) else first
        return f"{self.word} {first}" if isinstance(first, (str, int, float)) else self.word

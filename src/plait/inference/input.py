"""ModelInput: what a network takes, whatever kind of input that is: its ports, and how inputs become a batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Port:
    """One array that a network takes or gives: ``sides`` are the axes after the batch, a word where they vary.

    What is not ``batched`` is one for all examples.
    """

    name: str
    dtype: str
    sides: tuple[int | str, ...]
    batched: bool = True

    def accepts(self, array: Array) -> bool:
        """Whether an array has the type and, where they are fixed, the sides."""
        if array.dtype != self.dtype or array.ndim != 1 + len(self.sides):
            return False
        pairs = zip(self.sides, array.shape[1:], strict=True)
        return all(side == found for side, found in pairs if isinstance(side, int))

    def __str__(self) -> str:
        return f"{self.dtype} {self.name} ({', '.join(map(str, ('batch', *self.sides)))})"


def state_ports(word: str, widths: Sequence[int]) -> tuple[Port, ...]:
    """Of states that a network carries, each (batch, width): ``word``_1, ``word``_2 and so on."""
    return tuple(
        Port(f"{word}_{number}", "float32", (width,)) for number, width in enumerate(widths, start=1)
    )


def first_states(widths: Sequence[int], count: int) -> tuple[Array, ...]:
    """Before anything is read, of ``count`` examples."""
    return tuple(np.zeros((count, width), np.float32) for width in widths)


def random_states(widths: Sequence[int], count: int, chance: np.random.Generator) -> tuple[Array, ...]:
    """Such as a network might carry, of ``count`` examples."""
    return tuple(np.tanh(chance.standard_normal((count, width)), dtype=np.float32) for width in widths)


class ModelInput(ABC):
    """How one kind of input becomes what a network takes."""

    noun: ClassVar[str]
    """One input, in messages and tables: ``picture``."""

    @property
    @abstractmethod
    def ports(self) -> tuple[Port, ...]:
        """The arrays that the network takes, in order."""

    @abstractmethod
    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Encoded inputs as the arrays of one batch, one for each port."""

    @abstractmethod
    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        """A batch of ``count`` random inputs: what a model file is compared with its network on."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values, which the class's ``from_json`` reads back."""

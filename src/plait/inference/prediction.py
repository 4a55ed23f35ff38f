"""Prediction: an answer, and what was asked. Each task's own file gives it the rest."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from plait.errors import ModelError, Problem
from plait.inference.input import Array


@dataclass(frozen=True)
class Origin:
    """Where an input comes from: the file's name or the text itself, and the table and row it stands in, if any.

    ``row`` counts as a spreadsheet does: the header is row 1. ``text`` is what a file of text holds, ``tokens`` those
    of a sentence that came divided.
    """

    input: str
    table: str | None = None
    row: int | None = None
    text: str | None = None
    tokens: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """What every answer begins with, for programs."""
        place = {} if self.table is None else {"table": self.table, "row": self.row}
        return {"input": self.input, **place}

    @property
    def content(self) -> str:
        """What is encoded: the text, or the picture's path."""
        return self.input if self.text is None else self.text


@dataclass(frozen=True)
class Asked:
    """One input to predict; ``problem`` says why it cannot even be looked for, or is None."""

    origin: Origin
    problem: Problem | None = None


@dataclass(frozen=True)
class Prediction(ABC):
    """What every task's answer has in common."""

    origin: Origin

    @property
    def input(self) -> str:
        """The file's name, or the text."""
        return self.origin.input

    @property
    def row(self) -> int | None:
        """The row of the table that names it, or None."""
        return self.origin.row

    @abstractmethod
    def cells(self) -> dict[str, str | float]:
        """The columns added to a table."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""


def refuse_nonsense(*outputs: Array) -> None:
    """Raises ModelError where what a network gave are not numbers."""
    if not all(np.isfinite(one).all() for one in outputs):
        raise ModelError("the model's answer is not a number: it was trained or saved badly; train it anew")

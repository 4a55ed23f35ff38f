"""Prediction: an answer and what it answers. Each task's own file gives it the rest."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Where an input comes from: the file's name, and the table and row that name it, if there is one.

    ``row`` counts as a spreadsheet does: the header is row 1.
    """

    input: str
    table: str | None = None
    row: int | None = None


@dataclass(frozen=True)
class Prediction(ABC):
    """What every task's answer has in common."""

    origin: Origin

    @property
    def input(self) -> str:
        """The file's name."""
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

"""A table of the user's, for prediction: read row by row, given back with columns added, nothing else changed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from plait.errors import DataError

Cell = str | float
Answer = tuple[int, Sequence[Cell]]
"""A row's number and what stands in its new columns."""


@dataclass(frozen=True)
class Column:
    """The column that holds the inputs: the first of ``names`` that a table has (upper and lower case are one).

    ``paths`` says that it holds names of files, seen from the table's folder; ``holds`` is what to call its contents.
    """

    names: tuple[str, ...]
    paths: bool
    holds: str

    def position(self, columns: Sequence[str]) -> int | None:
        """Where it stands among ``columns``; None where it is not there, or is there twice."""
        plain = [name.strip().lower() for name in columns]
        known = [name for name in self.names if name in plain]
        return plain.index(known[0]) if known and plain.count(known[0]) == 1 else None


PICTURES = Column(("image",), True, "with paths of pictures from the table's folder")
RECORDINGS = Column(
    ("audio", "path", "file", "filename", "wav", "recording", "features", "音频", "文件"),
    True,
    "with paths of recordings from the table's folder",
)


@dataclass(frozen=True)
class Row:
    """A row as predicting sees it: the line it begins at (the header is 1), the path or the text, a fault."""

    number: int
    input: str
    fault: str | None = None


class UserTable(ABC):
    """A table in a file; ``columns`` are its names in order. Only a row, or a block of rows, is in memory."""

    given_back: ClassVar[tuple[str, ...]]
    """Suffixes of what is written."""

    columns: list[str]

    def __init__(self, path: Path, wanted: Column) -> None:
        self.path = path
        self.wanted = wanted

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Every row that is not blank, in order; raises DataError where the file is damaged."""

    @abstractmethod
    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        """The table to ``target``, columns ``names`` added and filled for the rows answered (in order)."""

    @property
    def input_position(self) -> int:
        """Position of the column with the inputs; raises DataError where there is none, or more than one."""
        position = self.wanted.position(self.columns)
        if position is None:
            names = " or ".join(self.wanted.names)
            raise DataError(
                f"{self.path}: expected one column named {names}, {self.wanted.holds}; "
                f"its columns are {', '.join(self.columns) or 'none'}"
            )
        return position

    def free_names(self, names: Iterable[str]) -> list[str]:
        """``names`` for new columns: where the table has one already, prediction becomes prediction_2."""
        taken, free = {name.strip().lower() for name in self.columns}, []
        for name in names:
            number, candidate = 1, name
            while candidate in taken:
                number += 1
                candidate = f"{name}_{number}"
            free.append(candidate)
        return free

    def row(self, number: int, input: object) -> Row:
        """A row whose cell of the input column is ``input``."""
        text = "" if input is None else str(input).strip()
        column = self.columns[self.input_position]
        if not text:
            return Row(number, "", f"the column {column} is empty")
        if not isinstance(input, str):
            expected = "path" if self.wanted.paths else "text"
            return Row(number, text, f"{text[:40]} stands in column {column}, but a {expected} is expected")
        return Row(number, str(self.path.parent / text) if self.wanted.paths else text)

    def ragged(self, number: int, count: int) -> Row:
        """A row of ``count`` cells, which are not as many as there are columns."""
        return Row(number, "", f"{count} columns, but the header has {len(self.columns)}")


class Waiting:
    """Answers that come in the order of the rows, some rows having none."""

    def __init__(self, answers: Iterable[tuple[int, Sequence[Any]]]) -> None:
        self._answers = iter(answers)
        self._next = next(self._answers, None)

    def kinds(self, names: Sequence[str]) -> list[type]:
        """The types of the new columns, by the first answer."""
        return [str for _ in names] if self._next is None else [type(cell) for cell in self._next[1]]

    def take(self, row: int) -> Sequence[Any] | None:
        """The row's answer, if it has one."""
        if self._next is None or self._next[0] != row:
            return None
        cells = self._next[1]
        self._next = next(self._answers, None)
        return cells

    def finish(self) -> None:
        assert self._next is None, "an answer belongs to no row of the table"


def text(cell: Cell) -> str:
    """A cell as text tables hold it: numbers with six digits."""
    return cell if isinstance(cell, str) else f"{cell:.6g}"

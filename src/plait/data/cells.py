"""What stands in a table's cells beside the input: labels, split and group, the same for every kind of input."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from plait.data.splitwords import ACCEPTED, split_of
from plait.data.table import Row, natural_key
from plait.errors import Problem

Cells = Mapping[str, object]
Record = tuple[int, Cells]
"""The line that a row begins at (the header is line 1), and its cells by column."""


def by_name(
    path: object, names: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]], problems: list[Problem]
) -> Iterator[Record]:
    """Every row with its cells by name; one with more or fewer cells than there are names is added to ``problems``."""
    for line, cells in rows:
        if len(cells) == len(names):
            yield line, dict(zip(names, cells, strict=True))
        else:
            message = (
                f"{len(cells)} columns, but the header has {len(names)}; "
                'a cell that holds the separator must stand in quotes: "a,b"'
            )
            problems.append(Problem("ragged row", str(path), message, line))


class RowError(Exception):
    """Why a row is no example; turned into a Problem where the line is known."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(message)


def column(name: object) -> str:
    """A column's name as it is compared: lower case, without blanks around."""
    return str(name).strip().lower()


def text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def target(cell: object, several: bool, required: bool, name: str) -> str | tuple[str, ...] | None:
    """The label or labels of a cell in the column ``name``; raises RowError where one is required and missing."""
    if several:
        # "cat|dog" (or a list) to its classes, each once, in natural order; empty means none.
        parts = cell if isinstance(cell, list) else text(cell).split("|")
        return tuple(sorted({_label(part) for part in parts} - {""}, key=natural_key))
    label = _label(cell)
    if not label and required:
        raise RowError("label missing", f"the column {name} is empty")
    return label or None


def split_and_group(cells: Cells, default: str) -> tuple[str, str | None]:
    """By the columns split and group, where there are such; raises RowError for an unknown split."""
    named = text(cells.get("split"))
    if named and split_of(named) is None:
        raise RowError("unknown split", f"{named!r}; accepted are {ACCEPTED}")
    return split_of(named) or default, text(cells.get("group")) or None


def decided(rows: Sequence[Row]) -> tuple[list[Row], list[Problem]]:
    """Rows that name no split where others do become problems: no part could be guessed for them."""
    undecided = [row for row in rows if not row.split]
    if len(undecided) == len(rows):
        return list(rows), []
    message = f"other rows name one; accepted are {ACCEPTED}"
    problems = [Problem("split missing", row.file, message, row.row) for row in undecided]
    return [row for row in rows if row.split], problems


def _label(cell: object) -> str:
    # One name in the bytes of macOS (decomposed) and of others (composed) is one class.
    return unicodedata.normalize("NFC", text(cell))

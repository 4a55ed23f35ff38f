"""Table: a row an example, with its origin, so that every complaint can name its file and row."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from plait.errors import Problem
from plait.inference.boxes import Annotation
from plait.inference.sound_file import Clip

SPLITS = ("train", "validation", "test")
COLUMNS = ("input", "target", "split", "group", "file", "row")

Input = str | tuple[str, ...] | Clip | npt.NDArray[np.uint8]
Target = str | tuple[str, ...] | Annotation | None
Content = Literal[
    "pictures", "texts", "sentences", "running text", "recordings", "speech", "text lines", "boxes"
]
"""What inputs are."""
Place = tuple[str, int | None]


@dataclass(frozen=True)
class Row:
    """One example as a reader found it; the fields are the Table's columns."""

    input: Input
    """Path of a picture, or its uint8 pixels (height, width) or (height, width, channels); a text, or a piece of one;
    or tokens; or where a recording lies."""
    target: Target
    """A class, all classes where there may be several, a tag for each token, a transcript, boxes; or None, where
    there is none or none is needed."""
    split: str
    """One of SPLITS, or "" where the data is not divided."""
    file: str
    """Where the row came from: the picture itself, or the table, text or IDX file that holds it."""
    row: int | None = None
    """Its line in ``file``: for tables the header is line 1, in IDX files the first picture is 1."""
    group: str | None = None
    """Rows of one group (a patient, a place) never part when the data is divided."""


@dataclass(frozen=True, eq=False)
class Table:
    """All examples of a data set in the order of their files.

    ``frame`` has the columns COLUMNS (as in Row) and is numbered from 0; ``source`` is what the user named,
    ``format`` the name of the reader, ``problems`` what it found on the way (rows that could not be made
    are only there).
    """

    frame: pd.DataFrame
    source: str
    format: str
    several_labels: bool
    problems: tuple[Problem, ...] = ()
    content: Content = "pictures"
    column: str = ""
    """The table's column that texts, or the tags of sentences, came from."""
    scheme: str = ""
    """How the tags of sentences mark spans in the files (iob1, iob2, bioes); here they are iob2."""

    @classmethod
    def from_rows(
        cls,
        rows: Sequence[Row],
        source: str,
        format: str,
        several_labels: bool = False,
        problems: Iterable[Problem] = (),
        content: Content = "pictures",
        column: str = "",
    ) -> "Table":
        columns = {name: _objects([getattr(row, name) for row in rows]) for name in COLUMNS}
        return cls(pd.DataFrame(columns), source, format, several_labels, tuple(problems), content, column)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def classes(self) -> list[str]:
        """Every class that a row has, in natural order: "10" after "9"."""
        return sorted(self._counted(), key=natural_key)

    def counts(self, classes: Sequence[str]) -> list[int]:
        """Examples of each of ``classes``."""
        counted = self._counted()
        return [counted[name] for name in classes]

    @property
    def targets(self) -> list[Target]:
        return cast(list[Target], self.frame["target"].tolist())

    @property
    def splits(self) -> list[str]:
        return cast(list[str], self.frame["split"].tolist())

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The classes of every row: one, several, or none where the label is missing, or is a transcript."""
        if self.content in ("speech", "text lines"):
            return [()] * len(self)
        return [as_labels(target) for target in self.targets]

    def part(self, split: str) -> "Table":
        """The rows of one split, "train", "validation" or "test"."""
        return self.take(np.flatnonzero((self.frame["split"] == split).to_numpy()))

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> "Table":
        """The rows of these numbers, in this order, numbered from 0 again."""
        return replace(self, frame=self.frame.iloc[np.asarray(rows, np.int64)].reset_index(drop=True))

    def with_column(self, name: str, values: Sequence[object]) -> "Table":
        """The same rows with one column replaced."""
        return replace(self, frame=self.frame.assign(**{name: _objects(values)}))

    @property
    def places(self) -> list[Place]:
        """File and line that a problem of each row names: the picture itself where it is a file."""
        columns = (self.frame[name].tolist() for name in ("input", "file", "row"))
        is_file = self.content in ("pictures", "text lines", "boxes")
        return [
            (str(cell) if isinstance(cell, Clip) or (is_file and isinstance(cell, str)) else file, row)
            for cell, file, row in zip(*columns, strict=True)
        ]

    def _counted(self) -> Counter[str]:
        return Counter(label for labels in self.labels for label in labels)


def as_labels(target: Target) -> tuple[str, ...]:
    """A row's classes, however many it may have; of a picture with boxes that of each box."""
    if target is None:
        return ()
    if isinstance(target, Annotation):
        return tuple(box.label for box in target.boxes)
    return (target,) if isinstance(target, str) else target


def natural_key(text: str) -> tuple[list[str | tuple[int, str]], str]:
    """Sorts as people count: runs of digits by their value, everything else by letter."""
    pieces = re.split("([0-9]+)", text)
    # Digits stand at the odd places always, so that numbers are only ever compared with numbers.
    key: list[str | tuple[int, str]] = list(pieces)
    key[1::2] = [(len(digits.lstrip("0")), digits.lstrip("0")) for digits in pieces[1::2]]
    return key, text


def _objects(values: Sequence[object]) -> "pd.Series[Any]":
    """A column of Python objects; assigned one at a time, as numpy would stack arrays of one shape."""
    column = np.empty(len(values), object)
    for place, value in enumerate(values):
        column[place] = value
    return pd.Series(column, dtype=object)

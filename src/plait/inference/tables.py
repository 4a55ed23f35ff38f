"""The user's tables, for prediction: read row by row, given back with columns added, nothing else changed."""

import codecs
import csv
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.errors import DataError, MissingExtraError
from plait.inference.text_file import TextError, read_text

PARQUET_SUFFIXES = (".parquet",)
SUFFIXES = (".csv", ".tsv", *PARQUET_SUFFIXES)
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

    path: Path
    columns: list[str]
    wanted: Column

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
        if not self.wanted.paths:
            return Row(number, text)
        fault = (
            None
            if isinstance(input, str)
            else f"{text[:40]} stands in column {column}, but a path is expected"
        )
        return Row(number, str(self.path.parent / text), fault)


def is_table(path: str | Path) -> bool:
    """Whether the name says table."""
    return Path(path).suffix.lower() in SUFFIXES


def open_table(path: str | Path, wanted: Column, encoding: str | None = None) -> UserTable:
    """Opens a table by its suffix, one of text in ``encoding``.

    Raises DataError, or MissingExtraError for Parquet without pyarrow.
    """
    path = Path(path)
    try:
        if path.suffix.lower() in PARQUET_SUFFIXES:
            return ParquetTable(path, wanted)
        return TextTable(path, wanted, encoding)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


class TextTable(UserTable):
    """CSV and TSV with a header, separated by commas (or semicolons or tabs) and by tabs, in ``encoding``, or else in
    UTF-8 or Chinese GB18030.

    Given back byte for byte, new cells appended to each row: quoting, line ends and the mark at the file's
    beginning (BOM) stay as they are.
    """

    def __init__(self, path: Path, wanted: Column, encoding: str | None) -> None:
        self.path = path
        self.wanted = wanted
        self.encoding = _known(encoding, path) if encoding else _encoding(path)
        self.delimiter, self.columns = self._recognized()

    def rows(self) -> Iterator[Row]:
        position = self.input_position
        for record in _after_header(self._records(self.delimiter)):
            if len(record.cells) == len(self.columns):
                yield self.row(record.number, record.cells[position])
            elif record.cells:
                yield Row(record.number, "", self._odd(record))

    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        waiting = _Waiting(answers)
        header = False
        with target.open("w", encoding=self.encoding, newline="") as file:
            for record in self._records(self.delimiter):
                if record.cells and not header:
                    header = True
                    file.write(self._extended(record.raw, names))
                elif len(record.cells) == len(self.columns):
                    file.write(self._extended(record.raw, waiting.take(record.number) or [""] * len(names)))
                else:
                    # A blank line, or one whose cells stand below no names: nothing is to be added.
                    file.write(record.raw)
        waiting.finish()

    def _recognized(self) -> tuple[str, list[str]]:
        candidates = ("\t",) if self.path.suffix.lower() == ".tsv" else (",", ";", "\t")
        headers = {delimiter: self._header(delimiter) for delimiter in candidates}
        best = max(
            candidates, key=lambda sign: self.wanted.position(headers[sign]) is not None
        )  # the first, where none does
        return best, headers[best]

    def _header(self, delimiter: str) -> list[str]:
        # Not strictly: what is quoted rightly for one separator is not for another.
        for record in self._records(delimiter, strict=False):
            if record.cells:
                return record.cells
        raise DataError(f"{self.path} is empty: expected a table with a header")

    def _records(self, delimiter: str, strict: bool = True) -> Iterator["_Record"]:
        lines: list[str] = []
        number = 1
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(_keeping(file, lines), delimiter=delimiter, strict=strict)
            try:
                for cells in reader:
                    yield _Record(number, cells, "".join(lines))
                    number += len(lines)
                    lines.clear()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self.path} is not {self.encoding} text (after row {number}): save it as UTF-8, or say what it "
                    "is written in, for example --encoding latin-1"
                ) from error
            except csv.Error as error:
                raise DataError(f"{self.path}, row {number}: {error}; is a quote left open?") from error

    def _odd(self, record: "_Record") -> str:
        return f"{len(record.cells)} columns, but the header has {len(self.columns)}"

    def _extended(self, raw: str, added: Sequence[Cell]) -> str:
        content = raw.rstrip("\r\n")
        cells = [self._quoted(text(cell)) for cell in added]
        return self.delimiter.join([content, *cells]) + raw[len(content) :]

    def _quoted(self, cell: str) -> str:
        if any(sign in cell for sign in (self.delimiter, '"', "\r", "\n")):
            return '"' + cell.replace('"', '""') + '"'
        return cell


class ParquetTable(UserTable):
    """Parquet, through pyarrow."""

    def __init__(self, path: Path, wanted: Column) -> None:
        self.path = path
        self.wanted = wanted
        self._arrow, self._parquet = _import_arrow()
        with self._opened() as file:
            self.columns = list(file.schema_arrow.names)

    def rows(self) -> Iterator[Row]:
        column = self.columns[self.input_position]
        number = 1
        for block in self._blocks([column]):
            for value in block.column(0).to_pylist():
                number += 1
                yield self.row(number, value)

    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        waiting = _Waiting(answers)
        with self._opened() as file:
            schema = self._schema(file.schema_arrow, names, waiting.kinds(names))
        number = 2
        with self._parquet.ParquetWriter(target, schema) as writer:
            for block in self._blocks(None):
                cells = [waiting.take(row) for row in range(number, number + block.num_rows)]
                number += block.num_rows
                writer.write_batch(self._extended(block, schema, names, cells))
        waiting.finish()

    def _schema(self, schema: Any, names: Sequence[str], kinds: Sequence[type]) -> Any:
        for name, kind in zip(names, kinds, strict=True):
            arrow = self._arrow.string() if kind is str else self._arrow.float64()
            schema = schema.append(self._arrow.field(name, arrow))
        return schema

    def _extended(self, block: Any, schema: Any, names: Sequence[str], answers: Sequence[Any]) -> Any:
        added = []
        for position, name in enumerate(names):
            values = [None if cells is None else cells[position] for cells in answers]
            added.append(self._arrow.array(values, type=schema.field(name).type))
        return self._arrow.RecordBatch.from_arrays([*block.columns, *added], schema=schema)

    def _blocks(self, columns: list[str] | None) -> Iterator[Any]:
        with self._opened() as file:
            try:
                yield from file.iter_batches(columns=columns)
            except (self._arrow.ArrowException, OSError) as error:
                raise DataError(f"{self.path} cannot be read as Parquet: {error}") from error

    def _opened(self) -> Any:
        try:
            return self._parquet.ParquetFile(self.path)
        except (self._arrow.ArrowException, OSError) as error:
            raise DataError(f"{self.path} cannot be read as Parquet: {error}") from error


def text(cell: Cell) -> str:
    """A cell as text tables hold it: numbers with six digits."""
    return cell if isinstance(cell, str) else f"{cell:.6g}"


@dataclass(frozen=True)
class _Record:
    """A text table's row: the line it begins at, its cells, and its very text, line end included."""

    number: int
    cells: list[str]
    raw: str


class _Waiting:
    """Answers that come in the order of the rows, some rows having none."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)
        self._next = next(self._answers, None)

    def kinds(self, names: Sequence[str]) -> list[type]:
        """The types of the new columns, by the first answer."""
        return [str for _ in names] if self._next is None else [type(cell) for cell in self._next[1]]

    def take(self, row: int) -> Sequence[Cell] | None:
        """The row's answer, if it has one."""
        if self._next is None or self._next[0] != row:
            return None
        cells = self._next[1]
        self._next = next(self._answers, None)
        return cells

    def finish(self) -> None:
        assert self._next is None, "an answer belongs to no row of the table"


def _keeping(lines: Iterable[str], kept: list[str]) -> Iterator[str]:
    """Lines for csv.reader, which takes no more than a row needs; each is also kept as it was written."""
    for number, line in enumerate(lines):
        kept.append(line)
        yield line.removeprefix("\ufeff") if number == 0 else line


def _after_header(records: Iterator[_Record]) -> Iterator[_Record]:
    for record in records:
        if record.cells:
            return records
    return records


def _known(encoding: str, path: Path) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise DataError(f"{path}: there is no encoding {encoding!r}") from error


def _encoding(path: Path) -> str:
    """UTF-8, or GB18030 where the file is Chinese in that; a file in neither is complained of when it is read."""
    try:
        return read_text(path).encoding.lower()
    except TextError:
        return "utf-8"


def _import_arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("reading Parquet", "train") from None
    return pyarrow, pyarrow.parquet

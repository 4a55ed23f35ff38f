"""Tables of pictures: CSV, TSV or Parquet with the columns image, label or labels, and maybe split, group."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plait.data.cells import Cells, Record, RowError, by_name, column, decided, split_and_group, target, text
from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.errors import DataError, Problem

NAME = "table"
LAYOUT = (
    "a table (.csv, .tsv or .parquet) with the columns image and label (or labels, several separated by |), "
    "and if need be split and group; pictures are named from the table's folder"
)
SUFFIXES = (".csv", ".tsv", ".parquet")


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a table with a column image, or a folder in which one has the columns of a data set."""
    if source.is_file():
        return source.suffix.lower() in SUFFIXES and _has_columns(source, False)
    return bool(_tables(source, labels_required))


def read(source: Path, labels_required: bool) -> Table:
    """Every row as an example; what cannot be one is among ``problems``. Raises DataError for bad tables.

    A folder may hold one such table, or several that are named by their split (train.csv, test.csv).
    """
    if source.is_file():
        return _read([(source, "")], source, labels_required)
    tables = _tables(source, labels_required)
    if not tables:
        raise DataError(f"{source} holds no table with the columns image and label; accepted is {LAYOUT}")
    if len(tables) == 1:
        return _read([(tables[0], "")], source, labels_required)
    splits = [split_of(table.stem) or "" for table in tables]
    if not all(splits) or len(set(splits)) < len(splits):
        names = ", ".join(str(table) for table in tables)
        raise DataError(f"{source} holds {len(tables)} tables ({names}): name the one to read")
    return _read(list(zip(tables, splits, strict=True)), source, labels_required)


def _tables(folder: Path, labels_required: bool) -> list[Path]:
    """Tables in a folder whose header has what a data set needs; others may lie there for other purposes."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return [path for path in paths if not path.name.startswith(".") and _has_columns(path, labels_required)]


def _has_columns(path: Path, labels_required: bool) -> bool:
    try:
        header = _open(path, [])[0]
    except DataError:
        return False
    return "image" in header and (not labels_required or "label" in header or "labels" in header)


def _read(tables: list[tuple[Path, str]], source: Path, labels_required: bool) -> Table:
    several = {_several_labels(path, labels_required) for path, _ in tables}
    if len(several) > 1:
        raise DataError(f"{source}: some tables have a column label and some have labels; use one of them")
    reading = _Reading(several.pop(), labels_required)
    for path, split in tables:
        reading.table(path, split)
    reading.refuse_undecided()
    return Table.from_rows(reading.rows, str(source), NAME, reading.several_labels, reading.problems)


def _several_labels(path: Path, labels_required: bool) -> bool:
    """Whether the table has a column labels; raises DataError where the columns do not fit."""
    header = _open(path, [])[0]
    columns = f"its columns are {', '.join(header) or 'none'}"
    if "image" not in header:
        raise DataError(f"{path} has no column image: {columns}; accepted is {LAYOUT}")
    if "label" in header and "labels" in header:
        raise DataError(f"{path} has a column label and a column labels: keep one of them")
    if labels_required and "label" not in header and "labels" not in header:
        raise DataError(f"{path} has no column label (or labels): {columns}; accepted is {LAYOUT}")
    return "labels" in header


class _Reading:
    """Rows and problems while tables are read."""

    def __init__(self, several_labels: bool, labels_required: bool) -> None:
        self.several_labels = several_labels
        self.labels_required = labels_required
        self.rows: list[Row] = []
        self.problems: list[Problem] = []

    def table(self, path: Path, split: str) -> None:
        for line, cells in _open(path, self.problems)[1]:
            try:
                self.rows.append(self._row(path, line, cells, split))
            except RowError as error:
                self.problems.append(Problem(error.kind, str(path), error.message, line))

    def refuse_undecided(self) -> None:
        self.rows, undecided = decided(self.rows)
        self.problems += undecided

    def _row(self, path: Path, line: int, cells: Cells, split: str) -> Row:
        image = text(cells["image"])
        if not image:
            raise RowError("image missing", "the column image is empty")
        if not isinstance(cells["image"], str):
            raise RowError("unreadable", f"the column image holds {image[:40]}, but a path is expected")
        name = "labels" if self.several_labels else "label"
        found = target(cells.get(name), self.several_labels, self.labels_required, name)
        part, group = split_and_group(cells, split)
        return Row(str(path.parent / image), found, part, str(path), line, group)


def _open(path: Path, problems: list[Problem]) -> tuple[list[str], Iterator[Record]]:
    """The names of the columns, lower case, and the rows; raises DataError where the table cannot be read.

    Rows that do not fit the header are not among them, but each is added to ``problems`` when it is met.
    """
    return _OPENERS[path.suffix.lower()](path, problems)


def _open_parquet(path: Path, problems: list[Problem]) -> tuple[list[str], Iterator[Record]]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    names = _header(path, list(file.schema_arrow.names))
    wanted = [name for name in file.schema_arrow.names if column(name) in _COLUMNS]
    return names, _parquet_rows(path, file, wanted)


def _parquet_rows(path: Path, file: Any, columns: list[str]) -> Iterator[Record]:
    line = 1
    try:
        for batch in file.iter_batches(columns=columns):
            for record in batch.to_pylist():
                line += 1
                yield line, {column(name): cell for name, cell in record.items()}
    except OSError as error:
        raise DataError(f"{path} cannot be read as Parquet after row {line}: {error}") from error


def _open_text(path: Path, problems: list[Problem]) -> tuple[list[str], Iterator[Record]]:
    records = _text_records(path)
    _, first = next(records, (1, []))
    names = _header(path, first)
    return names, by_name(path, names, records, problems)


def _text_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins at; blank lines are no rows. A quoted cell may go over several lines."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = _separator(path, file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            begin = 1
            for cells in reader:
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}, row {reader.line_num}: {error}; is a quote left open?") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _separator(path: Path, header: str) -> str:
    """A tab in .tsv; in .csv a comma, or the semicolon or tab that some spreadsheets write."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=lambda separator: (_splits_image(header, separator), separator == ","))


def _splits_image(header: str, separator: str) -> bool:
    return "image" in [column(name.strip('"')) for name in header.strip().split(separator)]


def _header(path: Path, names: list[str]) -> list[str]:
    columns = [column(name) for name in names]
    doubled = [name for name in _COLUMNS if columns.count(name) > 1]
    if doubled:
        raise DataError(f"{path} has more than one column {doubled[0]}: keep one of them")
    return columns


_COLUMNS = ("image", "label", "labels", "split", "group")
_OPENERS: dict[str, Callable[[Path, list[Problem]], tuple[list[str], Iterator[Record]]]] = {
    ".csv": _open_text,
    ".tsv": _open_text,
    ".parquet": _open_parquet,
}

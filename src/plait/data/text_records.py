"""Tables of texts as records, whatever file they lie in: CSV, TSV, JSON lines, Parquet, Excel."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plait.data.cells import Record, by_name
from plait.data.splitwords import split_in
from plait.errors import DataError, Problem
from plait.inference.excel_table import read_sheet
from plait.inference.json_table import json_object
from plait.inference.text_file import read_text, unreadable_refused

Opened = tuple[list[str], Iterator[Record], str]
"""The names of the columns, the rows, and the encoding ("" where the file has none)."""


def open_records(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    """Opens a table by its suffix; raises DataError where it cannot be read.

    Rows that do not fit the header are not among the rows, but each is added to ``problems`` when it is met.
    """
    return OPENERS[path.suffix.lower()](path, encoding, problems)


def tables_in(folder: Path, wanted: Callable[[Path], bool]) -> dict[Path, str]:
    """Tables in a folder that are ``wanted``: the only one, or those that are named by a split, each split once."""
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in OPENERS and path.is_file())
    paths = [path for path in paths if not path.name.startswith(".") and wanted(path)]
    if len(paths) == 1:
        return {paths[0]: ""}
    named = {path: split for path in paths if (split := split_in(path.stem))}
    return named if len(set(named.values())) == len(named) else {}


def _open_csv(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    text, used = _decoded(path, encoding)
    separator = _separator(text)
    rows = _csv_rows(path, csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    return _with_header(path, rows, used, problems)


def _open_tsv(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    """Quotes mean nothing in it, except around a whole cell."""
    text, used = _decoded(path, encoding)
    lines = enumerate(text.split("\n"), start=1)
    rows = (
        (number, [_unquoted(cell) for cell in line.rstrip("\r").split("\t")])
        for number, line in lines
        if line.strip()
    )
    return _with_header(path, rows, used, problems)


def _open_json_lines(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    text, used = _decoded(path, encoding)
    records: list[Record] = []
    names: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                cells = json_object(line)
            except ValueError as error:
                problems.append(Problem("unreadable", str(path), str(error), number))
                continue
            names |= dict.fromkeys(cells)
            records.append((number, cells))
    complete = ((number, {name: cells.get(name) for name in names}) for number, cells in records)
    return list(names), complete, used


def _open_parquet(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    return list(table.column_names), enumerate(table.to_pylist(), start=2), ""


def _open_excel(path: Path, encoding: str | None, problems: list[Problem]) -> Opened:
    return _with_header(path, iter(read_sheet(path)), "", problems)


OPENERS: dict[str, Callable[[Path, str | None, list[Problem]], Opened]] = {
    ".csv": _open_csv,
    ".tsv": _open_tsv,
    ".jsonl": _open_json_lines,
    ".parquet": _open_parquet,
    ".xlsx": _open_excel,
}


def _decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    with unreadable_refused(path):
        decoded = read_text(path, encoding)
    return decoded.text, decoded.encoding


def _with_header(
    path: Path, rows: Iterator[tuple[int, list[Any]]], encoding: str, problems: list[Problem]
) -> Opened:
    try:
        header = [str(name).strip() for name in next(rows)[1]]
    except StopIteration:
        raise DataError(f"{path} is empty: expected a table with a header") from None
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        raise DataError(f"{path} has more than one column {sorted(doubled)[0]}: keep one of them")
    return header, by_name(path, header, rows, problems), encoding


def _csv_rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    begin = 1
    try:
        for cells in reader:
            if cells:
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, row {reader.line_num}: {error}; is a quote left open?") from error


def _separator(text: str) -> str:
    """A comma, or the semicolon or tab that some spreadsheets write: what divides the header most often."""
    header = text.partition("\n")[0]
    return max(",;\t", key=lambda sign: (header.count(sign), sign == ","))


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell

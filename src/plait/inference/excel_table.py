"""Tables in Excel: the first sheet of a workbook, given back as CSV with columns added."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from plait.errors import DataError, MissingExtraError
from plait.inference.user_table import Answer, Column, Row, UserTable, Waiting, text

SUFFIXES = (".xlsx",)


class ExcelTable(UserTable):
    """Through openpyxl; the whole sheet is in memory."""

    given_back = (".csv",)

    def __init__(self, path: Path, wanted: Column, encoding: str | None) -> None:
        super().__init__(path, wanted)
        (_, header), *self._rows = read_sheet(path)
        self.columns = [str(name).strip() for name in header]

    def rows(self) -> Iterator[Row]:
        position = self.input_position
        for number, cells in self._rows:
            if len(cells) == len(self.columns):
                yield self.row(number, cells[position])
            else:
                yield self.ragged(number, len(cells))

    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        waiting = Waiting(answers)
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*self.columns, *names])
            for number, cells in self._rows:
                writer.writerow([*cells, *map(text, waiting.take(number) or [""] * len(names))])
        waiting.finish()


def read_sheet(path: Path) -> list[tuple[int, list[Any]]]:
    """The rows of a workbook's first sheet that are not blank, each with its number; an empty cell is "".

    Raises DataError where there is none, MissingExtraError without openpyxl.
    """
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{path}: save it as CSV, as reading Excel", "train") from error
    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = [
            (number, ["" if cell is None else cell for cell in row])
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
            if any(cell is not None for cell in row)
        ]
    except Exception as error:  # openpyxl raises whatever its parsers meet in a damaged file
        raise DataError(f"{path} cannot be read as Excel: {error}") from error
    if not rows:
        raise DataError(f"{path} is empty: expected a table with a header")
    return rows

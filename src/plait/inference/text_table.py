"""Tables as text (CSV and TSV): read row by row, given back byte for byte with cells appended."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.errors import DataError
from plait.inference.text_file import encoding_of
from plait.inference.user_table import Answer, Cell, Column, Row, UserTable, Waiting, text

TSV_SUFFIXES = (".tsv",)
SUFFIXES = (".csv", *TSV_SUFFIXES)


class TextTable(UserTable):
    """CSV and TSV with a header, separated by commas (or semicolons or tabs) and by tabs, in ``encoding``, or else in
    UTF-8 or Chinese GB18030.

    Given back byte for byte, new cells appended to each row: quoting, line ends and the mark at the file's
    beginning (BOM) stay as they are.
    """

    given_back = SUFFIXES

    def __init__(self, path: Path, wanted: Column, encoding: str | None) -> None:
        super().__init__(path, wanted)
        self.encoding = encoding_of(path, encoding)
        self.delimiter, self.columns = self._recognized()

    def rows(self) -> Iterator[Row]:
        position = self.input_position
        for record in _after_header(self._records(self.delimiter)):
            if len(record.cells) == len(self.columns):
                yield self.row(record.number, record.cells[position])
            elif record.cells:
                yield self.ragged(record.number, len(record.cells))

    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        waiting = Waiting(answers)
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
        candidates = ("\t",) if self.path.suffix.lower() in TSV_SUFFIXES else (",", ";", "\t")
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
            except csv.Error as error:
                raise DataError(f"{self.path}, row {number}: {error}; is a quote left open?") from error

    def _extended(self, raw: str, added: Sequence[Cell]) -> str:
        content = raw.rstrip("\r\n")
        cells = [self._quoted(text(cell)) for cell in added]
        return self.delimiter.join([content, *cells]) + raw[len(content) :]

    def _quoted(self, cell: str) -> str:
        if any(sign in cell for sign in (self.delimiter, '"', "\r", "\n")):
            return '"' + cell.replace('"', '""') + '"'
        return cell


@dataclass(frozen=True)
class _Record:
    """A text table's row: the line it begins at, its cells, and its very text, line end included."""

    number: int
    cells: list[str]
    raw: str


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

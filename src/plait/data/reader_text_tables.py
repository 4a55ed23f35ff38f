"""Tables of texts: CSV, TSV, JSON lines, Parquet or Excel with a column of texts and one of labels."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from plait.data.cells import Record, RowError, column, decided, split_and_group, target, text
from plait.data.encodings import encoding_findings
from plait.data.options import TextDataOptions
from plait.data.reader_sound_tables import names_recordings
from plait.data.table import Row, Table
from plait.data.text_records import OPENERS, open_records, tables_in
from plait.errors import DataError, MissingExtraError, Problem
from plait.inference.picture_file import SUFFIXES
from plait.inference.text_columns import LABEL_NAMES, SEVERAL, TEXT_NAMES

NAME = "text table"
LAYOUT = (
    "a table of texts (.csv, .tsv, .jsonl, .parquet or .xlsx) with a column of texts and one of labels (labels: "
    "several separated by |), and if need be split and group; --text and --label name the columns"
)
LOOKED_AT = 1000
OTHERS = ("split", "group")


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is such a file without a column of pictures, or a folder of them named by split."""
    if source.is_file():
        return source.suffix.lower() in OPENERS and _is_of_texts(source)
    return bool(tables_in(source, _is_of_texts))


def read(source: Path, labels_required: bool, options: TextDataOptions) -> Table:
    """Every row as an example; what cannot be one is among ``problems``. Raises DataError for bad tables."""
    tables = tables_in(source, _is_of_texts) if source.is_dir() else {source: ""}
    if not tables:
        raise DataError(f"{source} holds no tables of texts named by their split; accepted is {LAYOUT}")
    reading = _Reading(options, labels_required)
    for path, split in tables.items():
        reading.table(path, split)
    rows, undecided = decided(reading.rows)
    return Table.from_rows(
        rows, str(source), NAME, reading.several, reading.problems + undecided, "texts", reading.text
    )


class _Reading:
    """Rows and problems while tables are read."""

    def __init__(self, options: TextDataOptions, labels_required: bool) -> None:
        self.options = options
        self.labels_required = labels_required
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.text = ""
        self.several = False

    def table(self, path: Path, split: str) -> None:
        header, records, encoding = open_records(path, self.options.encoding, self.problems)
        self.problems += encoding_findings(path, encoding, self.options.encoding)
        rows = list(records)
        self.text = _text_column(path, header, rows, self.options.text)
        label = _label_column(path, header, rows, self.text, self.options.label, self.labels_required)
        self.several = column(label) == SEVERAL or any(
            isinstance(cells.get(label), list) for _, cells in rows
        )
        for line, cells in rows:
            try:
                self.rows.append(self._row(path, line, dict(cells), split, label))
            except RowError as error:
                self.problems.append(Problem(error.kind, str(path), error.message, line))

    def _row(self, path: Path, line: int, cells: dict[str, object], split: str, label: str) -> Row:
        content = cells[self.text]
        if not isinstance(content, str) and content is not None:
            raise RowError(
                "no text", f"the column {self.text} holds {str(content)[:40]}, but a text is expected"
            )
        found = target(cells.get(label), self.several, self.labels_required, label)
        beside = {column(name): cell for name, cell in cells.items()}
        part, group = split_and_group(beside, split)
        return Row(content or "", found, part, str(path), line, group)


def _text_column(path: Path, header: list[str], rows: Sequence[Record], asked: str | None) -> str:
    """The one asked for, or the one that is named as texts are, or else the one of long and different texts."""
    if asked is not None:
        return _asked(path, header, asked, "--text")
    named = [name for name in header if column(name) in TEXT_NAMES]
    if len(named) == 1:
        return named[0]
    if pictures := [name for name in header if _names_files(rows, name)]:
        raise DataError(
            f"{path}: the column {pictures[0]} holds names of pictures; a table of pictures calls it image "
            "(to classify the names themselves: --text)"
        )
    lengths = {name: _mean_length(rows, name) for name in named or header}
    order = sorted(lengths, key=lambda name: -lengths[name])
    if not order or lengths[order[0]] < 3 or (len(order) > 1 and lengths[order[0]] < 2 * lengths[order[1]]):
        raise DataError(
            f"{path}: which column holds the texts? Say --text NAME; its columns are {', '.join(header) or 'none'}"
        )
    return order[0]


def _label_column(
    path: Path, header: list[str], rows: Sequence[Record], texts: str, asked: str | None, required: bool
) -> str:
    """The one asked for, or the one that is named as labels are, or else the only one of few different values."""
    if asked is not None:
        return _asked(path, header, asked, "--label")
    others = [name for name in header if name != texts and column(name) not in OTHERS]
    named = [name for name in others if column(name) in LABEL_NAMES]
    few = named or [name for name in others if _is_label_like(rows, name)]
    if len(few) == 1:
        return few[0]
    if not required:
        return ""
    raise DataError(
        f"{path}: which column holds the labels? Say --label NAME; beside {texts} its columns are "
        f"{', '.join(others) or 'none'}"
    )


def _asked(path: Path, header: list[str], asked: str, flag: str) -> str:
    found = [name for name in header if column(name) == column(asked)]
    if len(found) != 1:
        raise DataError(f"{path}: {flag} says {asked}, but its columns are {', '.join(header) or 'none'}")
    return found[0]


def _mean_length(rows: Sequence[Record], name: str) -> float:
    cells = [cells[name] for _, cells in islice(rows, LOOKED_AT)]
    return sum(len(cell) for cell in cells if isinstance(cell, str)) / max(len(cells), 1)


def _names_files(rows: Sequence[Record], name: str) -> bool:
    """Whether most cells end as pictures' names do."""
    cells = [text(cells[name]).lower() for _, cells in islice(rows, LOOKED_AT)]
    return sum(cell.endswith(tuple(SUFFIXES)) for cell in cells) > len(cells) / 2


def _is_label_like(rows: Sequence[Record], name: str) -> bool:
    values = [text(cells[name]) for _, cells in islice(rows, LOOKED_AT)]
    return 2 <= len(set(values)) <= max(2, min(len(values) // 3, 200))


def _is_of_texts(path: Path) -> bool:
    """Whether it is no table of pictures or of recordings."""
    return not _names_pictures(path) and not names_recordings(path)


def _names_pictures(path: Path) -> bool:
    """Whether a column is named image: then the table is one of pictures."""
    try:
        header, _, _ = open_records(path, None, [])
    except (DataError, MissingExtraError):
        return False
    return "image" in map(column, header)

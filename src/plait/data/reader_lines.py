"""Pictures of lines of text: each with its transcript in a file beside it, or in a table."""

from pathlib import Path

from plait.data.cells import RowError, column, decided, split_and_group, text
from plait.data.encodings import encoding_findings
from plait.data.options import LineDataOptions
from plait.data.reader_text_folders import shown, within
from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.data.text_records import OPENERS, open_records, tables_in
from plait.errors import DataError, MissingExtraError, Problem
from plait.inference.picture_file import SUFFIXES
from plait.inference.text_columns import TRANSCRIPT_NAMES
from plait.inference.text_file import TextError, read_text

NAME = "text lines"
LAYOUT = (
    "pictures of lines of text: DATA/x.png beside DATA/x.gt.txt (lists train.txt, test.txt or folders of these names "
    "divide them), or a table with the columns image and text"
)
TRUTH = ".gt.txt"
DEEP = 3
"""Folders within folders that are looked into."""


def fits(source: Path, labels_required: bool) -> bool:
    """Whether a picture in ``source`` has its transcript beside it, or a table has columns for both."""
    if source.is_file():
        return _is_table(source)
    return source.is_dir() and (
        any(_truths(folder) for folder in within(source, DEEP)) or bool(tables_in(source, _is_table))
    )


def read(source: Path, labels_required: bool, options: LineDataOptions) -> Table:
    """Every picture with its transcript; one without is a problem. Raises DataError for bad tables."""
    tables = {source: ""} if source.is_file() else tables_in(source, _is_table)
    reading = _Reading(options, labels_required)
    for path, split in tables.items():
        reading.table(path, split)
    if not tables:
        reading.folder(source)
    rows, undecided = decided(reading.rows)
    return Table.from_rows(
        rows, str(source), NAME, problems=[*reading.problems, *undecided], content="text lines"
    )


class _Reading:
    """Rows and problems while files are read."""

    def __init__(self, options: LineDataOptions, required: bool) -> None:
        self.options = options
        self.required = required
        self.rows: list[Row] = []
        self.problems: list[Problem] = []

    def folder(self, source: Path) -> None:
        listed = _listed(source)
        for folder in within(source, DEEP):
            truths = _truths(folder)
            parts = (split_of(part) for part in folder.relative_to(source).parts[:1])
            split = next((part for part in parts if part), "")
            for path in _pictures(folder):
                stem = path.name.partition(".")[0]
                if (truth := truths.get(stem)) is not None:
                    names = (str(path.relative_to(source)), path.name, stem, f"{folder.name}/{stem}")
                    self._line(path, truth, next((listed[name] for name in names if name in listed), split))
                elif self.required and truths:
                    message = f"expected its transcript in {stem}{TRUTH} beside it"
                    self.problems.append(Problem("transcript missing", str(path), message))

    def _line(self, path: Path, truth: Path, split: str) -> None:
        try:
            said = read_text(truth, self.options.encoding).text
        except TextError as error:
            self.problems.append(Problem(error.kind, str(truth), error.message, error.row))
            return
        self.rows.append(Row(str(path), said, split, str(path)))

    def table(self, path: Path, split: str) -> None:
        header, records, encoding = open_records(path, self.options.encoding, self.problems)
        self.problems += encoding_findings(path, encoding, self.options.encoding)
        asked = self.options.text
        names = TRANSCRIPT_NAMES if asked is None else (column(asked),)
        found = [name for name in map(column, header) if name in names]
        if len(found) != 1 and (self.required or asked is not None):
            raise DataError(
                f"{path}: which column holds the transcripts? Say --text NAME; its columns are {', '.join(header)}"
            )
        for line, cells in records:
            plain = {column(name): cell for name, cell in cells.items()}
            try:
                self.rows.append(self._row(path, line, plain, found[0] if found else "", split))
            except RowError as error:
                self.problems.append(Problem(error.kind, str(path), error.message, line))

    def _row(self, path: Path, line: int, cells: dict[str, object], answers: str, split: str) -> Row:
        image = text(cells["image"])
        if not image:
            raise RowError("image missing", "the column image is empty")
        part, group = split_and_group(cells, split)
        return Row(str(path.parent / image), text(cells.get(answers)), part, str(path), line, group)


def _listed(source: Path) -> dict[str, str]:
    """The split of every name in train.txt, dev.txt and test.txt."""
    found: dict[str, str] = {}
    for path in shown(source):
        split = split_of(path.stem) if path.suffix.lower() == ".txt" else None
        if split:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {_plain(name): split for line in lines if (name := line.strip())}
    return found


def _plain(name: str) -> str:
    """Without what follows the first point of a transcript's or picture's name."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.partition('.')[0]}" if file.lower().endswith(TRUTH) else name


def _truths(folder: Path) -> dict[str, Path]:
    """Transcripts by the name of their picture up to its first point."""
    return {path.name.partition(".")[0]: path for path in shown(folder) if path.name.lower().endswith(TRUTH)}


def _pictures(folder: Path) -> list[Path]:
    return [path for path in shown(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def _is_table(path: Path) -> bool:
    """Whether a table has a column image, one of transcripts, and none of labels."""
    if path.suffix.lower() not in OPENERS:
        return False
    try:
        header = [column(name) for name in open_records(path, None, [])[0]]
    except (DataError, MissingExtraError):
        return False
    return (
        "image" in header
        and any(name in header for name in TRANSCRIPT_NAMES)
        and not {"label", "labels"} & {*header}
    )

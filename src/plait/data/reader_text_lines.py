"""Labelled lines: a label (or several, marked as fastText does), then the text; a file a split, or one file."""

import re
from collections import Counter
from itertools import islice
from pathlib import Path

from plait.data.cells import decided, target
from plait.data.encodings import encoding_findings
from plait.data.options import TextDataOptions
from plait.data.splitwords import split_in
from plait.data.table import Row, Table
from plait.errors import DataError, Problem
from plait.inference.text_file import read_text, unreadable_refused

NAME = "labelled lines"
LAYOUT = (
    "labelled lines: a label, a blank or a tab, then the text, one example a line; several labels are marked, as in "
    "__label__a __label__b text; several files are the splits that their names say (x.train, x.dev, x.test)"
)
LOOKED_AT = 500
LARGEST_LABEL = 40

_MARK = "__label__"
_LINE = re.compile(rf"((?:{_MARK}\S+[ \t]+)+|\S+[ \t]+)(?!{_MARK})(\S.*)")
_FOREIGN = {
    ".csv",
    ".tsv",
    ".parquet",
    ".jsonl",
    ".xlsx",
    ".json",
    ".md",
    ".py",
    ".yaml",
    ".yml",
    ".html",
    ".xml",
}


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a file of labelled lines, or a folder in which such files are named by split."""
    if source.is_file():
        return _is_labelled(source)
    return labels_required and len(_files(source)) > 1


def read(source: Path, labels_required: bool, options: TextDataOptions) -> Table:
    """Every line that is not blank as an example; a line without a text is among ``problems``."""
    files = _files(source) if source.is_dir() else {source: ""}
    if not files:
        raise DataError(
            f"{source} holds no files of labelled lines named by their split; accepted is {LAYOUT}"
        )
    examples: list[tuple[list[str], str, str, Path, int]] = []
    problems: list[Problem] = []
    for path, split in files.items():
        with unreadable_refused(path):
            decoded = read_text(path, options.encoding)
        problems += encoding_findings(path, decoded.encoding, options.encoding)
        for number, line in enumerate(decoded.text.split("\n"), start=1):
            if not line.strip():
                continue
            if (found := _parted(line)) is None:
                message = f"{line.strip()[:40]!r} is a label without a text"
                problems.append(Problem("empty text", str(path), message, number))
            else:
                examples.append((*found, split, path, number))
    several = any(len(labels) > 1 for labels, *_ in examples)
    rows = [
        Row(text, target(labels if several else labels[0], several, True, "label"), split, str(path), number)
        for labels, text, split, path, number in examples
    ]
    rows, undecided = decided(rows)
    return Table.from_rows(rows, str(source), NAME, several, problems + undecided, "texts")


def _parted(line: str) -> tuple[list[str], str] | None:
    """The labels of a line and its text; None where it has no text."""
    found = _LINE.match(line.strip())
    return found and ([label.removeprefix(_MARK) for label in found[1].split()], found[2])


def _files(folder: Path) -> dict[Path, str]:
    """Files of labelled lines that are named by a split, each split once; none where that is not so."""
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    named = {path: split for path in paths if (split := split_in(path.name)) and _is_labelled(path)}
    return named if len(set(named.values())) == len(named) else {}


def _is_labelled(path: Path) -> bool:
    """Whether the first lines begin with marked labels, or with few different words, each followed by more."""
    if path.suffix.lower() in _FOREIGN:
        return False
    try:
        with path.open("rb") as file:
            head = [line.decode("latin-1").strip() for line in islice(file, LOOKED_AT)]
    except OSError:
        return False
    lines = [line for line in head if line]
    if lines and all(line.startswith(_MARK) for line in lines):
        return True
    parted = [found for line in lines if (found := _parted(line))]
    if not lines or "\x00" in "".join(head) or len(parted) < 0.9 * len(lines):
        return False
    labels = Counter(label for found, _ in parted for label in found)
    # Of a book's first lines hardly one word begins two: a label begins many.
    common = sum(count for label, count in labels.items() if count > 1 and len(label) <= LARGEST_LABEL)
    return 2 <= len(labels) <= max(2, len(lines) // 3) and common >= 0.8 * labels.total()

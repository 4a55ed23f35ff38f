"""Class folders of texts: DATA/good/1.txt, or DATA/train/good/1.txt beside DATA/test/good/9.txt."""

import unicodedata
from pathlib import Path

from plait.data.options import TextDataOptions
from plait.data.splitwords import split_of
from plait.data.table import Row, Table, natural_key
from plait.errors import Problem
from plait.inference.text_file import TextError, read_text

NAME = "text folders"
LAYOUT = "class folders of texts: DATA/good/1.txt, or DATA/train/good/1.txt beside DATA/test/good/9.txt"
SUFFIX = ".txt"


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` holds folders of .txt files, divided or not."""
    return bool(_classes(source)) or any(map(_classes, _splits(source)))


def classes_in(source: Path) -> int:
    """The most class folders side by side."""
    return max(len(_classes(folder)) for folder in [source, *_splits(source)])


def read(source: Path, labels_required: bool, options: TextDataOptions) -> Table:
    """Every .txt file with its folder's name as class; what cannot be read is among ``problems``."""
    rows: list[Row] = []
    problems: list[Problem] = []
    splits = {folder: split for folder, split in _splits(source).items() if _classes(folder)}
    for folder, split in (splits or {source: ""}).items():
        for of_class in _classes(folder):
            for path in _texts(of_class):
                try:
                    decoded = read_text(path, options.encoding)
                except TextError as error:
                    problems.append(Problem(error.kind, str(path), error.message, error.row))
                    continue
                if options.encoding is None and decoded.encoding != "UTF-8":
                    problems.append(
                        Problem("encoding", str(path), f"read as {decoded.encoding}", error=False)
                    )
                # One name in the bytes of macOS (decomposed) and of others (composed) is one class.
                target = unicodedata.normalize("NFC", of_class.name)
                rows.append(Row(decoded.text, target, split, str(path)))
    return Table.from_rows(rows, str(source), NAME, problems=problems, content="texts")


def _splits(source: Path) -> dict[Path, str]:
    named = ((path, split_of(path.name)) for path in _folders(source))
    return {path: split for path, split in named if split}


def _classes(folder: Path) -> list[Path]:
    return [path for path in _folders(folder) if _texts(path)]


def _folders(source: Path) -> list[Path]:
    return [path for path in shown(source) if path.is_dir()]


def _texts(folder: Path) -> list[Path]:
    return [path for path in shown(folder) if path.suffix.lower() == SUFFIX and path.is_file()]


def within(folder: Path, depth: int) -> list[Path]:
    """A folder and those within it, so many deep, links left out."""
    inner = [path for path in shown(folder) if path.is_dir() and not path.is_symlink()] if depth else []
    return [folder, *(deeper for path in inner for deeper in within(path, depth - 1))]


def shown(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, "10" after "9"; nothing where it cannot be listed."""
    try:
        names = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted(names, key=lambda path: natural_key(path.name))

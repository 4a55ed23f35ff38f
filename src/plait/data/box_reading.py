"""What the readers of boxes share: values as files write them, and where the pictures lie that a file names."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from plait.data.cells import RowError, decided, text
from plait.data.reader_text_folders import shown
from plait.data.splitwords import WORDS, split_in
from plait.data.table import Row, Table
from plait.errors import Problem
from plait.inference.picture_file import SUFFIXES

DEEP = 3
"""Folders within folders that are looked into."""


class BoxReading:
    """Rows and problems while files are read."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.seen: set[Path] = set()
        """Pictures that a file names, usable or not."""
        self.parts_in: dict[Path, dict[str, None]] = {}
        """The folders that listed pictures lie in, and the parts that these are in."""

    def listed(self, picture: Path, row: Row) -> None:
        """The row of a picture that a file lists."""
        self.rows.append(row)
        self.parts_in.setdefault(picture.parent, {})[row.split] = None

    def unlisted(self, named: bool) -> None:
        """Pictures beside listed ones; left out where one file is ``named``, or the folder holds several parts."""
        for folder, parts in self.parts_in.items():
            for path in pictures_in(folder):
                if path in self.seen:
                    continue
                if named or len(parts) > 1:
                    self.finding("not listed", path, "no file lists this picture, so it is left out")
                else:
                    self.rows.append(Row(str(path), None, next(iter(parts)), str(path)))

    def fault(self, kind: str, file: Path, message: str, row: int | None = None) -> None:
        """What cannot be used."""
        self.problems.append(Problem(kind, str(file), message, row))

    def finding(self, kind: str, file: Path, message: str, row: int | None = None) -> None:
        """What should be known."""
        self.problems.append(Problem(kind, str(file), message, row, error=False))

    def table(self, source: Path, format: str) -> Table:
        """All that was read; where some pictures are in a part, those that are in none are problems."""
        rows, undecided = decided(self.rows)
        problems = [*self.problems, *undecided]
        return Table.from_rows(rows, str(source), format, problems=problems, content="boxes")


def is_picture(name: str | Path) -> bool:
    """Whether a name ends as one of a picture does."""
    return Path(name).suffix.lower() in SUFFIXES


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by their names, "10" after "9"; they are not opened."""
    return [path for path in shown(folder) if is_picture(path) and path.is_file()]


def stem_of(name: str) -> str:
    """The last part of a path of any system, without the suffix of a picture: what names of pictures share with
    those of the files that mark them."""
    last = PurePosixPath(name.strip().replace("\\", "/")).name
    return last.rpartition(".")[0] if is_picture(last) else last


def class_name(value: object) -> str:
    """A class; raises RowError where there is none. One name in different bytes of Unicode is one class."""
    found = unicodedata.normalize("NFC", text(value))
    if not found:
        raise RowError("class missing", "the box has no class: name one")
    return found


def number(value: object, name: str) -> float:
    """A number, whatever type it has in its file (a box is only checked later); raises RowError with its ``name``."""
    written = text(value)
    if not written:
        raise RowError("box incomplete", f"{name} is missing: four numbers make a box")
    try:
        # Python takes 1_000 for a number, other programs do not.
        return float(written.replace("_", "?"))
    except ValueError:
        raise RowError("box not a number", f"{name} is {written[:40]!r}: expected a number") from None


def flag(value: object, name: str) -> bool:
    """Yes or no, empty meaning no; raises RowError with its ``name``."""
    written = text(value).lower().removesuffix(".0")
    if written in ("", "0", "false", "no", "unspecified"):
        return False
    if written in ("1", "true", "yes"):
        return True
    raise RowError("unreadable", f"{name} is {written[:40]!r}: expected 0 or 1")


def size_of(height: object, width: object) -> tuple[int, int] | None:
    """Height and width of a picture, or None where a file does not say them, or says 0 as some tools do."""
    try:
        found = number(height, "height"), number(width, "width")
    except RowError:
        return None
    return (int(found[0]), int(found[1])) if all(1 <= side < 2**31 for side in found) else None


def picture_folders(beside: Path, above: Sequence[Path], name: str, split: str) -> list[Path]:
    """Where the pictures may lie that a file ``beside`` them names, the most special first.

    ``above`` are the folders of the whole data, ``name`` is the file's stem: instances_train2017 has its pictures in
    images/train2017.
    """
    words = [word for word in re.split(r"[_.\- ]", name) if split_in(word) or word == "default"]
    parts = dict.fromkeys([*words, *(WORDS[split] if split else ())])
    found = [beside, beside / "images"]
    for folder in above:
        found += [folder / "images" / part for part in parts]
        found += [folder / part for part in parts] + [folder / part / "images" for part in parts]
        found += [folder / "images", folder]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def find_picture(name: str, folders: Iterable[Path]) -> Path | None:
    """The first of ``folders`` in which a picture of this name (a path, of any system) lies."""
    plain = name.strip().replace("\\", "/")
    return next((path for folder in folders if plain and _is_file(path := folder / plain)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False

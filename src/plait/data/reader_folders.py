"""Class folders: DATA/cat/1.jpg, or DATA/train/cat/1.jpg beside DATA/test/cat/9.jpg."""

import os
import unicodedata
from collections import Counter
from pathlib import Path

from plait.data.splitwords import split_of
from plait.data.table import Row, Table, natural_key
from plait.errors import Problem, counted
from plait.inference.picture_file import PictureError, is_picture, read_bytes

NAME = "class folders"
LAYOUT = "class folders: DATA/cat/1.jpg, or DATA/train/cat/1.jpg beside DATA/test/cat/9.jpg"

_LITTER = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found"}


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` holds class folders, divided or not; or any pictures, if no label is needed."""
    if not source.is_dir():
        return False
    loose = not labels_required and _holds_picture(source)
    return loose or bool(_split_folders(source)) or bool(_class_folders(source))


def classes_in(source: Path) -> int:
    """The most class folders side by side: one alone is hardly a data set."""
    return max((len(_class_folders(folder)) for folder in [source, *_split_folders(source)]), default=0)


def read(source: Path, labels_required: bool) -> Table:
    """Every picture with its folder's name as class; what is no picture or has no class is a problem."""
    reading = _Reading()
    splits = _split_folders(source)
    for folder, name in splits.items():
        reading.classes(folder, name, labels_required)
    if splits:
        reading.beside_splits(source, set(splits))
    else:
        reading.classes(source, "", labels_required)
    return Table.from_rows(reading.rows, str(source), NAME, problems=reading.problems)


class _Reading:
    """Rows and problems while a tree is walked."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.problems: list[Problem] = []

    def classes(self, folder: Path, split: str, labels_required: bool) -> None:
        """Every class folder in ``folder``, and pictures that lie beside them without a class."""
        for path in self._entries(folder):
            if path.is_dir():
                self._class(path, split)
            elif not labels_required and is_picture(path):
                self.rows.append(Row(str(path), None, split, str(path)))
            elif is_picture(path):
                self._error("label missing", path, "this picture lies in no class folder; move it into one")

    def beside_splits(self, source: Path, splits: set[Path]) -> None:
        """What else lies beside train/ and test/: pictures there would silently be left out."""
        for path in self._entries(source):
            if path.is_dir() and path not in splits:
                self._finding("folder ignored", path, "it lies beside the splits but is none of them")
            elif is_picture(path):
                self._error("label missing", path, "this picture lies beside the splits, in no class folder")

    def _class(self, folder: Path, split: str) -> None:
        before = len(self.rows)
        # One name in the bytes of macOS (decomposed) and of others (composed) is one class.
        target = unicodedata.normalize("NFC", folder.name)
        for path in self._entries(folder):
            if path.is_dir():
                self._error(
                    "folder in a class folder", path, "pictures must lie directly in it; move them up"
                )
            elif is_picture(path):
                self.rows.append(Row(str(path), target, split, str(path)))
            else:
                self._finding("not a picture", path, "ignored")
        if len(self.rows) == before:
            self._error("empty class folder", folder, "it holds no picture; add some or remove it")

    def _entries(self, folder: Path) -> list[Path]:
        """What lies in a folder; links that lead nowhere or into a circle become problems instead."""
        try:
            return [path for path in _visible(folder) if not self._is_broken_link(path)]
        except OSError as error:
            self._error("unreadable", folder, f"the folder cannot be listed: {error.strerror or error}")
            return []

    def _is_broken_link(self, path: Path) -> bool:
        if not path.is_symlink():
            return False
        if _leads_up(path):
            self._error("symlink loop", path, f"the link leads back to {path.resolve()}")
            return True
        if path.exists():
            return False
        self._error(*_why_broken(path))
        return True

    def _error(self, kind: str, path: Path, message: str) -> None:
        self.problems.append(Problem(kind, str(path), message))

    def _finding(self, kind: str, path: Path, message: str) -> None:
        self.problems.append(Problem(kind, str(path), message, error=False))


def describe(folder: Path) -> str:
    """What lies in a folder, in a line: "2 folders (a, b), 12 .xml files"."""
    paths = _visible(folder)
    names = [path.name for path in paths if path.is_dir()]
    suffixes = Counter(path.suffix.lower() or "(no suffix)" for path in paths if not path.is_dir())
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    folders = [f"{counted(len(names), 'folder')} ({shown})"] if names else []
    files = [counted(count, f"{suffix} file") for suffix, count in suffixes.most_common(6)]
    return ", ".join(folders + files) or "nothing"


def _visible(folder: Path) -> list[Path]:
    """Entries without hidden ones and what systems drop into folders, in natural order on every system."""
    return [folder / name for name in sorted(filter(_is_shown, os.listdir(folder)), key=natural_key)]


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LITTER


def _split_folders(source: Path) -> dict[Path, str]:
    """Folders named as a split that hold class folders: DATA/train may also be a class of vehicles."""
    named = ((path, split_of(path.name)) for path in _folders(source))
    return {path: split for path, split in named if split and _class_folders(path)}


def _class_folders(folder: Path) -> list[Path]:
    return [path for path in _folders(folder) if _holds_picture(path)]


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in _visible(folder) if path.is_dir() and not _leads_up(path)]
    except OSError:
        return []


def _holds_picture(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(
                _is_shown(entry.name) and not entry.is_dir() and is_picture(Path(entry)) for entry in entries
            )
    except OSError:
        return False


def _why_broken(link: Path) -> tuple[str, Path, str]:
    try:
        read_bytes(link)
    except PictureError as error:
        return error.kind, link, error.message
    return "unreadable", link, "the link changed while it was looked at"


def _leads_up(path: Path) -> bool:
    """Whether a folder is a link to one that holds it."""
    if not path.is_symlink() or not path.exists():
        return False
    parent = path.parent.resolve()
    return path.resolve() in [parent, *parent.parents]

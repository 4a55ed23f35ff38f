"""Files a user asks about, pictures or recordings: alone, in folders and in tables, as one stream in their order."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from plait.errors import DataError, Problem
from plait.inference.picture_file import SUFFIXES, is_picture
from plait.inference.prediction import Asked, Origin
from plait.inference.sound_file import FEATURES, is_recording
from plait.inference.sound_file import SUFFIXES as SOUND_SUFFIXES
from plait.inference.tables import is_table, open_table
from plait.inference.user_table import PICTURES, RECORDINGS, Column

_LITTER = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found"}


@dataclass(frozen=True)
class Kind:
    """One kind of file: its name for people, the column that names such files, and which files of a folder are."""

    nouns: str
    column: Column
    suffixes: tuple[str, ...]
    is_one: Callable[[str], bool]


def asked(sources: Sequence[str], kind: Kind, encoding: str | None) -> Iterator[Asked]:
    """Every input of ``sources`` in order: a table's (in ``encoding``) by rows, a folder's (and those within) by name.

    Raises DataError at once for sources that do not exist, tables without a column for them, and when no
    source is given; and for folders without any when their turn comes.
    """
    if not sources:
        raise DataError(f"nothing to predict: name {kind.nouns}, folders or tables")
    absent = (source for source in sources if not os.path.lexists(source))
    missing = [Problem("missing", source, "there is no such file or folder") for source in absent]
    if missing:
        raise DataError(f"{len(missing)} of {len(sources)} sources cannot be found:", missing)
    for source in filter(_is_table_file, sources):
        _ = open_table(source, kind.column, encoding).input_position
    return (one for source in sources for one in _of(source, kind, encoding))


def _of(source: str, kind: Kind, encoding: str | None) -> Iterable[Asked]:
    if os.path.isdir(source):
        return _in_folder(source, kind)
    if _is_table_file(source):
        return _in_table(source, kind.column, encoding)
    return [Asked(Origin(source))]


def _is_table_file(source: str) -> bool:
    return is_table(source) and not os.path.isdir(source)


def _in_table(source: str, column: Column, encoding: str | None) -> Iterator[Asked]:
    for row in open_table(source, column, encoding).rows():
        problem = None if row.fault is None else Problem("bad row", source, row.fault, row.number)
        yield Asked(Origin(row.input, source, row.number), problem)


def _in_folder(source: str, kind: Kind) -> Iterator[Asked]:
    found = False
    for one in _walked(source, kind):
        found = True
        yield one
    if not found:
        raise DataError(
            f"{source} holds no {kind.nouns}: expected files ending in {', '.join(kind.suffixes)}"
        )


def _walked(source: str, kind: Kind) -> Iterator[Asked]:
    unlistable: list[OSError] = []
    for folder, within, files in os.walk(source, followlinks=True, onerror=unlistable.append):
        loops = [name for name in within if _leads_up(folder, name)]
        within[:] = sorted(name for name in within if name not in loops and _is_shown(name))
        for name in loops:
            yield _fault(
                "symlink loop", os.path.join(folder, name), "the link leads back to a folder it lies in"
            )
        for name in sorted(filter(_is_shown, files)):
            if kind.is_one(path := os.path.join(folder, name)):
                yield Asked(Origin(path))
    for error in unlistable:
        yield _fault("unreadable", str(error.filename), f"the folder cannot be listed: {error.strerror}")


def _fault(kind: str, path: str, message: str) -> Asked:
    return Asked(Origin(path), Problem(kind, path, message))


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LITTER


def _leads_up(folder: str, name: str) -> bool:
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    here, there = os.path.realpath(folder), os.path.realpath(path)
    return os.path.join(here, "").startswith(os.path.join(there, ""))


PICTURE_FILES = Kind("pictures", PICTURES, tuple(SUFFIXES), is_picture)
SOUND_FILES = Kind("recordings", RECORDINGS, (*SOUND_SUFFIXES, FEATURES), is_recording)
FEATURE_FILES = Kind("features", RECORDINGS, (FEATURES,), lambda path: path.lower().endswith(FEATURES))

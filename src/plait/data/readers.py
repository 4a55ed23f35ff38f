"""Recognizes what the user named and reads it; each format is a file of its own, reader_*.py."""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.data import (
    reader_box_tables,
    reader_coco,
    reader_digits,
    reader_folders,
    reader_idx,
    reader_kaldi,
    reader_lines,
    reader_plain_text,
    reader_sound_folders,
    reader_sound_tables,
    reader_tables,
    reader_text_folders,
    reader_text_lines,
    reader_text_tables,
    reader_textgrids,
    reader_token_columns,
    reader_token_lists,
    reader_voc,
    reader_yolo,
)
from plait.data.options import (
    BoxDataOptions,
    DataOptions,
    LineDataOptions,
    PictureDataOptions,
    SentenceDataOptions,
    SoundDataOptions,
    SpeechDataOptions,
    StreamDataOptions,
    TextDataOptions,
)
from plait.data.table import Content, Table
from plait.errors import DataError


@dataclass(frozen=True)
class Format:
    """One way in which data lies on a disk."""

    name: str
    layout: str
    content: Content
    fits: Callable[[Path, bool], bool]
    read: Callable[[Path, bool, DataOptions], Table]

    @property
    def flag(self) -> str:
        """How it is asked for: --format class-folders."""
        return self.name.replace(" ", "-")


def _of_pictures(reader: Any) -> Format:
    def read(source: Path, labels_required: bool, options: DataOptions) -> Table:
        table: Table = reader.read(source, labels_required)
        return table

    return Format(reader.NAME, reader.LAYOUT, "pictures", reader.fits, read)


def _of_words(reader: Any, content: Content) -> Format:
    def read(source: Path, labels_required: bool, options: DataOptions) -> Table:
        table: Table = reader.read(source, labels_required, options)
        return table

    return Format(reader.NAME, reader.LAYOUT, content, reader.fits, read)


FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        *map(_of_pictures, (reader_folders, reader_tables, reader_idx, reader_digits)),
        *(
            _of_words(reader, "texts")
            for reader in (reader_text_tables, reader_text_folders, reader_text_lines)
        ),
        *(_of_words(reader, "sentences") for reader in (reader_token_columns, reader_token_lists)),
        _of_words(reader_plain_text, "running text"),
        _of_words(reader_lines, "text lines"),
        *(_of_words(reader, "boxes") for reader in (reader_voc, reader_coco, reader_yolo, reader_box_tables)),
        *(
            _of_words(reader, reader.content)
            for reader in (
                reader_sound_tables.speech_tables,
                reader_sound_tables.sound_tables,
                reader_sound_folders.class_folders,
                reader_sound_folders.transcript_folders,
                reader_kaldi,
                reader_textgrids,
            )
        ),
    )
}
CONTENTS: dict[type[DataOptions], Content] = {
    PictureDataOptions: "pictures",
    TextDataOptions: "texts",
    SentenceDataOptions: "sentences",
    StreamDataOptions: "running text",
    SoundDataOptions: "recordings",
    SpeechDataOptions: "speech",
    LineDataOptions: "text lines",
    BoxDataOptions: "boxes",
}
"""What each kind of options is for."""


def recognize(source: str, format: str | None = None, labels_required: bool = True) -> Format:
    """The format of what ``source`` names (a folder, a file, or the word digits).

    ``format`` is a name from FORMATS, or None to recognize it. Raises DataError where nothing is there, or nothing or
    more than one format is recognized.
    """
    path = Path(source)
    known = _named(format) if format is not None else None
    if source != reader_digits.NAME and not path.exists():
        raise DataError(_nothing_there(source))
    chosen = known or _recognize(source, path, labels_required)
    if chosen is FORMATS[reader_digits.NAME] and source != reader_digits.NAME:
        raise DataError(
            f"{source}: the format digits is the embedded set, which is named by the word digits alone"
        )
    return chosen


def read_table(
    source: str, options: DataOptions, format: str | None = None, labels_required: bool = True
) -> Table:
    """What ``source`` holds as a Table, read as ``options`` say.

    Raises DataError as ``recognize`` does, where the format cannot be read, and where it does not hold what the
    options are for; faults of single rows are in the table's ``problems``.
    """
    chosen = recognize(source, format, labels_required)
    wanted = CONTENTS[type(options)]
    if format is None and wanted == "pictures" and chosen.name == reader_text_tables.NAME:
        chosen = FORMATS[reader_tables.NAME]  # It says which columns are missing.
    plain = FORMATS[reader_plain_text.NAME]
    if format is None and wanted == plain.content and plain.fits(Path(source), labels_required):
        chosen = plain
    if chosen.content != wanted:
        raise DataError(
            f"{source}: read as {chosen.name}, which holds {chosen.content}, but {wanted} are expected here"
        )
    table = chosen.read(Path(source), labels_required, options)
    if not len(table) and not table.problems:
        raise DataError(
            f"{source}: read as {chosen.name}, and it holds no example; accepted is {chosen.layout}"
        )
    return table


def _named(format: str) -> Format:
    name = format.strip().lower().replace("-", " ")
    if name not in FORMATS:
        raise DataError(
            f"unknown format {format!r}: known are {', '.join(known.flag for known in FORMATS.values())}"
        )
    return FORMATS[name]


def _recognize(source: str, path: Path, labels_required: bool) -> Format:
    found = [format for format in FORMATS.values() if format.fits(path, labels_required)]
    # To a Path ./digits and digits are the same, but only the bare word means the embedded set.
    found = [format for format in found if format.name != reader_digits.NAME or source == reader_digits.NAME]
    # Boxes beside pictures are what is to be learnt, whatever else the same folders and tables may be read as.
    if any(format.content == "boxes" for format in found):
        found = [format for format in found if format.content == "boxes"]
    # Pictures with their transcripts beside them are lines, whatever folders and texts they lie in or beside.
    if any(format.content == "text lines" for format in found):
        found = [format for format in found if format.content == "text lines"]
    found = _without_strays(found, path)
    # What holds a tag for every token is more special than what holds a label for every text.
    if any(format.content == "sentences" for format in found):
        found = [format for format in found if format.content != "texts"]
    # Texts that say what is heard in recordings are neither texts to classify nor running text.
    if any(format.content in ("recordings", "speech") for format in found):
        found = [format for format in found if format.content not in ("texts", "running text")]
    # Where there are labels, they are what is to be learnt.
    if any(format.content != "running text" for format in found):
        found = [format for format in found if format.content != "running text"]
    names = {format.name for format in found}
    # A table usually lies beside the one folder of pictures that it names.
    if {reader_folders.NAME, reader_tables.NAME} == names and reader_folders.classes_in(path) < 2:
        found = [FORMATS[reader_tables.NAME]]
    # So a table of recordings beside the one folder that it names (Common Voice's clips/).
    if reader_sound_folders.CLASSES in names and len(names) > 1 and reader_sound_folders.classes_in(path) < 2:
        found = [format for format in found if format.name != reader_sound_folders.CLASSES]
    if not found:
        raise DataError(_nothing_recognized(source, path, labels_required))
    if len(found) > 1:
        ways = "\n".join(f"  --format {format.flag}: {format.layout}" for format in found)
        raise DataError(f"{source} can be read in {len(found)} ways; choose one:\n{ways}")
    return found[0]


def _without_strays(found: list[Format], path: Path) -> list[Format]:
    """Beside pictures in a folder, tables and texts are notes, unless there are more class folders of texts."""
    if not any(format.content == "pictures" for format in found) or not path.is_dir():
        return found
    more = reader_text_folders.classes_in(path) > reader_folders.classes_in(path)
    return [
        format
        for format in found
        if format.content == "pictures" or (more and format.name == reader_text_folders.NAME)
    ]


def _nothing_recognized(source: str, path: Path, labels_required: bool) -> str:
    there = (
        f"it holds {reader_folders.describe(path)}"
        if path.is_dir()
        else f"it is a {path.suffix or 'plain'} file"
    )
    if path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        there += " (unpack it first)"
    lines = [
        f"{source}: no labelled pictures, texts, sentences or recordings, and no plain text, are recognized here; "
        f"{there}. Accepted are:"
    ]
    lines += [f"  {format.layout}" for format in FORMATS.values()]
    inner = [str(folder) for folder in _subfolders(path) if _fits_any(folder, labels_required)]
    if inner:
        lines.append(f"Did you mean {' or '.join(inner[:3])}?")
    return "\n".join(lines)


def _fits_any(path: Path, labels_required: bool) -> bool:
    return any(format.fits(path, labels_required) for format in FORMATS.values())


def _subfolders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _nothing_there(source: str) -> str:
    """The deepest folder that exists, and names in it near to the one that does not."""
    missing = Path(source)
    if missing.is_symlink():
        return f"{source} is a link that leads nowhere, or back to itself"
    while not missing.parent.exists():
        missing = missing.parent
    names = {str(missing.parent / name): name for name in sorted(_list(missing.parent))}
    if len(Path(source).parts) == 1:
        names[reader_digits.NAME] = reader_digits.NAME
    near = _near(missing.name, names)
    hint = f"did you mean {' or '.join(near)}?" if near else f"{missing.parent.resolve()} holds no such name"
    return f"{source} does not exist: {hint}"


def _near(wanted: str, names: dict[str, str]) -> list[str]:
    """Paths whose names are near to ``wanted``, whatever their case."""
    lowered = {path: name.lower() for path, name in names.items()}
    matches = difflib.get_close_matches(
        wanted.lower(), list(dict.fromkeys(lowered.values())), n=3, cutoff=0.6
    )
    return [path for match in matches for path, name in lowered.items() if name == match][:3]


def _list(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []

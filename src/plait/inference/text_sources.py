"""Texts a user asks about: given as they are, in files, folders and tables, or on standard input."""

import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from plait.errors import DataError, Problem
from plait.inference.prediction import Asked, Origin
from plait.inference.stream import StreamInput
from plait.inference.tables import is_table, open_table
from plait.inference.text import TextInput
from plait.inference.text_columns import TEXT_NAMES
from plait.inference.text_file import TextError, read_text
from plait.inference.user_table import Column

STANDARD_INPUT = "-"
SUFFIX = ".txt"


def column(input: TextInput | StreamInput) -> Column:
    """The column that the network was trained on, or one that is named as texts usually are."""
    known = dict.fromkeys([*([input.column.lower()] if input.column else []), *TEXT_NAMES])
    return Column(tuple(known), False, "with the texts")


def asked(sources: Sequence[str], input: TextInput | StreamInput, encoding: str | None) -> Iterator[Asked]:
    """Every text of ``sources`` in order: a table's by rows, a folder's .txt files by name, a file's by lines,
    all in ``encoding``.

    A file is one text where the network was trained on files; ``-`` reads standard input line by line; anything
    that is no file is itself the text. Raises DataError at once for what was meant as a file and is not there, and
    for tables without texts.
    """
    refuse_lost(sources)
    refuse_textless(sources, column(input), encoding)
    return (one for source in sources for one in texts_of(source, column(input), input.unit, encoding))


def refuse_lost(sources: Sequence[str]) -> None:
    """Raises DataError where there is nothing, and for files that are not there."""
    if not sources:
        raise DataError("nothing to predict: give a text, a file, a folder, a table, or - for standard input")
    missing = [
        Problem("missing", source, "there is no such file or folder") for source in sources if _lost(source)
    ]
    if missing:
        raise DataError(f"{len(missing)} of {len(sources)} sources cannot be found:", missing)


def refuse_textless(sources: Iterable[str], wanted: Column, encoding: str | None) -> None:
    """Raises DataError for tables without texts."""
    for source in filter(_is_table_file, sources):
        _ = open_table(source, wanted, encoding).input_position


def _lost(source: str) -> bool:
    """Whether a text looks like the name of a file that is not there."""
    is_name = is_table(source) or source.lower().endswith(SUFFIX) or source.startswith((os.sep, "./", "../"))
    return is_name and not any(map(str.isspace, source)) and not os.path.lexists(source)


def texts_of(source: str, wanted: Column, unit: str, encoding: str | None) -> Iterable[Asked]:
    """The texts of one source; ``unit`` says what one is in a file: line or file."""
    if source == STANDARD_INPUT:
        return _lines(_standard_input(encoding), source)
    if len(source) > 4000 or not os.path.exists(source):
        return [Asked(Origin(source))]
    if os.path.isdir(source):
        return _in_folder(source, encoding)
    if _is_table_file(source):
        return _in_table(source, wanted, encoding)
    return _in_file(source, unit, encoding)


def _is_table_file(source: str) -> bool:
    return is_table(source) and os.path.isfile(source)


def _standard_input(encoding: str | None) -> Iterable[str]:
    if encoding is not None and isinstance(sys.stdin, io.TextIOWrapper):
        try:
            sys.stdin.reconfigure(encoding=encoding)
        except LookupError as error:
            raise DataError(f"there is no encoding {encoding!r}") from error
    return sys.stdin


def _lines(lines: Iterable[str], name: str) -> Iterator[Asked]:
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            yield Asked(Origin(text, name, number))


def _in_file(path: str, unit: str, encoding: str | None) -> Iterator[Asked]:
    try:
        text = read_text(path, encoding).text
    except TextError as error:
        yield Asked(Origin(path), Problem(error.kind, path, error.message, error.row))
        return
    if unit == "line":
        yield from _lines(text.split("\n"), path)
    elif text.strip():
        yield Asked(Origin(path, text=text))
    else:
        yield Asked(Origin(path), Problem("empty text", path, "the file holds no text"))


def _in_table(source: str, wanted: Column, encoding: str | None) -> Iterator[Asked]:
    for row in open_table(source, wanted, encoding).rows():
        problem = None if row.fault is None else Problem("bad row", source, row.fault, row.number)
        yield Asked(Origin(row.input, source, row.number), problem)


def _in_folder(source: str, encoding: str | None) -> Iterator[Asked]:
    found = False
    for folder, within, files in os.walk(source):
        within[:] = sorted(name for name in within if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIX) and not name.startswith("."):
                found = True
                yield from _in_file(os.path.join(folder, name), "file", encoding)
    if not found:
        raise DataError(f"{source} holds no texts: expected files ending in {SUFFIX}")

"""Files of text in the encoding that they have: what cannot be read is refused, what was guessed is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.errors import DataError, Problem
from plait.inference.text_file import TextError


def encoding_findings(path: Path, used: str, asked: str | None) -> list[Problem]:
    """A finding where the encoding was guessed; none for UTF-8, the one that was asked for, or a file without any."""
    if used in ("", "UTF-8", asked):
        return []
    return [Problem("encoding", str(path), f"read as {used}; if that is wrong, say --encoding", error=False)]


@contextmanager
def unreadable_refused(path: Path) -> Iterator[None]:
    """Turns a TextError into a DataError that names the file, and the row where one is to blame."""
    try:
        yield
    except TextError as error:
        row = "" if error.row is None else f", row {error.row}"
        raise DataError(f"{path}{row}: {error.message}") from error

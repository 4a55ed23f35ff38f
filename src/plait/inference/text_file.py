"""Text files: bytes to text, in the encoding they are written in, or a complaint that names the line."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plait.errors import DataError

BOM = "\ufeff"
CHINESE_SHARE = 0.05
"""Of all characters: text that GB18030 reads with fewer ideographs is more likely Latin with accents."""


class TextError(Exception):
    """A file that cannot be read as text; ``row`` is the line at fault, or None."""

    def __init__(self, kind: str, message: str, row: int | None = None) -> None:
        self.kind, self.message, self.row = kind, message, row
        super().__init__(message)


@dataclass(frozen=True)
class Decoded:
    """A file's text without its byte order mark, and the encoding that read it."""

    text: str
    encoding: str


def read_text(path: str | Path, encoding: str | None = None) -> Decoded:
    """The text of a file: in ``encoding``, or else UTF-8, or else GB18030 where that gives Chinese.

    Raises TextError where the file cannot be read or decoded, naming the first line at fault.
    """
    return decode(read_bytes(path), encoding)


@contextmanager
def unreadable_refused(path: str | Path) -> Iterator[None]:
    """Turns a TextError into a DataError that names the file, and the row where one is to blame."""
    try:
        yield
    except TextError as error:
        row = "" if error.row is None else f", row {error.row}"
        raise DataError(f"{path}{row}: {error.message}") from error


def encoding_of(path: str | Path, encoding: str | None = None) -> str:
    """The encoding in which ``read_text`` reads a file, for opening it; raises DataError where it cannot."""
    with unreadable_refused(path):
        return codecs.lookup(read_text(path, encoding).encoding).name


def read_bytes(path: str | Path) -> bytes:
    """A file's bytes; raises TextError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TextError("unreadable", f"the file cannot be read: {error.strerror or error}") from error


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """``read_text`` of bytes."""
    if encoding is not None:
        return Decoded(_strictly(content, encoding).removeprefix(BOM), encoding)
    try:
        return Decoded(content.decode("utf-8").removeprefix(BOM), "UTF-8")
    except UnicodeDecodeError as error:
        if (chinese := _as_chinese(content)) is not None:
            return Decoded(chinese, "GB18030")
        raise _undecodable(content, error, "UTF-8") from error


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except LookupError as error:
        raise TextError("unknown encoding", f"there is no encoding {encoding!r}") from error
    except UnicodeDecodeError as error:
        raise _undecodable(content, error, encoding) from error


def _as_chinese(content: bytes) -> str | None:
    """GB18030 reads almost any bytes, so what it gives must look like Chinese."""
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    ideographs = sum("\u4e00" <= sign <= "\u9fff" for sign in text)
    return text if ideographs > CHINESE_SHARE * len(text) else None


def _undecodable(content: bytes, error: UnicodeDecodeError, encoding: str) -> TextError:
    row = content.count(b"\n", 0, error.start) + 1
    byte = content[error.start]
    message = (
        f"the byte 0x{byte:02X} is no {encoding}: save the file as UTF-8, or say what it is written in, "
        "for example --encoding latin-1"
    )
    return TextError("undecodable", message, row)

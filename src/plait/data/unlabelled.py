"""Texts without labels, from which a network may learn how a language goes: .txt files with a text a line."""

from dataclasses import dataclass
from pathlib import Path

from plait.data.encodings import encoding_findings
from plait.data.reader_text_folders import shown
from plait.errors import DataError, Problem
from plait.inference.text_file import Decoded, TextError, read_text

SUFFIX = ".txt"


@dataclass(frozen=True)
class Unlabelled:
    """Texts, and what should be known of the files they came from."""

    texts: list[str]
    findings: list[Problem]


NONE = Unlabelled([], [])


def read_unlabelled(source: str | Path, encoding: str | None = None) -> Unlabelled:
    """Every line that is not blank of a .txt file, or of all those in a folder, in their order.

    Raises DataError naming the file (and the line) that cannot be read, or where there is no text at all.
    """
    texts: list[str] = []
    findings: list[Problem] = []
    for path in _files(Path(source)):
        decoded = _read(path, encoding)
        findings += encoding_findings(path, decoded.encoding, encoding)
        texts += [text for line in decoded.text.splitlines() if (text := line.strip())]
    if not texts:
        raise DataError(f"pretraining.unlabelled: {source} holds no text: one text a line is expected")
    return Unlabelled(texts, findings)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(
            f"pretraining.unlabelled: there is no {source}: give a {SUFFIX} file, or a folder of them"
        )
    found = [path for path in shown(source) if path.is_file() and path.suffix.lower() == SUFFIX]
    if not found:
        raise DataError(f"pretraining.unlabelled: {source} holds no {SUFFIX} file")
    return found


def _read(path: Path, encoding: str | None) -> Decoded:
    try:
        return read_text(path, encoding)
    except TextError as error:
        place = f"{path}, line {error.row}" if error.row else str(path)
        raise DataError(f"pretraining.unlabelled: {place}: {error.message}") from error

"""Texts without labels, from which a network may learn how a language goes: .txt files with a text a line."""

from pathlib import Path

from plait.data.reader_text_folders import shown
from plait.errors import DataError
from plait.inference.text_file import TextError, read_text

SUFFIX = ".txt"


def read_unlabelled(source: str | Path, encoding: str | None = None) -> list[str]:
    """Every line that is not blank of a .txt file, or of all those in a folder, in their order.

    Raises DataError naming the file (and the line) that cannot be read, or where there is no text at all.
    """
    texts = [line.strip() for path in _files(Path(source)) for line in _lines(path, encoding)]
    texts = [text for text in texts if text]
    if not texts:
        raise DataError(f"pretraining.unlabelled: {source} holds no text: one text a line is expected")
    return texts


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


def _lines(path: Path, encoding: str | None) -> list[str]:
    try:
        return read_text(path, encoding).text.splitlines()
    except TextError as error:
        place = f"{path}, line {error.row}" if error.row else str(path)
        raise DataError(f"pretraining.unlabelled: {place}: {error.message}") from error

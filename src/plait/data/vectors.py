"""Word vectors that others trained: the text files of word2vec, GloVe and fastText, gzipped or not."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plait.errors import DataError

Floats = NDArray[np.float32]


def read_vectors(path: str | Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Floats], int]:
    """The vectors of the words that are ``wanted``, and how many numbers each has.

    A line is a word and its numbers; a first line of two whole numbers (word2vec, fastText) says how many words and
    numbers there are. Words may hold blanks. Of a word that stands twice the first counts. Raises DataError for a file
    that cannot be read, and naming the line of one whose numbers are too few, too many or none.
    """
    found: dict[str, Floats] = {}
    size = 0
    try:
        for number, line in _lines(Path(path)):
            if number == 1 and _is_header(line):
                size = int(line.split()[1])
                continue
            size = size or len(line.split()) - 1
            word, *numbers = line.rsplit(" ", size)
            if len(numbers) < size or not size:
                raise DataError(
                    f"{path}, row {number}: {len(numbers)} numbers behind a word, and {size or 'some'} are expected"
                )
            if wanted(word) and word not in found:
                found[word] = _vector(path, number, numbers)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as word vectors: {error}") from error
    if not size:
        raise DataError(f"{path} is empty: expected lines of a word and its numbers")
    return found, size


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.rstrip()


def _is_header(line: str) -> bool:
    parts = line.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _vector(path: str | Path, number: int, numbers: list[str]) -> Floats:
    try:
        vector = np.array(numbers, np.float32)
    except ValueError as error:
        raise DataError(f"{path}, row {number}: {error}: expected a word and its numbers") from error
    if not np.isfinite(vector).all():
        raise DataError(f"{path}, row {number}: one of the numbers is not finite")
    return vector

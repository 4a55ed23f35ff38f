"""MNIST's IDX files, gzipped or not: train-images-idx3-ubyte.gz beside train-labels-idx1-ubyte.gz."""

import gzip
import math
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import numpy as np
import numpy.typing as npt

from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.errors import DataError

NAME = "idx"
LAYOUT = (
    "MNIST's IDX files: train-images-idx3-ubyte beside train-labels-idx1-ubyte (and t10k-...), .gz or not"
)

_FILE = re.compile(
    r"(?P<prefix>.*?)[-_.]?(?P<what>images|labels)[-_.]idx[0-9][-_.]ubyte(?P<gz>\.gz)?", re.IGNORECASE
)
T = TypeVar("T")
_UBYTE = 8
_PIECE = 1 << 26


@dataclass
class _Pair:
    """The pictures and the labels of one part, told by the files' common prefix."""

    images: Path | None = None
    labels: Path | None = None


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a folder with such files, or one of them."""
    return bool(_pairs(source))


def read(source: Path, labels_required: bool) -> Table:
    """Pictures as arrays, classes "0", "1", ...; raises DataError for files that are damaged or do not
    match.

    ``train`` in a file's name makes it the training part, ``t10k`` or ``test`` the test part; named by one
    file of a pair, that pair alone is read.
    """
    pairs = _pairs(source)
    found = _each([partial(_rows, pair, _split(prefix), labels_required) for prefix, pair in pairs.items()])
    return Table.from_rows([row for rows in found for row in rows], str(source), NAME)


def _each(readers: Iterable[Callable[[], T]]) -> list[T]:
    """What all of them read; raises one DataError that says what is wrong with any."""
    found: list[T] = []
    faults: list[str] = []
    for reader in readers:
        try:
            found.append(reader())
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("\n".join(faults))
    return found


def _pairs(source: Path) -> dict[str, _Pair]:
    folder = source if source.is_dir() else source.parent
    named = None if source.is_dir() else _FILE.fullmatch(source.name)
    if not source.exists() or (source.is_file() and named is None):
        return {}
    pairs: dict[str, _Pair] = {}
    # Reversed, so that an unpacked file is taken before its .gz.
    for path in sorted(folder.iterdir(), reverse=True):
        match = _FILE.fullmatch(path.name)
        if match and path.is_file() and (named is None or match["prefix"] == named["prefix"]):
            setattr(pairs.setdefault(match["prefix"], _Pair()), match["what"].lower(), path)
    return dict(sorted(pairs.items()))


def _split(prefix: str) -> str:
    words = re.split(r"[-_.]", prefix)
    return next(("test" if word.lower() == "t10k" else split_of(word) or "" for word in reversed(words)), "")


def _rows(pair: _Pair, split: str, labels_required: bool) -> list[Row]:
    if pair.images is None:
        raise DataError(
            f"{pair.labels}: there are no pictures beside these labels; expected ...images-idx3-ubyte"
        )
    if pair.labels is None and labels_required:
        raise DataError(
            f"{pair.images}: there are no labels beside these pictures; expected ...labels-idx1-ubyte"
        )
    files = [(pair.images, (3, 4)), *([] if pair.labels is None else [(pair.labels, (1,))])]
    pictures, *others = _each([partial(_array, path, dimensions) for path, dimensions in files])
    labels = others[0] if others else None
    if labels is not None and len(labels) != len(pictures):
        raise DataError(
            f"{pair.images} has {len(pictures)} pictures, but {pair.labels} has {len(labels)} labels"
        )
    targets = [None] * len(pictures) if labels is None else [str(label) for label in labels.tolist()]
    return [
        Row(picture, target, split, str(pair.images), number)
        for number, (picture, target) in enumerate(zip(pictures, targets, strict=True), start=1)
    ]


def _array(path: Path, dimensions: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """0, 0, the type, the number of dimensions, each length (big-endian), the values (LeCun, MNIST)."""
    try:
        with _open(path) as file:
            shape = _shape(path, file, dimensions)
            promised = math.prod(shape)
            # One byte more than promised, so that gzip comes to its checksum; all of it may be far too much.
            values = _read(file, promised + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; is it complete?") from error
    if len(values) < promised:
        raise DataError(
            f"{path} is truncated: {promised:,} bytes are promised, and {len(values):,} are there"
        )
    if len(values) > promised:
        raise DataError(f"{path} is damaged: {promised:,} bytes are promised, and more are there")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _read(file: BinaryIO, most: int) -> bytes:
    """In pieces, as a damaged header may promise more than memory holds."""
    pieces: list[bytes] = []
    while most > 0 and (piece := file.read(min(most, _PIECE))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb"))


def _shape(path: Path, file: BinaryIO, dimensions: tuple[int, ...]) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UBYTE or magic[3] not in dimensions:
        raise DataError(
            f"{path} is no IDX file of bytes in {' or '.join(map(str, dimensions))} dimensions: it begins "
            f"with {magic.hex(' ') or 'nothing'}"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{path} is truncated: it ends within its header")
    return tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, 4 * magic[3], 4))

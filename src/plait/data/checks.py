"""Looks at every example once; lists what cannot be used (errors) and what should be known (findings)."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from plait.data.table import Input, Place, Table
from plait.errors import Problem, counted
from plait.inference.picture_file import SUFFIXES, PictureError, Pixels, open_picture, read_bytes, sniff

Progress = Callable[[int, int], None]
"""Told how many examples of how many were looked at."""

LEAST_OF_A_CLASS = 2
_BLOCK = 64
_RANK = {"": 0, "train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True, eq=False)
class Checked:
    """A Table of usable rows, in their order, and what was found.

    ``sizes`` (rows, 2) are heights and widths in pixels as shown, or (rows, 1) characters of texts; ``digests`` the
    SHA-256 of each file (of pixels or the text where there is no file), ``grey`` says that no picture has color.
    ``errors`` name rows that ``table`` lacks.
    """

    table: Table
    errors: list[Problem]
    findings: list[Problem]
    sizes: npt.NDArray[np.int64]
    digests: list[str]
    grey: bool


def check(
    table: Table,
    max_pixels: int,
    workers: int | None = None,
    progress: Progress | None = None,
    training: bool = True,
) -> Checked:
    """Reads, hashes and decodes every picture in ``workers`` threads (None: one a processor).

    With ``training`` the classes are checked as well: at least 2 classes, at least 2 examples of each in
    the training part (in all where there is none), and no class in another part that training lacks. Raises
    nothing.
    """
    seen = look_at_all(table, max_pixels, workers, progress)
    errors = [problem for problem in table.problems if problem.error]
    findings = [problem for problem in table.problems if not problem.error]
    for place, one in zip(table.places, seen, strict=True):
        if one.fault:
            errors.append(_problem(place, one.fault.kind, one.fault.message))
    usable = [row for row, one in enumerate(seen) if one.fault is None]
    if training:
        table, usable, faults = check_classes(table, usable)
        errors += faults
    table, seen = table.take(usable), [seen[row] for row in usable]
    for place, one in zip(table.places, seen, strict=True):
        if one.doubt:
            findings.append(_problem(place, "wrong suffix", one.doubt, error=False))
    digests = [one.digest for one in seen]
    findings += copies(table, digests, "picture")
    sizes = np.array([one.size for one in seen], np.int64).reshape(len(seen), 2)
    return Checked(table, errors, findings, sizes, digests, grey=bool(seen) and all(one.grey for one in seen))


@dataclass(frozen=True)
class Seen:
    """What looking at one picture gave: a fault, or the rest."""

    digest: str = ""
    size: tuple[int, int] = (0, 0)
    grey: bool = False
    doubt: str = ""
    fault: PictureError | None = None


def look_at_all(table: Table, max_pixels: int, workers: int | None, progress: Progress | None) -> list[Seen]:
    """Reads, hashes and decodes every picture in ``workers`` threads (None: one a processor); raises nothing."""
    inputs = list(table.frame["input"])
    blocks = [inputs[start : start + _BLOCK] for start in range(0, len(inputs), _BLOCK)]
    seen: list[Seen] = []
    # Threads suffice: reading, hashing and decoding all release Python's lock.
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        for looked in pool.map(lambda block: [_look(one, max_pixels) for one in block], blocks):
            seen += looked
            if progress is not None:
                progress(len(seen), len(inputs))
    finally:
        pool.shutdown(cancel_futures=True)
    return seen


def summarize(problems: Iterable[Problem], most: int = 3) -> list[str]:
    """Lines for a terminal: each kind with its count, its first ``most``, and how many more there are."""
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    lines = []
    for kind, found in kinds.items():
        lines.append(f"{kind}: {len(found):,}")
        lines += [f"  {_where(problem.file, problem.row)}: {problem.message}" for problem in found[:most]]
        if len(found) > most:
            lines.append(f"  ... and {len(found) - most:,} more")
    return lines


def _look(source: Input, max_pixels: int) -> Seen:
    try:
        if isinstance(source, np.ndarray):
            pixels = open_picture(source, None, max_pixels)
            return _seen(_array_digest(source), pixels)
        assert isinstance(source, str)
        data = read_bytes(source)
        pixels = open_picture(data, None, max_pixels)
    except PictureError as error:
        return Seen(fault=error)
    return _seen(hashlib.sha256(data).hexdigest(), pixels, _suffix_doubt(source, data))


def _seen(digest: str, pixels: Pixels, doubt: str = "") -> Seen:
    return Seen(digest, (pixels.shape[0], pixels.shape[1]), _is_grey(pixels), doubt)


def _array_digest(array: Pixels) -> str:
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _is_grey(pixels: Pixels) -> bool:
    """Whether all channels are the same; a few pixels decide almost always."""
    if pixels.shape[2] == 1:
        return True
    return all(bool((view == view[..., :1]).all()) for view in (pixels[::16, ::16], pixels))


def _suffix_doubt(path: str, data: bytes) -> str:
    suffix, format = Path(path).suffix, sniff(data[:12])
    if SUFFIXES.get(suffix.lower()) == format:
        return ""
    return (
        f"named {suffix}, but it is a {format}" if suffix else f"the name has no suffix, and it is a {format}"
    )


def check_classes(table: Table, usable: list[int]) -> tuple[Table, list[int], list[Problem]]:
    """The table (several labels: without those that cannot be learnt), the rows left of ``usable``, the faults."""
    labels, splits, places = table.labels, table.splits, table.places
    training = [row for row in usable if splits[row] in ("", "train")]
    if not training:
        return table, usable, []
    counted = Counter(label for row in training for label in labels[row])
    known = {label for label, count in counted.items() if count >= LEAST_OF_A_CLASS}
    unknown = [(row, label) for row in usable for label in labels[row] if label not in known]
    faults = [_unlearnable(places[row], splits[row], label, counted[label]) for row, label in unknown]
    if table.several_labels:
        kept = [tuple(label for label in found if label in known) for found in labels]
        return table.with_column("target", kept), usable, faults
    if len(known) < 2:
        return table, [], [*faults, _too_few_classes(table, known)]
    return table, [row for row in usable if set(labels[row]) <= known], faults


def _unlearnable(place: Place, split: str, label: str, count: int) -> Problem:
    part = " in the training part" if split else ""
    if count == 0:
        return _problem(place, "unknown class", f"the class {label!r} has no usable example{part}")
    found = f"the class {label!r} has {count} usable example{part}"
    remedy = f"training needs {LEAST_OF_A_CLASS}; add some or remove it"
    return _problem(place, "class too small", f"{found}, but {remedy}")


def _too_few_classes(table: Table, known: set[str]) -> Problem:
    found = f"only {next(iter(known))!r} has that many" if known else "none has that many"
    needed = f"training needs 2 classes of at least {LEAST_OF_A_CLASS} usable examples each"
    return Problem("too few classes", table.source, f"{needed}, and {found}")


def copies(table: Table, digests: Sequence[str], noun: str) -> list[Problem]:
    """A finding for each row whose input (a ``noun``) an earlier row has; training rows are earlier than all others."""
    splits, places = table.splits, table.places
    names, answers = _named_answers(table)
    first: dict[str, int] = {}
    findings: list[Problem] = []
    for row in sorted(range(len(table)), key=lambda row: (_RANK[splits[row]], row)):
        other = first.setdefault(digests[row], row)
        if other != row:
            same = f"the same {noun} as {_where(*places[other])}"
            parts, labels = (splits[row], splits[other]), (names[row], names[other])
            differ = answers[row] != answers[other]
            findings += _copy(places[row], same, parts, labels, differ, f"identical {noun}s")
    return findings


def _named_answers(table: Table) -> tuple[list[str], list[str]]:
    """How the answer of every row is called, and the whole of it, by which it is compared."""
    if table.content != "boxes":
        names = ["|".join(labels) or "no label" for labels in table.labels]
        return names, names
    counts = [len(labels) for labels in table.labels]
    names = [counted(count, "box") if count else "no box" for count in counts]
    return names, ["|".join(sorted(str(target).split("|"))) for target in table.targets]


def _copy(
    place: Place, same: str, splits: tuple[str, str], names: tuple[str, str], differ: bool, kind: str
) -> Iterator[Problem]:
    if splits[0] != splits[1]:
        yield _problem(
            place, "overlap of splits", f"{same}: it is in {splits[0]} and {splits[1]}", error=False
        )
    if differ:
        others = names[1] if names[0] != names[1] else f"{names[1]} that differ"
        message = f"{same}, but {names[0]} here and {others} there"
        yield _problem(place, f"{kind} with different labels", message, error=False)
    elif splits[0] == splits[1]:
        yield _problem(place, kind, same, error=False)


def _problem(place: Place, kind: str, message: str, error: bool = True) -> Problem:
    return Problem(kind, place[0], message, place[1], error)


def _where(file: str, line: int | None) -> str:
    return file if line is None else f"{file}, row {line}"

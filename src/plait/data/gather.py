"""Files to a checked, divided Table: the way every command begins."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from plait.data.box_checks import check_boxes
from plait.data.checks import check
from plait.data.cuts import cut
from plait.data.line_checks import check_lines
from plait.data.options import (
    BoxDataOptions,
    DataOptions,
    LineDataOptions,
    PictureDataOptions,
    SentenceDataOptions,
    SoundDataOptions,
    SpeechDataOptions,
    StreamDataOptions,
)
from plait.data.readers import read_table
from plait.data.sentence_checks import check_sentences
from plait.data.sound_checks import check_recordings
from plait.data.splits import split
from plait.data.stream_checks import check_streams, measures
from plait.data.table import Table
from plait.data.text_checks import check_texts
from plait.errors import DataError, Problem, counted

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Gathered:
    """A Table of usable rows, and what was found on the way.

    ``errors`` are what cannot be used (rows already left out of ``table``), ``findings`` what should be known,
    ``sizes`` (examples, 2) heights and widths in pixels, or (examples, 1) characters of texts, tokens of sentences,
    milliseconds of recordings;
    ``digests`` the SHA-256 of every input, ``grey`` whether no picture has color.
    """

    table: Table
    errors: list[Problem]
    findings: list[Problem]
    sizes: np.ndarray
    digests: list[str]
    grey: bool

    def part(self, *names: str) -> "Gathered":
        """The rows of a split ("train", "validation", "test", "" of those not divided yet), or of several."""
        return self.take(np.flatnonzero(self.table.frame["split"].isin(names).to_numpy()))

    def take(self, chosen: np.ndarray) -> "Gathered":
        """These rows alone."""
        return replace(
            self,
            table=self.table.take(chosen),
            sizes=self.sizes[chosen],
            digests=[self.digests[row] for row in chosen],
        )

    def without(self, faults: dict[int, Problem]) -> "Gathered":
        """The rows that have no fault; what the others have is among the errors."""
        kept = np.array([row for row in range(len(self.table)) if row not in faults], np.int64)
        return replace(self.take(kept), errors=[*self.errors, *faults.values()])

    @property
    def fingerprint(self) -> str:
        """Changes when any picture, target, split or the order of rows does."""
        digest = hashlib.sha256()
        frame = self.table.frame
        for picture, target, part in zip(self.digests, frame["target"], frame["split"], strict=True):
            digest.update(repr((picture, target, part)).encode())
        return digest.hexdigest()

    def overlap(self) -> dict[str, int]:
        """Examples of the validation and the test part whose picture is also in training."""
        train = set(self.part("train").digests)
        return {
            name: sum(digest in train for digest in self.part(name).digests)
            for name in ("validation", "test")
        }


def look(
    source: str,
    options: DataOptions,
    format: str | None = None,
    labels_required: bool = True,
    progress: Progress | None = None,
    training: bool = True,
) -> Gathered:
    """Reads and checks everything once and refuses nothing; raises DataError only where there is no data at all.

    Without ``training`` the data may have a single class, or a class with a single example.
    """
    table = read_table(source, options, format, labels_required=labels_required)
    if isinstance(options, PictureDataOptions):
        checked = check(table, max_pixels=options.max_pixels, progress=progress, training=training)
    elif isinstance(options, BoxDataOptions):
        checked = check_boxes(table, options, progress, training)
    elif isinstance(options, SentenceDataOptions):
        checked = check_sentences(table, training)
    elif isinstance(options, StreamDataOptions):
        checked = check_streams(table, training)
    elif isinstance(options, LineDataOptions):
        checked = check_lines(table, options, progress, training)
    elif isinstance(options, SoundDataOptions | SpeechDataOptions):
        checked = check_recordings(table, options, progress, training)
    else:
        checked = check_texts(table, training)
    return Gathered(
        checked.table, checked.errors, checked.findings, checked.sizes, checked.digests, checked.grey
    )


def gather(
    source: str,
    options: DataOptions,
    seed: int,
    format: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Gathered:
    """``look``, then a DataError listing everything that cannot be used (unless ``skip_bad``), then the split."""
    found = look(source, options, format, progress=progress)
    refuse(found, skip_bad)
    if isinstance(options, StreamDataOptions):
        table = cut(found.table, options.validation, options.test)
        sizes, digests = measures(table)
        return replace(found, table=table, sizes=sizes, digests=digests)
    table = split(found.table, _units(found), options.validation, options.test, seed)
    if "validation" not in table.splits:
        raise DataError(
            f"{source}: {counted(len(table), 'usable example')}, and none can be set aside for validation (copies of "
            "one, and what belongs to one group, stay together): bring more that differ, or a validation part"
        )
    return replace(found, table=table)


def _units(found: Gathered) -> list[str]:
    """What must not be parted: copies of an input. Not so sentences of documents, where "Yes." joins them all."""
    if found.table.content != "sentences":
        return found.digests
    return [
        digest if group is None else hashlib.sha256(f"{digest} {group}".encode()).hexdigest()
        for digest, group in zip(found.digests, found.table.frame["group"], strict=True)
    ]


def refuse(found: Gathered, skip_bad: bool) -> None:
    """Raises DataError listing all errors, unless they are to be skipped and something is left."""
    if found.errors and not skip_bad:
        raise DataError(
            f"{found.table.source}: {counted(len(found.errors), 'problem')} must be mended first "
            "(--skip-bad leaves these out; nothing was changed):",
            found.errors,
        )
    if len(found.table) == 0:
        raise DataError(f"{found.table.source}: no usable example is left:", found.errors)

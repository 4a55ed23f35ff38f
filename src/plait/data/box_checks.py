"""Looks at every picture and its boxes once; lists what cannot be used (errors) and what should be known (findings)."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from plait.data.checks import Checked, Seen, copies, look_at_all
from plait.data.options import BoxDataOptions
from plait.data.table import Place, Table
from plait.errors import Problem
from plait.inference.boxes import Annotation, Box
from plait.inference.picture_file import PictureError, orientation

NEAR = 1.0
"""Pixels that a box may reach over the edge by rounding, or by counting pixels from 1."""

Size = tuple[int, int]
"""Height and width."""


def check_boxes(
    table: Table,
    options: BoxDataOptions,
    progress: Callable[[int, int], None] | None = None,
    training: bool = True,
) -> Checked:
    """Decodes every picture; its boxes become pixels of it as it is seen, cut off at its edges.

    A picture that is unreadable, unmarked (as ``options`` say) or of another size than its file says is left out; of
    boxes that are none only these are, and their picture stays. With ``training`` a class that the training part
    lacks is an error wherever else it is. ``sizes`` (rows, 2) are heights and widths. Raises nothing.

    A picture with an EXIF rotation may have been marked as it is held or as it is seen. By quarter turns its size tells
    which; where that is no help (other rotations, squares, no size) boxes are taken as those of what is seen.
    """
    seen = look_at_all(table, options.max_pixels, None, progress)
    checking = _Checking(table.problems, options.unannotated)
    targets = [
        checking.picture(str(path), target, one, place)
        for path, target, one, place in zip(
            table.frame["input"], table.frame["target"], seen, table.places, strict=True
        )
    ]
    usable = [row for row, target in enumerate(targets) if target is not None]
    table, seen = table.with_column("target", targets).take(usable), [seen[row] for row in usable]
    if training:
        table = checking.classes(table)
    return _checked(table, seen[: len(table)], checking)


def _checked(table: Table, seen: list[Seen], checking: "_Checking") -> Checked:
    doubts = [
        Problem("wrong suffix", file, one.doubt, row, error=False)
        for (file, row), one in zip(table.places, seen, strict=True)
        if one.doubt
    ]
    digests = [one.digest for one in seen]
    findings = [*checking.findings, *doubts, *copies(table, digests, "picture")]
    sizes = np.array([one.size for one in seen], np.int64).reshape(len(seen), 2)
    grey = bool(seen) and all(one.grey for one in seen)
    return Checked(table, checking.errors, findings, sizes, digests, grey)


class _Checking:
    """Errors and findings while pictures are looked at."""

    def __init__(self, problems: Iterable[Problem], unannotated: str) -> None:
        self.unannotated = unannotated
        self.errors = [problem for problem in problems if problem.error]
        self.findings = [problem for problem in problems if not problem.error]

    def picture(self, path: str, target: object, seen: Seen, place: Place) -> Annotation | None:
        """What is marked in one picture, in pixels; None where it is left out."""
        if seen.fault is not None:
            self._error(place, seen.fault.kind, seen.fault.message)
            return None
        if not isinstance(target, Annotation):
            return self._unannotated(place, seen)
        file = target.file or place[0]
        if not target.boxes:
            self._finding((file, None), "no boxes", f"nothing is marked in {Path(path).name}")
        boxes = self._in_pixels(path, target, seen.size, file)
        if boxes is None:
            return None
        where = f"{Path(path).name} of {_sides(seen.size)} pixels"
        kept = tuple(self._whole(boxes, seen.size, file, where))
        return Annotation(kept, seen.size, file=file)

    def classes(self, table: Table) -> Table:
        """The table without boxes of what is not learnt; without any row where that is everything."""
        targets, splits = _annotations(table), table.splits
        train = [target for target, split in zip(targets, splits, strict=True) if split in ("", "train")]
        known = {box.label for target in train for box in target.boxes if not box.ignored}
        if train and not known:
            message = (
                "training needs at least one usable box, not marked as difficult or a crowd, and none is left"
            )
            self._error((table.source, None), "too few classes", message)
            return table.take([])
        if not train:
            return table
        rows = zip(targets, splits, table.places, strict=True)
        return table.with_column("target", [self._known(*row, known) for row in rows])

    def _unannotated(self, place: Place, seen: Seen) -> Annotation | None:
        if self.unannotated == "background":
            message = (
                "nothing marks it: taken for a picture without any object (data.unannotated: background)"
            )
            self._finding(place, "not annotated", message)
            return Annotation((), seen.size)
        message = (
            "nothing marks it: mark it, put it away, or say data.unannotated=background if it holds no object"
        )
        self._error(place, "not annotated", message)
        return None

    def _in_pixels(self, path: str, target: Annotation, seen: Size, file: str) -> list[Box] | None:
        """Boxes in pixels of the picture as it is seen; None where it is not the one that was marked."""
        held = target.size or seen
        boxes = [_times(box, held) for box in target.boxes] if target.relative else list(target.boxes)
        if held == seen:
            return boxes
        turn = _orientation(path)
        if held == seen[::-1] and turn >= 5:
            message = f"{Path(path).name} was marked as held, {_sides(held)} pixels: turned to {_sides(seen)}"
            self._finding((file, None), "turned", message)
            return [_turned(box, turn, seen) for box in boxes]
        message = (
            f"{Path(path).name} has {_sides(seen)} pixels (width x height), and {_sides(held)} are written here: "
            "it was resized, or is another picture"
        )
        self._error((file, None), "size differs", message)
        return None

    def _whole(self, boxes: list[Box], size: Size, file: str, where: str) -> Iterator[Box]:
        """Boxes that can be learnt, each once, cut off at the picture's edges."""
        before = set()
        for box in boxes:
            place = file, box.row
            if fault := _fault(box, size):
                self._error(place, fault[0], f"{box.told} in {where}: {fault[1]}")
                continue
            inside = _clipped(box, size)
            if max(abs(one - other) for one, other in zip(box.edges, inside.edges, strict=True)) > NEAR:
                self._finding(
                    place, "box over the edge", f"{box.told} in {where}: what is outside is cut off"
                )
            if (inside.label, inside.edges) in before:
                self._finding(place, "duplicate box", f"{box.told} in {where} is there already: left out")
                continue
            before.add((inside.label, inside.edges))
            yield inside

    def _known(self, target: Annotation, split: str, place: Place, known: set[str]) -> Annotation:
        """Without the boxes of classes that are not ``known``."""
        kept = []
        for box in target.boxes:
            if box.label in known:
                kept.append(box)
                continue
            at = (target.file or place[0], box.row)
            message = (
                f"{box.told} in {Path(place[0]).name}: the training part has no usable box of {box.label!r}"
            )
            if box.ignored:
                self._finding(at, "ignored class", f"{message}, so this one, not counted anyhow, is left out")
            else:
                self._error(at, "unknown class", f"{message}: mark some, or remove this one of {split}")
        return replace(target, boxes=tuple(kept))

    def _error(self, place: Place, kind: str, message: str) -> None:
        self.errors.append(Problem(kind, place[0], message, place[1]))

    def _finding(self, place: Place, kind: str, message: str) -> None:
        self.findings.append(Problem(kind, place[0], message, place[1], error=False))


def _annotations(table: Table) -> list[Annotation]:
    return [target for target in table.targets if isinstance(target, Annotation)]


def _fault(box: Box, size: Size) -> tuple[str, str] | None:
    """Why a box cannot be learnt, as a kind and a message."""
    height, width = size
    if not all(map(math.isfinite, box.edges)):
        return "box not a number", "expected left, top, right and bottom as numbers"
    if box.right < box.left or box.bottom < box.top:
        return "box inverted", "its right edge must be right of the left one, and its bottom below its top"
    if box.right == box.left or box.bottom == box.top:
        return "box of no area", "it is no pixel wide or high: remove or mend it"
    if box.left >= width or box.top >= height or box.right <= 0 or box.bottom <= 0:
        return "box outside", "it lies wholly beside the picture"
    return None


def _clipped(box: Box, size: Size) -> Box:
    height, width = size
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, float(width)), min(box.bottom, float(height))
    return replace(box, left=left, top=top, right=right, bottom=bottom)


def _times(box: Box, size: Size) -> Box:
    """Shares of a picture's sides to its pixels."""
    height, width = size
    left, right = box.left * width, box.right * width
    return replace(box, left=left, top=box.top * height, right=right, bottom=box.bottom * height)


def _turned(box: Box, orientation: int, seen: Size) -> Box:
    """A box of a picture as it is held to one of it as it is ``seen``; EXIF 2.32, tag 274."""
    (left, top, right, bottom), (height, width) = box.edges, seen
    if orientation >= 5:
        left, top, right, bottom = top, left, bottom, right
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    return replace(box, left=left, top=top, right=right, bottom=bottom)


def _orientation(path: str) -> int:
    try:
        return orientation(path)
    except PictureError:  # it was there a moment ago
        return 1


def _sides(size: Size) -> str:
    return f"{size[1]} x {size[0]}"

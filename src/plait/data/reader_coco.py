"""COCO: one JSON file that lists pictures, classes and boxes; one for every part where the data is divided."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plait.data.box_reading import (
    DEEP,
    BoxReading,
    class_name,
    find_picture,
    flag,
    number,
    picture_folders,
    size_of,
)
from plait.data.cells import RowError, text
from plait.data.options import BoxDataOptions
from plait.data.reader_text_folders import shown, within
from plait.data.splitwords import split_in, split_of
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.inference.boxes import Annotation, Box

NAME = "coco"
LAYOUT = (
    "COCO: DATA/annotations/instances_train.json (and _val, _test) with the keys images, annotations and categories, "
    "pictures in DATA/images or DATA/train; or folders train, valid, test with a JSON file beside the pictures"
)
KEYS = ("images", "annotations", "categories")
MAIN = "instances"
"""In the name of a file of boxes, beside others of the same pictures: captions, key points."""
MANY = 100
"""More JSON files in a folder are of single pictures, as of other formats."""
_HEAD = 65_536
_LISTS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a JSON file that begins as COCO does, or a folder within which one lies."""
    if source.is_file():
        return _begins_as_coco(source)
    return source.is_dir() and any(True for _ in _files(source))


def read(source: Path, labels_required: bool, options: BoxDataOptions) -> Table:
    """Every picture that is listed; a box that is none is a problem. Raises DataError where a file is no COCO."""
    paths = [source] if source.is_file() else list(_files(source))
    if not paths:
        raise DataError(f"{source} holds no JSON file of COCO; accepted is {LAYOUT}")
    reading = _Reading()
    for path, split, content in reading.chosen(source, paths):
        reading.file(source, path, split, content)
    reading.unlisted(named=source.is_file())
    return reading.table(source, NAME)


@dataclass
class _Listed:
    """A picture that a file lists, and what it marks in it."""

    name: str
    size: tuple[int, int] | None
    path: Path
    boxes: list[Box] = field(default_factory=list)


class _Reading(BoxReading):
    """Rows and problems while files are read."""

    def chosen(self, source: Path, paths: list[Path]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
        """The files of boxes with the part that each is of; the rest is told."""
        main = [path for path in paths if MAIN in path.stem.lower()] or paths
        contents = {path: _content(path) for path in main}
        boxed = [path for path in main if _has_boxes(contents[path])]
        if not boxed:
            raise DataError(f"{', '.join(map(str, main))}: no bbox in annotations, or no list of categories")
        for path in paths:
            if path not in boxed:
                self.finding("passed over", path, f"{' and '.join(map(str, boxed))} hold the boxes")
        splits = {path: _split(source, path) if len(boxed) > 1 else "" for path in boxed}
        if len(boxed) > 1 and (not all(splits.values()) or len(set(splits.values())) < len(boxed)):
            raise DataError(
                f"{source} holds {len(boxed)} JSON files of COCO ({', '.join(map(str, boxed))}), whose names do not "
                "each say another part (train, val, test): name the one to read"
            )
        for path in boxed:
            yield path, splits[path], contents[path]

    def file(self, source: Path, path: Path, split: str, content: dict[str, Any]) -> None:
        classes = self._classes(path, content)
        above = [source] if source.is_dir() else [path.parent]
        above += [path.parent.parent] if path.parent.name.lower() == "annotations" else []
        folders = picture_folders(path.parent, above, path.stem, split)
        pictures = self._pictures(path, content, folders)
        for place, entry in enumerate(content["annotations"], start=1):
            self._annotation(path, place, entry, pictures, classes)
        for picture in pictures.values():
            if picture is not None:
                marked = Annotation(tuple(picture.boxes), picture.size, file=str(path))
                self.listed(picture.path, Row(str(picture.path), marked, split, str(path)))

    def _classes(self, path: Path, content: dict[str, Any]) -> dict[str, str | None]:
        """Classes by their numbers; None for one that is not clear, which is a problem."""
        classes: dict[str, str | None] = {}
        for place, entry in enumerate(content["categories"], start=1):
            where = f"entry {place} of categories"
            try:
                key, name = _key(entry, "id", where), class_name(_of(entry, "name", where))
            except RowError as error:
                self.fault(error.kind, path, f"{where}: {error.message}")
                continue
            if key in classes:
                message = (
                    f"the category id {key} is given to {classes[key]!r} and to {name!r}: give each its own"
                )
                self.fault("duplicate id", path, message)
            classes[key] = name if classes.get(key, name) == name else None
        return classes

    def _pictures(
        self, path: Path, content: dict[str, Any], folders: list[Path]
    ) -> dict[str, _Listed | None]:
        """Pictures by their numbers; None for one that cannot be used, which is a problem."""
        pictures: dict[str, _Listed | None] = {}
        here: set[Path] = set()
        for place, entry in enumerate(content["images"], start=1):
            where = f"entry {place} of images"
            try:
                key = _key(entry, "id", where)
                double = key in pictures
                pictures[key] = None
                listed = _listed(entry, where, folders)
                if double:
                    raise RowError(
                        "duplicate id", f"the image id {key} of {listed.name} is given to another too"
                    )
                if listed.path in here:
                    raise RowError("marked twice", f"{listed.name} is listed already: give it one id")
                here.add(listed.path)
                pictures[key] = listed
            except RowError as error:
                self.fault(error.kind, path, f"{where}: {error.message}")
        self.seen |= here
        return pictures

    def _annotation(
        self,
        path: Path,
        place: int,
        entry: object,
        pictures: dict[str, _Listed | None],
        classes: dict[str, str | None],
    ) -> None:
        given = text(entry.get("id"))[:40] if isinstance(entry, dict) else ""
        name = called = f"annotation {given}" if given else f"entry {place} of annotations"
        try:
            key = _key(entry, "image_id", name)
            if key not in pictures:
                raise RowError("unknown picture", f"its image_id {key} is none of images")
            picture = pictures[key]
            if picture is None:
                return
            name = f"{name} of {picture.name}"
            picture.boxes.append(_box(entry, called, classes))
        except RowError as error:
            self.fault(error.kind, path, f"{name}: {error.message}")


def _box(entry: object, where: str, classes: dict[str, str | None]) -> Box:
    key = _key(entry, "category_id", where)
    label = classes.get(key)
    if label is None:
        raise RowError("unknown category", f"its category_id {key} is none of categories, or one of two")
    sides = _of(entry, "bbox", where)
    if sides is None:
        raise RowError("box incomplete", "it has no bbox")
    if not isinstance(sides, list) or len(sides) != 4:
        raise RowError("box incomplete", f"its bbox is {text(sides)[:60]!r}: expected [x, y, width, height]")
    names = ("x", "y", "width", "height")
    left, top, width, height = (
        number(side, f"{name} of its bbox") for side, name in zip(sides, names, strict=True)
    )
    crowd = flag(_of(entry, "iscrowd", where), "iscrowd")
    written = f"{where}, {label} {json.dumps(sides)},"
    return Box(label, left, top, left + width, top + height, crowd=crowd, written=written)


def _listed(entry: object, where: str, folders: list[Path]) -> _Listed:
    name = _of(entry, "file_name", where)
    if not isinstance(name, str) or not name.strip():
        raise RowError("picture missing", f"file_name is {text(name)[:40]!r}: expected the name of a picture")
    size = size_of(_of(entry, "height", where), _of(entry, "width", where))
    found = find_picture(name, folders)
    if found is None:
        raise RowError("picture missing", f"{name[:200]} is in none of {', '.join(map(str, folders))}")
    return _Listed(name, size, found)


def _of(entry: object, name: str, where: str) -> object:
    if not isinstance(entry, dict):
        raise RowError("unreadable", f"{where} is {type(entry).__name__}: expected an object")
    return entry.get(name)


def _key(entry: object, name: str, where: str) -> str:
    """An id; 7, 7.0 and "7" are one, as some programs write the ids of one list so and of another so."""
    found = _of(entry, name, where)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int | str) or isinstance(found, bool):
        raise RowError("unreadable", f"its {name} is {text(found)[:40]!r}: expected a number")
    return str(found)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    keys = sorted(map(str, content)) if isinstance(content, dict) else []
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        found = f"the keys {', '.join(keys[:20])}" if keys else type(content).__name__
        raise DataError(f"{path} holds {found}: expected COCO with the lists {', '.join(KEYS)}")
    return content


def _has_boxes(content: dict[str, Any]) -> bool:
    """Whether all lists are there, and anything has a box, or nothing is marked at all."""
    if not all(isinstance(content.get(key), list) for key in KEYS):
        return False
    entries = content["annotations"]
    return not entries or any(isinstance(entry, dict) and "bbox" in entry for entry in entries)


def _split(source: Path, path: Path) -> str:
    """The part that a file's name says, or else the folders that it lies in."""
    folders = (split_of(part) or split_in(part) for part in reversed(path.relative_to(source).parts[:-1]))
    return split_in(path.stem) or next((part for part in folders if part), "")


def _files(source: Path) -> Iterator[Path]:
    for folder in within(source, DEEP):
        found = [path for path in shown(folder) if path.suffix.lower() == ".json" and path.is_file()]
        yield from (path for path in found if len(found) <= MANY and _begins_as_coco(path))


def _begins_as_coco(path: Path) -> bool:
    """Whether its beginning has the lists of COCO: all of them where that is the whole file."""
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    found = set(_LISTS.findall(head))
    whole = len(head) < _HEAD
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and len(found) >= (len(KEYS) if whole else 1)

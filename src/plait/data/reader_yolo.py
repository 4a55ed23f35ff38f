"""YOLO: a text file a picture with a line for every box, and data.yaml (or classes.txt) that names the classes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from plait.data.box_reading import BoxReading, class_name, find_picture, number, pictures_in
from plait.data.cells import RowError, text
from plait.data.options import BoxDataOptions
from plait.data.reader_text_folders import shown, within
from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.inference.boxes import Annotation, Box
from plait.inference.text_file import TextError, read_text

NAME = "yolo"
LAYOUT = (
    "YOLO: DATA/data.yaml with names, train and val, pictures in DATA/images/train/x.jpg, boxes in "
    "DATA/labels/train/x.txt (or DATA/train/images and DATA/train/labels); or images, labels and classes.txt"
)
SUFFIXES = (".yaml", ".yml")
CLASSES = "classes.txt"
LARGEST = 200_000
"""Bytes of a YAML file that is read."""
DEEPEST = 5
"""Folders within a folder of pictures."""
_KEY = r'(?m)(?:^|[{{,])\s*["\']?(?:{})["\']?\s*:'
_NAMES, _PARTS = re.compile(_KEY.format("names")), re.compile(_KEY.format("train|val|valid|test"))


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a YAML file with classes and parts, or a folder with one, or with a list of classes."""
    if source.is_file():
        return _is_data_file(source)
    return source.is_dir() and (bool(_data_files(source)) or _class_list(source) is not None)


def read(source: Path, labels_required: bool, options: BoxDataOptions) -> Table:
    """Every picture of every part; a line that is no box is a problem. Raises DataError for a bad YAML file."""
    files = [source] if source.is_file() else _data_files(source)
    if len(files) > 1:
        raise DataError(
            f"{source} holds {len(files)} files of YOLO ({', '.join(map(str, files))}): name the one to read"
        )
    listed = None if files else _class_list(source)
    if not files and listed is None:
        raise DataError(f"{source} holds no YAML file with names and train; accepted is {LAYOUT}")
    reading = _Reading(options.encoding)
    if listed is not None:
        reading.beside_classes(source, listed)
    else:
        reading.data_file(files[0])
    return reading.table(source, NAME)


@dataclass(frozen=True)
class _Described:
    """What a YAML file says: its classes by number, and for every part where the pictures are."""

    classes: dict[int, str]
    parts: dict[str, list[str]]
    root: str


class _Reading(BoxReading):
    """Rows and problems while files are read."""

    def __init__(self, encoding: str | None) -> None:
        super().__init__()
        self.encoding = encoding
        self.classes: dict[int, str] = {}
        self.folders: dict[Path, Path] = {}
        """Where the labels of each folder of pictures are, if not beside them."""

    def data_file(self, path: Path) -> None:
        """All parts that a YAML file names."""
        described = _described(path)
        self._name(path, described.classes)
        for split, entries in described.parts.items():
            seen: set[Path] = set()
            for entry in entries:
                place = self._place(path, described.root, entry)
                for picture in self._listing(path, place) if place.is_file() else _pictures(place):
                    if picture in seen:
                        self.finding("listed twice", path, f"{picture} is in {split} twice: taken once")
                    else:
                        self._picture(picture, split)
                    seen.add(picture)
        self._orphans()

    def beside_classes(self, source: Path, listed: Path) -> None:
        """images, labels and classes.txt, or all in one folder; folders of these names are parts."""
        lines = enumerate(self._lines(listed) or [])
        self._name(listed, {place: class_name(line) for place, line in lines if line.strip()})
        folder = source / "images" if (source / "images").is_dir() else source
        for picture in _pictures(folder):
            parts = (split_of(part) for part in picture.relative_to(folder).parts[:-1])
            self._picture(picture, next((part for part in parts if part), ""))
        self._orphans()

    def _name(self, path: Path, classes: dict[int, str]) -> None:
        self.classes = classes
        for name, count in Counter(classes.values()).items():
            if count > 1:
                self.finding("class named twice", path, f"{count} numbers are {name!r}: taken for one class")

    def _place(self, file: Path, root: str, entry: str) -> Path:
        """The folder or list that an entry names, from ``root`` if that is there, or from the file's own folder.

        Roboflow writes ../train/images of a folder beside the file. Raises DataError where nothing or two are there.
        """
        here, inner = file.parent, re.sub(r"^(\.\./)+", "", entry)
        asked = list(dict.fromkeys((here / root / entry, here / entry, here / inner)))
        found = {place.resolve(): place for place in reversed(asked) if place.is_dir() or _is_list(place)}
        places = list(found.values())
        if not places:
            raise DataError(f"{file}: there is no {' and no '.join(map(str, asked))}: mend {entry}, or path")
        said = [place for place in places if place == asked[0]]
        if len(places) > 1 and (not said or entry.startswith("../")):
            raise DataError(f"{file}: {entry} may be {' or '.join(map(str, places))}: name it in full")
        if not said:
            self.finding("other folder", file, f"{asked[0]} is not there: {entry} is read as {places[0]}")
        return (said or places)[0]

    def _listing(self, file: Path, listing: Path) -> Iterator[Path]:
        """Pictures that a text file names, from its own folder or that of the YAML file."""
        for row, line in enumerate(self._lines(listing) or [], start=1):
            if not line.strip():
                continue
            found = find_picture(line, (listing.parent, file.parent))
            if found is None:
                message = f"{line.strip()} is not in {listing.parent} or {file.parent}"
                self.fault("picture missing", listing, message, row)
            else:
                yield found

    def _picture(self, path: Path, split: str) -> None:
        label = _label_of(path)
        if label.parent != path.parent:
            self.folders[path.parent] = label.parent
        if not label.is_file():
            label = path.with_suffix(".txt")
        if not label.is_file():
            self.rows.append(Row(str(path), None, split, str(path)))
        elif (lines := self._lines(label)) is not None:
            marked = Annotation(tuple(self._boxes(label, lines)), relative=True, file=str(label))
            self.rows.append(Row(str(path), marked, split, str(label)))

    def _boxes(self, path: Path, lines: list[str]) -> Iterator[Box]:
        for row, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    yield _box(line.split(), row, self.classes)
            except RowError as error:
                self.fault(error.kind, path, error.message, row)

    def _orphans(self) -> None:
        """Files of labels whose picture is not there."""
        for folder, labels in self.folders.items():
            stems = {path.stem for path in pictures_in(folder)}
            for path in shown(labels):
                if path.suffix.lower() == ".txt" and path.name != CLASSES and path.stem not in stems:
                    self.fault("picture missing", path, f"there is no picture {path.stem} in {folder}")

    def _lines(self, path: Path) -> list[str] | None:
        """A text file's lines; None where it cannot be read, which is a problem."""
        try:
            return read_text(path, self.encoding).text.split("\n")
        except TextError as error:
            self.fault(error.kind, path, error.message, error.row)
            return None


def _box(words: list[str], row: int, classes: dict[int, str]) -> Box:
    """Of a class and center x, center y, width, height; or of a class and the corners of an outline."""
    number_of = number(words[0], "the class")
    label = classes.get(int(number_of)) if number_of.is_integer() else None
    if label is None:
        raise RowError("unknown class number", f"{words[0][:40]} has no name: known are {_range(classes)}")
    values = [number(word, f"value {place}") for place, word in enumerate(words[1:], start=2)]
    if len(values) == 4:
        x, y, width, height = values
        return Box(label, x - width / 2, y - height / 2, x + width / 2, y + height / 2, row=row)
    if len(values) < 6 or len(values) % 2:
        message = f"{len(words)} values: expected a class and x, y, width, height, or three points and more"
        raise RowError("box incomplete", message)
    return Box(label, min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]), row=row)


def _range(classes: dict[int, str]) -> str:
    return f"{min(classes)} to {max(classes)}" if classes else "none"


def _label_of(picture: Path) -> Path:
    """images/train/x.jpg is marked by labels/train/x.txt: the last of its folders that is named images counts."""
    parts = list(picture.parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _pictures(folder: Path) -> list[Path]:
    return [path for inner in within(folder, DEEPEST) for path in pictures_in(inner)]


def _is_list(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and path.is_file()


def _class_list(source: Path) -> Path | None:
    """The list of classes in a folder, or in its labels, where that has boxes too."""
    listed = next((path for path in (source / CLASSES, source / "labels" / CLASSES) if path.is_file()), None)
    if listed is None or all((source / name).is_dir() for name in ("images", "labels")):
        return listed
    texts = {path.stem for path in shown(source) if path.suffix.lower() == ".txt"}
    return listed if any(path.stem in texts for path in pictures_in(source)) else None


def _data_files(source: Path) -> list[Path]:
    return [path for path in shown(source) if path.is_file() and _is_data_file(path)]


def _is_data_file(path: Path) -> bool:
    """Whether a YAML file seems to name classes and parts; it is not parsed yet."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return False
    return bool(_NAMES.search(found) and _PARTS.search(found))


def _described(path: Path) -> _Described:
    content = _parsed(path)
    if "kpt_shape" in content:
        raise DataError(f"{path} is of key points (kpt_shape), and only boxes are read")
    classes = _class_names(path, content.get("names"))
    count = content.get("nc")
    if count is not None and count != len(classes):
        raise DataError(
            f"{path}: nc is {text(count)[:40]}, and names has {len(classes)} classes: mend one of them"
        )
    root = content.get("path")
    if root is not None and not isinstance(root, str):
        raise DataError(f"{path}: path is {text(root)[:40]!r}: expected a folder")
    parts: dict[str, list[str]] = {}
    for key, value in content.items():
        if (split := split_of(str(key))) and value:
            parts.setdefault(split, []).extend(_entries(path, str(key), value))
    if not parts:
        raise DataError(f"{path}: train, val and test name no folder of pictures")
    return _Described(classes, parts, root or "")


def _parsed(path: Path) -> dict[object, object]:
    try:
        content = path.read_bytes()
        if len(content) > LARGEST:
            raise DataError(f"{path} has {len(content):,} bytes: expected a short description of the data")
        # A few lines of references to references can stand for more than any memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, yaml.SafeLoader)):
            raise DataError(f"{path} refers to parts of itself (*name), which is not read: write them out")
        found = yaml.safe_load(content)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise DataError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds {type(found).__name__}: expected names, train and val")
    return found


def _class_names(path: Path, names: object) -> dict[int, str]:
    pairs = list(enumerate(names)) if isinstance(names, list) else []
    pairs = list(names.items()) if isinstance(names, dict) else pairs
    if not pairs:
        raise DataError(
            f"{path}: names is {text(names)[:40]!r}: expected a list of classes, or numbers with classes"
        )
    classes: dict[int, str] = {}
    for key, name in pairs:
        if isinstance(key, bool) or not re.fullmatch("[0-9]{1,9}", str(key)):
            raise DataError(f"{path}: names has the key {text(key)[:40]!r}: expected a number from 0")
        # YAML takes no and 1.10 for other things than words.
        if isinstance(name, bool) or not isinstance(name, str | int) or not text(name):
            raise DataError(
                f"{path}: class {key} of names is {text(name)[:40]!r}: expected a word, in quotes"
            )
        classes[int(key)] = class_name(name)
    return classes


def _entries(path: Path, key: str, value: object) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    found: list[str] = []
    for entry in entries:
        if not isinstance(entry, str) or not entry.strip():
            raise DataError(
                f"{path}: {key} is {text(entry)[:40]!r}: expected a folder, or a list of pictures (.txt)"
            )
        found.append(entry.strip().replace("\\", "/"))
    return found

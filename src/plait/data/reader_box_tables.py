"""Tables with a row a box: the picture, its class and four numbers; CSV, TSV, JSON lines, Parquet, Excel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plait.data.box_reading import (
    BoxReading,
    class_name,
    find_picture,
    flag,
    number,
    picture_folders,
    size_of,
)
from plait.data.cells import Cells, RowError, column, split_and_group, text
from plait.data.encodings import encoding_findings
from plait.data.options import BoxDataOptions
from plait.data.reader_text_folders import shown
from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.data.text_records import OPENERS, open_records, tables_in
from plait.errors import DataError, MissingExtraError
from plait.inference.boxes import Annotation, Box

NAME = "box table"
LAYOUT = (
    "a table (.csv, .tsv, .jsonl, .parquet or .xlsx) with a row a box and the columns image, label and xmin, ymin, "
    "xmax, ymax (or x, y, width, height), and if need be split and group; only image filled in: nothing is in it"
)
PICTURE = ("image", "picture", "image_path", "image_name", "filename", "file_name", "file", "path", "img")
CLASS = ("label", "class", "class_name", "label_name", "category", "object", "name")
CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"),
    ("left", "top", "right", "bottom"),
    ("x1", "y1", "x2", "y2"),
)
SIDES = (
    ("x", "y", "width", "height"),
    ("x", "y", "w", "h"),
    ("left", "top", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
    ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
)
SIZES = (("image_height", "image_width"), ("img_height", "img_width"), ("height", "width"))
CROWD = ("crowd", "iscrowd")


@dataclass(frozen=True)
class _Columns:
    """Which column holds what."""

    picture: str
    label: str
    edges: tuple[str, ...]
    of_sides: bool
    size: tuple[str, str] | None
    crowd: str


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a table with the columns of boxes, or a folder with such tables."""
    return _is_table(source) if source.is_file() else bool(_tables(source))


def read(source: Path, labels_required: bool, options: BoxDataOptions) -> Table:
    """Every picture that a table names with all its boxes; a row that is no box is a problem."""
    tables = {source: ""} if source.is_file() else _tables(source)
    if not tables:
        raise DataError(
            f"{source} holds no table of boxes (or several that no part names); accepted is {LAYOUT}"
        )
    reading = _Reading(options)
    for path, split in tables.items():
        reading.file(source, path, split)
    reading.unlisted(named=source.is_file())
    return reading.table(source, NAME)


@dataclass
class _MarkedPicture:
    """A picture that a table names, and what every row of it must say as its first does."""

    path: Path
    row: int
    size: tuple[int, int] | None
    split: str
    group: str | None
    boxes: list[Box] = field(default_factory=list)


class _Reading(BoxReading):
    """Rows and problems while tables are read."""

    def __init__(self, options: BoxDataOptions) -> None:
        super().__init__()
        self.options = options

    def file(self, source: Path, path: Path, split: str) -> None:
        header, records, encoding = open_records(path, self.options.encoding, self.problems)
        self.problems += encoding_findings(path, encoding, self.options.encoding)
        columns = _columns(header)
        if columns is None:
            raise DataError(
                f"{path} has the columns {', '.join(map(str, header))}: no row of it is a box; accepted is {LAYOUT}"
            )
        above = source if source.is_dir() else path.parent
        folders = picture_folders(path.parent, [path.parent, above], path.stem, split)
        places: dict[str, Path | None] = {}
        pictures: dict[Path, _MarkedPicture] = {}
        for line, cells in records:
            plain = {column(name): _filled(cell) for name, cell in cells.items()}
            try:
                found = self._found(text(plain.get(columns.picture)), columns, folders, places)
                if found is not None:
                    _mark(found, line, plain, columns, split, pictures)
            except RowError as error:
                self.fault(error.kind, path, error.message, line)
        self._add(path, list(pictures.values()))

    def _found(
        self, name: str, columns: _Columns, folders: Sequence[Path], places: dict[str, Path | None]
    ) -> Path | None:
        """Where the picture of a row lies; None where it is missing, which its first row tells by a RowError."""
        if not name:
            raise RowError("image missing", f"the column {columns.picture} is empty")
        if name not in places:
            places[name] = find_picture(name, folders)
            if (found := places[name]) is None:
                message = f"{name[:200]} is in none of {', '.join(map(str, folders))}"
                raise RowError("picture missing", message)
            self.seen.add(found)
        return places[name]

    def _add(self, path: Path, pictures: list[_MarkedPicture]) -> None:
        """The pictures of one table; numbers that are all from 0 to 1 are shares of their sides."""
        edges = [edge for picture in pictures for box in picture.boxes for edge in box.edges]
        relative = bool(edges) and all(0 <= edge <= 1 for edge in edges)
        if relative:
            message = "all numbers are from 0 to 1: taken as shares of the pictures' sides"
            self.finding("shares", path, message)
        for one in pictures:
            marked = Annotation(tuple(one.boxes), one.size, relative, str(path))
            self.listed(one.path, Row(str(one.path), marked, one.split, str(path), group=one.group))


def _mark(
    found: Path,
    line: int,
    cells: Cells,
    columns: _Columns,
    split: str,
    pictures: dict[Path, _MarkedPicture],
) -> None:
    """Adds what a row marks in the picture ``found``; raises RowError where it is no box, or differs from others."""
    part, group = split_and_group(cells, split)
    size = size_of(*(cells.get(side) for side in columns.size)) if columns.size else None
    picture = pictures.setdefault(found, _MarkedPicture(found, line, size, part, group))
    _agree(picture, size, part, group)
    if (box := _box(cells, columns, line)) is not None:
        picture.boxes.append(box)


def _agree(picture: _MarkedPicture, size: tuple[int, int] | None, split: str, group: str | None) -> None:
    """Raises RowError where a row says of a picture what its first row does not."""
    for name, first, here in (
        ("size", picture.size, size),
        ("split", picture.split, split),
        ("group", picture.group, group),
    ):
        if first != here:
            message = f"{name} is {here or 'not said'} here, and {first or 'not said'} in row {picture.row}"
            raise RowError("rows disagree", f"{message}: a picture has one {name}")


def _box(cells: Cells, columns: _Columns, line: int) -> Box | None:
    """The box of a row; None where only the picture is named. Raises RowError where something is missing."""
    written = [cells.get(name) for name in columns.edges]
    label = cells.get(columns.label)
    if not any(text(cell) for cell in [*written, label]):
        return None
    one, two, three, four = (
        number(cell, f"the column {name}") for cell, name in zip(written, columns.edges, strict=True)
    )
    right, bottom = (one + three, two + four) if columns.of_sides else (three, four)
    difficult = flag(cells.get("difficult"), "the column difficult")
    crowd = flag(cells.get(columns.crowd), f"the column {columns.crowd}")
    return Box(class_name(label), one, two, right, bottom, difficult, crowd, line)


def _columns(header: Sequence[object]) -> _Columns | None:
    """Which columns hold what, or None where these are not of boxes."""
    names = set(map(column, header))
    picture = next((name for name in PICTURE if name in names), None)
    label = next((name for name in CLASS if name in names), None)
    edges = next((found for found in (*CORNERS, *SIDES) if names.issuperset(found)), None)
    if picture is None or label is None or edges is None:
        return None
    of_boxes = {name for found in SIDES if names.issuperset(found) for name in found}
    size = next((pair for pair in SIZES if names.issuperset(pair) and not of_boxes & {*pair}), None)
    crowd = next((name for name in CROWD if name in names), CROWD[0])
    return _Columns(picture, label, edges, edges in SIDES, size, crowd)


def _filled(cell: object) -> object:
    """A cell, None where pandas wrote a gap."""
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _tables(source: Path) -> dict[Path, str]:
    """Tables in a folder and the part that each is of; or one in each of the folders train, valid and test."""
    if found := tables_in(source, _is_table):
        return found
    if not source.is_dir():
        return {}
    named = {path: split for path in shown(source) if path.is_dir() and (split := split_of(path.name))}
    inner = {path: tables_in(path, _is_table) for path in named}
    return {next(iter(tables)): named[path] for path, tables in inner.items() if len(tables) == 1}


def _is_table(path: Path) -> bool:
    if path.suffix.lower() not in OPENERS:
        return False
    try:
        return _columns(open_records(path, None, [])[0]) is not None
    except (DataError, MissingExtraError):
        return False

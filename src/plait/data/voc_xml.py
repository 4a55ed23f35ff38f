"""The XML file of one picture of Pascal VOC, read with the line of every object; nothing it names is ever opened."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from plait.data.box_reading import class_name, flag, number, size_of
from plait.data.cells import RowError
from plait.errors import Problem
from plait.inference.boxes import Annotation, Box
from plait.inference.text_file import TextError, read_bytes

ROOT = "annotation"
DEEPEST = 100
"""Elements within elements; VOC has five."""


class XmlError(Exception):
    """Why a file cannot be used, and the line."""

    def __init__(self, kind: str, message: str, row: int | None = None) -> None:
        self.kind, self.message, self.row = kind, message, row
        super().__init__(message)


@dataclass(frozen=True)
class VocFile:
    """What an XML file says: the name of its picture ("": none), the boxes, and the objects that are none."""

    picture: str
    annotation: Annotation
    problems: list[Problem]


def read_voc(path: Path) -> VocFile:
    """Opens the file of one picture; raises XmlError where it is no XML, or XML of another kind."""
    root = _parse(path)
    if root.tag != ROOT:
        raise XmlError("unreadable", f"its outermost element is <{root.tag}>: expected <{ROOT}>", root.line)
    boxes, problems = [], []
    for element in root.all("object"):
        try:
            boxes.append(_box(element))
        except RowError as error:
            problems.append(Problem(error.kind, str(path), error.message, element.line))
    size = root.first("size")
    sides = size_of(size.value("height"), size.value("width")) if size else None
    return VocFile(root.value("filename"), Annotation(tuple(boxes), sides, file=str(path)), problems)


@dataclass
class _Element:
    tag: str
    line: int
    children: list["_Element"] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list["_Element"]:
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> "_Element | None":
        return next(iter(self.all(tag)), None)

    def value(self, tag: str) -> str:
        found = self.first(tag)
        return found.text.strip() if found else ""


def _box(element: _Element) -> Box:
    corners = element.first("bndbox")
    if corners is None:
        raise RowError("box incomplete", "the object has no <bndbox>, and only boxes are read")
    left, top, right, bottom = (
        number(corners.value(tag), f"<{tag}>") for tag in ("xmin", "ymin", "xmax", "ymax")
    )
    difficult = flag(element.value("difficult"), "<difficult>")
    return Box(class_name(element.value("name")), left, top, right, bottom, difficult, row=element.line)


def _parse(path: Path) -> _Element:
    try:
        content = read_bytes(path)
    except TextError as error:
        raise XmlError(error.kind, error.message) from error
    building = _Building()
    try:
        building.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise XmlError("unreadable", f"this is no whole XML ({error})", error.lineno) from error
    except (ValueError, LookupError) as error:  # an encoding that expat does not know
        raise XmlError("unreadable", f"{error}: save the file as UTF-8") from error
    return building.outermost.children[0]


class _Building:
    """A tree of elements while they are read."""

    def __init__(self) -> None:
        self.outermost = _Element("", 0)
        self.open = [self.outermost]
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        """Entities, which a document type may declare, can grow without bound or name other files."""
        raise XmlError(
            "unreadable", "it declares a document type, which is not read: remove it", self._line()
        )

    def _start(self, tag: str, _: dict[str, str]) -> None:
        if len(self.open) > DEEPEST:
            raise XmlError("unreadable", f"more than {DEEPEST} elements within each other", self._line())
        element = _Element(tag, self._line())
        self.open[-1].children.append(element)
        self.open.append(element)

    def _end(self, _: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        self.open[-1].text += text

    def _line(self) -> int:
        return self.parser.CurrentLineNumber

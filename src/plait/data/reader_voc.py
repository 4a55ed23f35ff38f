"""Pascal VOC: an XML file a picture, with a box for every object; lists may divide the pictures."""

from dataclasses import dataclass
from pathlib import Path

from plait.data.box_reading import DEEP, BoxReading, pictures_in, stem_of
from plait.data.options import BoxDataOptions
from plait.data.reader_text_folders import shown, within
from plait.data.splitwords import split_of
from plait.data.table import Row, Table
from plait.data.voc_xml import ROOT, VocFile, XmlError, read_voc
from plait.errors import DataError
from plait.inference.text_file import TextError, read_text

NAME = "pascal voc"
LAYOUT = (
    "Pascal VOC: DATA/Annotations/x.xml and DATA/JPEGImages/x.jpg (lists DATA/ImageSets/Main/train.txt, val.txt, "
    "test.txt divide them), or x.xml beside x.jpg (folders train, valid, test divide them)"
)
ANNOTATIONS = "annotations"
PICTURES = ("jpegimages", "images", "image", "imgs", "img", "pictures")
"""Folders of pictures beside one of annotations, in any case."""
LISTS = ("ImageSets/Main", "ImageSets")
TRIED = 5
"""Files that are looked at to know a format."""


def fits(source: Path, labels_required: bool) -> bool:
    """Whether a folder Annotations holds XML files of VOC, or some lie beside pictures of their names."""
    return source.is_dir() and any(_marks(source, folder) for folder in within(source, DEEP))


def read(source: Path, labels_required: bool, options: BoxDataOptions) -> Table:
    """Every picture with its boxes; an object that is no box is a problem, and its picture stays."""
    marking = [folder for folder in within(source, DEEP) if _marks(source, folder)] if source.is_dir() else []
    if not marking:
        raise DataError(f"{source} holds no XML files of Pascal VOC; accepted is {LAYOUT}")
    roots: dict[Path, list[Path]] = {}
    for folder in marking:
        roots.setdefault(_root(source, folder), []).append(folder)
    reading = _Reading(source, options)
    for root, folders in roots.items():
        reading.root(root, folders)
    return reading.table(source, NAME)


@dataclass(frozen=True)
class _Listed:
    """Where a list names a picture."""

    split: str
    file: Path
    row: int


class _Pictures:
    """The pictures that a folder of XML files may mark."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self.by_name: dict[str, Path] = {}
        self.by_stem: dict[str, list[Path]] = {}
        for folder in folders:
            before = set(self.by_stem)
            for path in pictures_in(folder):
                self.by_name.setdefault(path.name, path)
                if path.stem not in before:
                    self.by_stem.setdefault(path.stem, []).append(path)

    def all(self) -> list[Path]:
        return [path for paths in self.by_stem.values() for path in paths]

    def of(self, xml: Path, name: str) -> list[Path]:
        """What ``xml`` may mark: the picture of the ``name`` it says, or those of its own; one where that is clear."""
        own = self.by_stem.get(xml.stem, [])
        named = self.by_name.get(name.replace("\\", "/").rpartition("/")[2])
        if named is None:
            return own
        return [named] if not own or named in own else [named, *own]


class _Reading(BoxReading):
    """Rows and problems while files are read."""

    def __init__(self, source: Path, options: BoxDataOptions) -> None:
        super().__init__()
        self.source = source
        self.options = options
        self.lists: dict[str, list[_Listed]] = {}
        self.marked: dict[Path, Path] = {}
        """The XML file of every picture that has one."""

    def root(self, root: Path, folders: list[Path]) -> None:
        """All that the lists of one folder divide."""
        self.lists = self._read_lists(root)
        pictures = {folder: _Pictures(_picture_folders(self.source, root, folder)) for folder in folders}
        xmls = {folder: _xmls(folder) for folder in folders}
        for folder in folders:
            for xml in xmls[folder]:
                self._xml(xml, pictures[folder], self._split_of_folder(folder))
        self._unmarked([path for one in pictures.values() for path in one.all()])
        known = {path.stem for paths in xmls.values() for path in paths}
        known |= {stem for one in pictures.values() for stem in one.by_stem}
        for stem, listed in self.lists.items():
            if stem not in known:
                self.fault("picture missing", listed[0].file, f"there is no picture {stem}", listed[0].row)

    def _xml(self, xml: Path, pictures: _Pictures, split: str) -> None:
        own = pictures.by_stem.get(xml.stem, [])
        part = self._part(xml.stem, xml, split)
        if part is None:
            self._claim(xml, own)
            return
        try:
            marked = read_voc(xml)
        except XmlError as error:
            # Other programs keep notes of their own in XML beside pictures.
            if own or _is_of_voc(xml) or _named_annotations(xml.parent.relative_to(self.source)):
                self.fault(error.kind, xml, error.message, error.row)
            self._claim(xml, own)
            return
        self._mark(xml, marked, pictures, part)

    def _mark(self, xml: Path, marked: VocFile, pictures: _Pictures, part: str) -> None:
        found = pictures.of(xml, marked.picture)
        if not found:
            places = " or ".join(map(str, pictures.folders))
            wanted = marked.picture or f"{xml.stem}.jpg"
            self.fault("picture missing", xml, f"there is no picture {wanted} in {places}")
        elif len(found) > 1:
            message = (
                f"it may mark {' or '.join(map(str, found))}: give both one name, and put the others away"
            )
            self.fault("two pictures", xml, message)
        elif (other := self.marked.get(found[0])) is not None:
            self.fault("marked twice", xml, f"{found[0]} is marked by {other} already: keep one of them")
        else:
            self.problems += marked.problems
            self.rows.append(Row(str(found[0]), marked.annotation, part, str(xml)))
        self._claim(xml, found)

    def _claim(self, xml: Path, pictures: list[Path]) -> None:
        for path in pictures:
            self.marked.setdefault(path, xml)

    def _unmarked(self, pictures: list[Path]) -> None:
        """Pictures that no XML file names; the folder that they lie in may say their part."""
        for path in dict.fromkeys(pictures):
            if path not in self.marked:
                part = self._part(path.stem, path, self._split_of_folder(path.parent))
                if part is not None:
                    self.rows.append(Row(str(path), None, part, str(path)))

    def _part(self, stem: str, file: Path, split: str) -> str | None:
        """The part that a picture is in, or None, which is then told, where lists name it not at all or differ."""
        if not self.lists:
            return split
        listed = self.lists.get(stem, [])
        parts = dict.fromkeys(one.split for one in listed)
        if len(parts) > 1:
            message = f"{stem} is in {' and '.join(parts)}: remove it from one of them"
            self.fault("listed twice", listed[-1].file, message, listed[-1].row)
        elif not parts:
            self.finding("not listed", file, "no list names it, so it is left out")
        return next(iter(parts)) if len(parts) == 1 else None

    def _split_of_folder(self, folder: Path) -> str:
        parts = (split_of(part) for part in folder.relative_to(self.source).parts)
        return next((part for part in parts if part), "")

    def _read_lists(self, root: Path) -> dict[str, list[_Listed]]:
        """Where lists name each picture; trainval, the sum of two, counts where those are not there."""
        paths = next((found for place in LISTS if (found := _list_files(root / place))), {})
        splits = {"train", "validation"} & set(paths.values())
        listed: dict[str, list[_Listed]] = {}
        for path, split in paths.items():
            if split == "trainval" and splits:
                continue
            for row, stem in self._list(path):
                listed.setdefault(stem, []).append(
                    _Listed("train" if split == "trainval" else split, path, row)
                )
        return listed

    def _list(self, path: Path) -> list[tuple[int, str]]:
        try:
            lines = read_text(path, self.options.encoding).text.split("\n")
        except TextError as error:
            self.fault(error.kind, path, error.message, error.row)
            return []
        return [(row, stem_of(_name(line))) for row, line in enumerate(lines, start=1) if line.strip()]


def _marks(source: Path, folder: Path) -> bool:
    """Whether XML files of VOC lie in a folder, itself of annotations or with pictures of their names."""
    found = _xmls(folder)
    if found and not _named_annotations(folder.relative_to(source)):
        stems = {path.stem for path in pictures_in(folder)}
        found = [path for path in found if path.stem in stems]
    return any(map(_is_of_voc, found[:TRIED]))


def _is_of_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f"<{ROOT}".encode() in file.read(4096)
    except OSError:
        return False


def _xmls(folder: Path) -> list[Path]:
    return [path for path in shown(folder) if path.suffix.lower() == ".xml" and path.is_file()]


def _named_annotations(folder: Path) -> bool:
    return ANNOTATIONS in [part.lower() for part in folder.parts]


def _root(source: Path, folder: Path) -> Path:
    """The folder that holds Annotations, or the one in which pictures and XML files lie."""
    inner = folder.relative_to(source)
    while _named_annotations(inner):
        inner = inner.parent
    return source / inner if _named_annotations(folder.relative_to(source)) else folder


def _picture_folders(source: Path, root: Path, folder: Path) -> list[Path]:
    """JPEGImages/a for Annotations/a, and JPEGImages; where there is none, where the XML files lie, and above."""
    if root == folder:
        return [folder]
    inner = Path(*folder.relative_to(root).parts[1:])
    beside = [path for path in shown(root) if path.name.lower() in PICTURES and path.is_dir()]
    found = [place for path in beside for place in dict.fromkeys((path / inner, path)) if place.is_dir()]
    return found or list(dict.fromkeys((folder, root / inner, root)))


def _list_files(folder: Path) -> dict[Path, str]:
    """Lists by the part that each is of; those of single classes (cat_train.txt) are not among them."""
    paths = [path for path in shown(folder) if path.suffix.lower() == ".txt" and path.is_file()]
    named = {path: "trainval" if path.stem.lower() == "trainval" else split_of(path.stem) for path in paths}
    return {path: split for path, split in named.items() if split}


def _name(line: str) -> str:
    """A picture's name in a list, in which a 1 or -1 may follow."""
    words = line.split()
    return words[0] if len(words) == 2 and words[1] in ("-1", "0", "1") else line.strip()

"""What was found is written for other programs and read back by plait's own readers, or drawn on copies of pictures."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.boxes import save, written
from tests.data.box_reading import OPTIONS
from tests.detectors import found, spec

from plait.data.gather import look
from plait.errors import DataError
from plait.inference.box_drawing import color_of, letters_on
from plait.inference.box_output import FORMATS, asked, draw_boxes, write_boxes
from plait.inference.boxes import Annotation, Floats
from plait.inference.detection_input import DetectionInput
from plait.inference.input import Array
from plait.inference.object_detection import Detections
from plait.inference.picture import PictureInput
from plait.inference.spec import ModelSpec

CLASSES = ["<a & 'b'>", '猫 "c"', "no", "#4: x, y"]
SIZE = (120, 200)
OBJECTS = (
    (CLASSES[0], 0.99, 0.0, 0.0, 200.0, 120.0),
    (CLASSES[1], 0.9, 3.333, 50.126, 77.777, 99.999),
    (CLASSES[2], 0.75, 100.04, 60.0, 140.55, 118.2),
    (CLASSES[3], 0.5, 150.0, 30.5, 199.99, 47.0),
)
CLOSE = {"voc": 0.02, "coco": 0.02, "yolo": 1e-3}
"""Pixels of a picture of 200 by 120: VOC and COCO are written with two digits of pixels, YOLO with six of the sides."""


def pictures(folder: Path, *names: str) -> list[Path]:
    chance = np.random.default_rng(0)
    return [save(folder / name, chance.integers(0, 256, (*SIZE, 3), np.uint8)) for name in names]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_back(folder: Path) -> dict[str, list[tuple[str, Floats]]]:
    """By names of pictures, from training's own readers and checks, which must find no fault."""
    gathered = look(str(folder), OPTIONS, training=False)
    assert gathered.errors == []
    assert {one.kind for one in gathered.findings} <= {"no boxes", "identical pictures", "turned"}
    rows = zip(gathered.table.frame["input"], gathered.table.targets, strict=True)
    return {
        Path(path).name: [(box.label, np.array(box.edges)) for box in target.boxes]
        for path, target in rows
        if isinstance(target, Annotation)
    }


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read(tmp_path: Path, format: str) -> None:
    first, second, bare = pictures(tmp_path / "in", "a b.png", "照片 & <1>.jpg", "nothing.png")
    before = tree(tmp_path / "in")
    given = [found(first, SIZE, *OBJECTS), found(second, SIZE, OBJECTS[1]), found(bare, SIZE)]
    assert write_boxes(format, tmp_path / "out", given, CLASSES) == 3
    read = read_back(tmp_path / "out")
    assert set(read) == {"a b.png", "照片 & <1>.jpg", "nothing.png"}
    for one, name in zip(given, ("a b.png", "照片 & <1>.jpg", "nothing.png"), strict=True):
        assert [label for label, _ in read[name]] == [box.label for box in one.objects]
        for (_, edges), box in zip(read[name], one.objects, strict=True):
            wanted = [box.left, box.top, box.right, box.bottom]
            np.testing.assert_allclose(edges, wanted, rtol=0, atol=CLOSE[format])
    copies = [path for path in (tmp_path / "out").rglob("*") if path.name in read]
    assert {path.name: path.read_bytes() for path in copies} == {
        Path(path).name: content for path, content in before.items()
    }
    assert tree(tmp_path / "in") == before


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_is_held_turned_keeps_its_boxes(tmp_path: Path, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "in" / "x.jpg", np.zeros((*SIZE, 3), np.uint8), exif=exif)
    write_boxes(format, tmp_path / "out", [found(path, SIZE[::-1], ("no", 0.9, 5, 150, 90, 190))], CLASSES)
    (boxes,) = read_back(tmp_path / "out").values()
    np.testing.assert_allclose(boxes[0][1], [5, 150, 90, 190], atol=CLOSE[format])


@pytest.mark.parametrize("format", FORMATS)
def test_pictures_of_one_name_from_two_folders(tmp_path: Path, format: str) -> None:
    names = ("one/x.png", "two/x.png", "two/X.jpg", "two/x_2.png", "x.y.png")
    given = [
        found(path, SIZE, (CLASSES[place % 4], 0.9, 5 + place, 5, 50, 50))
        for place, path in enumerate(pictures(tmp_path, *names))
    ]
    write_boxes(format, tmp_path / "out", given, CLASSES)
    read = read_back(tmp_path / "out")
    assert len(read) == len({name.lower() for name in read}) == len({Path(name).stem for name in read}) == 5
    assert sorted(boxes[0][1][0].round(1) for boxes in read.values()) == [5, 6, 7, 8, 9]


def test_coco_holds_scores_and_ids(tmp_path: Path) -> None:
    (path,) = pictures(tmp_path, "x.png")
    write_boxes("coco", tmp_path / "out", [found(path, SIZE, *OBJECTS)], CLASSES)
    whole = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text(encoding="utf-8"))
    assert [one["score"] for one in whole["annotations"]] == [0.99, 0.9, 0.75, 0.5]
    assert [one["id"] for one in whole["annotations"]] == [1, 2, 3, 4]
    assert [one["name"] for one in whole["categories"]] == CLASSES
    assert whole["images"] == [{"id": 1, "file_name": "x.png", "height": 120, "width": 200}]


@pytest.mark.parametrize("write", [*FORMATS, "draw"])
def test_nothing_is_overwritten_and_what_cannot_be_written_is_said(tmp_path: Path, write: str) -> None:
    (path,) = pictures(tmp_path / "in", "x.png")
    file = written(tmp_path / "file.txt", "mine")
    before = tree(tmp_path)

    def writing(folder: Path) -> None:
        given = [found(path, SIZE, *OBJECTS)]
        list(draw_boxes(folder, given)) if write == "draw" else write_boxes(write, folder, given, CLASSES)

    for folder, said in (
        (tmp_path / "in", "holds files already"),
        (file, "is a file"),
        (file / "inner", "cannot be written"),
    ):
        with pytest.raises(DataError, match=said):
            writing(folder)
    assert tree(tmp_path) == before
    (tmp_path / "empty").mkdir()
    writing(tmp_path / "empty")
    assert len(tree(tmp_path)) > len(before)


def test_drawn_pictures_differ_beside_edges_and_labels_alone(tmp_path: Path) -> None:
    first, second = pictures(tmp_path / "one", "x.png", "y.jpg")
    given = [found(first, SIZE, *OBJECTS[2:]), found(second, SIZE)]
    before = tree(tmp_path / "one")
    assert list(draw_boxes(tmp_path / "out", given)) == given
    assert tree(tmp_path / "one") == before
    plain, drawn = (np.asarray(Image.open(path)).astype(int) for path in (first, tmp_path / "out" / "x.png"))
    changed = (plain != drawn).any(axis=2)
    allowed = np.zeros(SIZE, bool)
    for one in given[0].objects:
        left, top, right, bottom = (round(side) for side in (one.left, one.top, one.right, one.bottom))
        allowed[top - 1 : bottom + 2, left - 1 : right + 2] = True
        allowed[top + 2 : bottom - 1, left + 2 : right - 1] = False
        allowed[max(0, top - 16) : max(top, 16), left : left + 9 * len(f"{one.label} 0.00")] = True
        middle = (drawn[(top + bottom) // 2, left], drawn[math.ceil(one.bottom) - 1, (left + right) // 2])
        np.testing.assert_allclose(middle, [color_of(one.label)] * 2)
    assert not (changed & ~allowed).any()
    assert changed.sum() > 300
    np.testing.assert_array_equal(Image.open(second), Image.open(tmp_path / "out" / "y.png"))


def test_boxes_are_drawn_on_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "x.png", np.zeros((*SIZE, 3), np.uint8), exif=exif)
    same_name = save(tmp_path / "in" / "x.jpg", np.zeros((*SIZE, 3), np.uint8))
    given = [found(path, SIZE[::-1], ("猫", 0.9, 5, 150, 90, 190)), found(same_name, SIZE)]
    list(draw_boxes(tmp_path / "out", given))
    drawn = np.asarray(Image.open(tmp_path / "out" / "x.png"))
    assert drawn.shape[:2] == SIZE[::-1]
    assert tuple(drawn[170, 5]) == color_of("猫")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.png", "x_2.png"]


def test_a_box_around_everything_is_seen_on_all_sides(tmp_path: Path) -> None:
    (path,) = pictures(tmp_path, "x.png")
    list(draw_boxes(tmp_path / "out", [found(path, SIZE, ("no", 0.9, 0, 0, 200, 120))]))
    drawn = np.asarray(Image.open(tmp_path / "out" / "x.png"))
    for place in ((60, 0), (60, 199), (119, 100)):
        assert tuple(drawn[place]) == color_of("no")


def test_letters_are_read_on_every_color() -> None:
    """With the contrast that WCAG 2.2 asks for small text."""
    for number in range(200):
        channels = np.array(color_of(str(number))) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        luminance = linear @ [0.2126, 0.7152, 0.0722]
        letters = 1.0 if letters_on(color_of(str(number))) == "white" else 0.0
        assert max(luminance + 0.05, letters + 0.05) / min(luminance + 0.05, letters + 0.05) >= 4.5


class Asked:
    """Has a description, and is never asked."""

    def __init__(self, given: ModelSpec) -> None:
        self.spec = given

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        raise AssertionError("the network was asked")


def test_other_tasks_have_no_boxes() -> None:
    other = ModelSpec(
        "image-classification", ["a"], False, PictureInput(8, 8, 3, "crop", 1.0), {}, None, "0.1.0", ""
    )
    nothing = Asked(other)
    assert asked(nothing, None, None, None, "out.csv") is nothing
    for words, given in (
        ("--confidence", (0.5, None, None, None)),
        ("--format", (None, "voc", None, "out")),
        ("--draw", (None, None, "out", None)),
        ("--confidence and --draw", (0.0, None, "out", None)),
    ):
        with pytest.raises(DataError, match=f"^{words}: only for boxes, and the model is for image-class"):
            asked(nothing, *given)


def test_a_format_needs_a_name_and_a_folder() -> None:
    with pytest.raises(DataError, match="did you mean 'coco'"):
        asked(Asked(spec()), None, "coc", None, "out")
    with pytest.raises(DataError, match="known are voc, yolo, coco"):
        asked(Asked(spec()), None, "", None, "out")
    with pytest.raises(DataError, match="--out DIR"):
        asked(Asked(spec()), None, "voc", None, None)


def test_a_confidence_holds_for_every_class() -> None:
    before = spec(input=DetectionInput(64, 64, 20, {"bar": 0.9}))
    for confidence in (0.0, 0.3, 1.0):
        after = asked(Asked(before), confidence, None, None, None).spec.input
        assert isinstance(after, DetectionInput)
        assert after.confidences == {"bar": confidence, "square": confidence}
    assert asked(Asked(before), None, "voc", "drawn", "out").spec == before


def test_other_answers_than_boxes_are_passed_on(tmp_path: Path) -> None:
    given: Iterable[Detections] = iter([])
    assert list(draw_boxes(tmp_path / "out", given)) == []

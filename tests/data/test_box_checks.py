"""Every fault of boxes that the checks name is found, with its file and row, and nothing on disk changes."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.boxes import FORMATS, PARTS, coco, coco_json, save, scenes, table, voc, written, yolo
from tests.data.box_reading import HERE, OPTIONS, edited, kinds_of, opened

from plait.data.box_checks import check_boxes
from plait.data.checks import Checked
from plait.data.gather import gather, look
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.inference.boxes import Annotation, Box
from plait.inference.picture_file import open_picture, orientation

STRICT = OPTIONS.model_copy(update={"unannotated": "error"})


def made(folder: Path, boxes: list[Box], split: str = "train", size: tuple[int, int] | None = None) -> Table:
    """One picture of 48 x 64 pixels with these boxes."""
    path = save(folder / "a.png", scenes(1)[0].pixels)
    row = Row(str(path), Annotation(tuple(boxes), size, file="a.xml"), split, "a.xml")
    return Table.from_rows([row], str(folder), "made", content="boxes")


def read(found: Checked) -> list[tuple[str, tuple[float, ...]]]:
    return [(box.label, box.edges) for target in found.table.targets for box in target.boxes]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", FORMATS)
def test_whole_data_is_the_same_in_every_format(tmp_path: Path, name: str) -> None:
    drawn = scenes(3, PARTS)
    FORMATS[name](tmp_path, drawn)
    before = snapshot(tmp_path)
    found = look(str(tmp_path), OPTIONS)
    assert (found.errors, found.findings) == ([], [])
    assert found.sizes.tolist() == [[48, 64]] * 9
    assert not found.grey
    wanted = {one.name: one.boxes for one in drawn}
    for path, target in zip(found.table.frame["input"], found.table.frame["target"], strict=True):
        assert (target.size, target.relative) == ((48, 64), False)
        assert Path(target.file).is_file()
        edges = [(box.label, *np.round(box.edges, 6).tolist()) for box in target.boxes]
        assert edges == [(label, *map(float, rest)) for label, *rest in wanted[Path(path).name]]
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files
    }


NAN, FAR = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("edges", "kind", "kept"),
    [
        ((1, 2, 30, 10), "", (1, 2, 30, 10)),
        ((0, 0, 64, 48), "", (0, 0, 64, 48)),
        ((-1, -0.5, 65, 49), "", (0, 0, 64, 48)),
        ((-2, 0, 10, 10), "box over the edge", (0, 0, 10, 10)),
        ((1, 2, 70, 90), "box over the edge", (1, 2, 64, 48)),
        ((30, 2, 1, 10), "box inverted", None),
        ((1, 10, 30, 2), "box inverted", None),
        ((5, 2, 5, 10), "box of no area", None),
        ((5, 5, 5, 5), "box of no area", None),
        ((64, 2, 80, 10), "box outside", None),
        ((1, 48, 8, 60), "box outside", None),
        ((-9, 2, 0, 10), "box outside", None),
        ((NAN, 2, 3, 4), "box not a number", None),
        ((1, 2, FAR, 4), "box not a number", None),
    ],
)
def test_every_bad_box(
    tmp_path: Path, edges: tuple[float, ...], kind: str, kept: tuple[float, ...] | None
) -> None:
    whole = Box("b", 3, 3, 9, 9, row=6)
    found = check_boxes(made(tmp_path, [Box("a", *edges, row=7), Box("a", 2, 2, 4, 4), whole]), OPTIONS)
    assert read(found) == [*([("a", kept)] if kept else []), ("a", (2, 2, 4, 4)), ("b", (3, 3, 9, 9))]
    problems = [(one.kind, one.file, one.row, one.error) for one in [*found.errors, *found.findings]]
    assert problems == ([(kind, "a.xml", 7, kept is None)] if kind else [])


def test_a_bad_box_of_coco_is_told_by_its_annotation_as_written(tmp_path: Path) -> None:
    content = coco_json(scenes(1))
    first = content["annotations"][0]
    nameless = {key: value for key, value in first.items() if key != "id"}
    bad = [{**first, "id": 71, "bbox": [50, 30, -20, 10]}, {**nameless, "bbox": [NAN, 20, 10, 10]}]
    content["annotations"] = [first, *bad]
    written(coco(tmp_path, scenes(1)) / "annotations" / "instances.json", json.dumps(content))
    inverted, nan = (one.message for one in look(str(tmp_path), OPTIONS).errors)
    assert inverted.startswith("annotation 71, bar [50, 30, -20, 10], in all0.png of 64 x 48 pixels: ")
    assert nan.startswith("entry 3 of annotations, bar [NaN, 20, 10, 10], in all0.png of 64 x 48 pixels: ")


def test_a_duplicate_is_left_once(tmp_path: Path) -> None:
    boxes = [
        Box("a", 1, 2, 30, 10),
        Box("b", 1, 2, 30, 10),
        Box("a", 1, 2, 30, 10, row=9),
        Box("a", 1, 2, 30, 11),
    ]
    found = check_boxes(made(tmp_path, boxes), OPTIONS)
    assert len(read(found)) == 3
    assert kinds_of(found.findings) == [("duplicate box", "a.xml", 9)]


def test_a_size_that_differs_is_another_picture(tmp_path: Path) -> None:
    boxes = [Box("a", 1, 2, 30, 10)]
    assert check_boxes(made(tmp_path, boxes, size=(48, 64)), OPTIONS).errors == []
    for size in ((96, 128), (64, 48)):
        found = check_boxes(made(tmp_path, boxes, size=size), OPTIONS, training=False)
        assert [(one.kind, one.file) for one in found.errors] == [("size differs", "a.xml")]
        assert f"64 x 48 pixels (width x height), and {size[1]} x {size[0]}" in found.errors[0].message
        assert len(found.table) == 0


@pytest.mark.parametrize("turn", range(1, 9))
def test_boxes_turn_with_the_picture(tmp_path: Path, turn: int) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[5:9, 10:22] = 255
    exif = Image.Exif()
    exif[0x0112] = turn
    path = save(tmp_path / "a.png", pixels, exif=exif)
    assert orientation(path) == turn
    seen = open_picture(path, 3, OPTIONS.max_pixels)
    marked = Annotation((Box("a", 10, 5, 22, 9),), (48, 64), file="a.xml")
    shares = Annotation((Box("a", 10 / 64, 5 / 48, 22 / 64, 9 / 48),), (48, 64), relative=True)
    for annotation in (marked, shares):
        rows = [Row(str(path), annotation, "", "a.xml")]
        found = check_boxes(Table.from_rows(rows, "x", "made", content="boxes"), OPTIONS)
        assert found.errors == []
        assert [one.kind for one in found.findings] == ["turned"] * (turn >= 5)
        if turn == 1 or turn >= 5:
            left, top, right, bottom = (round(edge) for edge in read(found)[0][1])
            assert (seen[top:bottom, left:right] == 255).all()
            assert int((seen[:, :, 0] == 255).sum()) == (right - left) * (bottom - top)
        assert found.table.targets[0].size == seen.shape[:2]  # type: ignore[union-attr]


def test_what_nothing_marks(tmp_path: Path) -> None:
    drawn = scenes(3, bare=1)
    voc(tmp_path, drawn)
    (tmp_path / "Annotations" / "all0.xml").unlink()
    found = look(str(tmp_path), OPTIONS)
    assert found.errors == []
    assert kinds_of(found.findings) == [("no boxes", "all3.xml", None), ("not annotated", "all0.png", None)]
    assert len(found.table) == 4
    strict = look(str(tmp_path), STRICT)
    assert kinds_of(strict.errors) == [("not annotated", "all0.png", None)]
    assert "data.unannotated" in strict.errors[0].message
    assert len(strict.table) == 3


def test_classes_are_those_of_training(tmp_path: Path) -> None:
    lines = ["image,label,xmin,ymin,xmax,ymax,split,difficult"]
    lines += ["a.png,bar,1,2,9,9,train,", "a.png,hard,1,2,9,9,train,1", "b.png,cat,1,2,9,9,test,"]
    lines += ["b.png,hard,1,2,9,9,test,", "b.png,bar,1,2,9,9,test,1", "b.png,odd,1,2,9,9,test,1"]
    for number, name in enumerate("ab"):
        save(tmp_path / f"{name}.png", scenes(2)[number].pixels)
    written(tmp_path / "boxes.csv", "\n".join(lines))
    found = look(str(tmp_path), OPTIONS)
    assert kinds_of(found.errors) == [("unknown class", "boxes.csv", 4), ("unknown class", "boxes.csv", 5)]
    assert kinds_of(found.findings) == [("ignored class", "boxes.csv", 3), ("ignored class", "boxes.csv", 7)]
    assert (found.table.classes, len(found.table)) == (["bar"], 2)
    assert look(str(tmp_path), OPTIONS, training=False).table.classes == ["bar", "cat", "hard", "odd"]


def test_nothing_to_learn(tmp_path: Path) -> None:
    found = check_boxes(
        made(tmp_path, [Box("a", 1, 2, 30, 10, difficult=True), Box("b", 1, 1, 1, 1)]), OPTIONS
    )
    assert [one.kind for one in found.errors] == ["box of no area", "too few classes"]
    assert (len(found.table), found.sizes.shape, found.digests) == (0, (0, 2), [])
    only_test = check_boxes(made(tmp_path, [Box("a", 1, 2, 30, 10)], split="test"), OPTIONS)
    assert only_test.errors == []


def test_identical_pictures_are_told_by_their_boxes(tmp_path: Path) -> None:
    drawn = scenes(2, ("train", "test"))
    voc(tmp_path, drawn)
    pictures, marks = tmp_path / "JPEGImages", tmp_path / "Annotations"
    data = (pictures / "train0.png").read_bytes()
    text = (marks / "train0.xml").read_text(encoding="utf-8")
    for name in ("copy", "other"):
        (pictures / f"{name}.png").write_bytes(data)
        written(marks / f"{name}.xml", text.replace("train0.png", f"{name}.png"))
    edited(marks / "other.xml", ("<xmin>", "<xmin>1"))
    lists = tmp_path / "ImageSets" / "Main"
    written(lists / "train.txt", "train0\ntrain1\ncopy\n")
    written(lists / "test.txt", "test0\ntest1\nother\n")
    found = look(str(tmp_path), OPTIONS).findings
    kinds = [kind for kind, _, _ in kinds_of(found)]
    assert {"identical pictures", "overlap of splits"} <= set(kinds)
    assert "identical pictures with different labels" in kinds


def test_broken_pictures_are_left_out(tmp_path: Path) -> None:
    coco(tmp_path, scenes(4))
    (tmp_path / "images" / "all0.png").write_bytes(b"")
    Image.new("1", (1001, 1000)).save(tmp_path / "images" / "all1.png")
    Image.fromarray(scenes(3)[2].pixels).save(tmp_path / "images" / "all2.png", format="BMP")
    found = look(str(tmp_path), OPTIONS)
    assert kinds_of(found.errors) == [("empty", "all0.png", None), ("pixel bomb", "all1.png", None)]
    assert kinds_of(found.findings) == [("wrong suffix", "all2.png", None)]
    assert len(found.table) == len(found.digests) == len(found.sizes) == 2


def test_gathering_divides_and_the_fingerprint_is_of_what_is_learnt(tmp_path: Path) -> None:
    one, two = (yolo(tmp_path / name, scenes(30)) for name in ("one", "two"))
    first, second = (gather(str(folder), OPTIONS, seed=1) for folder in (one, two))
    assert Counter(first.table.splits) == Counter(second.table.splits)
    assert set(first.table.splits) == {"train", "validation", "test"}
    assert first.fingerprint == second.fingerprint
    text = (two / "labels" / "all3.txt").read_text(encoding="utf-8")
    written(two / "labels" / "all3.txt", "0 .5 .5 .25 .25\n" + text)
    assert gather(str(two), OPTIONS, seed=1).fingerprint != first.fingerprint


def test_errors_stop_unless_they_are_skipped(tmp_path: Path) -> None:
    table(tmp_path, scenes(12))
    edited(tmp_path / "boxes.csv", ("all0.png,64,48,", "all0.png,64,48,bar,9,9,1,1\nall0.png,64,48,"))
    with pytest.raises(DataError, match="box inverted"):
        gather(str(tmp_path), OPTIONS, seed=0)
    assert len(gather(str(tmp_path), OPTIONS, seed=0, skip_bad=True).table) == 12


EDGE = st.one_of(st.floats(-5, 70), st.sampled_from([0.0, 48.0, 64.0, NAN, FAR, -FAR, 1e300]))
BOXES = st.lists(st.tuples(st.sampled_from("ab"), EDGE, EDGE, EDGE, EDGE, st.booleans()), max_size=8)


@settings(max_examples=80, deadline=None)
@given(boxes=BOXES)
def test_every_box_is_kept_or_named(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[str, float, float, float, float, bool]]
) -> None:
    rows = [Box(*one, row=place) for place, one in enumerate(boxes)]
    found = check_boxes(made(tmp_path_factory.getbasetemp(), rows), OPTIONS, training=False)
    kept = found.table.targets[0].boxes  # type: ignore[union-attr]
    left_out = {
        one.row
        for one in [*found.errors, *found.findings]
        if one.kind not in ("box over the edge", "no boxes")
    }
    assert {box.row for box in kept} | left_out == set(range(len(rows)))
    assert not {box.row for box in kept} & left_out
    for box in kept:
        assert 0 <= box.left < box.right <= 64
        assert 0 <= box.top < box.bottom <= 48
    assert json.dumps([one.to_json() for one in [*found.errors, *found.findings]])


@pytest.mark.skipif(not (HERE / "bccd").is_dir(), reason="the data is not here")
def test_the_blood_cells_have_two_boxes_of_no_area() -> None:
    found = look(str(HERE / "bccd"), OPTIONS)
    assert kinds_of(found.errors) == [
        ("box of no area", "BloodImage_00338.xml", 158),
        ("box of no area", "BloodImage_00343.xml", 50),
    ]
    assert found.findings == []
    assert Counter(found.table.splits) == {"train": 205, "validation": 87, "test": 72}
    assert set(map(tuple, found.sizes.tolist())) == {(480, 640)}


@pytest.mark.skipif(not (HERE / "coco64").is_dir(), reason="the data is not here")
def test_photographs_of_coco_are_whole() -> None:
    found = check_boxes(opened(HERE / "coco64"), STRICT)
    assert found.errors == []
    assert kinds_of(found.findings) == [("no boxes", "instances_train2017.json", None)]
    assert len(read(found)) == 547

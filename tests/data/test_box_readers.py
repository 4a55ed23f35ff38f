"""Boxes from every format are the same boxes; what cannot be read is told with its file and line."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.boxes import (
    FORMATS,
    PARTS,
    Scene,
    coco,
    coco_json,
    save,
    scenes,
    table,
    voc,
    voc_xml,
    written,
    yolo,
)
from tests.data.box_reading import HERE, boxes, edited, kinds, marked, opened, refused

from plait.data.readers import recognize
from plait.errors import DataError


@pytest.mark.parametrize("parts", [("",), PARTS])
@pytest.mark.parametrize("name", FORMATS)
def test_all_formats_hold_the_same(tmp_path: Path, name: str, parts: tuple[str, ...]) -> None:
    drawn = scenes(3, parts, bare=1)
    assert recognize(str(FORMATS[name](tmp_path, drawn))).name == name
    found = opened(tmp_path)
    assert (found.content, found.problems) == ("boxes", ())
    assert {Path(str(path)).name for path in found.frame["input"]} == {one.name for one in drawn}
    words = {"": "", "train": "train", "val": "validation", "test": "test"}
    assert Counter(found.splits) == {words[part]: 4 for part in parts}
    wanted = {
        one.name: [(label, [float(edge) for edge in edges]) for label, *edges in one.boxes] for one in drawn
    }
    assert boxes(found) == wanted
    assert set(found.classes) == {"bar", "square"}
    assert all(Path(str(file)).is_file() for file in found.frame["file"])


def test_voc_names_the_line_of_every_fault(tmp_path: Path) -> None:
    drawn = [Scene(f"{n}.png", "", scenes(1)[0].pixels, (("bar", 1, 2, 30, 10),) * 2) for n in range(9)]
    where = voc(tmp_path, drawn) / "Annotations"
    edited(where / "0.xml", ("<xmin>1</xmin>", ""))
    edited(where / "1.xml", ("<xmin>1</xmin>", "<xmin>one</xmin>"))
    edited(where / "2.xml", ("<name>bar</name>", "<name> </name>"))
    edited(where / "3.xml", ("</object>", "</thing>"))
    edited(
        where / "4.xml",
        ("<annotation>", '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation>'),
    )
    edited(where / "5.xml", ("<width>64</width>", "<width>0</width>"), ("<difficult>0", "<difficult>1"))
    written(where / "6.xml", "<annotation>" + "<a>" * 100_000)
    (where / "7.xml").unlink()
    edited(where / "8.xml", ("<filename>8.png", "<filename>../elsewhere/8"))
    (tmp_path / "JPEGImages" / "0.png").rename(tmp_path / "JPEGImages" / "00.png")
    found = opened(tmp_path)
    assert kinds(found) == [
        ("box not a number", "1.xml", 4),
        ("class missing", "2.xml", 4),
        ("picture missing", "0.xml", None),
        ("unreadable", "3.xml", 4),
        ("unreadable", "4.xml", 1),
        ("unreadable", "6.xml", 1),
    ]
    read = boxes(found)
    assert {name: len(of) for name, of in read.items()} == {"1.png": 1, "2.png": 1, "5.png": 2, "8.png": 2}
    unmarked = [Path(str(path)).name for path in found.frame["input"][found.frame["target"].isna()]]
    assert unmarked == ["00.png", "7.png"]
    five = next(one for one in marked(found) if str(one.file).endswith("5.xml"))
    assert [box.difficult for box in five.boxes] == [True, False]
    assert [box.row for box in five.boxes] == [4, 5]
    assert five.size is None


def test_voc_lists(tmp_path: Path) -> None:
    lists = voc(tmp_path, scenes(2, PARTS)) / "ImageSets" / "Main"
    written(lists / "trainval.txt", "train0\ntrain1\nval0\nval1\n")
    written(lists / "bar_train.txt", "train0 1\ntrain1 -1\n")
    written(lists / "val.txt", "val0\ngone\n")
    written(lists / "test.txt", "test0.png 1\ntest1\ntrain1\n")
    found = opened(tmp_path)
    assert Counter(found.splits) == {"train": 1, "validation": 1, "test": 2}
    assert kinds(found) == [
        ("listed twice", "train.txt", 2),
        ("not listed", "val1.xml", None),
        ("picture missing", "val.txt", 2),
    ]
    (lists / "train.txt").unlink()
    (lists / "val.txt").unlink()
    written(lists / "test.txt", "test0\ntest1\n")
    assert Counter(opened(tmp_path).splits) == {"train": 4, "test": 2}


def test_voc_as_roboflow_and_as_labelimg_write_it(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        for one in scenes(2, (part,)):
            save(tmp_path / part / one.name, one.pixels)
            written(tmp_path / part / f"{Path(one.name).stem}.xml", voc_xml(one))
    save(tmp_path / "train" / "more.jpg", one.pixels)
    written(tmp_path / "train" / "notes.xml", "<notes/>")
    found = opened(tmp_path)
    assert Counter(found.splits) == {"train": 3, "validation": 2, "test": 2}
    assert (found.targets.count(None), found.problems) == (1, ())
    assert Counter(opened(tmp_path / "valid").splits) == {"": 2}


def test_voc_pictures_that_are_not_clear(tmp_path: Path) -> None:
    one, two = scenes(2)
    voc(tmp_path, [one, two])
    edited(tmp_path / "Annotations" / "all0.xml", ("all0.png", "all1.png"))
    found = opened(tmp_path)
    assert kinds(found) == [("marked twice", "all1.xml", None), ("two pictures", "all0.xml", None)]
    assert len(found) == 0


def test_coco_faults_name_the_annotation(tmp_path: Path) -> None:
    content = coco_json(scenes(4, bare=1))
    first = content["annotations"][0]
    content["annotations"] = [first] + [
        {**first, "id": place, **change}
        for place, change in enumerate(
            (
                {"bbox": [1, 2, 3]}, {"bbox": None}, {"bbox": [1, 2, "x", 4]}, {"category_id": 9}, {"image_id": 99},
                {"image_id": [1]}, {"iscrowd": 1}, {"image_id": 3}, {"image_id": "2", "category_id": 1.0},
            ),
            start=100,
        )
    ]  # fmt: skip
    content["annotations"].append(7)  # type: ignore[arg-type]
    content["images"] += [
        {"id": 6, "file_name": "gone.png"},
        {**content["images"][2], "file_name": "all4.png"},
    ]
    content["images"].append({"id": 8, "file_name": 5})
    content["categories"] += [{"id": 1, "name": "bar"}, {"id": 3}]
    coco(tmp_path, scenes(4, bare=1))
    written(tmp_path / "annotations" / "instances.json", json.dumps(content))
    found = opened(tmp_path)
    assert Counter(kind for kind, _, _ in kinds(found)) == {
        "box incomplete": 2, "box not a number": 1, "unknown category": 1, "unknown picture": 1, "unreadable": 2,
        "duplicate id": 2, "class missing": 1, "picture missing": 2,
    }  # fmt: skip
    assert any("annotation 100 of all0.png" in one.message for one in found.problems)
    read = boxes(found)
    assert {name: len(of) for name, of in read.items()} == {
        "all0.png": 2, "all1.png": 1, "all3.png": 0, "all4.png": 0,
    }  # fmt: skip
    assert marked(found)[0].boxes[1].crowd
    assert marked(found)[0].size == (48, 64)


def test_coco_chooses_its_files(tmp_path: Path) -> None:
    coco(tmp_path, scenes(2, ("train", "val")))
    where = tmp_path / "annotations"
    captions = {"images": [], "annotations": [{"image_id": 1, "caption": "x"}], "categories": []}
    written(where / "captions_train.json", json.dumps(captions))
    written(where / "package.json", "{}")
    found = opened(tmp_path)
    assert kinds(found) == [("passed over", "captions_train.json", None)]
    assert Counter(found.splits) == {"train": 2, "validation": 2}
    assert Counter(opened(where / "instances_train.json").splits) == {"": 2}
    refused(where / "captions_train.json", "no bbox")
    written(where / "instances_train2.json", (where / "instances_train.json").read_text())
    refused(tmp_path, "3 JSON files", "name the one")


def test_coco_as_roboflow_writes_it(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        drawn = scenes(2, (part,))
        for one in drawn:
            save(tmp_path / part / one.name, one.pixels)
        written(tmp_path / part / "_annotations.coco.json", json.dumps(coco_json(drawn)))
    save(tmp_path / "train" / "more.png", one.pixels)
    found = opened(tmp_path)
    assert Counter(found.splits) == {"train": 3, "validation": 2}
    assert (found.targets.count(None), found.problems) == (1, ())
    alone = opened(tmp_path / "train" / "_annotations.coco.json")
    assert kinds(alone) == [("not listed", "more.png", None)]


NAMES = (
    "Annotations/all0.xml",
    "annotations/instances.json",
    "labels/all0.txt",
    "classes.txt",
    "data.yaml",
    "boxes.csv",
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=60), st.integers(0, 400), st.booleans())
def test_any_bytes_give_a_table_or_a_data_error(name: str, junk: bytes, at: int, whole: bool) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        {"A": voc, "a": coco, "l": yolo, "c": yolo, "d": yolo, "b": table}[name[0]](
            folder, scenes(1, ("train",) if name == "data.yaml" else ("",))
        )
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(junk if whole else content[:at] + junk + content[at + len(junk) :])
        try:
            found = opened(folder)
        except DataError:
            return
        assert len(found) + len(found.problems) > 0


@pytest.mark.skipif(not (HERE / "bccd").is_dir(), reason="the data is not here")
def test_the_blood_cells_as_they_are() -> None:
    found = opened(HERE / "bccd")
    assert (found.format, found.problems) == ("pascal voc", ())
    assert Counter(found.splits) == {"train": 205, "validation": 87, "test": 72}
    train = found.part("train")
    assert dict(zip(train.classes, train.counts(train.classes), strict=True)) == {
        "Platelets": 209,
        "RBC": 2382,
        "WBC": 214,
    }


@pytest.mark.skipif(not (HERE / "coco64").is_dir(), reason="the data is not here")
def test_photographs_of_coco_as_they_are() -> None:
    found = opened(HERE / "coco64")
    assert (found.format, len(found), found.problems) == ("coco", 64, ())
    assert len(found.classes) == 61
    every = [box for one in marked(found) for box in one.boxes]
    assert (len(every), sum(box.crowd for box in every)) == (547, 5)
    assert sum(not one.boxes for one in marked(found)) == 1

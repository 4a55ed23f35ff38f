"""Boxes from lines of text, of YOLO and of tables; what cannot be read is told with its file and line."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.boxes import save, scenes, table, voc, written, yolo
from tests.data.box_reading import OPTIONS, boxes, edited, kinds, marked, opened, refused

from plait.data.reader_yolo import NAME as YOLO
from plait.data.readers import read_table
from plait.data.table import Table


def test_yolo_names_the_line_of_every_fault(tmp_path: Path) -> None:
    yolo(tmp_path, scenes(4, ("train", "val")))
    lines = ["0 .5 .5 .25 .5", "", "1 .1 .1 .4 .1 .4 .3", "2 .5 .5 .1 .1", "0 .5 .5 .1", "0 x .5 .1 .1"]
    lines += ["0.5 .5 .5 .1 .1", "0 .5 .5 .1 .1 .9", "1.0 .5 .5 .1 nan", "0 1_0 .5 .1 .1"]
    written(tmp_path / "labels" / "train" / "train0.txt", "\n".join(lines))
    written(tmp_path / "labels" / "train" / "train1.txt", "")
    (tmp_path / "labels" / "train" / "train2.txt").unlink()
    written(tmp_path / "labels" / "train" / "gone.txt", "")
    found = opened(tmp_path)
    assert kinds(found) == [
        ("box incomplete", "train0.txt", 5),
        ("box incomplete", "train0.txt", 8),
        ("box not a number", "train0.txt", 6),
        ("box not a number", "train0.txt", 10),
        ("picture missing", "gone.txt", None),
        ("unknown class number", "train0.txt", 4),
        ("unknown class number", "train0.txt", 7),
    ]
    assert [(box.label, box.row) for box in marked(found)[0].boxes] == [
        ("bar", 1),
        ("square", 3),
        ("square", 9),
    ]
    assert boxes(found)["train0.png"][:2] == [
        ("bar", [24.0, 12.0, 40.0, 36.0]),
        ("square", [6.4, 4.8, 25.6, 14.4]),
    ]
    assert boxes(found)["train1.png"] == []
    assert "train2.png" not in boxes(found)
    (tmp_path / "labels" / "train" / "train0.txt").write_bytes(b"0 .5 .5 .1 .1\n\xff")
    found = opened(edited(tmp_path / "data.yaml", ("square", "bar")))
    assert kinds(found)[0] == ("class named twice", "data.yaml", None)
    assert ("undecodable", "train0.txt", 2) in kinds(found)
    assert "train0.png" not in {Path(str(path)).name for path in found.frame["input"]}


def test_yolo_finds_its_folders(tmp_path: Path) -> None:
    drawn = scenes(2, ("train", "val"))
    data = yolo(tmp_path / "mine", drawn) / "data.yaml"
    names = "names: {0: bar, 1: square}\n"
    for text in (
        "path: images\ntrain: train\nval: [val]",
        "path: ../mine\ntrain: images/train/\nval: images/val",
        f"path: {tmp_path / 'mine'}\ntrain: images/train\nval: ./images/val\ntest:",
        "train: train.txt\nval: images/val",
    ):
        written(tmp_path / "mine" / "train.txt", "./images/train/train0.png\n\nimages\\train\\train1.png\n")
        found = opened(written(data, names + text))
        assert (Counter(found.splits), found.problems) == ({"train": 2, "validation": 2}, ())
    written(tmp_path / "mine" / "train.txt", "images/train/train0.png\nimages/train/gone.png\n")
    assert kinds(opened(data)) == [("picture missing", "train.txt", 2)]
    for text in ("path: ../coco\ntrain: images/train", "train: ../images/train"):
        found = opened(written(data, names + text))
        assert kinds(found) == [("other folder", "data.yaml", None)]
        assert len(found) == 2
    save(tmp_path / "images" / "train" / "other.png", drawn[0].pixels)
    refused(data, "../images/train may be", "in full")
    refused(
        written(data, names + "train: images/no"), "there is no", str(tmp_path / "mine" / "images" / "no")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("names: [a, b]\nnc: 3\ntrain: images/train", ("nc is 3", "2 classes")),
        ("names: [a, no]\ntrain: images/train", ("class 1", "quotes")),
        ("names: [a, 1.5]\ntrain: images/train", ("class 1", "quotes")),
        ("names: {a: b}\ntrain: images/train", ("key 'a'",)),
        ("names: 5\ntrain: images/train", ("expected a list",)),
        ("names: []\ntrain: images/train", ("expected a list",)),
        ("names: [a]\ntrain: 5", ("train is '5'",)),
        ("names: [a]\ntrain:", ("no folder",)),
        ("names: [a]\npath: [x]\ntrain: images/train", ("path is",)),
        ("names: [a]\nkpt_shape: [17, 3]\ntrain: images/train", ("key points",)),
        ("a: &a [x]\nnames: *a\ntrain: images/train", ("*name",)),
        ("names: [a\ntrain: images/train", ("YAML",)),
        ("names: !!python/object:os.system x\ntrain: images/train", ("YAML",)),
        ("names:\ntrain: " + "[" * 5000, ("YAML",)),
    ],
)
def test_yolo_refuses_a_bad_description(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    refused(written(yolo(tmp_path, scenes(1, ("train",))) / "data.yaml", text), *words)


def test_two_formats_are_not_guessed_between(tmp_path: Path) -> None:
    yolo(voc(tmp_path, scenes(2)), scenes(2))
    refused(tmp_path, "2 ways", "--format yolo", "--format pascal-voc")
    assert read_table(str(tmp_path), OPTIONS, YOLO).format == YOLO


def rows(folder: Path, text: str, *names: str) -> Table:
    for name in names:
        save(folder / name, scenes(1)[0].pixels)
    return opened(written(folder / "boxes.csv", text))


def test_a_table_names_the_line_of_every_fault(tmp_path: Path) -> None:
    lines = [
        "Image,Label,X1,Y1,X2,Y2,split,difficult,iscrowd",
        "a.png,bar,1,2,30,10,train,1,",
        "a.png,bar,1,2,3,4,test,,",
    ]
    lines += [
        "a.png,bar,1,2,,4,train,,",
        "a.png,,1,2,3,4,train,,",
        ",bar,1,2,3,4,train,,",
        "no.png,bar,1,2,3,4,test,,",
    ]
    lines += [
        "a.png,bar,1,2,3,four,train,,",
        "b.png,,,,,,test,,",
        "no.png,bar,1,2,3,4,test,,",
        "a.png,bar,5,6,7,8,train,,true",
    ]
    lines += ["a.png,bar,5,6,7,8,train,maybe,", "b.png,bar,1,1,9,9,noon,,"]
    found = rows(tmp_path, "\n".join(lines), "a.png", "b.png")
    assert kinds(found) == [
        ("box incomplete", "boxes.csv", 4),
        ("box not a number", "boxes.csv", 8),
        ("class missing", "boxes.csv", 5),
        ("image missing", "boxes.csv", 6),
        ("picture missing", "boxes.csv", 7),
        ("rows disagree", "boxes.csv", 3),
        ("unknown split", "boxes.csv", 13),
        ("unreadable", "boxes.csv", 12),
    ]
    assert boxes(found) == {"a.png": [("bar", [1, 2, 30, 10]), ("bar", [5, 6, 7, 8])], "b.png": []}
    first, second = marked(found)[0].boxes
    assert (first.difficult, first.crowd, first.row) == (True, False, 2)
    assert (second.difficult, second.crowd, second.row) == (False, True, 11)
    assert (found.splits, found.frame["row"].tolist()) == (["train", "test"], [None, None])


def test_columns_of_tables(tmp_path: Path) -> None:
    wanted = {"a.png": [("bar", [1, 2, 30, 10])]}
    for header, row in (
        ("file;class;x;y;w;h;group", "a.png;bar;1;2;29;8;g"),
        ("image,label,x,y,width,height,group", "a.png,bar,1,2,29,8,g"),
        ("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,group", "bar,1,2,29,8,a.png,g"),
        ("path,left,top,right,bottom,name,group", "a.png,1,2,30,10,bar,g"),
    ):
        found = rows(tmp_path, f"{header}\n{row}\n", "images/a.png")
        assert (boxes(found), found.problems) == (wanted, ())
        assert (marked(found)[0].size, found.frame["group"].tolist()) == (None, ["g"])
    sized = rows(tmp_path, "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,64,48,bar,1,2,30,10\n")
    assert (boxes(sized), marked(sized)[0].size) == (wanted, (48, 64))
    both = rows(tmp_path, "image,label,xmin,ymin,xmax,ymax,x,y,width,height\na.png,bar,1,2,30,10,1,2,29,8\n")
    assert (boxes(both), marked(both)[0].size) == (wanted, None)
    shares = rows(tmp_path, "image,label,xmin,ymin,xmax,ymax\na.png,bar,0.25,0,0.5,1\n")
    assert boxes(shares) == {"a.png": [("bar", [16, 0, 32, 48])]}
    assert [one.kind for one in shares.problems] == ["shares"]
    (tmp_path / "boxes.csv").unlink()
    frame = pd.DataFrame(
        {
            "image": "a.png",
            "label": ["bar", None],
            **{n: [v, np.nan] for n, v in zip(("x1", "y1", "x2", "y2"), (1, 2, 30, 10), strict=True)},
        }
    )
    frame.to_parquet(tmp_path / "train.parquet")
    assert boxes(opened(tmp_path)) == wanted


def test_tables_named_by_part_and_pictures_that_none_names(tmp_path: Path) -> None:
    for part in ("train", "test"):
        made = table(tmp_path / part, scenes(2, (part,)))
        text = (made / "boxes.csv").read_text(encoding="utf-8").replace(",split", ",note")
        written(made / "boxes.csv", text)
    assert Counter(opened(tmp_path).splits) == {"train": 2, "test": 2}
    save(tmp_path / "train" / "more.png", scenes(1)[0].pixels)
    found = opened(tmp_path)
    assert (Counter(found.splits), found.targets.count(None)) == ({"train": 3, "test": 2}, 1)
    assert kinds(opened(tmp_path / "train" / "boxes.csv")) == [("not listed", "more.png", None)]
    (tmp_path / "train" / "more.png").unlink()
    for part in ("train", "test"):
        (tmp_path / part / "boxes.csv").rename(tmp_path / f"{part}_labels.csv")
    assert Counter(opened(tmp_path).splits) == {"train": 2, "test": 2}

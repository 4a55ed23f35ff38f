"""Every format of labelled texts is recognized, read whole, and its faults named with file and row."""

import json
from pathlib import Path

import pandas as pd
import pytest

from plait.data.gather import gather, look
from plait.data.readers import recognize
from plait.data.table import Table
from plait.data.text_checks import check_texts
from plait.errors import DataError
from plait.recipe import read_recipe

ROWS = [("a fine film", "good"), ("a dull, long film", "bad"), ("笑死我了", "good"), ("太长了", "bad")]


def read(source: Path, *changes: str) -> Table:
    options = read_recipe(None, changes, "text-classification").data
    found = recognize(str(source))
    assert found.content == "texts"
    return found.read(source, True, options)


def pairs(table: Table) -> list[tuple[str, object]]:
    return list(zip(table.frame["input"], table.frame["target"], strict=True))


def frame(text: str = "text", label: str = "label") -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=[text, label])


def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    frame().to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame().to_parquet(tmp_path / "t.parquet")
    frame().to_excel(tmp_path / "t.xlsx", index=False)
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in ROWS]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for suffix in ("csv", "tsv", "parquet", "xlsx", "jsonl"):
        table = read(tmp_path / f"t.{suffix}")
        assert pairs(table) == ROWS, suffix
        assert (table.column, table.content) == ("text", "texts")


def test_columns_are_found_by_name_or_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for text, label in (("Review", "Sentiment"), ("评论", "标签"), ("what they wrote", "verdict")):
        frame(text, label).to_csv(path, index=False)
        assert pairs(read(path)) == ROWS
    two = frame("body", "label").assign(title=[text for text, _ in ROWS])
    two.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"--text NAME; its columns are body, label, title"):
        read(path)
    assert pairs(read(path, "data.text=title")) == ROWS
    frame("text", "a").assign(b=["x", "y", "x", "y"]).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"--label NAME; beside text its columns are a, b"):
        read(path)
    with pytest.raises(DataError, match="--label says c"):
        read(path, "data.label=c")


def test_a_table_that_names_pictures_is_not_read_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = [f"photos/holiday/picture_{number}.jpg" for number in range(4)]
    pd.DataFrame({"file": names, "label": ["a", "b"] * 2}).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"file holds names of pictures.*calls it image"):
        read(path)


def test_several_labels_a_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,labels\nfirst,b|a\nsecond,\n", encoding="utf-8")
    table = read(path)
    assert table.several_labels
    assert list(table.frame["target"]) == [("a", "b"), ()]


def test_tables_of_a_folder_are_the_splits_that_their_names_say(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        frame().to_csv(tmp_path / f"{split}.csv", index=False)
    counted = read(tmp_path).frame["split"].value_counts().to_dict()
    assert counted == {"train": 4, "validation": 4, "test": 4}


def test_labelled_lines(tmp_path: Path) -> None:
    path = tmp_path / "reviews.train"
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in ROWS * 3), encoding="utf-8")
    assert pairs(read(path)) == ROWS * 3
    (tmp_path / "reviews.test").write_text("good fine\nbad dull\n" * 5, encoding="utf-8")
    assert set(read(tmp_path).frame["split"]) == {"train", "test"}


def test_labelled_lines_of_several_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text(
        "__label__b __label__a one\n__label__c\ttwo words\n__label__a __label__b\n", encoding="utf-8"
    )
    table = read(path)
    assert table.several_labels
    assert pairs(table) == [("one", ("a", "b")), ("two words", ("c",))]
    assert [(problem.kind, problem.row) for problem in table.problems] == [("empty text", 3)]


def test_class_folders_of_text_files(tmp_path: Path) -> None:
    for number, (text, label) in enumerate(ROWS):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{number}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "good" / "9.txt").write_bytes(b"\xff\xfe\x00broken")
    table = read(tmp_path)
    assert sorted(pairs(table)) == sorted(ROWS)
    (problem,) = table.problems
    assert (problem.kind, problem.row) == ("undecodable", 1)


def test_gb18030_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("review,label\n酒店很好很安静,1\n房间太小了,0\n".encode("gb18030"))
    table = read(path)
    assert [text for text, _ in pairs(table)] == ["酒店很好很安静", "房间太小了"]
    assert [(problem.kind, problem.error) for problem in table.problems] == [("encoding", False)]
    path.write_bytes("text,label\ncafé au lait,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"t\.csv, row 2: .*--encoding latin-1"):
        read(path)
    assert pairs(read(path, "data.encoding=latin-1")) == [("café au lait", "1")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", 'text,label\n"open,1\n', "quote"),
        ("t.csv", "text,text\na,b\n", "more than one column text"),
        ("t.csv", "", "is empty"),
        ("t.xlsx", "no workbook", "cannot be read as Excel"),
        ("t.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_broken_files_are_refused_with_the_row(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("t.csv", "text,label\na b,x\nc,d,e\nf g,y\nh\n", [(3, "ragged row"), (5, "ragged row")]),
        ("t.tsv", "text\tlabel\na b\tx\nc\nf g\ty\n", [(3, "ragged row")]),
        (
            "t.jsonl",
            '{"text": "a b", "label": "x"}\nnonsense\n[1]\n{"text": "f g", "label": "y"}\n',
            [(2, "unreadable"), (3, "unreadable")],
        ),
    ],
)
def test_rows_that_are_none_are_listed_and_the_others_read(
    tmp_path: Path, name: str, content: str, found: list[tuple[int, str]]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    table = read(tmp_path / name)
    assert pairs(table) == [("a b", "x"), ("f g", "y")]
    assert [(problem.row, problem.kind) for problem in table.problems] == found
    assert all(problem.error and problem.file == str(tmp_path / name) for problem in table.problems)


def test_empty_and_equal_texts_and_overlap_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "text,label,split\none,a,train\ntwo,b,train\n ,a,train\none,b,train\nthree,a,train\nfour,b,train\n"
        "two ,b,test\nsix,a,test\n",
        encoding="utf-8",
    )
    checked = check_texts(read(path))
    assert [(problem.kind, problem.row) for problem in checked.errors] == [("empty text", 4)]
    assert {(problem.kind, problem.row) for problem in checked.findings} == {
        ("identical texts with different labels", 5),
        ("overlap of splits", 8),
    }
    options = read_recipe(None, (), "text-classification").data
    with pytest.raises(DataError, match=r"row 4: empty text"):
        gather(str(path), options, 0)
    kept = gather(str(path), options, 0, skip_bad=True)
    assert len(kept.table) == 7


def test_equal_texts_stay_on_one_side(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"text number {number // 2},{'ab'[number // 2 % 2]}" for number in range(80)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    found = gather(str(path), read_recipe(None, (), "text-classification").data, 3)
    assert found.overlap() == {"validation": 0, "test": 0}
    assert set(found.table.frame["split"]) == {"train", "validation", "test"}


def test_nothing_of_the_users_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame().to_csv(path, index=False)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    look(str(path), read_recipe(None, (), "text-classification").data)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before

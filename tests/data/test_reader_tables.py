"""CSV, TSV and Parquet: every row comes back with its line, and every fault names it."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.reading import read_table

from plait.data.table import Table
from plait.errors import DataError


def written(folder: Path, text: str, name: str = "t.csv", encoding: str = "utf-8") -> str:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def rows(table: Table) -> list[tuple[object, ...]]:
    columns = [table.frame[name] for name in ("input", "target", "split", "group", "row")]
    return list(zip(*columns, strict=True))


def refused(path: str, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_image_and_label(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,label,note\nx/a.png,cat,1\n/abs/b.png,dog,2\n"))
    assert rows(table) == [
        (str(tmp_path / "x" / "a.png"), "cat", "", None, 2),
        (str(Path("/abs/b.png")), "dog", "", None, 3),
    ]
    assert table.format == "table"
    assert not table.several_labels
    assert set(table.frame["file"]) == {str(tmp_path / "t.csv")}


def test_split_and_group(tmp_path: Path) -> None:
    text = "image,label,split,group\na,x,Train,g1\nb,x,dev,\nc,x,testing,g2\n"
    found = [row[2:4] for row in rows(read_table(written(tmp_path, text)))]
    assert found == [("train", "g1"), ("validation", None), ("test", "g2")]


def test_several_labels(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,labels\na,cat|dog| cat\nb,\nc,dog\n"))
    assert table.several_labels
    assert table.targets == [("cat", "dog"), (), ("dog",)]


@pytest.mark.parametrize(
    ("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.TSV", "\t")]
)
def test_separators(tmp_path: Path, name: str, separator: str) -> None:
    text = "Image,Label\r\na.png,cat\r\n".replace(",", separator)
    assert read_table(written(tmp_path, text, name)).targets == ["cat"]


def test_a_byte_order_mark_and_other_letters(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,label\n图/一.png,猫\n", encoding="utf-8-sig"))
    assert table.targets == ["猫"]
    assert table.frame["input"].iat[0] == str(tmp_path / "图" / "一.png")


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    text = 'image,label,note\na,x,"two\nlines"\n\nb,y,z\n'
    assert [row[4] for row in rows(read_table(written(tmp_path, text)))] == [2, 5]


def test_faults_of_rows_are_problems_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path, "image,label,split\na,x,train\nb,,train\n,x,train\nd,x,monday\ne,x,\n")
    table = read_table(path)
    assert [row[0] for row in rows(table)] == [str(tmp_path / "a")]
    found = [(problem.kind, problem.file, problem.row) for problem in table.problems]
    assert found == [
        ("label missing", path, 3),
        ("image missing", path, 4),
        ("unknown split", path, 5),
        ("split missing", path, 6),
    ]
    assert all(problem.error for problem in table.problems)


def test_every_row_that_does_not_fit_the_header_is_listed(tmp_path: Path) -> None:
    path = written(tmp_path, "image,label\na,x\nb,x,y\nc\nd,y\n")
    table = read_table(path)
    assert [row[0] for row in rows(table)] == [str(tmp_path / name) for name in "ad"]
    found = [(problem.kind, problem.file, problem.row) for problem in table.problems]
    assert found == [("ragged row", path, 3), ("ragged row", path, 4)]
    assert "3 columns, but the header has 2" in table.problems[0].message
    assert all(problem.error for problem in table.problems)


def test_labels_are_optional_only_where_none_are_needed(tmp_path: Path) -> None:
    bare = written(tmp_path, "image\na.png\n")
    refused(bare, "no column label", "its columns are image")
    assert read_table(bare, labels_required=False).targets == [None]
    gaps = written(tmp_path, "image,label\na.png,\nb.png,x\n", "gaps.csv")
    assert read_table(gaps, labels_required=False).targets == [None, "x"]


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    refused(written(tmp_path, "file,class\na,x\n"), "no column image", "file, class")
    refused(written(tmp_path, "image,label,labels\na,x,x\n"), "keep one")
    refused(written(tmp_path, "image,label,label\na,x,x\n"), "more than one column label")
    refused(written(tmp_path, 'image,label\na,"x\n'), "row 2", "quote")
    refused(written(tmp_path, "image,label\na,café\n", encoding="latin-1"), "UTF-8")
    refused(written(tmp_path, "image,label\na,x\n", encoding="utf-16"), "UTF-8")
    refused(written(tmp_path, ""), "no column image")
    refused(written(tmp_path, "image,label\n"), "no example")
    refused(written(tmp_path, "not parquet", "t.parquet"), "Parquet")


def test_a_folder_of_tables_named_by_split(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        written(tmp_path, f"image,label\n{name}.png,x\n", f"{name}.csv")
    table = read_table(str(tmp_path))
    assert sorted(table.splits) == ["test", "train", "validation"]
    written(tmp_path, "image,label\na,x\n", "more.csv")
    refused(str(tmp_path), "4 tables", "name the one")


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"image": ["a.png", "b.png"], "label": [1, 10], "split": ["train", "test"], "n": [1.5, 2.5]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(str(tmp_path / "t.parquet"))
    assert rows(table) == [
        (str(tmp_path / "a.png"), "1", "train", None, 2),
        (str(tmp_path / "b.png"), "10", "test", None, 3),
    ]


def test_parquet_with_lists_gaps_and_wrong_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": ["a.png", "b.png", None], "labels": [["y", "x"], [], ["x"]]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(str(tmp_path / "t.parquet"))
    assert table.targets == [("x", "y"), ()]
    assert [(problem.kind, problem.row) for problem in table.problems] == [("image missing", 4)]
    pd.DataFrame({"image": [b"bytes"], "label": ["x"]}).to_parquet(tmp_path / "b.parquet")
    assert [problem.kind for problem in read_table(str(tmp_path / "b.parquet")).problems] == ["unreadable"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
LINES = st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["train", "val", "test"]), CELLS), max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_whatever_csv_writes_is_read_back(lines: list[tuple[str, ...]], separator: str, end: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
            writer.writerows([("image", "label", "split", "group"), *lines])
        if not lines:
            refused(str(path), "no example")
            return
        table = read_table(str(path))
        whole = [line for line in lines if line[0].strip() and line[1].strip()]
        assert [Path(str(row[0])) for row in rows(table)] == [
            Path(folder) / line[0].strip() for line in whole
        ]
        assert len(table) + len(table.problems) == len(lines)
        assert [group or "" for group in table.frame["group"]] == [line[3].strip() for line in whole]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".csv", ".tsv", ".parquet"]))
def test_any_bytes_give_a_table_or_a_data_error(content: bytes, suffix: str) -> None:
    with TemporaryDirectory() as folder:
        for data in (content, b"image,label\n" + content):
            path = Path(folder) / f"t{suffix}"
            path.write_bytes(data)
            try:
                table = read_table(str(path))
            except DataError:
                continue
            assert len(table) + len(table.problems) > 0

"""Texts are asked about as they are, in files, folders and tables, and on standard input."""

import io
import sys
from pathlib import Path

import pytest

from plait.errors import DataError, MissingExtraError
from plait.inference.sources import asked
from plait.inference.text import TextInput

BY_LINE = TextInput("words", True, ["a"], 0, "review", "line")
BY_FILE = TextInput("words", True, ["a"], 0, "", "file")


def found(sources: list[str], input: TextInput = BY_LINE) -> list[tuple[str, int | None]]:
    return [(one.origin.content, one.origin.row) for one in asked(sources, input)]


def test_what_is_no_file_is_the_text_itself() -> None:
    assert found(["a fine day", "好"]) == [("a fine day", None), ("好", None)]


def test_a_file_is_read_by_lines_or_whole_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("one\n\ntwo\n", encoding="utf-8")
    assert found([str(path)]) == [("one", 1), ("two", 3)]
    (whole,) = asked([str(path)], BY_FILE)
    assert (whole.origin.input, whole.origin.content) == (str(path), "one\n\ntwo\n")


def test_a_folder_gives_its_text_files_by_name(tmp_path: Path) -> None:
    for name, text in (("b/2.txt", "two"), ("a.txt", "one"), ("notes.md", "no"), (".hidden.txt", "no")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [text for text, _ in found([str(tmp_path)], BY_FILE)] == ["one", "two"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no texts.*\.txt"):
        found([str(tmp_path / "empty")])


def test_a_table_is_read_by_the_column_of_training(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,text,Review\n1,wrong,right\n2,wrong,\n", encoding="utf-8")
    assert found([str(path)])[0] == ("right", 2)
    path.write_text("id,text\n1,by its usual name\n", encoding="utf-8")
    assert found([str(path)]) == [("by its usual name", 2)]
    path.write_text("id,name\n1,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="review"):
        found([str(path)])


def test_files_are_read_in_the_encoding_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, folder, table = tmp_path / "some.txt", tmp_path / "folder", tmp_path / "t.csv"
    folder.mkdir()
    lines.write_text("café noir\n", encoding="latin-1")
    (folder / "one.txt").write_text("café noir", encoding="latin-1")
    table.write_text("review\ncafé noir\n", encoding="latin-1")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("café noir".encode("latin-1")), "utf-8"))
    for source in (lines, folder, table, "-"):
        (one,) = asked([str(source)], BY_LINE, "latin-1")
        assert one.origin.content == "café noir"
    (refused,) = asked([str(lines)], BY_LINE)
    assert refused.problem is not None
    assert "--encoding latin-1" in refused.problem.message
    with pytest.raises(DataError, match=r"t\.csv, row 2: .*--encoding latin-1"):
        list(asked([str(table)], BY_LINE))
    for source in (table, "-"):
        with pytest.raises(DataError, match="no encoding 'klingon'"):
            list(asked([str(source)], BY_LINE, "klingon"))


def test_standard_input_is_read_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\ntwo"))
    assert found(["-"]) == [("one", 1), ("two", 3)]


@pytest.mark.parametrize("name", ["gone.txt", "gone.csv", "./gone", "/no/such/place"])
def test_what_looks_like_a_file_and_is_none_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot be found"):
        found([name])


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"Review": "fine"}\n\n{"text": "no"}\n[]\n{"Review": 7}', encoding="utf-8")
    good, *bad = asked([str(path)], BY_LINE)
    assert (good.origin.content, good.origin.row) == ("fine", 1)
    faults = ["3: bad row: the column Review is empty", "4: bad row: list stands", "5: bad row: 7 stands in"]
    for fault, one in zip(faults, bad, strict=True):
        assert f"row {fault}" in str(one.problem)


def test_the_first_sheet_of_a_workbook_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "review"], [1, "fine"], [None, None], [3, "bad"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert found([str(tmp_path / "t.xlsx")]) == [("fine", 2), ("bad", 4)]
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match="save it as CSV"):
        found([str(tmp_path / "t.xlsx")])

"""Running text: recognized, read, checked and cut where it is not divided."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.books import book, story

from plait.data.cuts import cut, without_beginning
from plait.data.gather import gather, look
from plait.data.options import StreamDataOptions
from plait.data.readers import recognize
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.recipe import read_recipe

OPTIONS = read_recipe(task="language-modeling").data
assert isinstance(OPTIONS, StreamDataOptions)


def test_a_file_and_a_folder_of_nothing_but_texts_are_recognized(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    book(folder / "a.txt")
    assert recognize(str(folder / "a.txt")).name == "plain text"
    book(folder / "b.txt", seed=1)
    assert recognize(str(folder)).name == "plain text"
    (folder / "notes.md").write_text("notes", encoding="utf-8")
    with pytest.raises(DataError, match="no plain text"):
        recognize(str(folder))


def test_what_has_labels_is_no_running_text(tmp_path: Path) -> None:
    (tmp_path / "labelled.txt").write_text("good a film\nbad a play\n" * 20, encoding="utf-8")
    assert recognize(str(tmp_path / "labelled.txt")).content == "texts"
    for name in ("good", "bad"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        (tmp_path / "classes" / name / "1.txt").write_text("text", encoding="utf-8")
    assert recognize(str(tmp_path / "classes")).content == "texts"
    found = look(str(tmp_path / "labelled.txt"), OPTIONS, training=False)
    assert found.table.content == "running text"


def test_files_and_folders_named_by_their_part_are_that_part(tmp_path: Path) -> None:
    for name in ("train", "valid", "test"):
        book(tmp_path / f"{name}.txt", 100)
    assert gather(str(tmp_path), OPTIONS, 0).table.splits == ["train", "test", "validation"]
    other = tmp_path / "other"
    for name in ("train", "test"):
        (other / name).mkdir(parents=True)
        book(other / name / "1.txt", 100)
        book(other / name / "2.txt", 100, seed=1)
    splits = gather(str(other), OPTIONS, 0).table.splits
    assert splits[-2:] == ["test", "test"]
    assert set(splits[:-2]) == {"train", "validation"}


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=5), st.floats(0.05, 0.5))
def test_a_cut_loses_nothing_and_keeps_the_order(texts: list[str], share: float) -> None:
    table = Table.from_rows(
        [Row(text, None, "", f"{number}.txt", 1) for number, text in enumerate(texts)],
        "books",
        "plain text",
        content="running text",
    )
    divided = cut(table, 0.1, share)
    assert "".join(divided.frame["input"]) == "".join(texts)
    total = sum(map(len, texts))
    end = int(total * (1 - share))
    assert "".join(divided.part("test").frame["input"]) == "".join(texts)[end:]
    held_out = sum(map(len, divided.part("validation").frame["input"]))
    assert held_out <= max(1, 0.1 * end)
    assert end == 0 or held_out >= max(1, int(0.1 * end))
    rest = without_beginning(divided.part("train"), 3)
    assert "".join(rest.frame["input"]) == "".join(divided.part("train").frame["input"])[3:]


def test_a_piece_knows_the_line_it_begins_in(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("one\n" * 60_000, encoding="utf-8")
    table = gather(str(path), OPTIONS, 0).table
    assert table.splits == ["train", "validation"] * 10 + ["train", "test"]
    before = 0
    for text, row in zip(table.frame["input"], table.frame["row"], strict=True):
        assert row == 1 + before // 4
        before += len(text)


def test_training_keeps_what_is_next_to_the_test(tmp_path: Path) -> None:
    table = gather(str(book(tmp_path / "story.txt")), OPTIONS, 0).table
    assert table.splits[-2:] == ["train", "test"]
    assert len(table.frame["input"].iloc[-2]) > 500


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    text = story(100).replace(". ", ".\n")
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert look(str(path), OPTIONS).table.frame["input"][0] == text


def test_odd_characters_and_empty_files_are_named(tmp_path: Path) -> None:
    book(tmp_path / "a.txt", 100)
    (tmp_path / "b.txt").write_text("fine\nbroken \ufffd here\n", encoding="utf-8")
    (tmp_path / "c.txt").write_text(" \n", encoding="utf-8")
    found = look(str(tmp_path), OPTIONS)
    (error,) = found.errors
    assert error.kind == "empty text"
    assert error.file.endswith("c.txt")
    (finding,) = found.findings
    assert (finding.kind, finding.row) == ("odd characters", 2)
    (tmp_path / "d.txt").write_bytes(b"caf\xe9\n" * 5)
    undecodable = look(str(tmp_path), OPTIONS).errors
    assert any(one.file.endswith("d.txt") and one.row == 1 for one in undecodable)

"""Every format is recognized and read; what cannot be is an error that says what to do."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.reading import read_table

from plait.data.table import Table
from plait.errors import DataError

LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def picture(path: Path) -> Path:
    """A file that is named as a picture; readers do not open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff" + path.name.encode())
    return path


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def targets(table: Table) -> Counter[tuple[str, object]]:
    return Counter(zip(table.splits, table.targets, strict=True))


def kinds(table: Table) -> list[tuple[str, str]]:
    return sorted((problem.kind, Path(problem.file).name) for problem in table.problems)


def message(source: Path | str, *names: str, format: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_table(str(source), format)
    assert all(name in str(caught.value) for name in names), str(caught.value)
    return str(caught.value)


def test_class_folders(tmp_path: Path) -> None:
    pictures(tmp_path, "dog/2.jpg", "dog/10.png", "cat/a.webp")
    table = read_table(str(tmp_path))
    assert table.format == "class folders"
    assert table.source == str(tmp_path)
    names = [Path(path).relative_to(tmp_path).as_posix() for path in table.frame["input"]]
    assert names == ["cat/a.webp", "dog/2.jpg", "dog/10.png"]
    assert table.targets == ["cat", "dog", "dog"]
    assert table.splits == ["", "", ""]
    assert list(table.frame["file"]) == list(table.frame["input"])
    assert table.problems == ()


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Training", "valid", "Testing"),
        ("train", "dev", "test"),
        ("TRAIN", "validation", "test"),
    ],
)
def test_splits_above_class_folders(tmp_path: Path, train: str, validation: str, test: str) -> None:
    for folder in (train, validation, test):
        pictures(tmp_path / folder, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    (tmp_path / "about.txt").write_text("about", encoding="utf-8")
    table = read_table(str(tmp_path))
    assert targets(table) == {
        (split, label): 1 for split in ("train", "validation", "test") for label in ("cat", "dog")
    }
    assert table.problems == ()


def test_a_class_may_be_named_as_a_split(tmp_path: Path) -> None:
    pictures(tmp_path, "train/1.jpg", "bus/1.jpg")
    assert targets(read_table(str(tmp_path))) == {("", "bus"): 1, ("", "train"): 1}


def test_hidden_files_and_litter_are_ignored(tmp_path: Path) -> None:
    pictures(
        tmp_path, "a/1.jpg", "a/.2.jpg", "b/1.jpg", ".c/1.jpg", "__MACOSX/1.jpg", "a/Thumbs.db", "b/.DS_Store"
    )
    table = read_table(str(tmp_path))
    assert targets(table) == {("", "a"): 1, ("", "b"): 1}
    assert table.problems == ()


def test_what_lies_wrong_in_class_folders_is_listed(tmp_path: Path) -> None:
    pictures(tmp_path, "a/1.jpg", "a/deep/2.jpg", "b/1.jpg", "loose.jpg")
    (tmp_path / "a" / "notes.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "x.txt").write_text("x", encoding="utf-8")
    table = read_table(str(tmp_path))
    assert targets(table) == {("", "a"): 1, ("", "b"): 1}
    assert kinds(table) == [
        ("empty class folder", "empty"),
        ("empty class folder", "texts"),
        ("folder in a class folder", "deep"),
        ("label missing", "loose.jpg"),
        ("not a picture", "notes.txt"),
        ("not a picture", "x.txt"),
    ]
    assert {problem.kind for problem in table.problems if not problem.error} == {"not a picture"}


def test_pictures_that_are_not_read_are_examples_to_be_complained_of(tmp_path: Path) -> None:
    """A folder of a phone's photographs is not passed over in silence."""
    pictures(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "b" / "2.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "3.heic").write_bytes(b"\0\0\0\x18ftypheic")
    table = read_table(str(tmp_path))
    assert targets(table) == {("", "a"): 1, ("", "b"): 2, ("", "c"): 1}
    assert table.problems == ()


def test_what_lies_beside_splits_is_listed(tmp_path: Path) -> None:
    pictures(tmp_path, "train/a/1.jpg", "train/2.jpg", "test/a/1.jpg", "loose.jpg", "unlabelled/1.jpg")
    (tmp_path / "train" / "empty").mkdir()
    table = read_table(str(tmp_path))
    assert targets(table) == {("train", "a"): 1, ("test", "a"): 1}
    assert kinds(table) == [
        ("empty class folder", "empty"),
        ("folder ignored", "unlabelled"),
        ("label missing", "2.jpg"),
        ("label missing", "loose.jpg"),
    ]


def test_a_picture_without_a_suffix_is_found_by_its_first_bytes(tmp_path: Path) -> None:
    pictures(tmp_path, "a/1", "b/2.dat", "b/3.jpg")
    assert targets(read_table(str(tmp_path))) == {("", "a"): 1, ("", "b"): 2}


@LINKS
def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", "a/1.jpg", "b/1.jpg")
    (data / "again").symlink_to(data, target_is_directory=True)
    (data / "a" / "up").symlink_to(data, target_is_directory=True)
    (data / "a" / "self").symlink_to("self")
    (data / "a" / "gone.jpg").symlink_to("nowhere.jpg")
    (data / "loop").symlink_to("loop")
    pictures(tmp_path / "elsewhere", "1.jpg")
    (data / "c").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    table = read_table(str(data))
    assert targets(table) == {("", "a"): 1, ("", "b"): 1, ("", "c"): 1}
    loops = [("symlink loop", name) for name in ("again", "loop", "self", "up")]
    assert kinds(table) == [("missing file", "gone.jpg"), *loops]


def test_names_in_composed_and_decomposed_letters_are_one_class(tmp_path: Path) -> None:
    pictures(tmp_path, "train/caf\u00e9/1.jpg", "test/cafe\u0301/1.jpg", "train/猫/1.jpg")
    assert set(read_table(str(tmp_path)).classes) == {"caf\u00e9", "猫"}


def test_pictures_without_labels_only_where_none_are_needed(tmp_path: Path) -> None:
    pictures(tmp_path, "1.jpg", "2.jpg")
    message(tmp_path, "2 .jpg files", "class folders")
    assert read_table(str(tmp_path), labels_required=False).targets == [None, None]


def test_a_wrong_path_gives_near_names(tmp_path: Path) -> None:
    pictures(tmp_path, "flowers12/train/rose/1.jpg", "flowers12/train/iris/1.jpg")
    message(tmp_path / "flower12", "does not exist", str(tmp_path / "flowers12"))
    message(tmp_path / "Flowers", str(tmp_path / "flowers12"))
    message(tmp_path / "flower" / "train", str(tmp_path / "flowers12"))
    message(tmp_path / "nothing-like-it", "holds no such name")
    message("digit", "did you mean digits?")


def test_nothing_recognized_says_what_is_there_and_what_is_accepted(tmp_path: Path) -> None:
    data = pictures(tmp_path, "inner/cat/1.jpg", "inner/dog/1.jpg")
    (data / "a.xml").touch()
    message(
        data,
        "1 folder (inner), 1 .xml file",
        "class folders",
        ".csv",
        "IDX",
        "digits",
        f"Did you mean {data / 'inner'}?",
    )
    (tmp_path / "x.zip").touch()
    message(tmp_path / "x.zip", "unpack it first")
    (tmp_path / "none").mkdir()
    message(tmp_path / "none", "nothing")


def test_when_two_formats_fit_the_error_says_how_to_choose(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "labels.csv").write_text("image,label\ncat/1.jpg,cat\n", encoding="utf-8")
    message(tmp_path, "--format class-folders", "--format table")
    assert read_table(str(tmp_path), "class-folders").format == "class folders"
    assert read_table(str(tmp_path), "table").format == "table"
    message(tmp_path, "unknown format 'csv'", "class-folders", format="csv")
    message(tmp_path, "the word digits", format="digits")


def test_a_folder_named_digits_and_the_embedded_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "digits", "0/1.jpg", "1/1.jpg")
    monkeypatch.chdir(tmp_path)
    message("digits", "--format digits", "--format class-folders")
    assert len(read_table("digits", "digits")) == 1797
    assert len(read_table("digits", "class-folders")) == 2
    assert len(read_table("./digits")) == 2


def test_a_table_beside_its_one_folder_of_pictures(tmp_path: Path) -> None:
    pictures(tmp_path, "images/1.jpg", "images/2.jpg")
    (tmp_path / "labels.csv").write_text(
        "image,label\nimages/1.jpg,cat\nimages/2.jpg,dog\n", encoding="utf-8"
    )
    (tmp_path / "prices.csv").write_text("item,price\nx,1\n", encoding="utf-8")
    assert read_table(str(tmp_path)).targets == ["cat", "dog"]


def test_digits(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    table = read_table("digits")
    assert (len(table), table.format, table.source) == (1797, "digits", "digits")
    assert table.classes == [str(digit) for digit in range(10)]
    stacked = np.stack(list(table.frame["input"]))
    assert (stacked.dtype, stacked.min(), stacked.max()) == (np.uint8, 0, 255)
    np.testing.assert_allclose(stacked / 255 * 16, load_digits().images, atol=0.05)


def test_inputs_open_as_the_pictures_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("L", (3, 2), 7).save(tmp_path / "a" / "x.png")
    pictures(tmp_path, "b/1.jpg")
    first = read_table(str(tmp_path)).frame["input"].iat[0]
    assert np.asarray(Image.open(first)).tolist() == [[7, 7, 7], [7, 7, 7]]


@pytest.mark.parametrize("make", [lambda path: path.touch(), lambda path: path.write_bytes(b"x" * 9)])
def test_a_file_of_no_known_kind(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "data.bin")
    message(tmp_path / "data.bin", "it is a .bin file", "Accepted are")

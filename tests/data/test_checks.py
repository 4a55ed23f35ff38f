"""Every fault named in the checks is found, with its file and row, and nothing on disk changes."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.data.reading import read_table

from plait.data.checks import Checked, check, summarize
from plait.data.table import Row, Table
from plait.errors import Problem

LIMIT = 100_000


def noise(seed: int, height: int = 12, width: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path: Path, seed: int, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed)).save(path, **options)
    return path


def classes(folder: Path, *names: str, each: int = 2) -> Path:
    """Class folders of whole pictures, no two alike."""
    for place, name in enumerate(names):
        for number in range(each):
            save(folder / name / f"{number}.png", 1000 * place + number + len(str(folder)))
    return folder


def looked_at(source: Path, **options: object) -> Checked:
    return check(read_table(str(source)), LIMIT, 2, **options)


def kinds(problems: list[Problem]) -> list[tuple[str, str, int | None]]:
    return sorted((problem.kind, Path(problem.file).name, problem.row) for problem in problems)


def test_whole_data_has_no_problem(tmp_path: Path) -> None:
    found = looked_at(classes(tmp_path, "cat", "dog", each=3))
    assert (found.errors, found.findings) == ([], [])
    assert len(found.table) == len(found.digests) == 6
    assert found.sizes.tolist() == [[12, 10]] * 6
    assert not found.grey
    expected = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in found.table.frame["input"]]
    assert found.digests == expected


def test_every_broken_file_is_listed_and_left_out(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog", each=3)
    whole = save(tmp_path / "cat" / "whole.jpg", 77).read_bytes()
    (tmp_path / "cat" / "cut.jpg").write_bytes(whole[:-150])
    (tmp_path / "cat" / "empty.jpg").touch()
    (tmp_path / "dog" / "text.png").write_text("no picture", encoding="utf-8")
    Image.new("1", (1000, 101)).save(tmp_path / "dog" / "bomb.png")
    (tmp_path / "loose.jpg").write_bytes(whole)
    (tmp_path / "none").mkdir()
    save(tmp_path / "alone" / "1.png", 5)
    before = snapshot(tmp_path)
    found = looked_at(tmp_path)
    assert kinds(found.errors) == [
        ("class too small", "1.png", None),
        ("empty", "empty.jpg", None),
        ("empty class folder", "none", None),
        ("label missing", "loose.jpg", None),
        ("pixel bomb", "bomb.png", None),
        ("truncated", "cut.jpg", None),
        ("unreadable", "text.png", None),
    ]
    assert all(problem.error for problem in found.errors)
    assert found.findings == []
    assert found.table.counts(["cat", "dog"]) == [4, 3]
    assert len(found.table) == len(found.digests) == len(found.sizes) == 7
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")
def test_links_and_pipes_named_by_a_table(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    rows = ["cat/0.png,cat", "cat/1.png,cat", "dog/0.png,dog", "dog/1.png,dog"]
    rows += ["loop.png,cat", "gone.png,cat", "pipe.png,cat", "never.png,dog", "dog,dog"]
    (tmp_path / "t.csv").write_text("\n".join(["image,label", *rows]), encoding="utf-8")
    found = looked_at(tmp_path / "t.csv")
    assert kinds(found.errors) == [
        ("missing file", "gone.png", 7),
        ("missing file", "never.png", 9),
        ("symlink loop", "loop.png", 6),
        ("unreadable", "dog", 10),
        ("unreadable", "pipe.png", 8),
    ]
    assert len(found.table) == 4


def test_a_wrong_suffix_is_a_finding(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    save(tmp_path / "cat" / "really-png.jpg", 50, format="PNG")
    save(tmp_path / "cat" / "fine.JPEG", 51, format="JPEG")
    save(tmp_path / "dog" / "bare", 52, format="PNG")
    found = looked_at(tmp_path)
    assert found.errors == []
    assert kinds(found.findings) == [("wrong suffix", "bare", None), ("wrong suffix", "really-png.jpg", None)]
    assert "named .jpg, but it is a PNG" in str(found.findings)


def test_identical_pictures_are_findings_one_a_copy(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    data = (tmp_path / "cat" / "0.png").read_bytes()
    (tmp_path / "cat" / "copy1.png").write_bytes(data)
    (tmp_path / "cat" / "copy2.png").write_bytes(data)
    (tmp_path / "dog" / "other.png").write_bytes(data)
    found = looked_at(tmp_path)
    assert found.errors == []
    assert kinds(found.findings) == [
        ("identical pictures", "copy1.png", None),
        ("identical pictures", "copy2.png", None),
        ("identical pictures with different labels", "other.png", None),
    ]
    assert all("0.png" in finding.message for finding in found.findings)
    assert len(found.table) == 7


def test_overlap_of_splits_names_the_test_row(tmp_path: Path) -> None:
    for split in ("test", "train", "val"):
        classes(tmp_path / split, "cat", "dog", each=3)
    data = (tmp_path / "train" / "cat" / "0.png").read_bytes()
    (tmp_path / "test" / "cat" / "seen.png").write_bytes(data)
    (tmp_path / "val" / "dog" / "seen.png").write_bytes(data)
    found = check(read_table(str(tmp_path)), LIMIT)
    found.findings.sort(key=lambda finding: finding.file)
    own = [finding for finding in found.findings if finding.file.endswith("seen.png")]
    assert [finding.kind for finding in own] == [
        "overlap of splits",
        "overlap of splits",
        "identical pictures with different labels",
    ]
    assert "test and train" in own[0].message


def arrays(*rows: tuple[str | tuple[str, ...], str], several_labels: bool = False) -> Table:
    made = [
        Row(noise(number), target, split, "data", number) for number, (target, split) in enumerate(rows, 1)
    ]
    return Table.from_rows(made, "data", "idx", several_labels)


def test_a_class_is_counted_in_the_training_part() -> None:
    table = arrays(
        *[("a", "train")] * 3,
        *[("b", "train")] * 2,
        ("c", "train"),
        ("c", "test"),
        ("d", "test"),
        ("a", "test"),
    )
    found = check(table, LIMIT)
    assert kinds(found.errors) == [
        ("class too small", "data", 6),
        ("class too small", "data", 7),
        ("unknown class", "data", 8),
    ]
    assert list(found.table.frame["row"]) == [1, 2, 3, 4, 5, 9]
    assert check(table, LIMIT, training=False).errors == []


def test_broken_pictures_do_not_count(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog", "cow")
    (tmp_path / "cow" / "1.png").write_bytes(b"")
    assert kinds(looked_at(tmp_path).errors) == [("class too small", "0.png", None), ("empty", "1.png", None)]


def test_data_with_only_a_test_part_is_whole() -> None:
    assert check(arrays(("a", "test"), ("b", "test")), LIMIT).errors == []


def test_one_class_teaches_nothing(tmp_path: Path) -> None:
    found = looked_at(classes(tmp_path, "images", each=5))
    assert [problem.kind for problem in found.errors] == ["too few classes"]
    assert "only 'images'" in found.errors[0].message
    assert len(found.table) == 0


def test_a_rare_label_of_several_goes_and_its_picture_stays() -> None:
    table = arrays((("a", "b"), ""), (("a", "rare"), ""), ((), ""), (("b",), ""), several_labels=True)
    found = check(table, LIMIT)
    assert kinds(found.errors) == [("class too small", "data", 2)]
    assert found.table.targets == [("a", "b"), ("a",), (), ("b",)]


def test_grey_is_what_has_no_color(tmp_path: Path) -> None:
    for number in range(4):
        grey = np.repeat(noise(number)[:, :, :1], 3, axis=2)
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(grey if number < 2 else grey[:, :, 0]).save(path)
    assert looked_at(tmp_path).grey
    tinted = np.repeat(noise(9)[:, :, :1], 3, axis=2)
    tinted[7, 7, 2] ^= 255
    Image.fromarray(tinted).save(tmp_path / "a" / "tinted.png")
    assert not looked_at(tmp_path).grey


def test_sizes_are_as_shown(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "cat" / "turned.jpg", 9, exif=exif)
    assert looked_at(tmp_path).sizes.tolist() == [[12, 10], [12, 10], [10, 12], [12, 10], [12, 10]]


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_workers_change_nothing_and_progress_counts_all(tmp_path: Path, workers: int | None) -> None:
    classes(tmp_path, "cat", "dog", each=70)
    told: list[tuple[int, int]] = []
    found = check(read_table(str(tmp_path)), LIMIT, workers, lambda done, total: told.append((done, total)))
    assert told[-1] == (140, 140)
    assert told == sorted(told)
    assert found.digests == looked_at(tmp_path).digests


def test_a_stop_in_the_middle_is_passed_on(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(read_table(str(classes(tmp_path, "cat", "dog"))), LIMIT, 2, stop)


def test_no_rows() -> None:
    found = check(Table.from_rows([], "x", "table"), LIMIT)
    assert (found.errors, found.findings, found.digests, found.sizes.shape) == ([], [], [], (0, 2))


def test_many_findings_are_few_lines() -> None:
    rows = [Row(np.zeros((2, 2), np.uint8), "ab"[number % 2], "", "data", number) for number in range(10_000)]
    findings = check(Table.from_rows(rows, "data", "idx"), LIMIT).findings
    assert len(findings) == 9_999
    lines = summarize(findings)
    assert len(lines) == 2 * (1 + 3 + 1)
    assert lines[0] == "identical pictures with different labels: 5,000"
    assert lines[4] == "  ... and 4,997 more"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.sampled_from(["train", "test"])), min_size=1
    )
)
def test_every_row_is_used_or_named(rows: list[tuple[int, str, str]]) -> None:
    made = [
        Row(noise(seed), label, split, "data", number) for number, (seed, label, split) in enumerate(rows)
    ]
    found = check(Table.from_rows(made, "data", "idx"), LIMIT, 1)
    named = {problem.row for problem in found.errors}
    if any(problem.kind == "too few classes" for problem in found.errors):
        assert len(found.table) == 0
    else:
        assert named | set(found.table.frame["row"]) == set(range(len(rows)))
        assert not named & set(found.table.frame["row"])
    copies = sum(finding.kind != "overlap of splits" for finding in found.findings)
    assert copies <= len(found.table) - len(set(found.digests))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {"cut": lambda data: data[:-40], "none": lambda data: b""}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tif"])
def test_damage_is_found_in_every_format(tmp_path: Path, suffix: str, damage: str) -> None:
    classes(tmp_path, "cat", "dog")
    broken = save(tmp_path / "cat" / f"broken.{suffix}", 99)
    broken.write_bytes(DAMAGE[damage](broken.read_bytes()))
    assert [Path(problem.file).name for problem in looked_at(tmp_path).errors] == [broken.name]

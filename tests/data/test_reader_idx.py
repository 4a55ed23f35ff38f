"""IDX files are read as they were written, plain or gzipped; damaged ones are refused."""

import gzip
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.data.reading import read_table

from plait.errors import DataError

FASHION = Path("/usr/share/datasets/fashion-mnist")


def idx(path: Path, array: np.ndarray) -> Path:
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def pair(
    folder: Path, prefix: str, count: int, gz: str = "", dot: str = "-"
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    pictures = rng.integers(0, 256, (count, 5, 4), np.uint8)
    labels = (np.arange(count) % 3).astype(np.uint8)
    idx(folder / f"{prefix}images{dot}idx3-ubyte{gz}", pictures)
    idx(folder / f"{prefix}labels{dot}idx1-ubyte{gz}", labels)
    return pictures, labels


def refused(source: Path, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(str(source))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_train_and_test(tmp_path: Path, gz: str, dot: str) -> None:
    train, labels = pair(tmp_path, "train-", 7, gz, dot)
    test, _ = pair(tmp_path, "t10k-", 4, gz, dot)
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    table = read_table(str(tmp_path))
    assert table.format == "idx"
    assert Counter(table.splits) == {"train": 7, "test": 4}
    np.testing.assert_array_equal(np.stack(list(table.part("train").frame["input"])), train)
    np.testing.assert_array_equal(np.stack(list(table.part("test").frame["input"])), test)
    assert table.part("train").targets == [str(label) for label in labels]
    first = table.part("train").frame.iloc[0]
    assert (Path(first["file"]).name, first["row"]) == (f"train-images{dot}idx3-ubyte{gz}", 1)


def test_one_pair_without_a_name_is_not_divided(tmp_path: Path) -> None:
    pair(tmp_path, "", 5)
    assert set(read_table(str(tmp_path)).splits) == {""}


def test_a_file_names_its_pair(tmp_path: Path) -> None:
    pair(tmp_path, "emnist-letters-train-", 6, ".gz")
    pair(tmp_path, "emnist-letters-test-", 2, ".gz")
    table = read_table(str(tmp_path / "emnist-letters-test-labels-idx1-ubyte.gz"))
    assert table.splits == ["test", "test"]


def test_an_unpacked_file_is_taken_before_its_archive(tmp_path: Path) -> None:
    pair(tmp_path, "train-", 6)
    pair(tmp_path, "train-", 9, ".gz")
    assert len(read_table(str(tmp_path))) == 6


def test_color(tmp_path: Path) -> None:
    idx(tmp_path / "images-idx4-ubyte", np.zeros((2, 3, 3, 3), np.uint8))
    idx(tmp_path / "labels-idx1-ubyte", np.array([0, 1], np.uint8))
    assert read_table(str(tmp_path)).frame["input"].iat[0].shape == (3, 3, 3)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    pair(tmp_path, "train-", 6)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    whole = images.read_bytes()
    images.write_bytes(whole[:-1])
    refused(images, "truncated", "119 are there")
    images.write_bytes(b"\x89PNG" + whole[4:])
    refused(images, "no IDX file", "89 50 4e 47")
    images.write_bytes(whole + b"\0")
    refused(images, "more are there")
    images.write_bytes(whole[:4] + b"\xff" * 12 + whole[16:])
    refused(images, "truncated", "120 are there")
    images.write_bytes(whole[:9])
    refused(images, "truncated")
    images.write_bytes(b"")
    refused(images, "nothing")
    damaged = [images, labels]
    for kind in ("images", "labels"):
        damaged.append(idx(tmp_path / f"t10k-{kind}-idx3-ubyte", np.zeros(5, np.uint8)))
    good = labels.read_bytes()
    for path in damaged:
        path.write_bytes(path.read_bytes()[:3])
    refused(tmp_path, *map(str, damaged))
    for path in damaged[2:]:
        path.unlink()
    labels.write_bytes(good)
    images.write_bytes(whole)
    idx(labels, np.zeros(5, np.uint8))
    refused(tmp_path, "6 pictures", "5 labels")
    labels.unlink()
    refused(tmp_path, "no labels beside")
    assert read_table(str(tmp_path), labels_required=False).targets == [None] * 6


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "train-", 600, ".gz")
    images = tmp_path / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    for damaged in (whole[:-200], b"no gzip at all", whole[:40] + b"\xff" * 40 + whole[80:]):
        images.write_bytes(damaged)
        refused(tmp_path, str(images))


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_as_debian_installs_it() -> None:
    table = read_table(str(FASHION))
    assert Counter(table.splits) == {"train": 60_000, "test": 10_000}
    assert table.classes == [str(label) for label in range(10)]
    assert set(table.counts(table.classes)) == {7_000}

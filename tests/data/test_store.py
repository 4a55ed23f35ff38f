"""The picture store: the same pixels from memory and from the files, within its budget."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from plait.data.store import PictureStore
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.inference.picture import PictureInput, prepare

SPEC = PictureInput(12, 10, 3, "crop", 1.25)
BYTES = 15 * 12 * 3
LIMIT = 10_000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Pictures of many sizes, some tall, some wide, one grey, and one given as pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    rows = []
    for number in range(19):
        pixels = generator.integers(0, 256, (9 + number, 40 - 2 * number + (number % 3), 3), dtype=np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(pixels[:, :, 0] if number == 4 else pixels).save(path)
        rows.append(Row(str(path), "a", "train", str(path), number + 2))
    rows.append(Row(generator.integers(0, 256, (20, 20), dtype=np.uint8), "a", "train", "train-images", 1))
    return Table.from_rows(rows, str(folder), "table")


@pytest.mark.parametrize("kept", [0, 1, 7, 19])
@pytest.mark.parametrize("workers", [1, 3])
def test_pixels_do_not_depend_on_budget_or_workers(table: Table, kept: int, workers: int) -> None:
    everything = PictureStore(table, SPEC, 10**9, max_pixels=LIMIT)
    store = PictureStore(table, SPEC, kept * BYTES + BYTES // 2, workers, max_pixels=LIMIT)
    assert everything.complete
    assert not store.complete
    assert len(store) == 20
    rows = np.array([19, 3, 3, 0, 7, 18, 6])
    assert torch.equal(store.take(rows), everything.take(rows))
    assert torch.equal(store.center(rows), everything.center(rows))


def test_the_budget_is_kept(table: Table) -> None:
    for budget in (0, BYTES - 1, BYTES, 5 * BYTES + 3, 10**9):
        store = PictureStore(table, SPEC, budget, max_pixels=LIMIT)
        assert store._kept.nbytes == min(budget // BYTES, 20) * BYTES


def test_sizes_types_and_memory(table: Table) -> None:
    store = PictureStore(table, SPEC, 10**9, max_pixels=LIMIT)
    for pictures, size in ((store.take([2, 1]), (15, 12)), (store.center([2, 1]), (12, 10))):
        assert pictures.shape == (2, 3, *size)
        assert pictures.dtype == torch.uint8
        assert pictures.is_contiguous(memory_format=torch.channels_last)
    store.take([0]).zero_()
    assert int(store.take([0]).sum()) > 0


def test_the_center_is_what_prediction_sees(table: Table) -> None:
    store = PictureStore(table, SPEC, 10**9, max_pixels=LIMIT)
    for row in range(20):
        expected = prepare(table.frame["input"].iat[row], SPEC, LIMIT)
        np.testing.assert_array_equal(store.center([row])[0].permute(1, 2, 0).numpy(), expected)


def test_progress_counts_to_the_end(table: Table) -> None:
    seen: list[tuple[int, int]] = []
    PictureStore(table, SPEC, 10**9, 2, max_pixels=LIMIT, progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (20, 20)
    assert sorted(seen) == seen


@pytest.mark.parametrize("budget", [0, 10**9])
def test_a_picture_gone_since_it_was_checked_is_named_with_its_row(tmp_path: Path, budget: int) -> None:
    Image.new("RGB", (30, 30)).save(tmp_path / "there.png")
    rows = [
        Row(str(tmp_path / name), "a", "", str(tmp_path / "table.csv"), line)
        for line, name in enumerate(("there.png", "gone.png"), start=2)
    ]
    table = Table.from_rows(rows, str(tmp_path), "table")
    with pytest.raises(DataError, match=r"can no longer be opened") as raised:
        PictureStore(table, SPEC, budget, max_pixels=LIMIT).take([0, 1])
    (problem,) = raised.value.problems
    assert problem.row == 3
    assert "gone.png" in problem.file


def test_an_empty_table_has_an_empty_store() -> None:
    store = PictureStore(Table.from_rows([], "nothing", "table"), SPEC, 100, max_pixels=LIMIT)
    assert len(store) == 0
    assert store.complete
    assert store.take([]).shape == (0, 3, 15, 12)

"""Batches: the same for a step wherever training starts, every example once an epoch, in memory or not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from plait.data import batches as module
from plait.data.augmentation import Augmentation, AugmentationOptions
from plait.data.batches import Batch, EvaluationBatches, TrainingBatches, steps_per_epoch
from plait.data.store import PictureStore
from plait.data.table import Row, Table
from plait.errors import DataError
from plait.inference.picture import PictureInput

SPEC = PictureInput(8, 8, 3, "crop", 1.25)
EXAMPLES = 23
AUGMENT = Augmentation(
    AugmentationOptions(
        flip="horizontal",
        shift=0.1,
        crop=(0.5, 1.0),
        aspect=1.2,
        rotate=10,
        color=0.2,
        cutout=0.2,
        trivial_augment=True,
        mixup=0,
        mixed=1,
        sizes=(1.0, 1.0),
        cutmix=0,
    ),
    SPEC,
)
TARGETS = torch.arange(EXAMPLES) * 10
STEADY = settings(deadline=None, max_examples=25)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.random.default_rng(0).integers(0, 256, (EXAMPLES, 12, 11, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number}.png")
    rows = [Row(str(folder / f"{number}.png"), "a", "train", "t.csv", number) for number in range(EXAMPLES)]
    return Table.from_rows(rows, str(folder), "table")


@pytest.fixture(scope="module")
def store(table: Table) -> PictureStore:
    return PictureStore(table, SPEC, 10**9, max_pixels=1000)


@pytest.fixture(scope="module")
def lean(table: Table) -> PictureStore:
    """Opens most pictures each time."""
    return PictureStore(table, SPEC, 500, 2, max_pixels=1000)


def training(
    store: PictureStore, size: int = 5, seed: int = 1, total: int = 12, start: int = 0
) -> TrainingBatches:
    return TrainingBatches(store, TARGETS, size, seed, AUGMENT, total, start)


def same(one: Batch, other: Batch) -> bool:
    parts = ((one.values, other.values), (one.targets, other.targets), (one.rows, other.rows))
    return all(torch.equal(first, second) for first, second in parts)


@STEADY
@given(size=st.integers(1, 30), seed=st.integers(0, 99), start=st.integers(0, 9))
def test_starting_at_a_step_gives_what_an_uninterrupted_run_sees(
    store: PictureStore, size: int, seed: int, start: int
) -> None:
    uninterrupted = list(training(store, size, seed, 9))
    resumed = training(store, size, seed, 9, start)
    assert len(resumed) == 9 - start
    for found, expected in zip(resumed, uninterrupted[start:], strict=True):
        assert same(found, expected)


@STEADY
@given(sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)), epoch=st.integers(0, 3))
def test_an_example_is_augmented_alike_for_any_batch_size(
    store: PictureStore, sizes: tuple[int, int], epoch: int
) -> None:
    found = []
    for size in sizes:
        steps = steps_per_epoch(EXAMPLES, size)
        epoch_batches = list(training(store, size, 3, (epoch + 1) * steps, epoch * steps))
        found.append(
            {
                int(row): value
                for batch in epoch_batches
                for row, value in zip(batch.rows, batch.values, strict=True)
            }
        )
    for row in found[0].keys() & found[1].keys():
        assert torch.equal(found[0][row], found[1][row])


@STEADY
@given(size=st.integers(1, 30), seed=st.integers(0, 1000))
def test_an_epoch_shows_each_example_at_most_once_and_epochs_differ(
    store: PictureStore, size: int, seed: int
) -> None:
    steps = steps_per_epoch(EXAMPLES, size)
    plan = [training(store, size, seed).plan(step) for step in range(2 * steps)]
    orders = []
    for epoch in (0, 1):
        assert {number for number, _ in plan[epoch * steps : (epoch + 1) * steps]} == {epoch}
        orders.append(np.concatenate([rows for _, rows in plan[epoch * steps : (epoch + 1) * steps]]))
        assert len(set(orders[-1])) == len(orders[-1]) == min(steps * size, EXAMPLES)
    assert size > 11 or orders[0].tolist() != orders[1].tolist()


def test_targets_and_values_belong_to_their_rows(store: PictureStore) -> None:
    for batch in training(store):
        assert torch.equal(batch.targets, batch.rows * 10)
        assert batch.rows.dtype == torch.int64
        assert batch.values.shape == (5, 3, 8, 8)
        assert batch.valid is None
    batches = training(store)
    epoch, rows = batches.plan(7)
    expected = AUGMENT(store.take(rows), 1, epoch, rows)
    assert torch.equal(list(batches)[7].values, expected)


def test_files_opened_in_the_background_give_the_same_batches(
    store: PictureStore, lean: PictureStore
) -> None:
    for found, expected in zip(training(lean), training(store), strict=True):
        assert same(found, expected)
    pairs = zip(EvaluationBatches(lean, TARGETS, 4), EvaluationBatches(store, TARGETS, 4), strict=True)
    assert all(same(*pair) for pair in pairs)


def test_memory_ahead_is_bounded_and_the_thread_ends_with_its_reader(lean: PictureStore) -> None:
    taken: list[int] = []

    def take(rows: np.ndarray) -> torch.Tensor:
        taken.append(int(rows[0]))
        return lean.take(rows)

    before = threading.active_count()
    opened: Iterator[torch.Tensor] = module.opened_ahead(lean, take, (np.array([row]) for row in range(20)))
    for count in range(1, 6):
        next(opened)
        assert len(taken) <= count + module.AHEAD
    opened.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == before


def test_a_picture_that_vanished_reaches_the_reader_as_an_error(tmp_path: Path) -> None:
    row = Row(str(tmp_path / "gone.png"), "a", "train", "t.csv", 1)
    store = PictureStore(Table.from_rows([row], "t.csv", "table"), SPEC, 0, max_pixels=1000)
    with pytest.raises(DataError, match=r"gone\.png"):
        list(EvaluationBatches(store, torch.zeros(1), 4))


@pytest.mark.parametrize("size", [1, 4, 23, 100])
def test_evaluation_sees_every_row_once_in_order(store: PictureStore, size: int) -> None:
    batches = EvaluationBatches(store, TARGETS, size)
    found = list(batches)
    assert len(found) == len(batches) == -(-EXAMPLES // size)
    assert torch.cat([batch.rows for batch in found]).tolist() == list(range(EXAMPLES))
    assert torch.equal(torch.cat([batch.targets for batch in found]), TARGETS)
    assert torch.equal(torch.cat([batch.values for batch in found]), store.center(range(EXAMPLES)))


def test_valid_is_true_where_lengths_say_so() -> None:
    batch = Batch(torch.zeros(2, 3, 5), torch.tensor([1, 3]), torch.zeros(2), torch.arange(2))
    assert batch.valid is not None
    assert batch.valid.tolist() == [[True, False, False], [True, True, True]]

"""Batches of texts: every example once an epoch, little padding, and a pure function of seed and step."""

import numpy as np
import torch

from plait.data.text_store import (
    SequenceEvaluationBatches,
    SequenceTrainingBatches,
    TextStore,
    word_dropped,
)
from plait.inference.text import FIRST, PADDING, UNKNOWN, TextInput

SPEC = TextInput("words", True, [f"w{number}" for number in range(200)], 0, "text", "line")


def store(examples: int = 500) -> TextStore:
    chance = np.random.default_rng(0)
    texts = [
        " ".join(f"w{word}" for word in chance.integers(0, 200, chance.integers(1, 60)))
        for _ in range(examples)
    ]
    return TextStore(texts, SPEC)


def batches(
    opened: TextStore, word_dropout: float = 0.0, start: int = 0, seed: int = 1
) -> SequenceTrainingBatches:
    targets = torch.arange(len(opened))
    hints = torch.arange(len(opened)).float()[:, None]
    draw = word_dropped(opened, seed, word_dropout)
    return SequenceTrainingBatches(opened, targets, 16, seed, draw, 62, start, hints)


def test_every_example_is_seen_once_an_epoch_with_its_own_target_and_hint() -> None:
    opened = store()
    seen = []
    for batch in list(batches(opened))[:31]:
        assert torch.equal(batch.targets, batch.rows)
        assert batch.hint is not None
        assert torch.equal(batch.hint[:, 0], batch.rows.float())
        for values, length, row in zip(batch.values, batch.lengths, batch.rows, strict=True):
            np.testing.assert_array_equal(values[: int(length)], opened.texts[int(row)])
            assert (values[int(length) :] == PADDING).all()
        seen += batch.rows.tolist()
    assert len(seen) == len(set(seen)) == 496


def test_batches_hold_texts_of_about_one_length() -> None:
    opened = store()
    padded = sum(batch.values.numel() for batch in batches(opened))
    real = sum(int(batch.lengths.sum()) for batch in batches(opened))
    drawn = [opened.take(np.arange(start, start + 16))[0].size for start in range(0, 496, 16)]
    unsorted = sum(drawn) * 2
    assert padded < 1.25 * real < unsorted
    assert all(batch.values.shape[1] % 8 == 0 for batch in batches(opened))


def test_a_step_is_the_same_wherever_training_started() -> None:
    opened = store()
    whole = list(batches(opened, 0.3))
    later = list(batches(opened, 0.3, start=40))
    for one, other in zip(whole[40:], later, strict=True):
        assert torch.equal(one.values, other.values)
        assert torch.equal(one.rows, other.rows)
    others = next(iter(batches(opened, 0.3, seed=2)))
    assert not torch.equal(others.rows, whole[0].rows)


def test_word_dropout_makes_its_share_unknown_and_leaves_padding() -> None:
    opened = store()
    unknown = total = 0
    for plain, dropped in zip(batches(opened), batches(opened, 0.3), strict=True):
        changed = dropped.values != plain.values
        assert (dropped.values[changed] == UNKNOWN).all()
        assert ((plain.values == PADDING) == (dropped.values == PADDING)).all()
        unknown += int(changed.sum())
        total += int((plain.values >= FIRST).sum())
    assert 0.28 < unknown / total < 0.32


def test_evaluation_sees_every_row_once() -> None:
    opened = store(101)
    rows = torch.cat([batch.rows for batch in SequenceEvaluationBatches(opened, torch.arange(101), 16)])
    assert sorted(rows.tolist()) == list(range(101))

"""Tokens left out of texts: their share, never padding or what has no number, and a pure function of the step."""

import numpy as np
import torch

from plait.data.masked_batches import NOT_MASKED, masked_evaluation_batches, masked_training_batches
from plait.data.sentence_store import SentenceStore
from plait.data.text_store import TextStore
from plait.inference.sentence import SentenceInput
from plait.inference.text import PADDING, UNKNOWN, TextInput

SPEC = TextInput("words", True, [f"w{number}" for number in range(50)], 0, "text", "line")
WORDS = SentenceInput(["anna", "ran"], list("anr"), True, 4, "words", "2", "", ["kind"], [["noun", "verb"]])


def store(examples: int = 300) -> TextStore:
    """Every tenth word has no number."""
    chance = np.random.default_rng(0)
    lengths = chance.integers(1, 30, examples)
    drawn = [chance.integers(0, 55, length) for length in lengths]
    return TextStore([" ".join(f"w{word}" for word in words) for words in drawn], SPEC)


def test_the_share_is_left_out_and_can_be_put_back() -> None:
    opened = store()
    left_out = known = 0
    for batch in masked_training_batches(opened, 0.3, 20, 1, 0, 15):
        values, lengths = opened.take(batch.rows.numpy())
        assert batch.hint is not None
        places = batch.hint.numpy()
        assert torch.equal(batch.targets != NOT_MASKED, batch.hint)
        np.testing.assert_array_equal(np.where(places, batch.targets, batch.values), values)
        assert (batch.values.numpy()[places] == UNKNOWN).all()
        assert (values[places] > UNKNOWN).all()
        np.testing.assert_array_equal(batch.lengths, lengths)
        left_out += int(places.sum())
        known += int((values > UNKNOWN).sum())
    assert 0.25 < left_out / known < 0.35


def test_a_step_is_the_same_wherever_training_started_and_epochs_differ() -> None:
    opened = store()
    whole = [batch.values for batch in masked_training_batches(opened, 0.3, 300, 1, 0, 4)]
    later = [batch.values for batch in masked_training_batches(opened, 0.3, 300, 1, 2, 4)]
    assert all(map(torch.equal, whole[2:], later))
    rows = [torch.sort(batch.rows)[1] for batch in masked_training_batches(opened, 0.3, 300, 1, 0, 2)]
    assert not torch.equal(whole[0][rows[0]], whole[1][rows[1]])


def test_validation_always_asks_for_the_same_tokens() -> None:
    one, other = (list(masked_evaluation_batches(store(), 0.3, 64)) for _ in range(2))
    assert sum(len(batch.rows) for batch in one) == 300
    assert all(
        torch.equal(*pair) for pair in zip((b.values for b in one), (b.values for b in other), strict=True)
    )


def test_of_a_word_left_out_nothing_remains() -> None:
    opened = SentenceStore([("Anna\tnoun", "ran\tverb"), ("Anna\tnoun",)], WORDS)
    values, _ = opened.take([0, 1])
    places = np.zeros(values.shape[:2], bool)
    places[0, 1] = True
    hidden = opened.hidden(values, places)
    assert hidden[0, 1].tolist() == [UNKNOWN] + [PADDING] * 5
    np.testing.assert_array_equal(hidden[~places], values[~places])
    assert opened.numbers(values)[0, :2].tolist() == [2, 3]

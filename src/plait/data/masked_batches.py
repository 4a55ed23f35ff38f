"""Batches of texts with tokens left out, to be foreseen from the others (a cloze: Taylor 1953, Devlin et al. 2019)."""

from collections.abc import Iterator

import numpy as np
import torch

from plait.data.batches import Batch
from plait.data.chance import Purpose, uniform
from plait.data.text_store import SequenceEvaluationBatches, SequenceTrainingBatches, WordStore
from plait.inference.text import UNKNOWN

NOT_MASKED = -100
"""The target of a token that is there to be read."""


def masked_training_batches(
    store: WordStore, share: float, batch_size: int, seed: int, start: int, total: int
) -> Iterator[Batch]:
    """The batches of steps ``start`` .. ``total`` - 1: of every text other tokens in every epoch.

    ``targets`` of a batch (batch, time) are the numbers of the tokens left out and NOT_MASKED elsewhere; ``hint``,
    bool, says where they are. Only tokens with a number of their own are left out.
    """
    whole = SequenceTrainingBatches(
        store, _nothing(store), batch_size, seed, lambda rows, epoch: store.take(rows), total, start
    )
    for step, batch in zip(range(start, total), whole, strict=True):
        yield _masked(batch, store, share, seed, whole.plan(step)[0])


def masked_evaluation_batches(store: WordStore, share: float, batch_size: int) -> Iterator[Batch]:
    """Every text once, always with the same tokens left out."""
    for batch in SequenceEvaluationBatches(store, _nothing(store), batch_size):
        yield _masked(batch, store, share, seed=0, epoch=0)


def _masked(batch: Batch, store: WordStore, share: float, seed: int, epoch: int) -> Batch:
    values = batch.values.numpy()
    numbers = store.numbers(values)
    drawn = uniform(seed, epoch, batch.rows.numpy(), numbers.shape[1], Purpose.MASKING) < share
    places = drawn & (numbers > UNKNOWN)
    targets = np.where(places, numbers, NOT_MASKED)
    return Batch(
        torch.from_numpy(store.hidden(values, places)),
        batch.lengths,
        torch.from_numpy(targets),
        batch.rows,
        torch.from_numpy(places),
    )


def _nothing(store: WordStore) -> torch.Tensor:
    return torch.zeros(len(store), dtype=torch.int64)

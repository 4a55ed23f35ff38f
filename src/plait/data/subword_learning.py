"""Byte pair encoding, learnt from the training part alone by the tokenizers library."""

import json
from collections.abc import Iterable

from plait.inference.subwords import SEPARATOR


def learn_subwords(words: Iterable[str], least: int, most: int) -> tuple[list[str], list[str]]:
    """The pieces that ``words`` are best written with, at most ``most``, and the merges that make them, in order.

    Pairs are merged that occur at least ``least`` times (Sennrich et al. 2016). Characters come first among the
    pieces; where there are more than ``most``, the most frequent of them.
    """
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=most, min_frequency=max(least, 2), limit_alphabet=most, show_progress=False
    )
    tokenizer.train_from_iterator(words, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
    return pieces, [SEPARATOR.join(merge) for merge in learnt["merges"]]

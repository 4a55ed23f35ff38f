"""The sentence store: tagged sentences as numbers in memory, and their tags as a batch's targets."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from plait.data.text_store import MULTIPLE
from plait.inference.sentence import SentenceInput, pad_sentences
from plait.inference.text import UNKNOWN, Numbers

NO_TAG = -100
"""The target behind a sentence's end."""
FOREIGN = -1
"""The target of a tag that training never saw."""


class SentenceStore:
    """Sentences, lists of tokens, as numbers; row numbers count them from 0."""

    def __init__(self, sentences: Iterable[Sequence[str]], spec: SentenceInput) -> None:
        self.sentences: list[Numbers] = [spec.encode(tokens) for tokens in sentences]
        self.lengths = np.array([len(sentence) for sentence in self.sentences], np.int64)

    def __len__(self) -> int:
        return len(self.sentences)

    def take(self, rows: ArrayLike) -> tuple[Numbers, Numbers]:
        """int64 (rows, time, 1 + letters), padded, and lengths (rows,)."""
        return pad_sentences([self.sentences[row] for row in np.asarray(rows)], MULTIPLE)

    @staticmethod
    def without(values: Numbers, dropped: np.ndarray) -> Numbers:
        """Words unknown where ``dropped`` (rows, time); their characters stay."""
        changed = values.copy()
        changed[..., 0] = np.where(dropped & (values[..., 0] != 0), UNKNOWN, values[..., 0])
        return changed

    @staticmethod
    def numbers(values: Numbers) -> Numbers:
        """The words' numbers (rows, time)."""
        return values[..., 0]

    @classmethod
    def hidden(cls, values: Numbers, places: np.ndarray) -> Numbers:
        """Words unknown at ``places`` (rows, time), without features and characters."""
        changed = cls.without(values, places)
        changed[..., 1:] *= ~places[..., None]
        return changed


class TagTargets:
    """Tag numbers of every sentence; asked for rows, int64 (rows, time), NO_TAG behind a sentence's end."""

    def __init__(self, tags: Sequence[np.ndarray]) -> None:
        self.tags = list(tags)

    def __len__(self) -> int:
        return len(self.tags)

    def __getitem__(self, rows: ArrayLike) -> Tensor:
        """Padded to the same length as the words of these rows."""
        chosen = [self.tags[row] for row in np.asarray(rows)]
        longest = -(-max(map(len, chosen)) // MULTIPLE) * MULTIPLE
        found = np.full((len(chosen), longest), NO_TAG, np.int64)
        for row, tags in enumerate(chosen):
            found[row, : len(tags)] = tags
        return torch.from_numpy(found)

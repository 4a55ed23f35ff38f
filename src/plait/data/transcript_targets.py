"""Transcripts as the targets of a batch: each symbol as a number."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from plait.inference.transcription import Writing

NO_SYMBOL = -1
"""The target behind a transcript's end."""


class TranscriptTargets:
    """The transcript of every row, as it is compared, and its symbols counted from 1 (0 is CTC's blank).

    Asked for rows: int64 (rows, symbols), NO_SYMBOL behind a transcript's end. Symbols that were never learnt are left
    out of the numbers.
    """

    def __init__(
        self,
        texts: Sequence[str],
        symbols: Sequence[str],
        writing: Writing,
        groups: Sequence[str | None] = (),
    ) -> None:
        known = {symbol: number for number, symbol in enumerate(symbols, start=1)}
        self.texts = [writing.tidy(text) for text in texts]
        self.numbers = [
            np.array([known[piece] for piece in writing.pieces(text) if piece in known], np.int64)
            for text in texts
        ]
        self.groups = list(groups) or [None] * len(texts)

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, rows: Sequence[int]) -> "TranscriptTargets":
        """Those of these rows."""
        chosen = object.__new__(TranscriptTargets)
        chosen.texts = [self.texts[row] for row in rows]
        chosen.numbers = [self.numbers[row] for row in rows]
        chosen.groups = [self.groups[row] for row in rows]
        return chosen

    def __getitem__(self, rows: ArrayLike) -> Tensor:
        chosen = [self.numbers[row] for row in np.asarray(rows)]
        found = np.full((len(chosen), max(1, *map(len, chosen))), NO_SYMBOL, np.int64)
        for row, numbers in enumerate(chosen):
            found[row, : len(numbers)] = numbers
        return torch.from_numpy(found)

"""Transcription: a signal in, what it says out, by CTC (Graves et al. 2006), whatever the signal is. What runs without
PyTorch is inference/transcription.py."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Num
from torch import Tensor

from plait.data.batches import Batch, Targets
from plait.data.table import Table
from plait.data.transcript_targets import NO_SYMBOL, TranscriptTargets
from plait.errors import NetworkError
from plait.evaluation.intervals import standard_error
from plait.evaluation.transcript_scores import Unit, constant_baselines, edits, transcript_scores
from plait.inference.ctc_decoder import Heard
from plait.inference.transcription import Scribe, Writing, placed
from plait.layers import Dense, Layer, Shape
from plait.layers import Sequence as SequenceShape
from plait.tasks.task import Baseline, Loss, Output, Task

SILENT_STEPS = 600
"""So long it is usual for CTC to say blanks alone."""


class Transcription(Task):
    """``classes`` are the symbols; ``unit`` says which rate of errors comes first, of words or of characters. What
    lies where is measured by ``step``, that of one step that the network gives."""

    higher_is_better = False
    several_labels = False

    def __init__(self, classes: Sequence[str], writing: Writing, step: float, unit: Unit) -> None:
        self.classes = list(classes)
        self.writing = writing
        self.step = step
        self.unit: Unit = unit
        self.metric = f"{unit}_error_rate"

    def encode(self, table: Table) -> TranscriptTargets:
        said = [str(target or "") for target in table.targets]
        return TranscriptTargets(said, self.classes, self.writing, list(table.frame["group"]))

    def refuse_unknown(self, table: Table) -> None:
        """Any text is taken: what the network cannot spell counts as missed."""

    def some(self, targets: Targets, rows: np.ndarray) -> TranscriptTargets:
        assert isinstance(targets, TranscriptTargets)
        return targets.some(rows.tolist())

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def head(self, arriving: Shape) -> list[Layer]:
        """One fully connected layer for every step: the blank and the symbols."""
        if not isinstance(arriving, SequenceShape):
            raise NetworkError(
                f"a {arriving} arrives at the symbols, but they need a sequence: let recurrent layers give all their "
                "steps (return: sequence), and end maps with to_sequence"
            )
        return [Dense(1 + len(self.classes))]

    def loss(
        self, outputs: tuple[Tensor, Tensor], targets: Int[Tensor, "batch symbols"]
    ) -> Float[Tensor, ""]:
        """-log of the probability of the transcript a symbol, the mean over inputs."""
        logits, steps = outputs
        return ctc_loss(logits, steps, targets)

    def answers(self, outputs: Iterable[Output]) -> list[Heard]:
        scribe = Scribe(self.classes, self.writing, self.step)
        return _ordered(outputs, scribe.hear)

    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, Any]:
        """By the likeliest symbol of every step; two transcripts beside their truth are ``shown``."""
        assert isinstance(targets, TranscriptTargets)
        kept = list(outputs)
        with torch.no_grad():
            losses = [float(loss(given, batch.targets)) for given, batch in kept]
        plain = Scribe(self.classes, self.writing.plain(), self.step)
        found = [one.text for one in _ordered(kept, plain.hear)]
        scores = transcript_scores(targets.texts, found, self.unit)
        return {
            "score": -float(scores["value"]),
            "error": standard_error(scores["low"], scores["high"]),
            "loss": float(np.average(losses, weights=[len(batch.rows) for _, batch in kept])),
            "shown": partial(_beside, targets.texts, found),
        }

    def score(self, targets: Targets, answers: list[Heard]) -> dict[str, Any]:
        assert isinstance(targets, TranscriptTargets)
        said = [one.text for one in answers]
        groups = targets.groups if any(targets.groups) else ()
        lengths = [one.steps * self.step for one in answers]
        scores = transcript_scores(targets.texts, said, self.unit, groups, lengths)
        return scores | {"unknown_symbols": self._unknown(targets.texts)}

    def _unknown(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """What the transcripts are spelled with that is none of the symbols, the most frequent first."""
        known = set(self.classes)
        counted = Counter(
            piece for text in texts for piece in self.writing.pieces(text) if piece not in known
        )
        return [{"symbol": symbol, "count": count} for symbol, count in counted.most_common()]

    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        """The most common transcript, and the best constant, said always."""
        assert isinstance(train_targets, TranscriptTargets) and isinstance(test_targets, TranscriptTargets)
        return constant_baselines(train_targets.texts, test_targets.texts, self.unit)

    def mistakes(
        self, table: Table, targets: Targets, answers: list[Heard], most: int
    ) -> dict[int, dict[str, Any]]:
        """Inputs that were read wrongly, the most errors first."""
        assert isinstance(targets, TranscriptTargets)
        found = {
            row: edits(self._units(true), self._units(heard.text))
            for row, (true, heard) in enumerate(zip(targets.texts, answers, strict=True))
            if true != heard.text
        }
        rows = sorted(found, key=lambda row: (-found[row].total, -answers[row].confidence))[:most]
        return {
            row: self._shown(table, row, targets.texts[row], answers[row], found[row].pairs) for row in rows
        }

    def _units(self, text: str) -> list[str]:
        return text.split() if self.unit == "word" else list(text)

    def _shown(self, table: Table, row: int, true: str, heard: Heard, pairs: Sequence[Any]) -> dict[str, Any]:
        frame = table.frame.iloc[row]
        return {
            "input": str(frame["input"]),
            "target": true,
            "prediction": heard.text,
            "probability": heard.confidence,
            "place": f"{frame['file']}" + ("" if frame["row"] is None else f", row {frame['row']}"),
            "aligned": [list(pair) for pair in pairs],
            "alignment": [[word.text, word.start, word.end] for word in placed(heard, self.step)],
        }


def ctc_loss(
    logits: Float[Tensor, "batch steps symbols"],
    steps: Num[Tensor, "batch"],
    targets: Int[Tensor, "batch most"],
) -> Float[Tensor, ""]:
    """-log of each transcript's probability divided by its symbols, averaged over the batch; infinite for a transcript
    that has more symbols (and a blank between two that are the same) than there are steps."""
    lengths = (targets != NO_SYMBOL).sum(1)
    losses = F.ctc_loss(
        logits.log_softmax(2).transpose(0, 1),
        targets.clamp(min=0),
        steps.long(),
        lengths,
        reduction="none",
    )
    return (losses / lengths.clamp(min=1)).mean()


def needed_steps(numbers: np.ndarray) -> int:
    """The fewest steps that have room for a transcript."""
    return len(numbers) + int((numbers[1:] == numbers[:-1]).sum())


def _ordered(outputs: Iterable[Output], hear: Any) -> list[Any]:
    """What is heard of every recording, in the order of the rows."""
    found: dict[int, Any] = {}
    for (logits, steps), batch in outputs:
        for row, values, count in zip(batch.rows.tolist(), logits.numpy(), steps.tolist(), strict=True):
            found[row] = hear(values[: int(count)])
    return [found[row] for row in range(len(found))]


def _beside(true: Sequence[str], found: Sequence[str], step: int) -> list[str]:
    """Two transcripts and what was heard; what it means, by the steps so far, while nothing is."""
    lines = [f"  {one!r} heard as {other!r}" for one, other in zip(true[:2], found[:2], strict=True)]
    if not any(found):
        lines.append(f"  {_silence(step)}")
    return lines


def _silence(step: int) -> str:
    """What it means that nothing is heard."""
    if step < SILENT_STEPS:
        return "nothing is heard yet: CTC says blanks alone at first, for some hundreds of steps"
    return (
        f"nothing is heard after {step:,} steps, which is no longer usual for CTC: look whether the transcripts are "
        "those of their inputs, or change training.optimizer.learning_rate"
    )

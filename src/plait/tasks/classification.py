"""Classification: one class an input, or any number of them, whatever is classified. What runs without PyTorch is
inference/classification.py."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from plait.data.batches import Targets
from plait.data.table import Table
from plait.errors import NetworkError, RecipeError
from plait.evaluation.intervals import standard_error
from plait.evaluation.scores import classification_scores, several_label_scores
from plait.inference.classification import THRESHOLD, probabilities
from plait.layers import Dense, GlobalPool, Layer, LossOptions, Map, Shape, make_loss
from plait.layers import Sequence as SequenceShape
from plait.layers.losses import LossName
from plait.tasks.task import Baseline, Loss, Output, Task, refuse_rows

BINARY: dict[str, LossName] = {"cross-entropy": "binary-cross-entropy", "focal": "binary-focal"}
"""Where an input may have several labels each class is a question of its own."""


def loss_name(asked: LossName, several_labels: bool) -> LossName:
    """The loss that is meant; raises RecipeError for one of several labels where each example has one."""
    if several_labels:
        return BINARY.get(asked, asked)
    if asked in BINARY.values():
        one = next(name for name, binary in BINARY.items() if binary == asked)
        raise RecipeError(
            f"loss.name: {asked} is for data with several labels an example, and here each has one: take {one}"
        )
    return asked


def refuse_sequence(arriving: Shape) -> None:
    """Raises NetworkError for what a head of classes cannot read."""
    if isinstance(arriving, SequenceShape):
        raise NetworkError(
            f"a {arriving} arrives at the classes, but they need a vector: let the last recurrent layer "
            "give its last state only (return: last), or add a global_pool"
        )


class Classification(Task):
    """``counts`` are the training examples of each class, which class weights and the loss need."""

    def __init__(
        self, classes: Sequence[str], several_labels: bool, loss: LossOptions, counts: Sequence[int]
    ) -> None:
        self.classes = list(classes)
        self.several_labels = several_labels
        self.metric = "micro_f1" if several_labels else "accuracy"
        name = loss_name(loss.name, several_labels)
        self._loss = make_loss(loss.model_copy(update={"name": name}), torch.as_tensor(list(counts)))
        self._numbers = {label: number for number, label in enumerate(self.classes)}

    def encode(self, table: Table) -> Tensor:
        """Class numbers (examples,), or 0/1 (examples, classes); raises DataError for a class not trained on."""
        self.refuse_unknown(table)
        if not self.several_labels:
            return torch.tensor([self._numbers[label] for label in table.frame["target"]], dtype=torch.int64)
        targets = torch.zeros(len(table), len(self.classes))
        for row, labels in enumerate(table.frame["target"]):
            targets[row, [self._numbers[label] for label in labels]] = 1.0
        return targets

    def refuse_unknown(self, table: Table) -> None:
        labels = (set(target if self.several_labels else [target]) for target in table.frame["target"])
        refuse_rows(table, (found - set(self._numbers) for found in labels))

    def some(self, targets: Targets, rows: np.ndarray) -> Targets:
        return targets[rows]

    def head(self, arriving: Shape) -> list[Layer]:
        """Averages over what is left of a map, then one fully connected layer."""
        refuse_sequence(arriving)
        if isinstance(arriving, Map):
            return [GlobalPool(), Dense(len(self.classes))]
        return [Dense(len(self.classes))]

    def loss(self, outputs: Float[Tensor, "batch classes"], targets: Tensor) -> Float[Tensor, ""]:
        value: Tensor = self._loss(outputs, targets)
        return value

    def answers(self, outputs: Iterable[Output]) -> np.ndarray:
        """Probabilities (examples, classes)."""
        return probabilities(_gathered(outputs).numpy(), self.several_labels)

    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, float]:
        assert isinstance(targets, Tensor)
        logits = _gathered(outputs)
        with torch.no_grad():
            found = {"loss": float(loss(logits, targets))}
        if not self.several_labels:
            share = float((logits.argmax(1) == targets).float().mean())
            return found | {"score": share, "error": (share * (1 - share) / len(targets)) ** 0.5}
        scores = self.score(targets, probabilities(logits.numpy(), several_labels=True))
        error = standard_error(scores["low"], scores["high"])
        return found | {"score": float(scores["value"]), "error": error}

    def score(self, targets: Targets, answers: np.ndarray) -> dict[str, Any]:
        assert isinstance(targets, Tensor)
        score = several_label_scores if self.several_labels else classification_scores
        return score(targets.numpy(), answers, self.classes)

    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        assert isinstance(train_targets, Tensor) and isinstance(test_targets, Tensor)
        return self.trivial(train, train_targets.numpy(), test, test_targets.numpy())

    def mistakes(
        self, table: Table, targets: Targets, answers: np.ndarray, most: int
    ) -> dict[int, dict[str, Any]]:
        assert isinstance(targets, Tensor)
        wanted = targets.numpy()
        wrong = (
            ((answers >= THRESHOLD) != (wanted > THRESHOLD)).any(axis=1)
            if self.several_labels
            else answers.argmax(1) != wanted
        )
        rows = np.flatnonzero(wrong)
        rows = rows[np.argsort(-answers[rows].max(axis=1), kind="stable")][:most]
        return {int(row): self.show(int(row), table, answers[row]) for row in rows}

    @abstractmethod
    def trivial(
        self, train: Any, train_targets: np.ndarray, test: Any, test_targets: np.ndarray
    ) -> list[Baseline]:
        """What methods without a network get on the same inputs."""

    def show(self, row: int, table: Table, probabilities: np.ndarray) -> dict[str, Any]:
        """An example and its prediction, for the report."""
        frame = table.frame.iloc[row]
        best = int(probabilities.argmax())
        given = [self.classes[number] for number in np.flatnonzero(probabilities >= THRESHOLD)]
        return {
            "input": self.named(frame["input"], f"{frame['file']}, {frame['row']}"),
            "target": list(frame["target"]) if self.several_labels else frame["target"],
            "prediction": given if self.several_labels else self.classes[best],
            "probability": float(probabilities[best]),
        }

    @abstractmethod
    def named(self, input: Any, place: str) -> str:
        """How a report calls an input."""


def _gathered(outputs: Iterable[Output]) -> Tensor:
    """Logits (examples, classes) in the order of the rows."""
    found = [(given, batch.rows) for given, batch in outputs]
    order = torch.cat([rows for _, rows in found]).argsort()
    return torch.cat([given for given, _ in found])[order]

"""Task: the verbs every task fills in, and nothing else. The rest of the house is the same for all of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch, Targets
from plait.data.table import Table
from plait.errors import DataError, Problem, counted
from plait.layers import Layer, Own, Shape, Stack, Vector

Output = tuple[Any, Batch]
"""What a network gave for a batch (a tensor, or several in a tuple), and the batch."""
Loss = Callable[[Any, Tensor], Tensor]
Baseline = dict[str, Any]
"""{"name", "value"}"""


def refuse_rows(table: Table, unknown: Iterable[set[str]]) -> None:
    """Raises DataError that names every row with ``unknown`` classes."""
    problems = [
        Problem(
            "unknown class", str(file), f"{', '.join(sorted(extra))} was not among the training classes", row
        )
        for extra, file, row in zip(unknown, table.frame["file"], table.frame["row"], strict=True)
        if extra
    ]
    if problems:
        raise DataError(
            f"{counted(len(problems), 'example')} of a class that the network was not trained on:", problems
        )


class Task(ABC):
    """One kind of question asked of data; constructed by ``fit`` or from what a run recorded."""

    name: str
    """As in recipes: ``image-classification``."""
    metric: str
    """The score's name in reports."""
    higher_is_better: bool = True
    classes: list[str]
    several_labels: bool

    @abstractmethod
    def encode(self, table: Table) -> Targets:
        """Targets of every row; raises DataError for a class that training did not have, where that is an error."""

    @abstractmethod
    def refuse_unknown(self, table: Table) -> None:
        """Raises DataError where data that are not the run's own have classes that training did not have."""

    @abstractmethod
    def some(self, targets: Targets, rows: np.ndarray) -> Targets:
        """The targets of these rows."""

    @abstractmethod
    def augment(self, batch: Batch, step: int) -> Batch:
        """What is drawn for a batch as a whole in training (mixing partners), by (seed, step)."""

    @abstractmethod
    def head(self, arriving: Shape) -> Sequence[Layer]:
        """The layers from the network's last shape to the classes."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The scalar that training lowers, of what the network gave for a batch."""

    @abstractmethod
    def answers(self, outputs: Iterable[Output]) -> Any:
        """What the network says of every example, in the order of their rows."""

    @abstractmethod
    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, Any]:
        """``score`` (higher is better), its standard ``error`` and ``loss``, in little time; ``shown(step)`` gives
        lines for the person, after so many steps."""

    @abstractmethod
    def score(self, targets: Targets, answers: Any) -> dict[str, Any]:
        """Every score of these examples, the metric first."""

    @abstractmethod
    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        """What trivial methods get on the same inputs, as they are."""

    @abstractmethod
    def mistakes(self, table: Table, targets: Targets, answers: Any, most: int) -> dict[int, dict[str, Any]]:
        """The ``most`` wrong answers given with the most confidence, by row, as the report shows them."""

    def outputs(self, network: nn.Module, batches: Iterable[Batch]) -> Iterable[Output]:
        """What the network gives for each batch, in float32 on the CPU, and the batch."""
        device = next(network.parameters()).device
        network.eval()
        for batch in batches:
            with torch.no_grad():
                given = network(*(one.to(device) for one in batch.inputs))
            yield on_cpu(in_float32(given)), batch

    def body(self, layers: Sequence[Layer], arriving: Shape) -> Stack:
        """The recipe's layers with this task's head, built; raises NetworkError naming the layer that cannot work.

        A network of the user's own that gives a vector of as many numbers as there are classes has its head already.
        """
        given = Stack(*layers).output(arriving)
        whole = isinstance(layers[-1], Own) and given == Vector(len(self.classes))
        body = Stack(*layers, *([] if whole else self.head(given)))
        body.build(arriving)
        return body


def as_tuple(given: Any) -> tuple[Tensor, ...]:
    """What a network gives, one tensor or several, as several."""
    return given if isinstance(given, tuple) else (given,)


def in_float32(given: Any) -> Any:
    """A tensor, or each of several."""
    return tuple(one.float() for one in given) if isinstance(given, tuple) else given.float()


def on_cpu(given: Any) -> Any:
    """A tensor, or each of several."""
    return tuple(one.cpu() for one in given) if isinstance(given, tuple) else given.cpu()

"""Task: the verbs every task fills in, and nothing else. The rest of the house is the same for all of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.data.table import Table
from plait.layers import Layer, Own, Shape, Stack, Vector


class Task(ABC):
    """One kind of question asked of data; constructed by ``fit`` or from what a run recorded."""

    name: str
    """As in recipes: ``image-classification``."""
    metric: str
    """The score's name in reports; higher is better."""
    classes: list[str]
    several_labels: bool

    @abstractmethod
    def encode(self, table: Table) -> Tensor:
        """Targets of every row: class numbers (examples,), or 0/1 (examples, classes) for several labels."""

    @abstractmethod
    def augment(self, batch: Batch, step: int) -> Batch:
        """What is drawn for a batch as a whole in training (mixing partners), by (seed, step)."""

    @abstractmethod
    def head(self, arriving: Shape) -> Sequence[Layer]:
        """The layers from the network's last shape to the classes."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The scalar that training lowers."""

    @abstractmethod
    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs of the network to probabilities (examples, classes)."""

    @abstractmethod
    def score(self, targets: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
        """Every score of these examples, the metric first."""

    @abstractmethod
    def baseline(
        self, train: Any, train_targets: np.ndarray, test: Any, test_targets: np.ndarray
    ) -> list[dict[str, Any]]:
        """What trivial methods get on the same inputs, as they are: [{"name", "value"}]."""

    @abstractmethod
    def show(self, row: int, table: Table, probabilities: np.ndarray) -> dict[str, Any]:
        """An example and its prediction, for the report."""

    def body(self, layers: Sequence[Layer], arriving: Shape) -> Stack:
        """The recipe's layers with this task's head, built; raises NetworkError naming the layer that cannot work.

        A network of the user's own that gives a vector of as many numbers as there are classes has its head already.
        """
        given = Stack(*layers).output(arriving)
        whole = isinstance(layers[-1], Own) and given == Vector(len(self.classes))
        body = Stack(*layers, *([] if whole else self.head(given)))
        body.build(arriving)
        return body


@torch.no_grad()
def outputs(network: nn.Module, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """The network's outputs and the targets of every example, in the order of their rows, float32 on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    found, targets, rows = [], [], []
    for batch in batches:
        found.append(network(*(one.to(device) for one in batch.inputs)).float().cpu())
        targets.append(batch.targets.cpu())
        rows.append(batch.rows)
    order = torch.cat(rows).argsort()
    return torch.cat(found)[order], torch.cat(targets)[order]

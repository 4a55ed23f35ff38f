"""Task: the verbs every task fills in, and nothing else. The rest of the house is the same for all of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.data.table import Table
from plait.inference.picture import PictureInput
from plait.layers import Layer, Map, Normalize, Own, Shape, Stack, Vector


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
        self, train: np.ndarray, train_targets: np.ndarray, test: np.ndarray, test_targets: np.ndarray
    ) -> list[dict[str, Any]]:
        """What trivial methods get on the same examples: [{"name", "value"}]."""

    @abstractmethod
    def show(self, row: int, table: Table, probabilities: np.ndarray) -> dict[str, Any]:
        """An example and its prediction, for the report."""


class PictureNetwork(nn.Module):
    """Normalization, the recipe's layers, the head; asked outside training, it may average over the mirror image.

    Takes (batch, channels, height, width) in 0..255, uint8 or float; gives (batch, classes) logits.
    """

    def __init__(self, normalize: Layer, body: Stack, mirror: bool) -> None:
        super().__init__()
        self.normalize = normalize
        self.body = body
        self.mirror = mirror

    def forward(self, pictures: Tensor) -> Tensor:
        values = self.normalize(pictures)
        if self.training or not self.mirror:
            return self._classes(values)
        return (self._classes(values) + self._classes(values.flip(-1))) / 2

    def _classes(self, values: Tensor) -> Tensor:
        output: Tensor = self.body(values)
        return output


def build_network(
    task: Task,
    layers: Sequence[Layer],
    input: PictureInput,
    mean: list[float],
    std: list[float],
    mirror: bool,
) -> PictureNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work.

    A network of the user's own that gives a vector of as many numbers as there are classes has its head already.
    """
    arriving = Map(input.channels, input.height, input.width)
    given = Stack(*layers).output(arriving)
    whole = isinstance(layers[-1], Own) and given == Vector(len(task.classes))
    body = Stack(*layers, *([] if whole else task.head(given)))
    body.build(arriving)
    return PictureNetwork(Normalize(mean, std), body, mirror)


@torch.no_grad()
def outputs(network: nn.Module, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """The network's outputs and the targets of every example, in order, float32 on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    pairs = [(network(batch.values.to(device)).float().cpu(), batch.targets.cpu()) for batch in batches]
    return torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])

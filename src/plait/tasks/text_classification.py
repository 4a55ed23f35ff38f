"""Text classification: a text in, its class (or classes) out.

embedding -> convolution -> recurrence -> pooling -> class, beside a linear model of n-grams. What runs without PyTorch
is inference/text_classification.py.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.evaluation.text_baselines import text_baselines
from plait.inference.text import TextInput
from plait.layers import Layer, Stack, Tokens
from plait.layers.ngrams import NgramLinear
from plait.tasks.classification import Classification
from plait.tasks.task import Task

TYPICAL_LENGTH = 32
"""Tokens of the text that networks are drawn up for; their weights serve any length."""


class TextClassification(Classification):
    """One class a text, or any number of them where the labels are lists."""

    name = "text-classification"

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def trivial(
        self, train: Any, train_targets: np.ndarray, test: Any, test_targets: np.ndarray
    ) -> list[dict[str, Any]]:
        """Of texts."""
        return text_baselines(train, train_targets, test, test_targets)

    def named(self, input: Any, place: str) -> str:
        return str(input)


class TextNetwork(nn.Module):
    """The recipe's layers and the head; with ``ngrams``, their logits are added to those of a linear model of n-grams.

    Takes token numbers (batch, time) and lengths (batch,); gives (batch, classes) logits. In training the linear
    model's logits are given (``hint``), as it says them of texts that it was not fitted on: so the deep network learns
    what it does not know (stacked generalization, Wolpert 1992).
    """

    def __init__(self, body: Stack, ngrams: NgramLinear | None) -> None:
        super().__init__()
        self.body = body
        self.ngrams = ngrams
        if ngrams is not None:
            self.trust = nn.Parameter(torch.ones(()))

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        lengths: Int[Tensor, "batch"],
        hint: Float[Tensor, "batch classes"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        logits: Tensor = self.body(tokens, lengths)
        if self.ngrams is None:
            return logits
        known = self.ngrams(tokens, lengths) if hint is None else hint
        return logits + self.trust * known


def text_network(
    task: Task, layers: Sequence[Layer], input: TextInput, orders: Sequence[int], buckets: int
) -> TextNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    body = task.body(layers, Tokens(TYPICAL_LENGTH, input.size))
    ngrams = NgramLinear(len(task.classes), orders, buckets, input.size) if orders else None
    return TextNetwork(body, ngrams)

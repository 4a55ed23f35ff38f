"""Masked tokens: tokens left out of a text are foreseen from the others, by the layers that a task reads texts with.

What those learn without any label is where the task's own training begins (ULMFiT: Howard and Ruder 2018). Tokens on
both sides are read, as by BERT (Devlin et al. 2019), and not those before alone: a task's convolutions and backward
recurrence see the tokens that come after, and would only copy the next one.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from plait.data.masked_batches import NOT_MASKED
from plait.errors import NetworkError
from plait.inference.text import FIRST
from plait.layers import Dense, Layer, Stack, Tokens
from plait.layers import Sequence as SequenceShape
from plait.layers.embedding import Embedding
from plait.tasks.task import Output


class MaskedTokens(nn.Module):
    """``reading`` layers, which stay the task's own, and the products of their states with the embedding's vectors.

    Takes tokens, lengths (batch,) and where tokens were left out, bool (batch, time); gives the logits (places, tokens)
    of those places, in the order of reading, for every token with a number of its own.
    """

    def __init__(self, reading: Sequence[Layer], arriving: Tokens) -> None:
        super().__init__()
        self.reading = Stack(*reading)
        given = self.reading.output(arriving)
        embedding = _embedding(reading)
        self.narrowing = Dense(embedding.channels)
        self.narrowing.build(given)
        self.bias = nn.Parameter(torch.zeros(arriving.vocabulary - FIRST))
        # In a list: a module would be registered, and its weights saved, a second time.
        self._embeddings = [embedding]

    def forward(
        self,
        tokens: Int[Tensor, "batch time *letters"],
        lengths: Int[Tensor, "batch"],
        places: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "places tokens"]:
        states: Tensor = self.reading(tokens, lengths)
        # Padding has no vector, and must not get one from being no answer.
        vectors = self._embeddings[0].table.weight[FIRST:]
        return F.linear(self.narrowing(states[places]), vectors, self.bias)


def reading_layers(layers: Sequence[Layer], arriving: Tokens) -> int:
    """How many of ``layers``, from the first, give a state for every token.

    Raises NetworkError where there is none, or no embedding of tokens among them.
    """
    count = 0
    for number, (_, _, given) in enumerate(Stack(*layers).walk(arriving), start=1):
        if not isinstance(given, SequenceShape) or given.time != arriving.time:
            break
        count = number
    _embedding(layers[:count])
    return count


def masked_loss(
    logits: Float[Tensor, "places tokens"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """The mean of -log of the probabilities of the tokens left out; 0 where none was."""
    wanted = targets[targets != NOT_MASKED] - FIRST
    return F.cross_entropy(logits, wanted, reduction="sum") / max(len(wanted), 1)


def foreseen(outputs: Iterable[Output]) -> float:
    """The mean of ``masked_loss`` over all tokens left out, in nats a token; of none 0."""
    total, count = 0.0, 0
    for logits, batch in outputs:
        total += float(masked_loss(logits, batch.targets)) * len(logits)
        count += len(logits)
    return total / max(count, 1)


def _embedding(layers: Sequence[Layer]) -> Embedding:
    for layer in layers:
        for part in layer.modules():
            if isinstance(part, Embedding) and part.column == 0:
                return part
    raise NetworkError(
        "pretraining foresees tokens by the vectors that they are read by, but no embedding of them stands before the "
        "network's first pooling: let it begin with one, or set pretraining.epochs to 0"
    )

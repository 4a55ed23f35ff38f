"""Language modeling: a text in, the next token out, at every place.

embedding -> recurrence -> next token; the state is carried from window to window. What runs without PyTorch, and
writes text, is inference/language_modeling.py.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.data.batches import Batch, Targets
from plait.data.stream_store import NOT_SCORED, StreamStore, StreamTargets
from plait.data.table import Table
from plait.errors import NetworkError
from plait.evaluation.kneser_ney import KneserNey
from plait.evaluation.language_scores import block_error, language_scores
from plait.inference.stream import StreamInput
from plait.layers import Dense, Layer, Recurrent, Shape, Stack, Tokens, outlined
from plait.layers import Sequence as SequenceShape
from plait.layers.cell import State
from plait.layers.embedding import Embedding
from plait.layers.live import grouped, state_widths
from plait.layers.tied import TiedOutput
from plait.tasks.task import Baseline, Loss, Output, Task, in_float32, on_cpu

ORDERS = {"characters": 6, "subwords": 5, "words": 5}
"""Of the n-grams that the baseline counts."""
PASSAGE = 160
"""Tokens of a passage that the report shows."""
PASSAGES = 4


class LanguageModeling(Task):
    """``input`` says what the tokens are."""

    name = "language-modeling"
    metric = "bits_per_character"
    higher_is_better = False
    several_labels = False

    def __init__(self, input: StreamInput) -> None:
        self.classes = []
        self.input = input

    def encode(self, table: Table) -> StreamTargets:
        return StreamTargets(StreamStore(table, self.input))

    def refuse_unknown(self, table: Table) -> None:
        """Any text is taken: what the network cannot spell counts as missed."""

    def some(self, targets: Targets, rows: np.ndarray) -> StreamTargets:
        """As many as there are ``rows``, from the beginning: a text is not parted."""
        assert isinstance(targets, StreamTargets)
        return targets.first(len(rows))

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def head(self, arriving: Shape) -> list[Layer]:
        """One fully connected layer for every step."""
        _refuse_vector(arriving)
        return [Dense(self.input.size)]

    def loss(self, outputs: tuple[Tensor, ...], targets: Int[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """The mean of -log of every token's probability, and the penalties that training adds to it."""
        logits, *penalties = outputs
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + sum(penalties)

    def outputs(self, network: nn.Module, batches: Iterable[Batch]) -> Iterable[Output]:
        """-log of the probabilities of a batch's targets (batch, window); the state goes on from batch to batch."""
        assert isinstance(network, LanguageNetwork)
        device = next(network.parameters()).device
        network.eval()
        states: tuple[Tensor, ...] = ()
        for batch in batches:
            with torch.no_grad():
                read = batch.values.to(device)
                states = network.beginning(read) if batch.fresh else states
                logits, *after = network(read, *states)
                states = tuple(after)
                nats = F.cross_entropy(
                    in_float32(logits).flatten(0, 1),
                    batch.targets.to(device).flatten(),
                    ignore_index=NOT_SCORED,
                    reduction="none",
                )
            yield on_cpu(nats).view_as(batch.targets), batch

    def answers(self, outputs: Iterable[Output]) -> np.ndarray:
        """-log of the probability of every token, in their order."""
        places, found = [], []
        for nats, batch in outputs:
            scored = batch.rows != NOT_SCORED
            places.append(batch.rows[scored].numpy())
            found.append(nats[scored].double().numpy())
        order = np.argsort(np.concatenate(places))
        ordered: np.ndarray = np.concatenate(found)[order]
        return ordered

    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, float]:
        """``score`` is bits a character, below zero so that more is better."""
        assert isinstance(targets, StreamTargets)
        nats = self.answers(outputs)
        scores = self.score(targets, nats)
        bits = nats / np.log(2) + targets.naming_bits
        return {
            "score": -float(scores["value"]),
            "error": block_error(bits, targets.characters),
            "loss": float(nats.mean()),
        }

    def score(self, targets: Targets, answers: np.ndarray) -> dict[str, Any]:
        assert isinstance(targets, StreamTargets)
        return language_scores(answers, targets.naming_bits, targets.characters, targets.bytes)

    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        assert isinstance(train_targets, StreamTargets) and isinstance(test_targets, StreamTargets)
        if not len(train_targets) or not len(test_targets):
            return []
        order = ORDERS[self.input.tokens]
        counted = KneserNey(train_targets.tokens, self.input.size, order)
        value = self.score(test_targets, counted.nats(test_targets.tokens))["value"]
        return [{"name": f"Kneser-Ney {order}-grams", "value": value}]

    def mistakes(
        self, table: Table, targets: Targets, answers: np.ndarray, most: int
    ) -> dict[int, dict[str, Any]]:
        """The passages that were foreseen worst; ``pieces`` are their tokens with the bits of each."""
        assert isinstance(targets, StreamTargets)
        begins = np.arange(0, max(len(answers) - PASSAGE, 0) + 1, PASSAGE)
        means = [float(answers[begin : begin + PASSAGE].mean()) for begin in begins]
        worst = sorted(range(len(begins)), key=lambda place: -means[place])[: min(most, PASSAGES)]
        return {
            int(begins[place]): _passage(targets.pieces, answers, int(begins[place]))
            for place in sorted(worst)
        }


class LanguageNetwork(nn.Module):
    """The recipe's layers and the head, with the states they carry.

    In evaluation tokens (batch, time) and states, each (batch, width), go in; logits (batch, time, tokens) and the
    states to go on with come out. In training the states are kept here, those of ``batch_size`` streams: tokens go in,
    and logits and the penalties on what arrives at the head come out (AR and TAR, Merity et al. 2018).
    """

    def __init__(self, body: Stack, batch_size: int, activation: float, change: float) -> None:
        super().__init__()
        self.body = body
        self.activation = activation
        self.change = change
        self._widths = state_widths(body)
        for number, width in enumerate(self.flat_widths):
            self.register_buffer(f"{CARRIED}{number}", torch.zeros(batch_size, width))

    @property
    def flat_widths(self) -> list[int]:
        return [width for widths in self._widths for width in widths]

    def beginning(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """The states before anything is read."""
        like = next(self.parameters())
        return tuple(like.new_zeros(len(tokens), width) for width in self.flat_widths)

    def forward(self, tokens: Int[Tensor, "batch time"], *states: Tensor) -> tuple[Tensor, ...]:
        if not self.training:
            logits, _, ends = self._read(tokens, states)
            return logits, *ends
        names = [f"{CARRIED}{number}" for number in range(len(self.flat_widths))]
        logits, penalty, ends = self._read(tokens, tuple(getattr(self, name).clone() for name in names))
        with torch.no_grad():
            for name, end in zip(names, ends, strict=True):
                getattr(self, name).copy_(end)
        return logits, penalty

    def _read(self, tokens: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        waiting = list(grouped(states, self._widths))
        x = tokens
        ends: list[State] = []
        raw = arriving = None
        for layer in self.body:
            arriving = x
            x, after = layer.carry(x, waiting[len(ends) : len(ends) + layer.states])
            ends += after
            raw = x if isinstance(layer, Recurrent) else raw
        penalty = torch.zeros((), device=x.device)
        if self.training and raw is not None and arriving is not None:
            if self.activation:
                penalty = penalty + self.activation * arriving.float().square().mean()
            if self.change:
                penalty = penalty + self.change * (raw[:, 1:] - raw[:, :-1]).float().square().mean()
        return x, penalty, [one for state in ends for one in state]


CARRIED = "carried_"
"""Begins the names of the states that a network in training keeps."""


def language_network(
    task: LanguageModeling,
    layers: Sequence[Layer],
    batch_size: int,
    tied: bool,
    activation: float,
    change: float,
) -> LanguageNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    arriving = tokens_of(task.input)
    given = Stack(*layers).output(arriving)
    head = _tied_head(layers, given, task.input.size) if tied else task.head(given)
    body = Stack(*layers, *head)
    body.build(arriving)
    return LanguageNetwork(body, batch_size, activation, change)


def tokens_of(input: StreamInput, time: int = 32) -> Tokens:
    """The shape of a piece of text."""
    return Tokens(time, input.size)


def refuse_looking_ahead(layers: Sequence[Layer], arriving: Shape) -> None:
    """Builds the layers, without memory; raises NetworkError for one that cannot read a text token after token."""
    for number, layer in enumerate(outlined(layers, arriving), start=1):
        if not layer.reads_on:
            raise NetworkError(
                f"layer {number} ({layer.title}) looks at more than a token and what was carried from those before, "
                "but the next token must be foreseen: take recurrent layers forward in time that give every state, "
                "and layers that treat every step by itself (dense, dropout, norm, activation)"
            )


def _tied_head(layers: Sequence[Layer], given: Shape, size: int) -> list[Layer]:
    """A layer as wide as the embedding, where what arrives is not, and the products with its vectors."""
    embedding = layers[0]
    if not isinstance(embedding, Embedding):
        raise NetworkError("tied weights need the network to begin with an embedding")
    _refuse_vector(given)
    assert isinstance(given, SequenceShape)
    narrowed = [] if given.channels == embedding.channels else [Dense(embedding.channels)]
    return [*narrowed, TiedOutput(embedding, size)]


def _refuse_vector(arriving: Shape) -> None:
    if not isinstance(arriving, SequenceShape):
        raise NetworkError(
            f"a {arriving} arrives at the next token, but every step foresees one of its own: let the network end with "
            "a sequence, with no pooling of its steps, and recurrent layers that give every state (return: sequence)"
        )


def _passage(tokens: Sequence[str], nats: np.ndarray, begin: int) -> dict[str, Any]:
    end = min(begin + PASSAGE, len(nats))
    bits = nats[begin:end] / np.log(2)
    said = list(zip(tokens[begin:end], bits.tolist(), strict=False))
    return {
        "input": "".join(token for token, _ in said),
        "bits": float(bits.sum() / max(sum(len(token) for token, _ in said), 1)),
        "pieces": [{"token": token, "bits": round(one, 2)} for token, one in said],
    }

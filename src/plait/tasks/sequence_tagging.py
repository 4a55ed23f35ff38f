"""Sequence tagging: a sentence in, a tag for every token out; spans, where tags mark them.

words and their characters by convolution -> recurrence -> a linear chain over tags (or each tag by itself). What runs
without PyTorch is inference/sequence_tagging.py.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from plait.data.batches import Batch, Targets
from plait.data.sentence_store import FOREIGN, NO_TAG, TagTargets
from plait.data.table import Table
from plait.errors import NetworkError
from plait.evaluation.intervals import standard_error
from plait.evaluation.tagging_scores import most_frequent_tags, span_scores, token_scores
from plait.inference.sentence import SentenceInput, word_of
from plait.inference.tag_paths import best_path, marginals
from plait.inference.tags import are_spans, marked, spans
from plait.inference.text import FIRST
from plait.layers import Chain, Dense, Layer, Shape, Stack, Words
from plait.layers import Sequence as SequenceShape
from plait.layers.chain import log_partition, path_score
from plait.layers.masks import blank_padding
from plait.tasks.task import Baseline, Loss, Output, Task, refuse_rows

TYPICAL_LENGTH = 24
"""Words of the sentence that networks are drawn up for; their weights serve any length."""


class TagAnswers:
    """Of every sentence the best path and the probability of each of its tags."""

    def __init__(self, paths: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]) -> None:
        self.paths = list(paths)
        self.probabilities = list(probabilities)


class SequenceTagging(Task):
    """``classes`` are tags: where they mark spans those of ``scheme`` (iob2 or bioes), otherwise as they come.

    ``chain`` says that neighbors are scored too; without it each tag is a choice of its own (softmax).
    """

    name = "sequence-tagging"
    several_labels = False

    def __init__(self, classes: Sequence[str], scheme: str, chain: bool) -> None:
        self.classes = list(classes)
        self.scheme = scheme
        self.chain = chain
        self.marks_spans = are_spans(self.classes)
        self.metric = "span_f1" if self.marks_spans else "token_accuracy"
        self._numbers = {tag: number for number, tag in enumerate(self.classes)}

    def encode(self, table: Table) -> TagTargets:
        """Tag numbers of every sentence; FOREIGN for a tag that training did not have: it counts as missed."""
        return TagTargets([self._encoded(tags) for tags in table.frame["target"]])

    def refuse_unknown(self, table: Table) -> None:
        """A table has spans in IOB2, whose tags are in every scheme of ``classes``."""
        refuse_rows(table, (set(tags) - set(self._numbers) for tags in table.frame["target"]))

    def some(self, targets: Targets, rows: np.ndarray) -> TagTargets:
        assert isinstance(targets, TagTargets)
        return TagTargets([targets.tags[row] for row in rows])

    def augment(self, batch: Batch, step: int) -> Batch:
        """Nothing is drawn for a batch as a whole."""
        return batch

    def head(self, arriving: Shape) -> list[Layer]:
        """One fully connected layer for every step."""
        if not isinstance(arriving, SequenceShape):
            raise NetworkError(
                f"a {arriving} arrives at the tags, but every word needs its own: let the network end with a sequence, "
                "with no pooling of its steps, and recurrent layers that give every state (return: sequence)"
            )
        return [Dense(len(self.classes))]

    def loss(
        self, outputs: tuple[Float[Tensor, "batch time tags"], Float[Tensor, "tags tags"]], targets: Tensor
    ) -> Float[Tensor, ""]:
        """The mean over words of the negative log likelihood of a sentence's tags; sentences with a FOREIGN tag are
        left out."""
        emissions, transitions = outputs
        if not self.chain:
            return F.cross_entropy(
                emissions.flatten(0, 1), targets.clamp_min(FOREIGN).flatten(), ignore_index=FOREIGN
            )
        known = (targets != FOREIGN).all(dim=1)
        lengths = (targets != NO_TAG).sum(dim=1)
        tags = targets.clamp_min(0)
        likelihood = path_score(emissions, transitions, tags, lengths) - log_partition(
            emissions, transitions, lengths
        )
        return -(likelihood * known).sum() / (lengths * known).sum().clamp_min(1)

    def answers(self, outputs: Iterable[Output]) -> TagAnswers:
        found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for row, emissions, transitions in _sentences(outputs):
            path = best_path(emissions, transitions)
            found[row] = path, marginals(emissions, transitions)[np.arange(len(path)), path]
        rows = sorted(found)
        return TagAnswers([found[row][0] for row in rows], [found[row][1] for row in rows])

    def validate(self, outputs: Iterable[Output], targets: Targets, loss: Loss) -> dict[str, float]:
        assert isinstance(targets, TagTargets)
        kept = [(given, batch) for given, batch in outputs]
        words = [int(batch.lengths.sum()) for _, batch in kept if batch.lengths is not None]
        with torch.no_grad():
            losses = [float(loss(given, batch.targets)) for given, batch in kept]
        paths = {row: best_path(*potentials) for row, *potentials in _sentences(kept)}
        said = [paths[row] for row in range(len(paths))]
        scores = self.score(targets, TagAnswers(said, []))
        return {
            "score": float(scores["value"]),
            "error": standard_error(scores["low"], scores["high"]),
            "loss": float(np.average(losses, weights=words)),
        }

    def score(self, targets: Targets, answers: TagAnswers) -> dict[str, Any]:
        assert isinstance(targets, TagTargets)
        true = [self._tags(numbers) for numbers in targets.tags]
        said = [self._tags(numbers) for numbers in answers.paths]
        if not self.marks_spans:
            return token_scores(true, said, self.classes)
        return span_scores([*map(spans, true)], [*map(spans, said)], true, said)

    def baseline(
        self, train: Any, train_targets: Targets, test: Any, test_targets: Targets
    ) -> list[Baseline]:
        """Each word's most frequent tag in training."""
        assert isinstance(train_targets, TagTargets) and isinstance(test_targets, TagTargets)
        if not len(train_targets) or not len(test_targets):
            return []
        known = [self._tags(numbers) for numbers in train_targets.tags]
        said = most_frequent_tags(train, known, test)
        numbers = [np.array([self._numbers.get(tag, FOREIGN) for tag in tags]) for tags in said]
        value = self.score(test_targets, TagAnswers(numbers, []))["value"]
        return [{"name": "most frequent tag a word", "value": value}]

    def mistakes(
        self, table: Table, targets: Targets, answers: TagAnswers, most: int
    ) -> dict[int, dict[str, Any]]:
        """Sentences with a wrong tag, the surest wrong tag first; ``pieces`` are their words with both tags."""
        assert isinstance(targets, TagTargets)
        surest: dict[int, float] = {}
        for row, (true, said, sure) in enumerate(
            zip(targets.tags, answers.paths, answers.probabilities, strict=True)
        ):
            if (wrong := true != said).any():
                surest[row] = float(sure[wrong].max())
        rows = sorted(surest, key=lambda row: -surest[row])[:most]
        return {row: self._shown(row, table, targets, answers, surest[row]) for row in rows}

    def _shown(
        self, row: int, table: Table, targets: TagTargets, answers: TagAnswers, sure: float
    ) -> dict[str, Any]:
        frame = table.frame.iloc[row]
        true, said = self._tags(targets.tags[row]), self._tags(answers.paths[row])
        pieces = [
            {"word": word, "target": one, "prediction": other}
            for word, one, other in zip(map(word_of, frame["input"]), true, said, strict=True)
        ]
        wrong = [piece for piece in pieces if piece["target"] != piece["prediction"]]
        return {
            "input": " ".join(map(word_of, frame["input"])),
            "target": wrong[0]["target"],
            "prediction": wrong[0]["prediction"],
            "probability": sure,
            "place": f"{frame['file']}, row {frame['row']}",
            "pieces": pieces,
        }

    def _encoded(self, tags: Sequence[str]) -> np.ndarray:
        if self.marks_spans:
            tags = marked(spans(tags), len(tags), self.scheme)
        return np.array([self._numbers.get(tag, FOREIGN) for tag in tags], np.int64)

    def _tags(self, numbers: np.ndarray) -> list[str]:
        """A foreign tag begins a span of a kind of its own, which no answer has."""
        foreign = "B-?" if self.marks_spans else "?"
        return [foreign if number == FOREIGN else self.classes[number] for number in numbers]


class TaggingNetwork(nn.Module):
    """The recipe's layers, the head, and the chain, if any.

    Takes words with features and characters (batch, time, width) and lengths (batch,); gives emissions (batch, time,
    tags), zero behind a sentence's end, and transitions (tags, tags), from and to: zeros without a chain.
    """

    free: Tensor

    def __init__(self, body: Stack, tags: int, chain: bool) -> None:
        super().__init__()
        self.body = body
        self.chain = Chain(tags) if chain else None
        self.register_buffer("free", torch.zeros(tags, tags), persistent=False)

    def forward(
        self, words: Int[Tensor, "batch time width"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time tags"], Float[Tensor, "tags tags"]]:
        emissions: Tensor = self.body(words, lengths)
        if self.chain is None:
            return blank_padding(emissions, lengths), self.free + 0
        return blank_padding(self.chain(emissions, lengths), lengths), self.chain.transitions + 0


def tagging_network(task: SequenceTagging, layers: Sequence[Layer], input: SentenceInput) -> TaggingNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    body = task.body(layers, words_of(input, TYPICAL_LENGTH))
    return TaggingNetwork(body, len(task.classes), task.chain)


def words_of(input: SentenceInput, time: int) -> Words:
    """The shape of a sentence of ``time`` words."""
    features = tuple(FIRST + len(values) for values in input.values)
    return Words(time, input.size, input.letters, input.signs, features)


def _sentences(outputs: Iterable[Output]) -> Iterable[tuple[int, np.ndarray, np.ndarray]]:
    """Row, emissions (time, tags) of the real steps, and transitions of every sentence."""
    for (emissions, transitions), batch in outputs:
        assert batch.lengths is not None
        chained = transitions.double().numpy()
        for row, length, values in zip(batch.rows.tolist(), batch.lengths.tolist(), emissions, strict=True):
            yield row, values[:length].double().numpy(), chained

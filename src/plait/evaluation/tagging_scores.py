"""Scores of tagged sentences: spans as conlleval counts them, or tokens; intervals over whole sentences."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from plait.evaluation.intervals import bootstrap_f1, bootstrap_share
from plait.evaluation.scores import PAIRS, confused, macro, per_class

Tags = Sequence[str]


@runtime_checkable
class Spanned(Protocol):
    """A span: two are the same where all of it is."""

    @property
    def kind(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def span_scores(
    targets: Sequence[Sequence[Spanned]],
    answers: Sequence[Sequence[Spanned]],
    target_tags: Sequence[Tags],
    answer_tags: Sequence[Tags],
) -> dict[str, Any]:
    """Precision, recall and F1 of whole spans (kind, begin and end), as conlleval gives them, with F1's bootstrap
    interval over sentences first; of each kind; the share of tokens whose tag is right.

    All sequences have one entry a sentence. Raises ValueError for no sentences.
    """
    if not targets:
        raise ValueError("there are no examples to score")
    counts = np.array([_counts(true, found) for true, found in zip(targets, answers, strict=True)], np.int64)
    right, added, missed = (int(one) for one in counts.sum(axis=0))
    value = _number(right, added, missed)
    low, high = bootstrap_f1(counts)
    kinds = sorted({span.kind for sentence in (*targets, *answers) for span in sentence})
    by_kind = np.array([_of_kind(kind, targets, answers) for kind in kinds], np.int64).reshape(-1, 3)
    table = per_class([kind or "span" for kind in kinds], *by_kind.T)
    return {
        "metric": "span_f1",
        "value": value,
        "low": low,
        "high": high,
        "examples": len(targets),
        "span_f1": value,
        "precision": right / (right + added) if right + added else None,
        "recall": right / (right + missed) if right + missed else None,
        "spans": right + missed,
        "macro_f1": macro(table),
        "token_accuracy": _accuracy(target_tags, answer_tags),
        "tokens": sum(map(len, target_tags)),
        "classes": table,
        "confused": _confused_kinds(targets, answers),
    }


def token_scores(targets: Sequence[Tags], answers: Sequence[Tags], classes: Sequence[str]) -> dict[str, Any]:
    """The share of tokens whose tag is right, with a bootstrap interval over sentences first; of each tag.

    A tag among the targets that is none of ``classes`` counts as missed. Raises ValueError for no sentences.
    """
    if not targets:
        raise ValueError("there are no examples to score")
    pairs = list(zip(targets, answers, strict=True))
    right = np.array([sum(a == b for a, b in zip(true, said, strict=True)) for true, said in pairs])
    totals = np.array([len(true) for true in targets])
    low, high = bootstrap_share(right, totals)
    names = [*classes, *sorted({tag for tags in targets for tag in tags} - set(classes))]
    numbers = {name: number for number, name in enumerate(names)}
    confusion = np.zeros((len(names), len(names)), np.int64)
    for true, said in pairs:
        for one, other in zip(true, said, strict=True):
            confusion[numbers[one], numbers[other]] += 1
    hits = np.diag(confusion)
    table = per_class(names, hits, confusion.sum(axis=0) - hits, confusion.sum(axis=1) - hits)
    value = float(right.sum() / totals.sum())
    return {
        "metric": "token_accuracy",
        "value": value,
        "low": low,
        "high": high,
        "examples": len(targets),
        "token_accuracy": value,
        "tokens": int(totals.sum()),
        "exact_match": float((right == totals).mean()),
        "macro_f1": macro(table),
        "classes": table,
        "confusion": confusion.tolist(),
        "confused": confused(confusion, names),
    }


def most_frequent_tags(train: Sequence[Tags], tags: Sequence[Tags], test: Sequence[Tags]) -> list[list[str]]:
    """The trivial tagger: each word's most frequent tag in training, of unknown words the most frequent of all."""
    counted: dict[str, Counter[str]] = {}
    of_all: Counter[str] = Counter()
    for words, given in zip(train, tags, strict=True):
        for word, tag in zip(words, given, strict=True):
            counted.setdefault(word, Counter())[tag] += 1
            of_all[tag] += 1
    best = {word: max(sorted(counts), key=counts.__getitem__) for word, counts in counted.items()}
    otherwise = max(sorted(of_all), key=of_all.__getitem__)
    return [[best.get(word, otherwise) for word in words] for words in test]


def _counts(true: Sequence[Spanned], found: Sequence[Spanned]) -> tuple[int, int, int]:
    wanted, given = set(map(_key, true)), set(map(_key, found))
    return len(wanted & given), len(given - wanted), len(wanted - given)


def _of_kind(
    kind: str, targets: Sequence[Sequence[Spanned]], answers: Sequence[Sequence[Spanned]]
) -> tuple[int, int, int]:
    counts = [
        _counts([span for span in true if span.kind == kind], [span for span in found if span.kind == kind])
        for true, found in zip(targets, answers, strict=True)
    ]
    right, added, missed = (sum(column) for column in zip(*counts, strict=True))
    return right, added, missed


def _confused_kinds(
    targets: Sequence[Sequence[Spanned]], answers: Sequence[Sequence[Spanned]]
) -> list[dict[str, Any]]:
    """Spans of the right begin and end and another kind, the most frequent pair of kinds first."""
    pairs: Counter[tuple[str, str]] = Counter()
    for true, found in zip(targets, answers, strict=True):
        said = {(span.start, span.end): span.kind for span in found}
        for span in true:
            other = said.get((span.start, span.end), span.kind)
            if other != span.kind:
                pairs[span.kind, other] += 1
    of_kind = Counter(span.kind for true in targets for span in true)
    return [
        {"target": one, "prediction": other, "count": count, "share": count / of_kind[one]}
        for (one, other), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:PAIRS]
    ]


def _accuracy(targets: Sequence[Tags], answers: Sequence[Tags]) -> float:
    right = sum(
        one == other
        for true, said in zip(targets, answers, strict=True)
        for one, other in zip(true, said, strict=True)
    )
    return right / sum(map(len, targets))


def _number(right: int, added: int, missed: int) -> float:
    """F1; 1 where nothing was there and nothing was said."""
    wrong = added + missed
    return 2 * right / (2 * right + wrong) if right + wrong else 1.0


def _key(span: Spanned) -> Hashable:
    return span.kind, span.start, span.end

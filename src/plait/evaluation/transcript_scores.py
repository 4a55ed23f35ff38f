"""Scores of transcripts: word and character error rates, and which words or characters are taken for which."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plait.evaluation.intervals import bootstrap_rate
from plait.evaluation.scores import PAIRS

Unit = Literal["word", "character"]
Pair = tuple[str | None, str | None]

GROUPS = 20
"""Groups kept, the worst first."""
CONSTANTS, LEARNT_FROM = 10, 100
"""Constant answers that are compared, and on how many transcripts of training."""
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""How Unicode's names of letters begin whose scripts put no blanks between words."""


@dataclass(frozen=True)
class Edits:
    """What makes a target an answer; ``pairs`` has every word (or character) of both in order, None where the other
    has one more."""

    substitutions: int
    insertions: int
    deletions: int
    pairs: list[Pair]

    @property
    def total(self) -> int:
        return self.substitutions + self.insertions + self.deletions


def edits(target: Sequence[str], answer: Sequence[str]) -> Edits:
    """The fewest edits from ``target`` to ``answer`` (Levenshtein 1966), of words in a list or characters of a string.

    Of several ways that are as short, one that substitutes is preferred to one that inserts and deletes.
    """
    head = _alike(target, answer)
    tail = _alike(target[head:][::-1], answer[head:][::-1])
    same: list[Pair] = [(one, one) for one in target]
    first, second = target[head : len(target) - tail], answer[head : len(answer) - tail]
    between = _backtrace(first, second, _distances(first, second))
    return Edits(
        substitutions=sum(None not in pair and pair[0] != pair[1] for pair in between),
        insertions=sum(one is None for one, _ in between),
        deletions=sum(other is None for _, other in between),
        pairs=[*same[:head], *between, *same[len(target) - tail :]],
    )


def transcript_scores(
    targets: Sequence[str],
    answers: Sequence[str],
    headline: Unit,
    groups: Sequence[str | None] = (),
    lengths: Sequence[float] = (),
) -> dict[str, Any]:
    """The error rate of words or characters (``headline``) with its bootstrap interval over examples first, then the
    other, the kinds of errors, the pairs most often confused, and the rate by group and by length where they are given.

    Words are what blanks separate; several blanks count as one. A rate may exceed 1. The rate of words is None where
    the headline is of characters and the targets are written without blanks. Raises ValueError for no examples.
    """
    if not targets:
        raise ValueError("there are no examples to score")
    for name, given in (("groups", groups), ("lengths", lengths)):
        if len(given) not in (0, len(targets)):
            raise ValueError(f"{len(given)} {name} of {len(targets)} examples arrived: one for each, or none")
    found = {unit: _all_edits(targets, answers, unit) for unit in ("word", "character")}
    of = found[headline]
    errors, sizes = _counts(of)
    low, high = bootstrap_rate(errors, sizes)
    blanks = headline == "word" or not written_without_blanks(targets)
    return {
        "metric": f"{headline}_error_rate",
        "value": _rate(errors, sizes),
        "low": low,
        "high": high,
        "examples": len(targets),
        "word_error_rate": _rate(*_counts(found["word"])) if blanks else None,
        "character_error_rate": _rate(*_counts(found["character"])),
        "exact_match": float(np.mean([one.total == 0 for one in found["character"]])),
        "words": int(_counts(found["word"])[1].sum()),
        "characters": int(_counts(found["character"])[1].sum()),
        "substitutions": sum(one.substitutions for one in of),
        "insertions": sum(one.insertions for one in of),
        "deletions": sum(one.deletions for one in of),
        "confused": _confused(of),
        **({"by_group": by_group} if (by_group := _by_group(errors, sizes, groups)) else {}),
        **({"by_length": _by_length(errors, sizes, lengths)} if len(lengths) else {}),
    }


def constant_baselines(train: Sequence[str], targets: Sequence[str], headline: Unit) -> list[dict[str, Any]]:
    """What the most frequent transcript of training gets, given to every example; and, where it is another, what the
    constant answer gets that has the fewest errors in training: one of the CONSTANTS most frequent, or silence."""
    counted = Counter(train)
    frequent = sorted(counted, key=lambda one: (-counted[one], one))[:CONSTANTS] or [""]
    places = np.linspace(0, len(train) - 1, min(LEARNT_FROM, len(train))).astype(np.int64)
    learnt_from = [train[place] for place in places.tolist()]
    best = min([*frequent, ""], key=lambda one: _errors(learnt_from, one, headline))
    found = {"most common transcript": frequent[0]}
    if best != frequent[0]:
        found["best constant transcript" if best else "silence"] = best
    return [
        {"name": name, "value": _rate(*_counts(_all_edits(targets, [one] * len(targets), headline)))}
        for name, one in found.items()
    ]


def _errors(targets: Sequence[str], constant: str, headline: Unit) -> int:
    return int(_counts(_all_edits(targets, [constant] * len(targets), headline))[0].sum())


def written_without_blanks(texts: Sequence[str]) -> bool:
    """Whether most letters are of scripts without blanks between words: Chinese, Japanese, Thai and their like."""
    letters = {one: count for one, count in Counter("".join(texts)).items() if one.isalpha()}
    unspaced = sum(count for one, count in letters.items() if unicodedata.name(one, "").startswith(UNSPACED))
    return 2 * unspaced > sum(letters.values())


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many both begin with: the fewest edits leave them alone, and most answers are mostly right."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _distances(target: Sequence[str], answer: Sequence[str]) -> NDArray[np.int32]:
    """Edits from every beginning of the target to every beginning of the answer, a row at a time.

    Along a row, insertions cost 1 a place: less the place's number that is a running minimum.
    """
    places = np.arange(len(answer) + 1, dtype=np.int32)
    table = np.empty((len(target) + 1, len(answer) + 1), np.int32)
    table[0] = places
    numbers = {one: number for number, one in enumerate(answer)}
    given = np.array([numbers[one] for one in answer], np.int32)
    for row, one in enumerate(target):
        before, now = table[row], table[row + 1]
        now[0] = row + 1
        np.minimum(before[1:] + 1, before[:-1] + (given != numbers.get(one, -1)), out=now[1:])
        now[:] = np.minimum.accumulate(now - places) + places
    return table


def _backtrace(target: Sequence[str], answer: Sequence[str], table: NDArray[np.int32]) -> list[Pair]:
    """The pairs along one shortest way, from the end of both to their beginnings."""
    costs = table.tolist()
    row, column = len(target), len(answer)
    pairs: list[Pair] = []
    while row or column:
        one, other = target[row - 1] if row else None, answer[column - 1] if column else None
        cost = costs[row][column]
        if row and column and cost == costs[row - 1][column - 1] + (one != other):
            row, column = row - 1, column - 1
            pairs.append((one, other))
        elif row and cost == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((one, None))
        else:
            column -= 1
            pairs.append((None, other))
    return pairs[::-1]


def _all_edits(targets: Sequence[str], answers: Sequence[str], unit: str) -> list[Edits]:
    pairs = zip(targets, answers, strict=True)
    return [edits(_units(target, unit), _units(answer, unit)) for target, answer in pairs]


def _units(text: str, unit: str) -> Sequence[str]:
    words = text.split()
    return words if unit == "word" else " ".join(words)


def _counts(found: Sequence[Edits]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each example: its errors, and the words or characters of its target."""
    errors = np.array([one.total for one in found], np.int64)
    sizes = np.array([len(one.pairs) - one.insertions for one in found], np.int64)
    return errors, sizes


def _rate(errors: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """Errors a word; where nothing was to be said their number, as jiwer has it."""
    return int(errors.sum()) / max(1, int(sizes.sum()))


def _confused(found: Sequence[Edits]) -> list[dict[str, Any]]:
    """The pairs most often substituted; ``share`` is of all places where the true one stands."""
    pairs = Counter(pair for one in found for pair in one.pairs)
    wanted = Counter(target for one in found for target, _ in one.pairs)
    wrong = [
        (target, answer, count)
        for (target, answer), count in pairs.items()
        if target is not None and answer is not None and target != answer
    ]
    return [
        {"target": target, "prediction": answer, "count": count, "share": count / wanted[target]}
        for target, answer, count in sorted(wrong, key=lambda one: (-one[2], one[:2]))[:PAIRS]
    ]


def _by_group(
    errors: NDArray[np.int64], sizes: NDArray[np.int64], groups: Sequence[str | None]
) -> list[dict[str, Any]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(groups):
        if name is not None:
            rows[name].append(row)
    worst = sorted((-_rate(errors[of], sizes[of]), name) for name, of in rows.items())[:GROUPS]
    return [{"name": name, "examples": len(rows[name]), "value": abs(value)} for value, name in worst]


def _by_length(
    errors: NDArray[np.int64], sizes: NDArray[np.int64], lengths: Sequence[float]
) -> list[dict[str, Any]]:
    """Four parts of about as many examples, the shortest first; those of one length stay together."""
    given = np.asarray(lengths, np.float64)
    part = np.searchsorted(np.quantile(given, [0.25, 0.5, 0.75]), given)
    members = [np.flatnonzero(part == number) for number in range(4)]
    return [
        {
            "from": float(given[of].min()),
            "to": float(given[of].max()),
            "examples": len(of),
            "value": _rate(errors[of], sizes[of]),
        }
        for of in members
        if len(of)
    ]

"""Looks at every tagged sentence once; lists what cannot be used (errors) and what should be known (findings)."""

import hashlib

import numpy as np

from plait.data.checks import Checked
from plait.data.table import SPLITS, Table
from plait.errors import Problem

LONG = 5
"""Shorter sentences stand twice in any text, which tells nothing."""


def check_sentences(table: Table, training: bool = True) -> Checked:
    """With ``training`` at least two tags are needed; sentences that stand twice are found. Raises nothing."""
    errors = [problem for problem in table.problems if problem.error]
    findings = [problem for problem in table.problems if not problem.error]
    sentences: list[tuple[str, ...]] = list(table.frame["input"])
    digests = [_digest(tokens) for tokens in sentences]
    sizes = np.array([[len(tokens)] for tokens in sentences], np.int64).reshape(len(sentences), 1)
    if training and len(table):
        trained = [row for row, split in enumerate(table.splits) if split in ("", "train")]
        known = {tag for row in trained for tag in table.labels[row]}
        if trained and len(known) < 2:
            only = f"only {known.pop()!r} is there" if known else "there is none"
            errors.append(
                Problem("too few classes", table.source, f"training needs 2 different tags, and {only}")
            )
            table = table.take([])
            return Checked(table, errors, findings, sizes[:0], [], grey=False)
    return Checked(table, errors, findings + _copies(table, digests), sizes, digests, grey=False)


def _digest(tokens: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(tokens).encode("utf-8", "surrogatepass")).hexdigest()


def _copies(table: Table, digests: list[str]) -> list[Problem]:
    """Sentences of some length that stand in two splits, or stand twice with different tags."""
    first: dict[str, int] = {}
    found: list[Problem] = []
    splits, targets, places = table.splits, table.targets, table.places
    rank = {"": 0, **{name: number for number, name in enumerate(SPLITS)}}
    for row in sorted(range(len(table)), key=lambda row: (rank[splits[row]], row)):
        other = first.setdefault(digests[row], row)
        if other == row or len(table.frame["input"].iloc[row]) < LONG:
            continue
        file, line = places[row]
        same = f"the same sentence as {places[other][0]}, row {places[other][1]}"
        if splits[row] != splits[other]:
            message = f"{same}: it is in {splits[row]} and {splits[other]}"
            found.append(Problem("overlap of splits", file, message, line, error=False))
        if targets[row] != targets[other]:
            kind = "identical sentences with different tags"
            found.append(Problem(kind, file, same, line, error=False))
    return found

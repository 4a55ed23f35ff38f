"""Looks at every running text once; lists what cannot be used (errors) and what should be known (findings)."""

import hashlib

import numpy as np

from plait.data.checks import Checked, copies
from plait.data.table import Table
from plait.errors import Problem

LEAST = 1000
"""Characters: of fewer there is nothing to learn a language from."""


def check_streams(table: Table, training: bool = True) -> Checked:
    """Empty texts and, with ``training``, too little of it all are errors; copies and odd characters are found.

    Raises nothing.
    """
    errors = [problem for problem in table.problems if problem.error]
    findings = [problem for problem in table.problems if not problem.error]
    texts: list[str] = list(table.frame["input"])
    usable = [row for row, text in enumerate(texts) if text.strip()]
    for row in sorted(set(range(len(texts))) - set(usable)):
        errors.append(Problem("empty text", table.places[row][0], "the file holds no text"))
    for row in usable:
        findings += _odd(texts[row], table.places[row][0])
    total = sum(len(texts[row]) for row in usable)
    if training and usable and total < LEAST:
        message = f"{total} characters in all: to learn from them there must be at least {LEAST:,}"
        errors.append(Problem("too little text", table.source, message))
        usable = []
    table = table.take(usable)
    sizes, digests = measures(table)
    return Checked(table, errors, findings + copies(table, digests, "text"), sizes, digests, grey=False)


def measures(table: Table) -> tuple[np.ndarray, list[str]]:
    """Characters (rows, 1) and SHA-256 of every row's text."""
    texts: list[str] = list(table.frame["input"])
    sizes = np.array([[len(text)] for text in texts], np.int64).reshape(len(texts), 1)
    return sizes, [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]


def _odd(text: str, file: str) -> list[Problem]:
    """What looks like a file that was decoded wrongly, or is no text."""
    found = []
    for sign, name in (("\ufffd", "replacement characters (U+FFFD)"), ("\x00", "zero bytes")):
        if count := text.count(sign):
            line = 1 + text.count("\n", 0, text.index(sign))
            found.append(
                Problem("odd characters", file, f"{count:,} {name}, the first here", line, error=False)
            )
    return found

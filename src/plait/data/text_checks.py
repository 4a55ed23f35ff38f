"""Looks at every text once; lists what cannot be used (errors) and what should be known (findings)."""

import hashlib

import numpy as np

from plait.data.checks import Checked, check_classes, copies
from plait.data.table import Table
from plait.errors import Problem


def check_texts(table: Table, training: bool = True) -> Checked:
    """Empty texts and, with ``training``, classes that cannot be learnt are errors; texts that stand twice are found.

    Two texts are the same where only their white space differs. Raises nothing.
    """
    errors = [problem for problem in table.problems if problem.error]
    findings = [problem for problem in table.problems if not problem.error]
    texts: list[str] = [" ".join(text.split()) for text in table.frame["input"]]
    usable = [row for row, text in enumerate(texts) if text]
    for row in sorted(set(range(len(texts))) - set(usable)):
        file, line = table.places[row]
        errors.append(Problem("empty text", file, "there is a label and no text", line))
    if training:
        table, usable, faults = check_classes(table, usable)
        errors += faults
    table = table.take(usable)
    digests = [hashlib.sha256(texts[row].encode("utf-8", "surrogatepass")).hexdigest() for row in usable]
    sizes = np.array([[len(texts[row])] for row in usable], np.int64).reshape(len(usable), 1)
    return Checked(table, errors, findings + copies(table, digests, "text"), sizes, digests, grey=False)

"""Divides a Table into training, validation and test: stratified, seeded, what belongs together on one side.

Chance is the SHA-256 of seed and picture, so the same pictures are divided alike in any order, on any system.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from plait.data.table import Table
from plait.errors import DataError

UNLABELLED = ""


def split(table: Table, digests: Sequence[str], validation: float, test: float, seed: int) -> Table:
    """The table with every row in "train", "validation" or "test"; parts that are given stay as they are.

    What is missing is cut off the training part: ``test`` is a share of it, ``validation`` a share of what
    is then left. Rows of one picture (by ``digests``) or one group go to one side; every class is in every
    part that it has enough of them for, and in training first. Raises DataError where parts are given but
    none to train on.
    """
    splits = table.splits
    given = given_parts(table)
    shares = _shares(given, validation, test)
    rows = [row for row, name in enumerate(splits) if name in ("", "train")]
    for unit, part in _divide(_units(table, digests, rows), shares, seed):
        for row in unit.rows:
            splits[row] = part
    return table.with_column("split", splits)


def given_parts(table: Table) -> set[str]:
    """The parts that the data brings; raises DataError where it brings parts but none to train on."""
    given = set(table.splits) - {""}
    if given and "train" not in given:
        raise DataError(
            f"{table.source} has only the part {' and '.join(sorted(given))}, and none to train on"
        )
    return given


def _shares(given: set[str], validation: float, test: float) -> dict[str, float]:
    """What becomes of the training rows: the parts that are cut off them and their shares."""
    cut_test = 0.0 if "test" in given else test
    cut_validation = 0.0 if "validation" in given else validation * (1 - cut_test)
    shares = {"train": 1 - cut_test - cut_validation, "validation": cut_validation, "test": cut_test}
    return {name: share for name, share in shares.items() if share > 0}


@dataclass(frozen=True)
class _Unit:
    """Rows that must stay together; ``key`` is the smallest of their digests, which no other unit has."""

    key: str
    rows: list[int]
    classes: Counter[str]


def _units(table: Table, digests: Sequence[str], rows: Sequence[int]) -> list[_Unit]:
    """Rows joined by picture and by group, however long the chain."""
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = parents[parent]
            node = parent
        return node

    groups, labels = list(table.frame["group"]), table.labels
    for row in rows:
        if groups[row] is not None:
            parents[root(("group", str(groups[row])))] = root(("picture", digests[row]))
    together: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        together.setdefault(root(("picture", digests[row])), []).append(row)
    return [_unit(members, digests, labels) for members in together.values()]


def _unit(rows: list[int], digests: Sequence[str], labels: Sequence[tuple[str, ...]]) -> _Unit:
    classes = Counter(label for row in rows for label in labels[row] or (UNLABELLED,))
    return _Unit(min(digests[row] for row in rows), rows, classes)


def _divide(units: Sequence[_Unit], shares: dict[str, float], seed: int) -> list[tuple[_Unit, str]]:
    """Every unit's part: class by class from the rarest, each unit to the part that lacks most of the
    class.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), with large units first, as they fit
    worst later.
    """
    chance = {unit.key: hashlib.sha256(f"{seed}:{unit.key}".encode()).digest() for unit in units}
    ordered = sorted(units, key=lambda unit: (-len(unit.rows), chance[unit.key]))
    by_class: dict[str, list[_Unit]] = {}
    for unit in ordered:
        for name in unit.classes:
            by_class.setdefault(name, []).append(unit)
    filling = _Filling(units, shares)
    for name in sorted(by_class, key=lambda name: (len(by_class[name]), name)):
        for unit in by_class[name]:
            if unit.key not in filling.placed:
                filling.put(unit, name)
    return [(unit, filling.placed[unit.key]) for unit in ordered]


class _Filling:
    """The parts while they are filled: how many examples each still lacks, of each class and in all."""

    def __init__(self, units: Sequence[_Unit], shares: dict[str, float]) -> None:
        counts = sum((unit.classes for unit in units), Counter[str]())
        rows = sum(len(unit.rows) for unit in units)
        self.placed: dict[str, str] = {}
        self.waiting = Counter(name for unit in units for name in unit.classes)
        self.lacking = {
            part: {name: share * count for name, count in counts.items()} for part, share in shares.items()
        }
        self.room = {part: share * rows for part, share in shares.items()}
        self.present: dict[str, set[str]] = {part: set() for part in shares}

    def put(self, unit: _Unit, name: str) -> None:
        """Places a unit on account of its class ``name``."""
        open_parts = self._open(unit, name)
        part = max(open_parts, key=lambda part: (self.lacking[part][name], self.room[part], part))
        self.placed[unit.key] = part
        self.room[part] -= len(unit.rows)
        self.present[part] |= set(unit.classes)
        self.waiting.subtract(set(unit.classes))
        for label, count in unit.classes.items():
            self.lacking[part][label] -= count

    def _open(self, unit: _Unit, name: str) -> list[str]:
        """Parts to choose from: training until it has the class, those without it once few are left."""
        untrained = set(unit.classes) - self.present["train"]
        if name in untrained or any(self.waiting[label] == 1 for label in untrained):
            return ["train"]
        without = [part for part, present in self.present.items() if name not in present]
        if self.waiting[name] > len(without):
            return list(self.present)
        # A part with nothing in it at all comes first: without validation there is no choosing a network.
        return [part for part in without if not self.present[part]] or without

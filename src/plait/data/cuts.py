"""Running text divided into training, validation and test where it is not: contiguous pieces, the end for the test."""

from dataclasses import fields, replace
from itertools import pairwise

from plait.data.splits import given_parts
from plait.data.table import Row, Table

PIECES = 10
"""What is next to the test is most like it, so that training must not lose all of it to validation."""
SHORTEST = 1000
"""Characters of a piece, where there is more than one."""
ROW = tuple(field.name for field in fields(Row))


def cut(table: Table, validation: float, test: float) -> Table:
    """The table with every text, or piece of one, in "train", "validation" or "test".

    Parts that are given stay as they are. What is missing is cut out of the rest, counted in characters: the last
    ``test`` of it, and from what is left ``validation`` in PIECES spread evenly over it. Raises DataError where parts
    are given but none to train on.
    """
    given = given_parts(table)
    rows = _rows(table)
    own = [row for row in rows if row.split in ("", "train")]
    total = sum(len(_text(row)) for row in own)
    # In characters, so that the same text is cut alike however many files it lies in.
    end = total if "test" in given else int(total * (1 - test))
    held_out = [] if "validation" in given else _spread(end, validation)
    edges = [0, *(edge for piece in held_out for edge in piece), end, total]
    names = [*("train", "validation") * len(held_out), "train", "test"]
    divided = [
        row
        for (begin, stop), name in zip(pairwise(edges), names, strict=True)
        for row in _pieces(own, begin, stop, name)
    ]
    divided += [row for row in rows if row.split not in ("", "train")]
    return _with_rows(table, divided)


def _spread(end: int, share: float) -> list[tuple[int, int]]:
    """Where up to PIECES of a text of ``end`` characters begin and end that are ``share`` of it together.

    Of a short text fewer: where a piece begins, nothing that comes before it tells what follows.
    """
    count = min(PIECES, max(1, int(end * share / SHORTEST)), end)
    spacing = end / max(count, 1)
    length = max(1, int(spacing * share))
    begins = (int(piece * spacing + (spacing - length) / 2) for piece in range(count))
    return [(begin, begin + length) for begin in begins]


def without_beginning(table: Table, characters: int) -> Table:
    """The table of one part without its first ``characters``."""
    rows = _rows(table)
    if not rows:
        return table
    return _with_rows(table, _pieces(rows, characters, sum(len(_text(row)) for row in rows), rows[0].split))


def _rows(table: Table) -> list[Row]:
    return [Row(*values) for values in table.frame[list(ROW)].itertuples(index=False, name=None)]


def _with_rows(table: Table, rows: list[Row]) -> Table:
    made = Table.from_rows(rows, table.source, table.format, content=table.content)
    return replace(table, frame=made.frame)


def _pieces(rows: list[Row], begin: int, end: int, split: str) -> list[Row]:
    """What lies from ``begin`` to ``end`` of all rows put together; ``row`` is the line a piece begins in."""
    found, at = [], 0
    for row in rows:
        assert isinstance(row.input, str)
        first, last = max(begin - at, 0), min(end - at, len(_text(row)))
        if first < last:
            line = 1 + row.input.count("\n", 0, first)
            found.append(replace(row, input=row.input[first:last], split=split, row=line))
        at += len(_text(row))
    return found


def _text(row: Row) -> str:
    assert isinstance(row.input, str)
    return row.input

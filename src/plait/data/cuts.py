"""Running text divided into training, validation and test where it is not: contiguous, the end for the test."""

from dataclasses import fields, replace

from plait.data.table import Row, Table
from plait.errors import DataError

ROW = tuple(field.name for field in fields(Row))


def cut(table: Table, validation: float, test: float) -> Table:
    """The table with every text, or piece of one, in "train", "validation" or "test".

    Parts that are given stay as they are. What is missing is cut off the end of the rest, counted in characters: the
    last ``test`` of it, and before that ``validation`` of what is left. Raises DataError where parts are given but none
    to train on.
    """
    given = set(table.splits) - {""}
    if given and "train" not in given:
        raise DataError(
            f"{table.source} has only the part {' and '.join(sorted(given))}, and none to train on"
        )
    rows = _rows(table)
    own = [row for row in rows if row.split in ("", "train")]
    total = sum(len(row.input) for row in own)
    # In characters, so that the same text is cut alike however many files it lies in.
    end = total if "test" in given else int(total * (1 - test))
    begin = end if "validation" in given else int(end * (1 - validation))
    divided = [
        *_pieces(own, 0, begin, "train"),
        *_pieces(own, begin, end, "validation"),
        *_pieces(own, end, total, "test"),
        *(row for row in rows if row.split not in ("", "train")),
    ]
    return _with_rows(table, divided)


def without_beginning(table: Table, characters: int) -> Table:
    """The table of one part without its first ``characters``."""
    rows = _rows(table)
    if not rows:
        return table
    return _with_rows(table, _pieces(rows, characters, sum(len(row.input) for row in rows), rows[0].split))


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
        first, last = max(begin - at, 0), min(end - at, len(row.input))
        if first < last:
            line = 1 + row.input.count("\n", 0, first)
            found.append(replace(row, input=row.input[first:last], split=split, row=line))
        at += len(row.input)
    return found

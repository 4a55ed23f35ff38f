"""Tables as JSON lines, an object a line: read row by row, given back with fields added, nothing else changed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from plait.inference.text_file import BOM, encoding_of
from plait.inference.user_table import Column, Row, UserTable, Waiting

SUFFIXES = (".jsonl", ".ndjson")


class JsonTable(UserTable):
    """``columns`` are the names of all objects' fields; a row's number is its line's, counted from 1."""

    given_back = SUFFIXES

    def __init__(self, path: Path, wanted: Column, encoding: str | None) -> None:
        super().__init__(path, wanted)
        self.encoding = encoding_of(path, encoding)
        names: dict[str, None] = {}
        for _, line in self.lines():
            with suppress(ValueError):
                names |= dict.fromkeys(json_object(line))
        self.columns = list(names)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Every line that is not blank, and its number."""
        for number, line in self._numbered():
            if plain := line.removeprefix(BOM).strip():
                yield number, plain

    def rows(self) -> Iterator[Row]:
        column = self.columns[self.input_position]
        for number, line in self.lines():
            try:
                found = json_object(line)
            except ValueError as error:
                yield Row(number, "", str(error))
            else:
                yield self.row(number, found.get(column))

    def write(self, target: Path, names: Sequence[str], answers: Iterable[tuple[int, Sequence[Any]]]) -> None:
        waiting = Waiting(answers)
        with target.open("w", encoding=self.encoding, newline="") as file:
            for number, line in self._numbered():
                cells = waiting.take(number)
                file.write(line if cells is None else _extended(line, dict(zip(names, cells, strict=True))))
        waiting.finish()

    def _numbered(self) -> Iterator[tuple[int, str]]:
        with self.path.open(encoding=self.encoding, newline="\n") as file:
            yield from enumerate(file, start=1)


def json_object(line: str) -> dict[str, Any]:
    """The object that a line holds; raises ValueError that says what stands there."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"this line is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} stands here, but an object of named fields is expected")
    return value


def _extended(line: str, added: dict[str, Any]) -> str:
    """The object of ``line``, which is not empty, with fields behind its own."""
    content = line.rstrip()
    fields = json.dumps(added, ensure_ascii=False)
    return content[:-1].rstrip() + ", " + fields[1:] + line[len(content) :]

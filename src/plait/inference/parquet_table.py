"""Tables in Parquet: read block by block, given back with columns added and their types kept."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from plait.errors import DataError, MissingExtraError
from plait.inference.user_table import Answer, Column, Row, UserTable, Waiting

SUFFIXES = (".parquet",)


class ParquetTable(UserTable):
    """Parquet, through pyarrow."""

    given_back = SUFFIXES

    def __init__(self, path: Path, wanted: Column, encoding: str | None) -> None:
        super().__init__(path, wanted)
        self._arrow, self._parquet = _import_arrow()
        with self._opened() as file:
            self.columns = list(file.schema_arrow.names)

    def rows(self) -> Iterator[Row]:
        column = self.columns[self.input_position]
        number = 1
        for block in self._blocks([column]):
            for value in block.column(0).to_pylist():
                number += 1
                yield self.row(number, value)

    def write(self, target: Path, names: Sequence[str], answers: Iterable[Answer]) -> None:
        waiting = Waiting(answers)
        with self._opened() as file:
            schema = self._schema(file.schema_arrow, names, waiting.kinds(names))
        number = 2
        with self._parquet.ParquetWriter(target, schema) as writer:
            for block in self._blocks(None):
                cells = [waiting.take(row) for row in range(number, number + block.num_rows)]
                number += block.num_rows
                writer.write_batch(self._extended(block, schema, names, cells))
        waiting.finish()

    def _schema(self, schema: Any, names: Sequence[str], kinds: Sequence[type]) -> Any:
        for name, kind in zip(names, kinds, strict=True):
            arrow = self._arrow.string() if kind is str else self._arrow.float64()
            schema = schema.append(self._arrow.field(name, arrow))
        return schema

    def _extended(self, block: Any, schema: Any, names: Sequence[str], answers: Sequence[Any]) -> Any:
        added = []
        for position, name in enumerate(names):
            values = [None if cells is None else cells[position] for cells in answers]
            added.append(self._arrow.array(values, type=schema.field(name).type))
        return self._arrow.RecordBatch.from_arrays([*block.columns, *added], schema=schema)

    def _blocks(self, columns: list[str] | None) -> Iterator[Any]:
        with self._opened() as file:
            try:
                yield from file.iter_batches(columns=columns)
            except (self._arrow.ArrowException, OSError) as error:
                raise DataError(f"{self.path} cannot be read as Parquet: {error}") from error

    def _opened(self) -> Any:
        try:
            return self._parquet.ParquetFile(self.path)
        except (self._arrow.ArrowException, OSError) as error:
            raise DataError(f"{self.path} cannot be read as Parquet: {error}") from error


def _import_arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("reading Parquet", "train") from None
    return pyarrow, pyarrow.parquet

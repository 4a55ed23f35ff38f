"""The user's tables, for prediction: opened by their suffix."""

from collections.abc import Callable
from pathlib import Path

from plait.errors import DataError
from plait.inference import excel_table, json_table, parquet_table, text_table
from plait.inference.user_table import Column, UserTable

KINDS: dict[str, Callable[[Path, Column, str | None], UserTable]] = {
    **dict.fromkeys(text_table.SUFFIXES, text_table.TextTable),
    **dict.fromkeys(json_table.SUFFIXES, json_table.JsonTable),
    **dict.fromkeys(parquet_table.SUFFIXES, parquet_table.ParquetTable),
    **dict.fromkeys(excel_table.SUFFIXES, excel_table.ExcelTable),
}


def is_table(path: str | Path) -> bool:
    """Whether the name says table."""
    return Path(path).suffix.lower() in KINDS


def open_table(path: str | Path, wanted: Column, encoding: str | None = None) -> UserTable:
    """Opens a table by its suffix, one of text in ``encoding``.

    Raises DataError, or MissingExtraError for Parquet without pyarrow and for Excel without openpyxl.
    """
    path = Path(path)
    try:
        return KINDS[path.suffix.lower()](path, wanted, encoding)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error

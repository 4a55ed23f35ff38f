"""Reads data for pictures as a recipe's defaults do."""

from plait.data.readers import read_table as read_table_as
from plait.data.table import Table
from plait.recipe import read_recipe

PICTURE_OPTIONS = read_recipe().data


def read_table(source: str, format: str | None = None, labels_required: bool = True) -> Table:
    """What ``source`` holds, pictures expected."""
    return read_table_as(source, PICTURE_OPTIONS, format, labels_required)

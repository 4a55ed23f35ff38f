"""Reads data for pictures with boxes as a recipe's defaults do."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from tests.boxes import written

from plait.data.options import BoxDataOptions
from plait.data.readers import read_table
from plait.data.table import Table
from plait.errors import DataError, Problem
from plait.inference.boxes import Annotation

HERE = Path(__file__).parents[2].parent / "shared" / "data"
OPTIONS = BoxDataOptions(
    validation=0.1,
    test=0.1,
    split_seed=None,
    image_size="auto",
    unannotated="background",
    encoding=None,
    max_pixels=1_000_000,
    cache_mb=10,
)


def opened(source: Path | str) -> Table:
    return read_table(str(source), OPTIONS)


def kinds(found: Table) -> list[tuple[str, str, int | None]]:
    return kinds_of(found.problems)


def kinds_of(problems: Iterable[Problem]) -> list[tuple[str, str, int | None]]:
    return sorted((one.kind, Path(one.file).name, one.row) for one in problems)


def refused(source: Path, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(source)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def boxes(
    found: Table, sides: tuple[int, ...] = (64, 48, 64, 48)
) -> dict[str, list[tuple[str, list[float]]]]:
    """Of every picture that is marked, by its name, the classes and edges in pixels."""
    read = {}
    for path, target in zip(found.frame["input"], found.frame["target"], strict=True):
        if target is not None:
            scale = sides if target.relative else (1, 1, 1, 1)
            read[Path(path).name] = [
                (box.label, np.round(np.multiply(box.edges, scale), 6).tolist()) for box in target.boxes
            ]
    return read


def marked(found: Table) -> list[Annotation]:
    return [target for target in found.targets if isinstance(target, Annotation)]


def edited(path: Path, *pairs: tuple[str, str]) -> Path:
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return written(path, text)

"""Predictions for people and programs: on a terminal, as JSON or CSV, or added to the user's table."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.errors import DataError
from plait.files import replacing
from plait.inference.conll import is_columns, read_columns
from plait.inference.input import ModelInput
from plait.inference.prediction import Prediction
from plait.inference.sentence import SentenceInput
from plait.inference.sequence_tagging import Tagging
from plait.inference.sources import input_column
from plait.inference.spec import ModelSpec
from plait.inference.tables import is_table, open_table
from plait.inference.text_file import unreadable_refused
from plait.inference.text_table import SUFFIXES
from plait.inference.token_lists import TOKENS, is_token_lists
from plait.inference.user_table import UserTable, text

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("prediction", "probability")


def to_json(predictions: Iterable[Prediction], spec: ModelSpec) -> dict[str, Any]:
    """One document: the task, the classes and every prediction in order."""
    return {
        "task": spec.task,
        "classes": spec.classes,
        "several_labels": spec.several_labels,
        "predictions": [prediction.to_json() for prediction in predictions],
    }


def show(predictions: Iterable[Prediction], spec: ModelSpec, console: "Console") -> None:
    """A table on a terminal; where the output is redirected, the same as CSV."""
    if not console.is_terminal:
        _write_rows(console.file, predictions, spec.input.noun)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(spec.input.noun, *COLUMNS)
    for prediction in predictions:
        cells = prediction.cells()
        table.add_row(Text(prediction.input), *(Text(text(cells[name])) for name in COLUMNS))
    console.print(table)


def write_csv(
    target: str | Path,
    predictions: Iterable[Prediction],
    sources: Sequence[str],
    spec: ModelSpec,
    encoding: str | None = None,
) -> None:
    """Writes ``target``: the user's own table with columns added if ``sources`` is one table, their file of tokens with
    its tags replaced if it is one of those, else a new CSV.

    Every cell of the user's table stays as it is; the columns are prediction and probability (prediction_2
    where there is one already), empty for rows left out; to a list of tokens comes the list of their tags. An
    existing ``target`` is replaced, unless it is one of the sources: DataError, before anything is predicted.
    """
    target = Path(target)
    if isinstance(spec.input, SentenceInput) and len(sources) == 1 and is_columns(sources[0]):
        write_columns(target, predictions, sources[0], spec.input, encoding)
        return
    table = _only_table(sources, spec.input, encoding)
    check_target(target, sources, table)
    try:
        with replacing(target) as temporary:
            if table is not None:
                table.write(temporary, table.free_names(COLUMNS), map(_answer, predictions))
            else:
                _write_file(temporary, predictions, spec.input.noun)
    except UnicodeEncodeError as error:
        raise _unspellable(target, sources[0], error) from error
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from error


def write_columns(
    target: Path,
    predictions: Iterable[Prediction],
    source: str,
    input: SentenceInput,
    encoding: str | None = None,
) -> None:
    """Writes the file of tokens ``source`` as ``target`` with the column of tags that the network was trained on
    replaced, or added where it is not there; every other byte stays. Raises DataError."""
    suffix = Path(source).suffix
    if target.suffix.lower() != suffix.lower():
        ending = f"ending in {suffix}" if suffix else "without a suffix"
        raise DataError(f"--out {target}: expected a name {ending}, as {source} is given back with new tags")
    refuse_overwriting(target, [source])
    try:
        with unreadable_refused(source):
            file = read_columns(source, encoding)
        if faults := [fault for sentence in file.sentences for fault in file.misshapen(sentence)]:
            raise DataError(f"{source}: tags cannot be put into lines of other columns:", faults)
        position = file.column(input.column)
        with replacing(target) as temporary:
            tags = [prediction.tags for prediction in predictions if isinstance(prediction, Tagging)]
            if len(tags) < len(file.sentences):
                raise DataError(
                    f"{source}: {len(file.sentences) - len(tags)} sentences were left out, so its tags cannot be "
                    "replaced: mend them, or write a CSV"
                )
            temporary.write_bytes(file.with_column(position, tags))
    except UnicodeEncodeError as error:
        raise _unspellable(target, source, error) from error
    except ValueError as error:
        raise DataError(
            f"{error}; the network was trained on the tags of another kind of file: write a CSV"
        ) from error
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from error


def _unspellable(target: Path, source: str, error: UnicodeEncodeError) -> DataError:
    return DataError(
        f"{target} was not written: {error.encoding}, in which {source} is written, has no "
        f"{error.object[error.start]!r}: save {source} as UTF-8"
    )


def check_target(target: Path, sources: Sequence[str], table: UserTable | None) -> None:
    """Raises DataError where writing ``target`` would overwrite an input or give a table a wrong suffix."""
    refuse_overwriting(target, sources)
    wanted = SUFFIXES if table is None else table.given_back
    if target.suffix.lower() not in wanted:
        raise DataError(f"--out {target}: expected a name ending in {' or '.join(wanted)}")


def refuse_overwriting(target: Path, sources: Sequence[str]) -> None:
    """Raises DataError where ``target`` is a folder or one of ``sources``."""
    if target.is_dir():
        raise DataError(f"{target} is a folder; --out needs the name of a file")
    existing = filter(os.path.exists, sources)
    if target.exists() and any(os.path.samefile(target, source) for source in existing):
        raise DataError(f"{target} is what is to be predicted and is never overwritten; choose another --out")


def _only_table(sources: Sequence[str], input: ModelInput, encoding: str | None) -> UserTable | None:
    """The table that is the only source, if it is one."""
    if len(sources) != 1 or not is_table(sources[0]):
        return None
    lists = isinstance(input, SentenceInput) and is_token_lists(sources[0])
    return open_table(sources[0], TOKENS if lists else input_column(input), encoding)


def _answer(prediction: Prediction) -> tuple[int, list[Any]]:
    cells = prediction.cells()
    assert prediction.row is not None, "a table's prediction knows its row"
    if isinstance(prediction, Tagging) and prediction.origin.tokens is not None:
        return prediction.row, [list(prediction.tags), cells["probability"]]
    return prediction.row, [cells[name] for name in COLUMNS]


def _write_file(path: Path, predictions: Iterable[Prediction], noun: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        _write_rows(file, predictions, noun)


def _write_rows(file: Any, predictions: Iterable[Prediction], noun: str) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([noun, *COLUMNS])
    for prediction in predictions:
        cells = prediction.cells()
        writer.writerow([prediction.input, *(text(cells[name]) for name in COLUMNS)])

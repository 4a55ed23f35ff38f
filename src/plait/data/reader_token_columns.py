"""Tokens in columns: CoNLL-2000 and 2003, CoNLL-U; one file, or a folder of files named by their split."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from plait.data.encodings import encoding_findings
from plait.data.options import SentenceDataOptions
from plait.data.sentences import Tagged, tagged_table
from plait.data.splitwords import split_in
from plait.data.table import Table
from plait.errors import DataError, Problem
from plait.inference.conll import ColumnFile, is_columns, read_columns
from plait.inference.tags import are_spans
from plait.inference.text_file import unreadable_refused

NAME = "token columns"
LAYOUT = (
    "tokens in columns (CoNLL), one a line, a blank line behind each sentence, or CoNLL-U (.conllu); --label says "
    "which column holds the tags; a folder of several files is divided by their names (train, dev, test)"
)


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is such a file, or a folder in which such files are named by split."""
    return is_columns(source) if source.is_file() else bool(_files(source))


def read(source: Path, labels_required: bool, options: SentenceDataOptions) -> Table:
    """Every sentence as an example; a line with other columns than most is among ``problems``."""
    files = _files(source) if source.is_dir() else {source: ""}
    if not files:
        raise DataError(f"{source} holds no files of tokens named by their split; accepted is {LAYOUT}")
    sentences: list[Tagged] = []
    problems: list[Problem] = []
    asked = options.label
    for path, split in files.items():
        file = _opened(path, options, problems)
        if not file.sentences:
            problems.append(Problem("empty file", str(path), "it holds no token"))
            continue
        # The first file settles it for all.
        asked = asked or _tag_column(file, labels_required)
        sentences += _tagged(file, split, asked, options.features, problems)
    return tagged_table(sentences, str(source), NAME, options.token, asked or "", problems)


def _opened(path: Path, options: SentenceDataOptions, problems: list[Problem]) -> ColumnFile:
    with unreadable_refused(path):
        file = read_columns(path, options.encoding)
    problems += encoding_findings(path, file.encoding, options.encoding)
    return file


def _tagged(
    file: ColumnFile, split: str, asked: str, features: Sequence[str], problems: list[Problem]
) -> Iterator[Tagged]:
    tag = _position(file, asked, "--label") if asked else None
    beside = [_position(file, name, "data.features") for name in features]
    if tag in beside:
        raise DataError(f"{file.path}: data.features names column {asked}, which holds the tags")
    whole = file.documents > 1
    for sentence in file.sentences:
        if faults := file.misshapen(sentence):
            problems += faults
            continue
        yield Tagged(
            tuple(file.token(line, beside) for line in sentence.lines),
            None if tag is None else tuple(line.cells[tag] for line in sentence.lines),
            tuple(line.number for line in sentence.lines),
            split,
            file.path,
            f"{file.path}, document {sentence.document}" if whole else None,
        )


def _position(file: ColumnFile, name: str, asked: str) -> int:
    try:
        position = file.column(name)
    except ValueError as error:
        raise DataError(f"{asked}: {error}") from error
    if position >= file.width:
        raise DataError(f"{file.path}: {asked} says column {name}, but there are {file.width} columns")
    return position


def _tag_column(file: ColumnFile, required: bool) -> str:
    """CoNLL-U: upos. Columns: the last where it marks spans, or where it stands alone beside the words."""
    if file.conllu:
        return "upos"
    count = file.width
    columns = [
        [line.cells[position] for one in file.sentences for line in one.lines if len(line.cells) == count]
        for position in range(count)
    ]
    marking = [position for position in range(1, count) if are_spans(columns[position])]
    if count == 2 or (marking and marking[-1] == count - 1):
        return str(count)
    if len(marking) == 1:
        return str(marking[0] + 1)
    if not required:
        return ""
    shown = "; ".join(
        f"{number}: {' '.join(cells[:3])} ..., {len(set(cells)):,} different"
        for number, cells in enumerate(columns, start=1)
    )
    raise DataError(
        f"{file.path}: which column holds the tags? Say --label NUMBER. The columns are {shown or 'none'}"
    )


def _files(folder: Path) -> dict[Path, str]:
    """Files of columns in a folder: the only one, or those named by a split, each split once."""
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    paths = [path for path in paths if is_columns(path)]
    if len(paths) == 1:
        return {paths[0]: ""}
    named = {path: split for path in paths if (split := split_in(path.name))}
    return named if len(set(named.values())) == len(named) else {}

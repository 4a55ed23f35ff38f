"""Token lists: JSON lines of {"tokens": [...], "tags": [...]}, one sentence a line; a file, or files named by split."""

from pathlib import Path
from typing import Any

from plait.data.options import SentenceDataOptions
from plait.data.sentences import Tagged, tagged_table
from plait.data.splitwords import split_in, split_of
from plait.data.table import Table
from plait.errors import DataError, Problem
from plait.inference.json_table import json_object
from plait.inference.text_file import read_text, unreadable_refused
from plait.inference.token_lists import are_words, is_token_lists, tokens_of

NAME = "token lists"
LAYOUT = (
    'token lists: JSON lines of {"tokens": [...], "tags": [...]}, one sentence a line, and if need be split and '
    "document; --label names another list of tags"
)
TAG_NAMES = ("tags", "ner_tags", "pos_tags", "upos", "labels")


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is such a file, or a folder in which such files are named by split."""
    return is_token_lists(source) if source.is_file() else bool(_files(source))


def read(source: Path, labels_required: bool, options: SentenceDataOptions) -> Table:
    """Every line as an example; one whose lists do not fit is among ``problems``."""
    files = _files(source) if source.is_dir() else {source: ""}
    if options.features:
        raise DataError(f"{source}: data.features names columns, and token lists have none: leave it empty")
    if not files:
        raise DataError(f"{source} holds no token lists named by their split; accepted is {LAYOUT}")
    sentences: list[Tagged] = []
    problems: list[Problem] = []
    label = ""
    for path, split in files.items():
        with unreadable_refused(path):
            decoded = read_text(path, options.encoding)
        for number, line in enumerate(decoded.text.split("\n"), start=1):
            if not line.strip():
                continue
            record = _record(path, number, line)
            label = label or _label(path, record, options.label, labels_required)
            found = _sentence(record, label, split, str(path), number, labels_required)
            if isinstance(found, str):
                problems.append(Problem("bad row", str(path), found, number))
            else:
                sentences.append(found)
    return tagged_table(sentences, str(source), NAME, options.token, label, problems)


def _sentence(
    record: dict[str, Any], label: str, split: str, file: str, number: int, required: bool
) -> Tagged | str:
    """The sentence of a line, or why there is none."""
    tags = record.get(label)
    try:
        tokens = tokens_of(record)
    except ValueError as error:
        return str(error)
    if not are_words(tags):
        if required or tags is not None:
            return f"expected a list of words under {label}"
        tags = None
    if tags is not None and len(tags) != len(tokens):
        return f"{len(tokens)} tokens and {len(tags)} tags: each token needs one"
    named = str(record.get("split") or "")
    if named and split_of(named) is None:
        return f"the split {named!r} is unknown"
    document = record.get("document")
    return Tagged(
        tokens,
        None if tags is None else tuple(tags),
        (number,) * len(tokens),
        split_of(named) or split,
        file,
        None if document is None else str(document),
    )


def _label(path: Path, record: dict[str, Any], asked: str | None, required: bool) -> str:
    """The name of the list of tags, by the first line."""
    if asked is not None:
        if asked not in record:
            raise DataError(f"{path}: --label says {asked}, but the lists are {', '.join(record)}")
        return asked
    found = [name for name in TAG_NAMES if isinstance(record.get(name), list)]
    if len(found) == 1:
        return found[0]
    if not found and not required:
        return ""
    raise DataError(f"{path}: which list holds the tags? Say --label NAME; there are {', '.join(record)}")


def _record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        return json_object(line)
    except ValueError as error:
        raise DataError(f"{path}, row {number}: {error}") from error


def _files(folder: Path) -> dict[Path, str]:
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.is_file() and is_token_lists(path))
    if len(paths) == 1:
        return {paths[0]: ""}
    named = {path: split for path in paths if (split := split_in(path.stem))}
    return named if len(set(named.values())) == len(named) else {}

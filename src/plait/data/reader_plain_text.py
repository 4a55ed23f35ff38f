"""Plain text: one .txt file, or a folder of them; files or folders named train, valid and test are those parts."""

from pathlib import Path

from plait.data.encodings import encoding_findings
from plait.data.options import StreamDataOptions
from plait.data.reader_text_folders import shown
from plait.data.splitwords import split_in, split_of
from plait.data.table import Row, Table
from plait.errors import Problem
from plait.inference.text_file import TextError, read_text

NAME = "plain text"
LAYOUT = (
    "plain text to learn a language from: a .txt file, or a folder of nothing but .txt files "
    "(train.txt, valid.txt and test.txt, or folders of these names, are those parts)"
)
SUFFIX = ".txt"


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is a .txt file, or holds such files and nothing else."""
    return bool(_files(source))


def read(source: Path, labels_required: bool, options: StreamDataOptions) -> Table:
    """Every file as a row, lines ending in a line feed; what cannot be read is among ``problems``."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for path, split in _files(source).items():
        try:
            decoded = read_text(path, options.encoding)
        except TextError as error:
            problems.append(Problem(error.kind, str(path), error.message, error.row))
            continue
        problems += encoding_findings(path, decoded.encoding, options.encoding)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        rows.append(Row(text, None, split, str(path), 1))
    return Table.from_rows(rows, str(source), NAME, problems=problems, content="running text")


def _files(source: Path) -> dict[Path, str]:
    """Files and the part each belongs to; parts only where one of them is for training."""
    if source.is_file():
        return {source: ""} if source.suffix.lower() == SUFFIX else {}
    listed = shown(source)
    files = [path for path in listed if path.is_file()]
    folders = [path for path in listed if path.is_dir()]
    if any(path.suffix.lower() != SUFFIX for path in files):
        return {}
    if folders and (files or not all(split_of(folder.name) for folder in folders)):
        return {}
    found = {path: split_in(path.stem) or "" for path in files}
    for folder in folders:
        inside = shown(folder)
        if any(path.is_dir() or path.suffix.lower() != SUFFIX for path in inside):
            return {}
        found |= dict.fromkeys(inside, split_of(folder.name) or "")
    named = set(found.values())
    return found if "train" in named and "" not in named else dict.fromkeys(found, "")

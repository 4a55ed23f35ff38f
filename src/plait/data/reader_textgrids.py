"""Long recordings with Praat's TextGrids beside them: every labelled interval of one tier is an utterance."""

import codecs
from pathlib import Path

from plait.data.options import SpeechDataOptions
from plait.data.reader_sound_folders import DEEP, GRID, parts, sounds
from plait.data.reader_text_folders import within
from plait.data.table import Content, Row, Table
from plait.data.textgrid import Interval, read_textgrid
from plait.errors import Problem
from plait.inference.sound_file import Clip
from plait.inference.text_file import TextError, decode, read_bytes

NAME = "text grids"
LAYOUT = (
    "recordings cut by Praat's TextGrids: DATA/x.wav beside DATA/x.TextGrid; in train/, dev/ and test/ where there are "
    "such"
)
content: Content = "speech"


def fits(source: Path, labels_required: bool) -> bool:
    """Whether a recording somewhere in ``source`` has a TextGrid beside it."""
    return source.is_dir() and any(
        grid_of(path).is_file() for folder in within(source, DEEP) for path in sounds(folder)
    )


def grid_of(recording: Path) -> Path:
    return recording.with_suffix(GRID)


def read(source: Path, labels_required: bool, options: SpeechDataOptions) -> Table:
    """Every labelled interval of the tier that is asked for, or of the only one; the folder's name is the speaker's
    where there are several folders."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for part, split in parts(source).items():
        folders = within(part, DEEP)
        for folder in folders:
            for path in sounds(folder):
                speaker = folder.name if len(folders) > 2 and folder != part else None
                grid = grid_of(path)
                try:
                    found = _utterances(grid, options)
                except TextError as error:
                    problems.append(Problem(error.kind, str(grid), error.message, error.row))
                    continue
                rows += [
                    Row(Clip(str(path), one.start, one.end), one.text, split, str(grid), number, speaker)
                    for number, one in enumerate(found, start=1)
                ]
    return Table.from_rows(rows, str(source), NAME, problems=problems, content=content)


def _utterances(path: Path, options: SpeechDataOptions) -> list[Interval]:
    """Raises TextError, with what is wrong with the file."""
    if not path.is_file():
        raise TextError("transcript missing", "the intervals of the recording beside it are expected in it")
    try:
        content = read_bytes(path)
        # Praat writes what is not ASCII so, and begins it with a mark.
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        tiers = read_textgrid(decode(content, options.encoding or ("UTF-16" if marked else None)).text)
    except ValueError as error:
        raise TextError("unreadable", f"it cannot be read as a TextGrid: {error}") from error
    asked = options.tier
    if asked is not None and asked not in tiers:
        raise TextError("no such tier", f"{asked!r} is asked for, and it has {_names(tiers)}")
    labelled = {name: found for name, found in tiers.items() if (found if asked is None else name == asked)}
    if not labelled:
        raise TextError("empty transcript", "no interval of it is labelled")
    if len(labelled) > 1:
        raise TextError("several tiers", f"it has {_names(labelled)}: say which is to be learnt, data.tier")
    return next(iter(labelled.values()))


def _names(tiers: dict[str, list[Interval]]) -> str:
    return ", ".join(map(repr, tiers)) or "no tier of intervals"

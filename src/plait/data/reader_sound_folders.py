"""Folders of recordings: a folder a class, or each recording with its transcript in a text file of the same name."""

import unicodedata
from pathlib import Path

from plait.data import reader_kaldi
from plait.data.options import SoundDataOptions, SpeechDataOptions
from plait.data.reader_text_folders import shown, within
from plait.data.splitwords import split_of
from plait.data.table import Content, Row, Table
from plait.errors import Problem
from plait.inference.sound_file import OTHERS, SUFFIXES, Clip
from plait.inference.text_file import TextError, read_text

CLASSES = "sound folders"
TRANSCRIPTS = "transcripts beside recordings"
TEXT = ".txt"
LIST = ".trans.txt"
"""LibriSpeech's: a line an utterance, its name first."""
GRID = ".TextGrid"
"""Praat's: see reader_textgrids."""
DEEP = 4
"""Folders within folders that are looked into."""


class ClassFolders:
    """DATA/yes/1.wav, or DATA/train/yes/1.wav beside DATA/test/yes/9.wav."""

    NAME = CLASSES
    LAYOUT = "class folders of recordings: DATA/yes/1.wav, or DATA/train/yes/1.wav beside DATA/test/yes/9.wav"
    content: Content = "recordings"

    def fits(self, source: Path, labels_required: bool) -> bool:
        """Whether ``source`` holds folders of recordings, divided or not, without transcripts beside them."""
        if reader_kaldi.fits(source, labels_required):
            return False
        folders = [folder for part in parts(source) for folder in _classes(part)]
        return bool(folders) and not any(_transcripts(folder) or _grids(folder) for folder in folders)

    def read(self, source: Path, labels_required: bool, options: SoundDataOptions) -> Table:
        """Every recording with its folder's name as class."""
        rows = [
            Row(Clip(str(path)), unicodedata.normalize("NFC", folder.name), split, str(path))
            for part, split in parts(source).items()
            for folder in _classes(part)
            for path in sounds(folder)
        ]
        return Table.from_rows(rows, str(source), self.NAME, content=self.content)


class TranscriptFolders:
    """x.wav with x.txt beside it, at any depth; LibriSpeech's layout; below train/, dev/ and test/ where they are."""

    NAME = TRANSCRIPTS
    LAYOUT = (
        "recordings with their transcripts: DATA/x.wav beside DATA/x.txt, or LibriSpeech's *.trans.txt; in train/, "
        "dev/ and test/ where there are such"
    )
    content: Content = "speech"

    def fits(self, source: Path, labels_required: bool) -> bool:
        """Whether a recording somewhere in ``source`` has its transcript beside it."""
        return source.is_dir() and any(_transcripts(folder) for folder in within(source, DEEP))

    def read(self, source: Path, labels_required: bool, options: SpeechDataOptions) -> Table:
        """Every recording with its transcript; one without is a problem."""
        rows: list[Row] = []
        problems: list[Problem] = []
        for part, split in parts(source).items():
            for folder in within(part, DEEP):
                said, faults = _listed(folder, options.encoding)
                problems += faults
                for path in sounds(folder):
                    found = said.get(path.stem)
                    if found is None and labels_required:
                        message = f"expected its transcript in {path.stem}{TEXT} beside it"
                        problems.append(Problem("transcript missing", str(path), message))
                        continue
                    speaker = path.stem.partition("-")[0] if _is_list(folder) else None
                    rows.append(Row(Clip(str(path)), found, split, str(path), None, speaker))
        return Table.from_rows(rows, str(source), self.NAME, problems=problems, content=self.content)


def classes_in(source: Path) -> int:
    """The most class folders side by side."""
    return max((len(_classes(part)) for part in parts(source)), default=0)


def parts(source: Path) -> dict[Path, str]:
    """The folders named by a split that hold recordings, or ``source`` itself."""
    if not source.is_dir():
        return {}
    named = {
        path: split for path in _folders(source) if (split := split_of(path.name)) and _holds_sound(path)
    }
    return named or {source: ""}


def _holds_sound(folder: Path) -> bool:
    return any(sounds(inner) for inner in within(folder, DEEP))


def _classes(folder: Path) -> list[Path]:
    return [path for path in _folders(folder) if sounds(path)]


def _folders(source: Path) -> list[Path]:
    return [path for path in shown(source) if path.is_dir()]


def sounds(folder: Path) -> list[Path]:
    """The recordings that lie in a folder."""
    return [path for path in shown(folder) if path.suffix.lower() in SUFFIXES + OTHERS and path.is_file()]


def _is_list(folder: Path) -> bool:
    return any(path.name.endswith(LIST) for path in shown(folder))


def _transcripts(folder: Path) -> bool:
    """Whether there are recordings in it, and one of them has its transcript beside it."""
    found = sounds(folder)
    return bool(found) and (_is_list(folder) or any(path.with_suffix(TEXT).is_file() for path in found))


def _grids(folder: Path) -> bool:
    return any(path.suffix == GRID for path in shown(folder))


def _listed(folder: Path, encoding: str | None) -> tuple[dict[str, str], list[Problem]]:
    """The transcripts that lie in a folder, by the recording's name."""
    said: dict[str, str] = {}
    problems: list[Problem] = []
    for path in shown(folder):
        if not path.name.lower().endswith(TEXT) or not path.is_file():
            continue
        try:
            found = read_text(path, encoding).text
        except TextError as error:
            problems.append(Problem(error.kind, str(path), error.message, error.row))
            continue
        if path.name.endswith(LIST):
            pairs = (line.strip().partition(" ") for line in found.splitlines() if line.strip())
            said |= {name: text for name, _, text in pairs}
        else:
            said[path.stem] = found
    return said, problems


class_folders = ClassFolders()
transcript_folders = TranscriptFolders()

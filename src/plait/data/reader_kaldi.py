"""Kaldi's data folders: wav.scp names recordings, text says what is said, segments cuts, utt2spk names speakers."""

from pathlib import Path

from plait.data.options import SpeechDataOptions
from plait.data.reader_text_folders import shown
from plait.data.splitwords import split_of
from plait.data.table import Content, Row, Table
from plait.errors import Problem
from plait.inference.sound_file import Clip
from plait.inference.text_file import TextError, read_text

NAME = "kaldi folders"
LAYOUT = (
    "Kaldi's data folders: DATA/wav.scp and DATA/text, and if need be segments and utt2spk; or DATA/train, DATA/dev "
    "and DATA/test, each one such"
)
content: Content = "speech"
RECORDINGS = "wav.scp"
UP = 4
"""Folders above the list from which the names in it are tried."""


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` or a folder in it has a wav.scp."""
    return bool(parts(source))


def read(source: Path, labels_required: bool, options: SpeechDataOptions) -> Table:
    """Every utterance of every folder. A command in wav.scp is not run: it is a problem, as is an utterance of which
    a file does not know what another says."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for folder, split in parts(source).items():
        reading = _Folder(folder, split, labels_required, options)
        rows += reading.rows
        problems += reading.problems
    return Table.from_rows(rows, str(source), NAME, problems=problems, content=content)


def parts(source: Path) -> dict[Path, str]:
    """The data folders, with the split that each is named by."""
    if not source.is_dir():
        return {}
    if (source / RECORDINGS).is_file():
        return {source: ""}
    return {
        path: split_of(path.name) or ""
        for path in shown(source)
        if path.is_dir() and (path / RECORDINGS).is_file()
    }


class _Folder:
    def __init__(self, folder: Path, split: str, labels_required: bool, options: SpeechDataOptions) -> None:
        self.folder, self.encoding = folder, options.encoding
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        recordings = self._lines(RECORDINGS)
        said, speakers = self._lines("text"), self._lines("utt2spk")
        segments = self._lines("segments")
        cut = (folder / "segments").is_file()
        for name, (number, rest) in (segments if cut else recordings).items():
            place = folder / ("segments" if cut else RECORDINGS)
            clip = self._segment(place, number, rest, recordings) if cut else self._whole(place, number, rest)
            if clip is None:
                continue
            text = said.get(name)
            if text is None and labels_required:
                self._fault("transcript missing", place, number, f"{name} has no line in {folder / 'text'}")
                continue
            speaker = speakers[name][1] if name in speakers else None
            self.rows.append(Row(clip, text[1] if text else None, split, str(place), number, speaker))

    def _lines(self, name: str) -> dict[str, tuple[int, str]]:
        """First words of a file's lines, with the line's number and rest; nothing where there is no file."""
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            found = read_text(path, self.encoding).text
        except TextError as error:
            self.problems.append(Problem(error.kind, str(path), error.message, error.row))
            return {}
        lines: dict[str, tuple[int, str]] = {}
        for number, line in enumerate(found.split("\n"), start=1):
            first, _, rest = line.strip().replace("\t", " ").partition(" ")
            if first in lines:
                self._fault("named twice", path, number, f"{first} stands in line {lines[first][0]} already")
            elif first:
                lines[first] = number, rest.strip()
        return lines

    def _whole(self, place: Path, number: int, name: str) -> Clip | None:
        if name.endswith("|"):
            self._fault(
                "a command", place, number, f"{name!r} would be run; write its sound to a file and name it"
            )
            return None
        if not name:
            self._fault("bad row", place, number, "a name and a file of sound are expected")
            return None
        return Clip(str(self._placed(name)))

    def _segment(
        self, place: Path, number: int, rest: str, recordings: dict[str, tuple[int, str]]
    ) -> Clip | None:
        words = rest.split()
        try:
            recording, start, end = words[0], float(words[1]), float(words[2])
        except (IndexError, ValueError):
            self._fault(
                "bad row", place, number, "an utterance, a recording, its start and its end are expected"
            )
            return None
        if recording not in recordings:
            self._fault("no such recording", place, number, f"{RECORDINGS} does not name {recording}")
            return None
        line, name = recordings[recording]
        whole = self._whole(self.folder / RECORDINGS, line, name)
        # Kaldi writes -1 for the end of the recording.
        return None if whole is None else Clip(whole.path, start, None if end == -1 else end)

    def _placed(self, name: str) -> Path:
        """Kaldi's names begin where its recipe was started, which is a folder above or this one."""
        above = [self.folder, *self.folder.resolve().parents[:UP], Path()]
        return next((place / name for place in above if (place / name).is_file()), self.folder / name)

    def _fault(self, kind: str, place: Path, number: int, message: str) -> None:
        problem = Problem(kind, str(place), message, number)
        if problem not in self.problems:
            self.problems.append(problem)

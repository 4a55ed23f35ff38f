"""Tables of recordings: CSV, TSV, JSON lines, Parquet or Excel that name files, with their transcripts or classes."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from plait.data.cells import Cells, Record, RowError, column, decided, split_and_group, target, text
from plait.data.encodings import encoding_findings
from plait.data.options import SoundDataOptions, SpeechDataOptions
from plait.data.table import Content, Row, Table
from plait.data.text_records import OPENERS, open_records, tables_in
from plait.errors import DataError, MissingExtraError, Problem
from plait.inference.sound_file import FEATURES, Clip, is_recording
from plait.inference.text_columns import LABEL_NAMES, TRANSCRIPT_NAMES
from plait.inference.user_table import RECORDINGS

SPEECH = "speech table"
SOUND = "sound table"
SPEAKER_NAMES = ("speaker", "speaker_id", "client_id", "group", "说话人")
CLIPS = "clips"
"""Where Common Voice keeps what its tables name."""
LOOKED_AT = 50
COLUMNS = (
    "a table (.csv, .tsv, .jsonl, .parquet or .xlsx) with a column of recordings (audio, path, file, ...)"
)
LAYOUTS = {
    SPEECH: f"{COLUMNS} and one of transcripts (text, sentence, ...), and if need be split, speaker, start, end",
    SOUND: f"{COLUMNS} and one of classes (label), and if need be split, speaker, start, end",
}


class SoundTables:
    """The reader of tables of one content: transcripts, where a table has any, else classes."""

    def __init__(self, name: str, content: Content) -> None:
        self.NAME = name
        self.LAYOUT = LAYOUTS[name]
        self.content: Content = content

    def fits(self, source: Path, labels_required: bool) -> bool:
        """Whether ``source`` is such a table, or a folder of them named by split."""
        tables = [source] if source.is_file() else list(tables_in(source, names_recordings))
        kinds = {_content(path) for path in tables}
        return kinds == {self.content}

    def read(
        self, source: Path, labels_required: bool, options: SoundDataOptions | SpeechDataOptions
    ) -> Table:
        """Every row as an example; what cannot be one is among ``problems``. Raises DataError for bad tables."""
        reading = _Reading(options, labels_required)
        for path, split in (
            {source: ""} if source.is_file() else tables_in(source, names_recordings)
        ).items():
            reading.table(path, split)
        rows, undecided = decided(reading.rows)
        problems = reading.problems + undecided
        return Table.from_rows(
            rows, str(source), self.NAME, problems=problems, content=self.content, column=reading.audio
        )


class _Reading:
    """Rows and problems while tables are read."""

    def __init__(self, options: SoundDataOptions | SpeechDataOptions, labels_required: bool) -> None:
        self.options = options
        self.required = labels_required
        self.speech = isinstance(options, SpeechDataOptions)
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.audio = ""

    def table(self, path: Path, split: str) -> None:
        header, records, encoding = open_records(path, self.options.encoding, self.problems)
        self.problems += encoding_findings(path, encoding, self.options.encoding)
        options, rows = self.options, list(records)
        self.audio = column(_audio_column(path, header, rows, options.audio))
        asked = options.text if isinstance(options, SpeechDataOptions) else options.label
        names = TRANSCRIPT_NAMES if self.speech else LABEL_NAMES
        answers = _named(path, header, names, asked, "--text" if self.speech else "--label", self.required)
        for line, cells in rows:
            try:
                plain = {column(name): cell for name, cell in cells.items()}
                self.rows.append(self._row(path, line, plain, split, column(answers)))
            except RowError as error:
                self.problems.append(Problem(error.kind, str(path), error.message, line))

    def _row(self, path: Path, line: int, cells: Cells, split: str, answers: str) -> Row:
        name = text(cells[self.audio])
        if not name:
            raise RowError("recording missing", f"the column {self.audio} is empty")
        clip = Clip(_placed(path.parent, name), _seconds(cells, "start"), _seconds(cells, "end"))
        speaker = next((text(cells[key]) for key in SPEAKER_NAMES if text(cells.get(key))), None)
        part, _ = split_and_group({**cells, "group": None}, split)
        if self.speech:
            said = cells.get(answers)
            found = None if said is None else str(said)
            return Row(clip, found or ("" if self.required else None), part, str(path), line, speaker)
        label = target(cells.get(answers), False, self.required, answers)
        return Row(clip, label, part, str(path), line, speaker)


def _placed(folder: Path, name: str) -> str:
    """The file that a cell names from the table's folder; Common Voice's lie in a folder beside."""
    near = folder / name
    beside = folder / CLIPS / name
    return str(beside if not near.exists() and beside.exists() else near)


def _seconds(cells: Cells, name: str) -> float | None:
    found = text(cells.get(name))
    try:
        return float(found) if found else None
    except ValueError:
        raise RowError("bad times", f"the column {name} holds {found!r}, but seconds are expected") from None


def _audio_column(path: Path, header: list[str], rows: Sequence[Record], asked: str | None) -> str:
    """The one asked for, or the one whose cells are names of recordings or of features."""
    if asked is not None:
        return _named(path, header, (), asked, "data.audio", True)
    named = [name for name in header if column(name) in RECORDINGS.names and _names_sounds(rows, name)]
    if len(named) != 1:
        raise DataError(
            f"{path}: which column names the recordings? Say --set data.audio=NAME; its columns are "
            f"{', '.join(header) or 'none'}"
        )
    return named[0]


def _named(
    path: Path, header: list[str], names: Sequence[str], asked: str | None, flag: str, required: bool
) -> str:
    """The column that is asked for, or named as such columns are; "" where there is none and none is needed."""
    found = [
        name
        for name in header
        if (column(name) == column(asked) if asked is not None else column(name) in names)
    ]
    if len(found) == 1:
        return found[0]
    if not required and asked is None:
        return ""
    what = f"{flag} says {asked}, but" if asked is not None else f"which column is meant? Say {flag} NAME;"
    raise DataError(f"{path}: {what} its columns are {', '.join(header) or 'none'}")


def _names_sounds(rows: Sequence[Record], name: str) -> bool:
    """Whether most cells end as names of recordings or of features do."""
    cells = [text(cells[name]).lower() for _, cells in islice(rows, LOOKED_AT)]
    return sum(is_recording(cell) or cell.endswith(FEATURES) for cell in cells) > len(cells) / 2


def names_recordings(path: Path) -> bool:
    """Whether a column of the table names recordings."""
    return _content(path) is not None


def _content(path: Path) -> Content | None:
    """What a table holds: speech where it has transcripts, else recordings; None where no column names any."""
    if path.suffix.lower() not in OPENERS:
        return None
    try:
        header, records, _ = open_records(path, None, [])
        rows = list(islice(records, LOOKED_AT))
    except (DataError, MissingExtraError):
        return None
    if not any(column(name) in RECORDINGS.names and _names_sounds(rows, name) for name in header):
        return None
    return "speech" if any(column(name) in TRANSCRIPT_NAMES for name in header) else "recordings"


speech_tables = SoundTables(SPEECH, "speech")
sound_tables = SoundTables(SOUND, "recordings")

"""Sources: what a user asks about (files, folders, tables, texts), as one stream of inputs in their order."""

from collections.abc import Iterator, Sequence

from plait.inference import file_sources, sentence_sources, text_sources
from plait.inference.input import ModelInput
from plait.inference.prediction import Asked
from plait.inference.sentence import SentenceInput
from plait.inference.sound import SoundInput
from plait.inference.stream import StreamInput
from plait.inference.text import TextInput
from plait.inference.user_table import PICTURES, RECORDINGS, Column

__all__ = ["Asked", "asked", "input_column"]


def asked(sources: Sequence[str], input: ModelInput, encoding: str | None = None) -> Iterator[Asked]:
    """Every input of ``sources`` in order, files of text in ``encoding``.

    Raises DataError at once for what does not exist.
    """
    if isinstance(input, TextInput | StreamInput):
        return text_sources.asked(sources, input, encoding)
    if isinstance(input, SentenceInput):
        return sentence_sources.asked(sources, input, encoding)
    if isinstance(input, SoundInput):
        kind = file_sources.FEATURE_FILES if input.dimensions else file_sources.SOUND_FILES
        return file_sources.asked(sources, kind, encoding)
    return file_sources.asked(sources, file_sources.PICTURE_FILES, encoding)


def input_column(input: ModelInput) -> Column:
    """The column of a table that holds the inputs."""
    if isinstance(input, SentenceInput):
        return sentence_sources.TEXTS
    if isinstance(input, SoundInput):
        return RECORDINGS
    return text_sources.column(input) if isinstance(input, TextInput | StreamInput) else PICTURES

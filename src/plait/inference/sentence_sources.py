"""Sentences a user asks about: files of tokens in columns, or texts as text classification takes them."""

from collections.abc import Iterator, Sequence

from plait.errors import Problem
from plait.inference import text_sources
from plait.inference.conll import is_columns, read_columns
from plait.inference.prediction import Asked, Origin
from plait.inference.sentence import SentenceInput
from plait.inference.tables import Column
from plait.inference.text_columns import TEXT_NAMES
from plait.inference.text_file import TextError

TEXTS = Column(TEXT_NAMES, False, "with the texts")


def asked(sources: Sequence[str], input: SentenceInput) -> Iterator[Asked]:
    """Every sentence of ``sources`` in order: those of a file of columns, a table's rows, a file's lines, a text."""
    text_sources.refuse_lost(sources, TEXTS)
    for source in sources:
        if is_columns(source):
            yield from in_columns(source)
        else:
            yield from text_sources.texts_of(source, TEXTS, "line")


def in_columns(source: str) -> Iterator[Asked]:
    """The sentences of a file; the row is that of the first token."""
    try:
        file = read_columns(source)
    except TextError as error:
        yield Asked(Origin(source), Problem(error.kind, source, error.message, error.row))
        return
    word = 1 if file.conllu else 0
    for sentence in file.sentences:
        tokens = tuple(line.cells[word] for line in sentence.lines if len(line.cells) > word)
        origin = Origin(" ".join(tokens), source, sentence.lines[0].number, tokens=tokens)
        short = next((line for line in sentence.lines if len(line.cells) <= word), None)
        problem = (
            None if short is None else Problem("bad row", source, "the line holds no word", short.number)
        )
        yield Asked(origin, problem)

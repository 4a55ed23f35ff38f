"""Sentences a user asks about: files of tokens in columns or in lists, or texts as text classification takes them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from plait.errors import DataError, Problem
from plait.inference import text_sources
from plait.inference.conll import SUFFIXES, is_columns, read_columns
from plait.inference.json_table import JsonTable, json_object
from plait.inference.prediction import Asked, Origin
from plait.inference.sentence import SentenceInput, word_of
from plait.inference.text_columns import TEXT_NAMES
from plait.inference.text_file import TextError
from plait.inference.token_lists import TOKENS, is_token_lists, tokens_of
from plait.inference.user_table import Column

TEXTS = Column(TEXT_NAMES, False, "with the texts")


def asked(sources: Sequence[str], input: SentenceInput, encoding: str | None) -> Iterator[Asked]:
    """Every sentence of ``sources`` in order: those of a file of tokens, a table's rows, a file's lines, a text."""
    text_sources.refuse_lost(sources)
    raw = (source for source in sources if not is_columns(source) and not is_token_lists(source))
    text_sources.refuse_textless(raw, TEXTS, encoding)
    for source in sources:
        if is_columns(source):
            yield from in_columns(source, input.features, encoding)
        elif input.features:
            raise DataError(
                f"{source[:60]}: the network also reads the columns {', '.join(input.features)}, so it is asked about "
                f"files of tokens in columns only: names ending in {', '.join(SUFFIXES)}"
            )
        elif is_token_lists(source):
            yield from in_lists(source, encoding)
        else:
            yield from text_sources.texts_of(source, TEXTS, "line", encoding)


def in_columns(source: str, features: Sequence[str] = (), encoding: str | None = None) -> Iterator[Asked]:
    """The sentences of a file; the row is that of the first token."""
    try:
        file = read_columns(source, encoding)
    except TextError as error:
        yield Asked(Origin(source), Problem(error.kind, source, error.message, error.row))
        return
    try:
        beside = [file.column(name) for name in features]
    except ValueError as error:
        raise DataError(f"{error}; the network reads it beside the words") from error
    needed = max([1 if file.conllu else 0, *beside]) + 1
    for sentence in file.sentences:
        number = sentence.lines[0].number
        short = next((line for line in sentence.lines if len(line.cells) < needed), None)
        if short is not None:
            message = f"{len(short.cells)} columns, but the network reads column {needed}"
            yield Asked(Origin("", source, number), Problem("other columns", source, message, short.number))
            continue
        tokens = tuple(file.token(line, beside) for line in sentence.lines)
        yield Asked(Origin(" ".join(map(word_of, tokens)), source, number, tokens=tokens))


def in_lists(source: str, encoding: str | None = None) -> Iterator[Asked]:
    """The sentences of a file of token lists."""
    for number, line in JsonTable(Path(source), TOKENS, encoding).lines():
        try:
            tokens = tokens_of(json_object(line))
        except ValueError as error:
            yield Asked(Origin("", source, number), Problem("bad row", source, str(error), number))
        else:
            yield Asked(Origin(" ".join(tokens), source, number, tokens=tokens))

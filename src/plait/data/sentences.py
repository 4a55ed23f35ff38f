"""Tagged sentences as rows, whatever file they lie in: tags in one scheme, what is wrong with them named by line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from plait.data.table import Row, Table
from plait.errors import Problem
from plait.inference.conll import BETWEEN
from plait.inference.sentence import word_of
from plait.inference.tags import are_spans, faults, marked, scheme_of, spans

_PLACED = re.compile(r".+\d", re.DOTALL)
_SINGLE = re.compile(r".\d\d?", re.DOTALL)
MOSTLY = 0.99
"""Share of the tokens that must be one character and its place."""


@dataclass(frozen=True)
class Tagged:
    """One sentence as it was found: ``lines`` are where each token stands."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None
    lines: tuple[int, ...]
    split: str
    file: str
    document: str | None


def tagged_table(
    sentences: Sequence[Tagged],
    source: str,
    format: str,
    token: str,
    column: str,
    problems: Sequence[Problem],
) -> Table:
    """The Table of ``sentences``: spans in IOB2, other tags as they are; ``column`` is where the tags stand.

    ``token`` is the recipe's word for what of a token is read. A tag that its scheme does not allow is a finding, and
    is taken as conlleval takes it.
    """
    found = list(problems)
    if token == "first-character" or (token == "auto" and _are_placed(sentences)):
        sentences = [_first_characters(sentence) for sentence in sentences]
        found.append(_finding("first characters", source, "of each token the first character is read"))
    scheme = ""
    tags = [sentence.tags for sentence in sentences if sentence.tags is not None]
    if are_spans(tag for one in tags for tag in one):
        scheme = scheme_of(tags)
        found.append(_finding("scheme", source, f"the tags are taken for {scheme.upper()}"))
        for sentence in sentences:
            for place, why in faults(sentence.tags or (), scheme):
                message = f"{why} ({scheme.upper()}); it is read as conlleval reads it"
                found.append(
                    Problem("invalid tag", sentence.file, message, sentence.lines[place], error=False)
                )
        sentences = [_in_iob2(sentence) for sentence in sentences]
    rows = [Row(one.tokens, one.tags, one.split, one.file, one.lines[0], one.document) for one in sentences]
    table = Table.from_rows(rows, source, format, problems=found, content="sentences", column=column)
    return replace(table, scheme=scheme)


def _in_iob2(sentence: Tagged) -> Tagged:
    if sentence.tags is None:
        return sentence
    tags = marked(spans(sentence.tags), len(sentence.tags), "iob2")
    return Tagged(
        sentence.tokens, tuple(tags), sentence.lines, sentence.split, sentence.file, sentence.document
    )


def _are_placed(sentences: Sequence[Tagged]) -> bool:
    """Whether every token ends in a number, its place in its word, and all but a few are one character before it.

    The Weibo corpus has longer ones too: signs that someone's decoder has split.
    """
    tokens = [word_of(token) for one in sentences for token in one.tokens]
    if not tokens or not all(_PLACED.fullmatch(token) for token in tokens):
        return False
    return sum(_SINGLE.fullmatch(token) is not None for token in tokens) >= MOSTLY * len(tokens)


def _first_characters(sentence: Tagged) -> Tagged:
    tokens = tuple(BETWEEN.join([token[0], *token.split(BETWEEN)[1:]]) for token in sentence.tokens)
    return Tagged(tokens, sentence.tags, sentence.lines, sentence.split, sentence.file, sentence.document)


def _finding(kind: str, source: str, message: str) -> Problem:
    return Problem(kind, source, message, error=False)

"""Files of tokens in columns, one a line (CoNLL 2000 and 2003, CoNLL-U): read, and given back with one column new."""

import gzip
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from plait.errors import Problem
from plait.inference.tags import are_spans
from plait.inference.text_file import BOM, TextError, decode, read_bytes

CONLLU_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
CONLLU_SUFFIXES = (".conllu",)
SUFFIXES = (".conll", ".iob", ".iob2", ".bio", ".bioes", ".bmes", *CONLLU_SUFFIXES)
"""Names that say columns; files with a name of TEXTS are looked into."""
TEXTS = ("", ".txt", ".tsv", ".train", ".dev", ".valid", ".test", ".testa", ".testb")
HEAD = 50_000
"""Bytes that are looked at, and of them so many lines."""
LOOKED_AT = 500
MOST_COLUMNS = 20
BETWEEN = "\t"
"""Stands between a token's word and its features; no cell holds it."""
DOCUMENT = "-DOCSTART-"

_CELL = re.compile(r"[^ \t\r\n]+")
_COUNTED = re.compile(r"\d+")


@dataclass(frozen=True)
class TokenLine:
    """A line that holds a token: its number in the file, from 1, and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sentence:
    """Lines of one sentence; ``document`` counts from 0."""

    lines: tuple[TokenLine, ...]
    document: int


@dataclass(frozen=True)
class ColumnFile:
    """A file of columns: its lines with their ends as they are, and the sentences in them."""

    path: str
    lines: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    encoding: str
    bom: bool
    conllu: bool

    @property
    def documents(self) -> int:
        return len({sentence.document for sentence in self.sentences})

    @cached_property
    def width(self) -> int:
        """How many columns most lines have; 0 where there is no token."""
        counts = Counter(len(line.cells) for sentence in self.sentences for line in sentence.lines)
        return counts.most_common(1)[0][0] if counts else 0

    def misshapen(self, sentence: Sentence) -> list[Problem]:
        """Lines of a sentence that have other columns than most."""
        return [
            Problem(
                "other columns",
                self.path,
                f"{len(line.cells)} columns, but most lines have {self.width}",
                line.number,
            )
            for line in sentence.lines
            if len(line.cells) != self.width
        ]

    def column(self, name: str) -> int:
        """The position of a column by its number, from 1, or of CoNLL-U by its name; raises ValueError."""
        if self.conllu and name.lower() in CONLLU_COLUMNS:
            return CONLLU_COLUMNS.index(name.lower())
        if _COUNTED.fullmatch(name) and int(name) >= 1:
            return int(name) - 1
        known = f"one of {', '.join(CONLLU_COLUMNS)}" if self.conllu else "a number, counted from 1"
        raise ValueError(f"there is no column {name!r} in {self.path}: a column here is {known}")

    def token(self, line: TokenLine, features: Sequence[int] = ()) -> str:
        """The word of a line, and behind it the cells of ``features``, after BETWEEN each."""
        return BETWEEN.join([line.cells[1 if self.conllu else 0], *(line.cells[place] for place in features)])

    def with_column(self, position: int, tags: Sequence[Sequence[str]]) -> bytes:
        """The file with the cells at ``position`` replaced, sentence by sentence; every other byte stays.

        A line that has no such cell gets it at its end.
        """
        lines = list(self.lines)
        for sentence, given in zip(self.sentences, tags, strict=True):
            for line, tag in zip(sentence.lines, given, strict=True):
                lines[line.number - 1] = _replaced(lines[line.number - 1], position, tag)
        return ((BOM if self.bom else "") + "".join(lines)).encode(self.encoding)


def read_columns(path: str | Path, encoding: str | None = None) -> ColumnFile:
    """Opens a file of columns (also gzipped); raises TextError naming the line that cannot be read."""
    path = Path(path)
    content = read_bytes(path)
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise TextError("unreadable", f"the file cannot be unpacked: {error}") from error
    decoded = decode(content, encoding)
    lines = _lines(decoded.text)
    conllu = inner_suffix(path) in CONLLU_SUFFIXES
    bom = content.startswith(BOM.encode("utf-8"))
    sentences = tuple(_sentences(lines, conllu))
    return ColumnFile(str(path), lines, sentences, decoded.encoding, bom, conllu)


def is_columns(path: str | Path) -> bool:
    """Whether the name says so; or every line of the file's beginning has as many cells, the last of which are tags,
    and blank lines stand between sentences."""
    path = Path(path)
    if inner_suffix(path) in SUFFIXES:
        return True
    if path.suffix.lower() not in TEXTS or not os.path.isfile(path):
        return False
    head = _head(path)
    lines = [line for line in head if line.strip()]
    cells = [cells_of(line) for line in lines if DOCUMENT not in line]
    counts = {len(one) for one in cells}
    if len(counts) != 1 or "\x00" in "".join(head) or not 2 <= counts.pop() <= MOST_COLUMNS:
        return False
    last = [line.split()[-1] for line in lines if DOCUMENT not in line]
    return are_spans(last) or (_are_divided(head) and _are_tags(last))


def inner_suffix(path: Path) -> str:
    """The suffix, without that of gzip."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def cells_of(line: str) -> list[tuple[int, int]]:
    """Where the cells of a line begin and end: divided by tabs where there are any, otherwise by white space."""
    plain = line.rstrip("\r\n")
    if "\t" not in plain:
        return [match.span() for match in _CELL.finditer(plain)]
    ends, begin = [], 0
    for cell in plain.split("\t"):
        ends.append((begin, begin + len(cell)))
        begin += len(cell) + 1
    return ends


def _head(path: Path) -> list[str]:
    """Up to LOOKED_AT lines; none where the file cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(HEAD)
            whole = not file.read(1)
    except OSError:
        return []
    lines = content.decode("latin-1").split("\n")
    return (lines if whole else lines[:-1])[:LOOKED_AT]


def _are_divided(lines: Sequence[str]) -> bool:
    """Whether blank lines stand between others, of which some follow one another: lines of text may all stand apart."""
    blank = [not line.strip() for line in lines]
    pairs = list(pairwise(blank))
    begun = blank.index(False)
    return (True, False) in pairs[begun:] and (False, False) in pairs


def _are_tags(cells: Sequence[str]) -> bool:
    """Whether few of them differ, as tags do; sentences of one length may all end in the same sign."""
    few = min(max(3, len(cells) // 4), len(cells) // 2)
    return len(set(cells)) <= few and not set(cells) <= set(".!?。！？")


def _lines(text: str) -> tuple[str, ...]:
    """Divided at line feeds alone: a token may hold any other sign that ends lines elsewhere."""
    pieces = text.split("\n")
    return tuple([piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else []))


def _sentences(lines: Sequence[str], conllu: bool) -> Iterator[Sentence]:
    document, begun = 0, False
    current: list[TokenLine] = []
    for number, line in enumerate([*lines, ""], start=1):
        cells = tuple(line[begin:end] for begin, end in cells_of(line))
        blank = not line.strip(" \t\r\n")
        boundary = _is_boundary(line, cells, conllu)
        if (blank or boundary) and current:
            yield Sentence(tuple(current), document)
            current, begun = [], True
        if boundary:
            document += begun
        elif not blank and (not conllu or _is_token(line, cells)):
            current.append(TokenLine(number, cells))


def _is_boundary(line: str, cells: Sequence[str], conllu: bool) -> bool:
    return line.startswith("# newdoc") if conllu else bool(cells) and cells[0] == DOCUMENT


def _is_token(line: str, cells: Sequence[str]) -> bool:
    """Comments, words written as one (1-2) and words left out (1.1) of CoNLL-U are none."""
    return not line.startswith("#") and _COUNTED.fullmatch(cells[0]) is not None


def _replaced(line: str, position: int, cell: str) -> str:
    places = cells_of(line)
    if position < len(places):
        begin, end = places[position]
        return line[:begin] + cell + line[end:]
    plain = line.rstrip("\r\n")
    return plain + ("\t" if "\t" in plain else " ") + cell + line[len(plain) :]

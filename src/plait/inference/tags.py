"""Tags that mark spans: which scheme they follow, the spans they mark, and back."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

OUTSIDE = "O"
SCHEMES = ("iob2", "bioes")
"""Which tags a network may be trained on."""
PREFIXES = {"iob2": "BI", "bioes": "BIES"}

CLOSED = {
    "bioes": ("B", "I", "E", "S"),
    "bmes": ("B", "M", "E", "S"),
    "bmew": ("B", "M", "E", "W"),
    "bilou": ("B", "I", "L", "U"),
}
"""Schemes that mark where a span ends too, which differ in letters: of its begin, inside, end, and of a span of one."""
MARKINGS = ("iob1", "iob2", *CLOSED)
"""How the tags of files mark spans."""

_MARK = re.compile(r"([BIESMLUW])(?:[-_](.+))?")
_SAME = {"M": "I", "L": "E", "U": "S", "W": "S"}
"""Read as BIOES, whatever the letters."""


@dataclass(frozen=True)
class Span:
    """Tokens ``start`` to ``end`` - 1 of a sentence; ``kind`` is "" where spans have no kinds (words of Chinese)."""

    kind: str
    start: int
    end: int


def are_spans(tags: Iterable[str]) -> bool:
    """Whether the set of ``tags`` marks spans: O, and B-x, I-x, E-x, S-x (or M, L, U, W) of any kinds x.

    Marks without a kind count where there are at least two, as in B M E S.
    """
    found = set(tags)
    marks = [_MARK.fullmatch(tag) for tag in found if tag != OUTSIDE]
    if not marks or None in marks:
        return False
    kinds = {mark[2] for mark in marks if mark is not None}
    return (None not in kinds and OUTSIDE in found) or (kinds == {None} and len(marks) > 1)


def kinds(tags: Iterable[str]) -> list[str]:
    """The kinds of spans that a set of tags marks, sorted."""
    return sorted({_parts(tag)[1] for tag in tags if tag != OUTSIDE})


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans as conlleval reads them, whatever the scheme: a mark that continues nothing begins a span."""
    found: list[Span] = []
    start, before = 0, ("O", "")
    for place, tag in enumerate([*tags, OUTSIDE]):
        now = _parts(tag)
        if before[0] != "O" and _ends(before, now):
            found.append(Span(before[1], start, place))
        if now[0] != "O" and (before[0] == "O" or _ends(before, now)):
            start = place
        before = now
    return found


def marked(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags (length,) that mark ``spans``, in order, in one of MARKINGS."""
    tags = [OUTSIDE] * length
    last = Span("", -1, -1)
    for span in spans:
        letters = ["I"] * (span.end - span.start)
        if scheme != "iob1" or (last.kind, last.end) == (span.kind, span.start):
            letters[0] = "B"
        last = span
        if scheme in CLOSED:
            begin, inside, end, single = CLOSED[scheme]
            letters = [begin, *[inside] * (len(letters) - 2), end] if len(letters) > 1 else [single]
        tags[span.start : span.end] = [_tag(letter, span.kind) for letter in letters]
    return tags


def all_tags(kinds: Sequence[str], scheme: str) -> list[str]:
    """Every tag of a scheme, O first."""
    return [OUTSIDE, *(_tag(letter, kind) for kind in kinds for letter in PREFIXES[scheme])]


def scheme_of(sentences: Iterable[Sequence[str]]) -> str:
    """One of MARKINGS: what the fewest sequences of tags contradict. The tags mark spans."""
    plain = begun = 0
    letters: set[str] = set()
    for tags in sentences:
        letters |= {mark[1] for mark in map(_MARK.fullmatch, tags) if mark is not None}
        for before, now in _pairs(tags):
            continues = before[0] != "O" and before[1] == now[1]
            plain += now[0] == "I" and not continues
            begun += now[0] == "B" and not continues
    if letters & set("ESLUW"):
        return next((scheme for scheme, known in CLOSED.items() if letters <= set(known)), "bioes")
    return "iob1" if plain > begun else "iob2"


def faults(tags: Sequence[str], scheme: str) -> Iterator[tuple[int, str]]:
    """Places (from 0) whose tag the scheme does not allow there, and why."""
    pairs = list(_pairs(tags))
    for place, (before, now) in enumerate(pairs):
        continues = before[0] in "BI" and before[1] == now[1]
        after = pairs[place + 1][1] if place + 1 < len(pairs) else ("O", "")
        match scheme:
            case "iob1":
                wrong = now[0] == "B" and not continues
                why = "begins a span that does not follow another of its kind"
            case "iob2":
                wrong, why = now[0] == "I" and not continues, "continues no span"
            case _:
                wrong, why = now[0] in "IE" and not continues, "continues no span"
                if not wrong and now[0] in "BI" and not (after[0] in "IE" and after[1] == now[1]):
                    wrong, why = True, "begins or continues a span that does not go on"
        if wrong:
            yield place, f"{tags[place]} {why}"


def _pairs(tags: Sequence[str]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Each tag's parts, after those of the tag before."""
    before = ("O", "")
    for tag in tags:
        now = _parts(tag)
        yield before, now
        before = now


def _ends(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether the span of ``before`` ends there, by the rules of conlleval (Tjong Kim Sang and Buchholz 2000)."""
    return before[0] in "ES" or now[0] in "OBS" or before[1] != now[1]


def _parts(tag: str) -> tuple[str, str]:
    """A tag's letter, one of O B I E S, and its kind."""
    mark = None if tag == OUTSIDE else _MARK.fullmatch(tag)
    return ("O", "") if mark is None else (_SAME.get(mark[1], mark[1]), mark[2] or "")


def _tag(letter: str, kind: str) -> str:
    return f"{letter}-{kind}" if kind else letter

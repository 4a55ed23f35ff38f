"""Tags: spans as conlleval's own rules find them, in every scheme; what a scheme does not allow is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.inference.tags import (
    MARKINGS,
    SCHEMES,
    Span,
    all_tags,
    are_spans,
    faults,
    kinds,
    marked,
    scheme_of,
    spans,
)

TAG = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("LOC", "PER"))])


def conlleval(tags: list[str]) -> list[Span]:
    """The decisions of conlleval.pl's endOfChunk and startOfChunk, one after the other."""
    found, start = [], 0
    before, before_kind = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        now, _, kind = tag.partition("-")
        ends = (
            (before, now) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("B", "S"), ("I", "S")}
            or before in "ES"
            or (before != "O" and before_kind != kind)
        )
        begins = (
            now in "BS"
            or (before, now) in {("E", "E"), ("E", "I"), ("O", "E"), ("O", "I"), ("S", "E"), ("S", "I")}
            or (now != "O" and before_kind != kind)
        )
        if ends and before != "O":
            found.append(Span(before_kind, start, place))
        if begins:
            start = place
        before, before_kind = now, kind
    return found


@given(st.lists(TAG, max_size=12))
def test_spans_are_conllevals(tags: list[str]) -> None:
    assert spans(tags) == conlleval(tags)


@given(st.lists(TAG, max_size=12), st.sampled_from(MARKINGS))
def test_spans_survive_every_scheme(tags: list[str], scheme: str) -> None:
    found = spans(tags)
    again = marked(found, len(tags), scheme)
    assert spans(again) == found
    assert not list(faults(again, scheme))
    assert scheme not in SCHEMES or set(again) <= set(all_tags(kinds(tags), scheme))


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["I-PER", "I-PER", "O", "I-LOC", "B-LOC"]], "iob1"),
        ([["B-PER", "I-PER", "O", "B-LOC"]], "iob2"),
        ([["B-PER", "I-PER", "O", "B-LOC"], ["I-PER", "O"]], "iob2"),
        ([["B-PER", "E-PER", "O", "S-LOC"]], "bioes"),
        ([["B-PER", "L-PER", "O", "U-LOC"]], "bilou"),
        ([["B", "M", "E", "S"]], "bmes"),
        ([["B", "E"], ["B", "M", "E", "W"]], "bmew"),
        ([["B-LOC", "M-LOC", "L-LOC"]], "bioes"),
    ],
)
def test_the_scheme_is_recognized(sentences: list[list[str]], scheme: str) -> None:
    assert scheme_of(sentences) == scheme


def test_answers_keep_the_letters_of_the_data() -> None:
    tags = ["B-LOC", "M-LOC", "E-LOC", "O", "S-PER"]
    assert marked(spans(tags), 5, scheme_of([tags])) == tags


def test_adjacent_spans_of_iob1_part_at_b() -> None:
    tags = ["I-LOC", "I-LOC", "B-LOC", "I-PER"]
    assert spans(tags) == [Span("LOC", 0, 2), Span("LOC", 2, 3), Span("PER", 3, 4)]
    assert marked(spans(tags), 4, "iob1") == tags
    assert marked(spans(tags), 4, "iob2") == ["B-LOC", "I-LOC", "B-LOC", "B-PER"]


@pytest.mark.parametrize(
    ("tags", "scheme", "places"),
    [
        (["O", "I-PER", "I-PER"], "iob2", [1]),
        (["B-LOC", "I-PER"], "iob2", [1]),
        (["B-LOC", "I-LOC", "B-LOC"], "iob1", [0]),
        (["I-LOC", "B-LOC"], "iob1", []),
        (["B-LOC", "O"], "bioes", [0]),
        (["E-LOC", "S-LOC"], "bioes", [0]),
        (["B-LOC", "I-LOC", "E-LOC"], "bioes", []),
    ],
)
def test_what_a_scheme_does_not_allow(tags: list[str], scheme: str, places: list[int]) -> None:
    found = list(faults(tags, scheme))
    assert [place for place, _ in found] == places
    assert all(tags[place] in why for place, why in found)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["O", "B-PER"], True),
        (["B", "M", "E", "S"], True),
        (["B"], False),
        (["NOUN", "VERB"], False),
        (["O", "B-PER", "NOUN"], False),
        (["B-PER", "I-PER"], False),
        (["O"], False),
        ([], False),
    ],
)
def test_tags_that_mark_spans(tags: list[str], expected: bool) -> None:
    assert are_spans(tags) is expected

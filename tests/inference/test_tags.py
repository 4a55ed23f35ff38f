"""Tags: spans as conlleval's own rules find them, in every scheme; what a scheme does not allow is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.inference.tags import Span, all_tags, are_spans, faults, kinds, marked, scheme_of, spans

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


@given(st.lists(TAG, max_size=12), st.sampled_from(["iob1", "iob2", "bioes"]))
def test_spans_survive_every_scheme(tags: list[str], scheme: str) -> None:
    found = spans(tags)
    again = marked(found, len(tags), scheme)
    assert spans(again) == found
    assert not list(faults(again, scheme.upper()))
    assert set(again) <= set(all_tags(kinds(tags), "bioes" if scheme == "bioes" else "iob2"))


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["I-PER", "I-PER", "O", "I-LOC", "B-LOC"]], "IOB1"),
        ([["B-PER", "I-PER", "O", "B-LOC"]], "IOB2"),
        ([["B-PER", "I-PER", "O", "B-LOC"], ["I-PER", "O"]], "IOB2"),
        ([["B-PER", "E-PER", "O", "S-LOC"]], "BIOES"),
        ([["B-PER", "L-PER", "O", "U-LOC"]], "BIOES"),
        ([["B", "M", "E", "S"]], "BIOES"),
    ],
)
def test_the_scheme_is_recognized(sentences: list[list[str]], scheme: str) -> None:
    assert scheme_of(sentences) == scheme


def test_adjacent_spans_of_iob1_part_at_b() -> None:
    tags = ["I-LOC", "I-LOC", "B-LOC", "I-PER"]
    assert spans(tags) == [Span("LOC", 0, 2), Span("LOC", 2, 3), Span("PER", 3, 4)]
    assert marked(spans(tags), 4, "iob1") == tags
    assert marked(spans(tags), 4, "iob2") == ["B-LOC", "I-LOC", "B-LOC", "B-PER"]


@pytest.mark.parametrize(
    ("tags", "scheme", "places"),
    [
        (["O", "I-PER", "I-PER"], "IOB2", [1]),
        (["B-LOC", "I-PER"], "IOB2", [1]),
        (["B-LOC", "I-LOC", "B-LOC"], "IOB1", [0]),
        (["I-LOC", "B-LOC"], "IOB1", []),
        (["B-LOC", "O"], "BIOES", [0]),
        (["E-LOC", "S-LOC"], "BIOES", [0]),
        (["B-LOC", "I-LOC", "E-LOC"], "BIOES", []),
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

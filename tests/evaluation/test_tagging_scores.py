"""Scores of tagged sentences: those of conlleval on its own example, and what intervals and tables must hold."""

import pytest

from plait.evaluation.tagging_scores import most_frequent_tags, span_scores, token_scores
from plait.inference.tags import spans

TRUE = [["B-NP", "I-NP", "O", "B-VP", "B-NP"], ["B-NP", "O"], ["O"]]
SAID = [["B-NP", "I-NP", "O", "B-PP", "I-NP"], ["B-NP", "B-NP"], ["O"]]


def test_spans_count_where_kind_begin_and_end_are_right() -> None:
    """By hand: 4 true, 5 found (NP, PP, NP | NP, NP), 3 right: precision 3/5, recall 3/4."""
    scores = span_scores([*map(spans, TRUE)], [*map(spans, SAID)], TRUE, SAID)
    assert scores["precision"] == pytest.approx(3 / 5)
    assert scores["recall"] == pytest.approx(3 / 4)
    assert scores["value"] == pytest.approx(2 * 3 / 9)
    assert scores["low"] <= scores["value"] <= scores["high"]
    assert scores["token_accuracy"] == pytest.approx(5 / 8)
    assert (scores["tokens"], scores["spans"], scores["examples"]) == (8, 4, 3)
    table = {one["name"]: (one["precision"], one["recall"]) for one in scores["classes"]}
    assert table == {"NP": (3 / 4, 1.0), "PP": (0.0, None), "VP": (None, 0.0)}
    assert scores["confused"] == [{"target": "VP", "prediction": "PP", "count": 1, "share": 1.0}]


def test_nothing_to_find_and_nothing_found_is_right() -> None:
    scores = span_scores([[]], [[]], [["O"]], [["O"]])
    assert scores["value"] == 1.0
    assert scores["low"] < 1.0


def test_tokens_count_by_themselves_and_unknown_tags_as_missed() -> None:
    true, said = [["N", "V", "X"], ["N"]], [["N", "N", "N"], ["N"]]
    scores = token_scores(true, said, ["N", "V"])
    assert scores["value"] == pytest.approx(2 / 4)
    assert scores["exact_match"] == pytest.approx(1 / 2)
    assert {one["name"]: one["support"] for one in scores["classes"]} == {"N": 2, "V": 1, "X": 1}
    assert scores["confused"][0]["prediction"] == "N"


def test_the_baseline_says_each_words_most_frequent_tag() -> None:
    train, tags = [["a", "b"], ["a", "c"], ["a"]], [["X", "Y"], ["X", "Y"], ["Z"]]
    assert most_frequent_tags(train, tags, [["a", "b", "new"]]) == [["X", "Y", "X"]]


def test_no_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        span_scores([], [], [], [])
    with pytest.raises(ValueError, match="no examples"):
        token_scores([], [], ["N"])

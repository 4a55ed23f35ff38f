"""Scores of transcripts: the errors that jiwer counts, and what intervals and tables must hold."""

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.evaluation.intervals import bootstrap_rate, wilson
from plait.evaluation.transcript_scores import (
    constant_baselines,
    edits,
    transcript_scores,
    written_without_blanks,
)

WORDS = ("the", "cat", "cat's", "sat", "a", "你好", "世界", "שלום", "ünder")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join) | st.text("abc 你好", max_size=12).map(
    lambda text: " ".join(text.split())
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_rates_are_those_of_jiwer(pairs: list[tuple[str, str]]) -> None:
    targets, answers = [one for one, _ in pairs], [other for _, other in pairs]
    words = transcript_scores(targets, answers, "word")
    characters = transcript_scores(targets, answers, "character")
    assert words["value"] == words["word_error_rate"] == pytest.approx(jiwer.wer(targets, answers))
    assert characters["value"] == pytest.approx(jiwer.cer(targets, answers))
    assert characters["value"] == words["character_error_rate"]
    counted = jiwer.process_words(targets, answers)
    ours = words["substitutions"] + words["insertions"] + words["deletions"]
    assert ours == counted.substitutions + counted.insertions + counted.deletions
    assert words["words"] == counted.hits + counted.substitutions + counted.deletions
    assert words["exact_match"] == np.mean([one == other for one, other in pairs])


@settings(max_examples=200, deadline=None)
@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_pairs_are_both_texts_in_order_and_hold_every_edit(target: str, answer: str) -> None:
    found = edits(target, answer)
    assert "".join(one for one, _ in found.pairs if one is not None) == target
    assert "".join(other for _, other in found.pairs if other is not None) == answer
    assert (None, None) not in found.pairs
    assert sum(one != other for one, other in found.pairs) == found.total
    assert edits(answer, target).total == found.total


def test_edits_by_hand() -> None:
    found = edits(["the", "cat", "sat", "on", "my", "mat"], ["the", "bat", "sat", "my", "mat", "now"])
    assert (found.substitutions, found.insertions, found.deletions) == (1, 1, 1)
    assert found.pairs[1] == ("cat", "bat")
    assert found.pairs[3] == ("on", None)
    assert found.pairs[-1] == (None, "now")


def test_what_stands_beside_the_rate() -> None:
    targets, answers = ["one two", "one", "two two"], ["one too", "one", "too two two"]
    scores = transcript_scores(targets, answers, "word", ["a", "b", "a"], [1.5, 0.5, 3.0])
    assert scores["metric"] == "word_error_rate"
    assert scores["value"] == pytest.approx(2 / 5)
    assert (scores["substitutions"], scores["insertions"], scores["deletions"]) == (1, 1, 0)
    assert (scores["examples"], scores["words"], scores["characters"]) == (3, 5, 17)
    assert scores["confused"] == [{"target": "two", "prediction": "too", "count": 1, "share": 1 / 3}]
    assert scores["by_group"] == [
        {"name": "a", "examples": 2, "value": 0.5},
        {"name": "b", "examples": 1, "value": 0.0},
    ]
    assert [(one["from"], one["to"], one["value"]) for one in scores["by_length"]] == [
        (0.5, 0.5, 0.0),
        (1.5, 1.5, 0.5),
        (3.0, 3.0, 0.5),
    ]


def test_groups_and_lengths_are_optional_and_the_worst_groups_are_kept() -> None:
    bare = transcript_scores(["a"], ["a"], "word", [None])
    assert not {"by_group", "by_length"} & bare.keys()
    names = [f"speaker {number}" for number in range(30)]
    answers = ["b" * (number % 3) or "a" for number in range(30)]
    kept = transcript_scores(["a"] * 30, answers, "character", names)["by_group"]
    assert [one["value"] for one in kept] == [2.0] * 10 + [1.0] * 10
    with pytest.raises(ValueError, match="2 lengths of 1 examples"):
        transcript_scores(["a"], ["a"], "word", lengths=[1.0, 2.0])


def test_equal_lengths_stay_together() -> None:
    scores = transcript_scores(["a"] * 8, ["a"] * 8, "word", lengths=[2.0] * 7 + [5.0])
    assert [(one["from"], one["to"], one["examples"]) for one in scores["by_length"]] == [
        (2.0, 2.0, 7),
        (5.0, 5.0, 1),
    ]


def test_a_rate_may_exceed_one() -> None:
    scores = transcript_scores(["a", "b c"], ["x y z", "b c d e"], "word")
    assert scores["value"] == pytest.approx(5 / 3)
    assert scores["low"] <= scores["value"] <= scores["high"] <= 3


def test_intervals_that_cannot_be_resampled_are_no_points() -> None:
    right = transcript_scores(["a b"] * 50, ["a b"] * 50, "word")
    assert right["low"] == 0.0
    assert right["high"] == pytest.approx(wilson(0, 50)[1])
    silent = transcript_scores(["a b"] * 50, [""] * 50, "word")
    assert silent["value"] == 1.0 < silent["high"]
    assert silent["low"] == pytest.approx(wilson(50, 50)[0])
    low, high = bootstrap_rate(np.array([2]), np.array([4]))
    assert low < 0.2
    assert 0.8 < high < 1


def test_an_interval_of_one_or_two_examples_reaches_to_both_sides() -> None:
    for parts, totals in (([3], [2]), ([1, 2], [4, 4])):
        low, high = bootstrap_rate(np.array(parts), np.array(totals))
        rate = sum(parts) / sum(totals)
        assert low < 0.5 * rate
        assert high > 1.5 * rate


def test_the_interval_is_about_wilsons_where_every_example_is_one_word() -> None:
    wrong = (np.random.default_rng(0).random(400) < 0.1).astype(np.int64)
    found = bootstrap_rate(wrong, np.ones(400, np.int64))
    assert found == pytest.approx(wilson(int(wrong.sum()), 400), abs=0.012)
    assert found == bootstrap_rate(wrong, np.ones(400, np.int64))
    assert found != bootstrap_rate(wrong, np.ones(400, np.int64), seed=1)


def test_scripts_without_blanks_have_no_rate_of_words() -> None:
    assert written_without_blanks(["今天天气很好。 OK"])
    assert written_without_blanks(["สวัสดี", "カタカナとひらがな"])
    assert not written_without_blanks(["good morning", "안녕하세요"])
    assert not written_without_blanks(["", "12"])
    scores = transcript_scores(["今天天气很好"], ["今天天汽很好"], "character")
    assert scores["word_error_rate"] is None
    assert scores["value"] == pytest.approx(1 / 6)
    assert scores["confused"][0]["target"] == "气"


def test_the_baseline_always_says_the_most_frequent_transcript() -> None:
    train = ["yes", "no", "yes", "no way"]
    (found,) = constant_baselines(train, ["yes", "no", "no way"], "word")
    assert found == {"name": "most common transcript", "value": pytest.approx(3 / 4)}
    assert [one["value"] for one in constant_baselines([], ["yes"], "word")] == [1.0]


def test_another_constant_stands_beside_it_where_training_knows_a_better_one() -> None:
    long = [f"a{number} way that this is so" for number in range(10)]
    common, silence = constant_baselines(
        [*long, *[f"b{number} so" for number in range(30)]], ["yes so"], "word"
    )
    assert common == {"name": "most common transcript", "value": pytest.approx(5 / 2)}
    assert silence == {"name": "silence", "value": 1.0}
    train = [*["is it so"] * 3, *["it is not so"] * 2, *["it is so", "it is now so", "it is all so"] * 2]
    names = [one["name"] for one in constant_baselines(train, ["it is so"], "word")]
    assert names == ["most common transcript", "best constant transcript"]


def test_no_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        transcript_scores([], [], "word")

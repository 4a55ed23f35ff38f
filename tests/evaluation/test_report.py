"""report.json is strict JSON with every number; the summary says what a reader should know, no more."""

import json
from pathlib import Path

import numpy as np
import pytest

from plait.evaluation.report import generalization_gap, label, lines, percent, strict, summary
from plait.evaluation.saving import write_report
from plait.evaluation.scores import classification_scores, several_label_scores
from plait.evaluation.tagging_scores import span_scores
from plait.inference.tags import Span

from .samples import digits_report, report, several_answers, transcript_report


def test_json_is_strict_and_holds_the_report(tmp_path: Path) -> None:
    given = digits_report() | {
        "latency_ms": float("nan"),
        "parameters": np.int64(5),
        "history": [{"loss": np.inf}],
    }
    write_report(given, tmp_path)
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    read = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert read == strict(given) | {"generalization_gap": generalization_gap(given)}
    assert read["latency_ms"] is None
    assert read["history"] == [{"loss": None}]
    assert read["parameters"] == 5
    assert read["scores"]["confusion"] == given["scores"]["confusion"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_value_that_json_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        strict({"classes": {"a"}})


def test_summary_of_digits() -> None:
    given = digits_report()
    found = summary(given)
    interval = f"{percent(given['low'])[:-2]} to {percent(given['high'])}"
    assert found[0] == f"test accuracy {percent(given['value'])} (95 % interval {interval}, 360 examples)"
    assert [line.split(":")[0] for line in found[1:]] == [
        "overlap",
        "baseline",
        "gap",
        "most confused",
        "left out",
    ]
    assert found[1].startswith("overlap: 3 of 360 test pictures are also in training")
    assert "logistic regression" in found[2]
    assert found[3].endswith("points below training (99.9 %)")
    assert "“8” taken for “1”" in found[4]
    assert found[5] == "left out: 1 problem of the data: what has one was not used"


def test_summary_leaves_out_what_is_not_known() -> None:
    targets = np.arange(50) % 2
    scores = classification_scores(targets, np.eye(2)[targets], ["cat", "dog"])
    bare = {key: scores[key] for key in ("metric", "value", "low", "high", "examples")}
    assert summary(bare) == ["test accuracy 100.0 % (95 % interval 92.9 to 100.0 %, 50 examples)"]
    assert summary(bare | {"examples": 1})[0].endswith(", 1 example)")
    assert generalization_gap(bare) is None
    assert [line.text for line in lines(bare | {"scores": scores})] == ["nothing: no mistake was made"]


def test_a_score_that_does_not_beat_its_baseline_is_a_warning() -> None:
    given = digits_report()
    for value, words in (
        (given["low"] - 0.01, None),
        (given["value"] - 0.001, "clearly"),
        (given["value"], "no better"),
    ):
        baseline = {"name": "nearest centroid", "value": value}
        line = next(line for line in lines(given | {"baseline": baseline}) if line.label == "baseline")
        assert line.warning == (words is not None)
        assert (words or "") in line.text


def test_a_validation_report_says_so() -> None:
    given = digits_report() | {"split": "validation"}
    found = summary(given)
    assert found[0].startswith("validation accuracy")
    assert "the test part has not been read" in found[1]
    assert found[2] == "overlap: no validation picture is also in training"


def test_several_labels_have_no_confused_pair() -> None:
    _, targets, probabilities = several_answers()
    given = report(several_label_scores(targets, probabilities, ["even", "small", "round"]), [])
    assert summary(given)[0].startswith("test micro F1 9")
    assert not any("confused" in line for line in summary(given))


def test_summary_of_transcripts() -> None:
    given = transcript_report() | {"low": 0.2, "high": 0.4, "baseline": {"name": "silence", "value": 0.95}}
    found = summary(given)
    assert found[0] == "test word error rate 26.7 % (95 % interval 20.0 to 40.0 %, 5 examples)"
    assert "overlap: 3 of 5 test recordings are also in training, so the score promises too much" in found
    assert "baseline: 95.0 % by silence (most common transcript 93.3 %)" in found
    assert "gap: 24.7 points above training (2.0 %)" in found
    assert (
        "most confused: “kitchen” taken for “chicken” once (100.0 % of the places where this word stands)"
        in found
    )
    assert generalization_gap(given) == pytest.approx(4 / 15 - 0.02)
    given["scores"]["unknown_symbols"] = [{"symbol": "é", "count": 2}]
    assert "unknown symbols: 'é' (2): not learnt in training, so each is an error" in summary(given)


def test_an_error_rate_is_held_against_its_baseline_from_above() -> None:
    given = transcript_report() | {"low": 0.2, "high": 0.4}
    for value, words in (
        (0.41, None),
        (0.3, "not clearly below it"),
        (4 / 15, "no better"),
        (0.1, "no better"),
    ):
        baseline = {"name": "silence", "value": value}
        line = next(line for line in lines(given | {"baseline": baseline}) if line.label == "baseline")
        assert line.warning == (words is not None)
        assert (words or "") in line.text


def test_errors_without_a_confused_pair_are_no_perfection() -> None:
    left_out = transcript_report("word", [("a b", "a", None)])
    assert "most confused: nothing: no word was taken for another" in summary(left_out)
    blank = transcript_report("character", [("a b", "a-b", None)])
    assert any("“␣” taken for “-” once" in line for line in summary(blank))
    right = transcript_report("word", [("a b", "a b", None)])
    assert "most confused: nothing: no mistake was made" in summary(right)


def test_a_tagger_that_finds_nothing_is_no_perfection() -> None:
    span = Span("PER", 0, 1)
    for found, why in (([], "no class was taken for another"), ([span], "no mistake was made")):
        scores = span_scores([[span]], [found], [["B-PER"]], [["B-PER" if found else "O"]])
        assert f"most confused: nothing: {why}" in summary(scores | {"scores": scores})


def test_percent_and_labels() -> None:
    assert percent(0.97849) == "97.8 %"
    assert percent(0.97849, 10_000) == "97.85 %"
    assert percent(0.99999, 10_000) == "99.99 %"
    assert percent(1.0) == "100.0 %"
    assert [percent(0.0), percent(0.0002), percent(0.0002, 1000)] == ["0.0 %", "0.1 %", "0.02 %"]
    assert percent(None) == "–"
    assert [label(value) for value in ("猫", ["a", "b"], [], None)] == ["猫", "a, b", "none", "none"]

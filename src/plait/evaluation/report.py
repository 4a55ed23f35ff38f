"""Report: what is known of a network, as numbers (report.json); the page (report.html) is drawn from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plait.errors import counted
from plait.evaluation.metrics import Metric, metric, percent

Report = Mapping[str, Any]

WIDE = 0.3
"""An interval of more than this says little."""
UNKNOWN = 10
"""Symbols named in a line."""


@dataclass(frozen=True)
class Line:
    """One thing a reader should take away; ``warning`` where it makes the score worth less than it looks."""

    label: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.label}: {self.text}"


def strict(report: Report) -> dict[str, Any]:
    """The same report in plain JSON values: NaN and infinity become None, numpy's numbers Python's."""
    text = json.dumps(dict(report), ensure_ascii=False, default=_plain)
    value: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return value


def summary(report: Report) -> list[str]:
    """What a command prints: the score with its interval, overlap, baseline, gap, the most confused pair."""
    return [headline(report), *(str(line) for line in lines(report))]


def headline(report: Report) -> str:
    """The score, its interval and the number of examples, in one line."""
    of, examples = metric_of(report), report["examples"]
    split = report.get("split", "test")
    return (
        f"{split} {of.name} {of.text(report['value'], examples)} (95 % interval {of.bare(report['low'], examples)} "
        f"to {of.text(report['high'], examples)}, {counted(examples, example(report))})"
    )


def noun(report: Report) -> str:
    """One input, in words: picture, text."""
    return str(report.get("noun", "example"))


def example(report: Report) -> str:
    """What ``examples`` counts."""
    return "token" if noun(report) == "token" else "example"


def lines(report: Report) -> list[Line]:
    """What stands beside the score, most important first; leaves out what the report does not hold."""
    found = [
        _which_part(report),
        _few(report),
        _overlap(report),
        _unknown(report),
        _baseline(report),
        _gap(report),
        _confused(report),
        _speed(report),
        _kept(report),
        _left_out(report),
    ]
    return [line for line in found if line is not None]


def generalization_gap(report: Report) -> float | None:
    """By how much the training part's score is better; None where the training part was not scored."""
    train = report.get("splits", {}).get("train")
    return None if train is None else float(metric_of(report).gain(train["value"], report["value"]))


def metric_of(report: Report) -> Metric:
    return metric(str(report["metric"]))


def label(value: str | list[str] | None) -> str:
    """A class, or several, or none."""
    names = [value] if isinstance(value, str) else value or ["none"]
    return ", ".join(names)


def visible(text: str) -> str:
    """A blank by itself as a sign: of transcripts it may be what was mistaken."""
    return "␣" if text == " " else text


def unit_of(report: Report) -> str | None:
    """What a transcript's errors are counted in, word or character; None of other reports."""
    unit, _, rate = str(report["metric"]).partition("_")
    return unit if rate == "error_rate" else None


def _which_part(report: Report) -> Line | None:
    if report.get("split", "test") != "validation":
        return None
    text = (
        "this is the validation part, on which the best weights were chosen; the test part has not been read"
    )
    return Line("note", text)


def _few(report: Report) -> Line | None:
    width = report["high"] - report["low"]
    if width <= WIDE * (1 if metric_of(report).share else report["value"]):
        return None
    text = f"{report['examples']:,}: they say little, by the width of the interval; label more to know more"
    return Line("few examples", text, warning=True)


def _overlap(report: Report) -> Line | None:
    split = report.get("split", "test")
    count = report.get("overlap", {}).get(split)
    if count is None or noun(report) == "token":
        return None
    if count == 0:
        return Line("overlap", f"no {split} {noun(report)} is also in training")
    verb = "is" if count == 1 else "are"
    of = f"{count:,} of {counted(report['examples'], f'{split} {noun(report)}')}"
    text = f"{of} {verb} also in training, so the score promises too much"
    return Line("overlap", text, warning=True)


def _unknown(report: Report) -> Line | None:
    """Of transcripts: what the network cannot spell."""
    unknown = report.get("scores", {}).get("unknown_symbols", [])
    if not unknown:
        return None
    told = ", ".join(f"{one['symbol']!r} ({one['count']:,})" for one in unknown[:UNKNOWN])
    more = f" and {len(unknown) - UNKNOWN:,} more" if len(unknown) > UNKNOWN else ""
    return Line("unknown symbols", f"{told}{more}: not learnt in training, so each is an error", warning=True)


def _baseline(report: Report) -> Line | None:
    best, of = report.get("baseline"), metric_of(report)
    if best is None:
        return None
    others = [one for one in report.get("baselines", []) if one["name"] != best["name"]]
    also = ", ".join(f"{one['name']} {of.text(one['value'], report['examples'])}" for one in others)
    text = f"{of.text(best['value'], report['examples'])} by {best['name']}" + (f" ({also})" if also else "")
    if of.better(report["low"] if of.higher_is_better else report["high"], best["value"]):
        return Line("baseline", text)
    above = "above it" if of.higher_is_better else "below it"
    verdict = f"not clearly {above}" if of.better(report["value"], best["value"]) else "no better"
    return Line("baseline", f"{text}; the network is {verdict}", warning=True)


def _gap(report: Report) -> Line | None:
    gap, of = generalization_gap(report), metric_of(report)
    if gap is None:
        return None
    split = report.get("split", "test")
    train = of.text(report["splits"]["train"]["value"], report["examples"])
    if gap <= 0:
        return Line("gap", f"none: {split} is no worse than training ({train})")
    unit = "points" if of.share else of.name
    side = "below" if of.higher_is_better else "above"
    return Line("gap", f"{of.bare(gap, report['examples'])} {unit} {side} training ({train})")


def _confused(report: Report) -> Line | None:
    pairs = report.get("scores", {}).get("confused")
    if pairs is None:
        return None
    unit = unit_of(report)
    boxes = "errors" in report["scores"]
    if not pairs:
        # Boxes beyond those looked for may stand behind a perfect score.
        perfect = not boxes and report["value"] == (1 if metric_of(report).higher_is_better else 0)
        why = "no mistake was made" if perfect else f"no {unit or 'class'} was taken for another"
        return Line("most confused", f"nothing: {why}")
    pair = pairs[0]
    times = "once" if pair["count"] == 1 else f"{pair['count']:,} times"
    what = f"“{visible(pair['target'])}” taken for “{visible(pair['prediction'])}”"
    whole = (
        f"its {'boxes' if boxes else 'examples'}" if unit is None else f"the places where this {unit} stands"
    )
    return Line("most confused", f"{what} {times} ({percent(pair['share'])} of {whole})")


def _speed(report: Report) -> Line | None:
    factor = report.get("real_time_factor")
    if factor is None:
        return None
    return Line(
        "real-time factor",
        f"{factor:.2g} seconds of computing a second of sound, one recording at a time, decoding included",
    )


def _kept(report: Report) -> Line | None:
    kept = report.get("kept_classes", [])
    if not kept:
        return None
    told = (f"{one['name']} {percent(one['before'])} before, {percent(one['after'])} now" for one in kept)
    return Line("kept classes", "; ".join(told))


def _left_out(report: Report) -> Line | None:
    count = len(report.get("left_out", []))
    if not count:
        return None
    return Line(
        "left out", f"{counted(count, 'problem')} of the data: what has one was not used", warning=True
    )


def _plain(value: Any) -> Any:
    """numpy to Python."""
    match value:
        case np.ndarray() | np.generic():
            return value.tolist()
    raise TypeError(f"a report cannot hold a {type(value).__name__}: {value!r}")

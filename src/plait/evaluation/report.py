"""Report: what is known of a network, as numbers (report.json); the page (report.html) is drawn from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Report = Mapping[str, Any]

METRICS = {
    "accuracy": "accuracy",
    "micro_f1": "micro F1",
    "span_f1": "span F1",
    "token_accuracy": "token accuracy",
}
"""How a metric's name is written for people."""


WIDE = 0.3
"""An interval of more than this says little."""


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
    value, low, high = (percent(report[key], report["examples"]) for key in ("value", "low", "high"))
    split = report.get("split", "test")
    return (
        f"{split} {metric_name(report)} {value} "
        f"(95 % interval {low.removesuffix(' %')} to {high}, {report['examples']:,} examples)"
    )


def noun(report: Report) -> str:
    """One input, in words: picture, text."""
    return str(report.get("noun", "example"))


def lines(report: Report) -> list[Line]:
    """What stands beside the score, most important first; leaves out what the report does not hold."""
    found = [
        _which_part(report),
        _few(report),
        _overlap(report),
        _baseline(report),
        _gap(report),
        _confused(report),
        _left_out(report),
    ]
    return [line for line in found if line is not None]


def generalization_gap(report: Report) -> float | None:
    """The training part's score less this report's; None where the training part was not scored."""
    train = report.get("splits", {}).get("train")
    return None if train is None else float(train["value"] - report["value"])


def metric_name(report: Report) -> str:
    name = str(report["metric"])
    return METRICS.get(name, name)


def percent(value: float | None, examples: int = 0) -> str:
    """A share as "97.8 %"; two digits where a thousand examples carry them. Never rounded up to 100."""
    if value is None:
        return "–"
    digits = 2 if examples >= 1000 else 1
    text = f"{100 * value:.{digits}f}"
    if value < 1 and float(text) == 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    return f"{text} %"


def label(value: str | list[str] | None) -> str:
    """A class, or several, or none."""
    names = [value] if isinstance(value, str) else value or ["none"]
    return ", ".join(names)


def _which_part(report: Report) -> Line | None:
    if report.get("split", "test") != "validation":
        return None
    text = (
        "this is the validation part, on which the best weights were chosen; the test part has not been read"
    )
    return Line("note", text)


def _few(report: Report) -> Line | None:
    if report["high"] - report["low"] <= WIDE:
        return None
    text = f"{report['examples']:,}: they say little, by the width of the interval; label more to know more"
    return Line("few examples", text, warning=True)


def _overlap(report: Report) -> Line | None:
    split = report.get("split", "test")
    count = report.get("overlap", {}).get(split)
    if count is None:
        return None
    if count == 0:
        return Line("overlap", f"no {split} {noun(report)} is also in training")
    verb = "is" if count == 1 else "are"
    of = f"{count:,} of {report['examples']:,} {split} {noun(report)}s"
    text = f"{of} {verb} also in training, so the score promises too much"
    return Line("overlap", text, warning=True)


def _baseline(report: Report) -> Line | None:
    best = report.get("baseline")
    if best is None:
        return None
    others = [one for one in report.get("baselines", []) if one["name"] != best["name"]]
    also = ", ".join(f"{one['name']} {percent(one['value'], report['examples'])}" for one in others)
    text = f"{percent(best['value'], report['examples'])} by {best['name']}" + (f" ({also})" if also else "")
    if report["low"] > best["value"]:
        return Line("baseline", text)
    verdict = "not clearly above it" if report["value"] > best["value"] else "no better"
    return Line("baseline", f"{text}; the network is {verdict}", warning=True)


def _gap(report: Report) -> Line | None:
    gap = generalization_gap(report)
    if gap is None:
        return None
    split = report.get("split", "test")
    train = percent(report["splits"]["train"]["value"], report["examples"])
    if gap <= 0:
        return Line("gap", f"none: {split} is no worse than training ({train})")
    points = percent(gap, report["examples"]).removesuffix(" %")
    return Line("gap", f"{points} points below training ({train})")


def _confused(report: Report) -> Line | None:
    pairs = report.get("scores", {}).get("confused")
    if pairs is None:
        return None
    if not pairs:
        return Line("most confused", "nothing: no mistake was made")
    pair = pairs[0]
    times = "once" if pair["count"] == 1 else f"{pair['count']:,} times"
    what = f"“{pair['target']}” taken for “{pair['prediction']}”"
    text = f"{what} {times} ({percent(pair['share'])} of its examples)"
    return Line("most confused", text)


def _left_out(report: Report) -> Line | None:
    count = len(report.get("left_out", []))
    if not count:
        return None
    return Line(
        "left out",
        f"{count:,} {'example' if count == 1 else 'examples'} of the data could not be used",
        warning=True,
    )


def _plain(value: Any) -> Any:
    """numpy to Python."""
    match value:
        case np.ndarray() | np.generic():
            return value.tolist()
    raise TypeError(f"a report cannot hold a {type(value).__name__}: {value!r}")

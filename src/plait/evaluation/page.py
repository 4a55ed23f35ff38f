"""Page: report.json to report.html, one self-contained file that opens offline, by light and by dark.

Nothing is computed here but places and words; the templates escape every name that comes from the data.
"""

import base64
import binascii
from collections import defaultdict
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from plait.errors import counted
from plait.evaluation.charts import learning_curves, matrix, precision_curves, reliability
from plait.evaluation.metrics import Metric, percent
from plait.evaluation.report import Report, example, label, lines, metric_of, noun, unit_of, visible

WORST = 15
"""Classes shown at once, the worst first; the rest are folded."""
PROBLEMS = 20
"""Of one kind, on the page; report.json has all."""
QUOTED = 300
"""Characters of a text that the page shows."""
PICTURE = "data:image/png;base64,"
AUDIO = "data:audio/wav;base64,"
GROUPS = {"recording": "speaker", "line": "writer"}
"""Who made an input, by its noun."""
NOTHING = "background"
"""In a detector's matrix: what is missed, and what is found where nothing is."""
SMALL = 64
"""A thumbnail of fewer pixels across is enlarged without smoothing."""


def page(report: Report) -> str:
    """The whole page. ``report`` holds JSON values only (``report.strict``)."""
    environment = Environment(
        loader=PackageLoader("plait.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=lambda value, examples=0: unbroken(percent(value, examples)),
        unbroken=unbroken,
        label=label,
        bytes=file_size,
        duration=duration,
        thousands=thousands,
        decimal=decimal,
        shortened=shortened,
        visible=visible,
        span=span,
    )
    return environment.get_template("report.html.j2").render(_values(report))


def unbroken(text: str) -> str:
    """With spaces that no line breaks at."""
    return text.replace(" ", "\u00a0")


def file_size(count: float | None) -> str:
    if count is None:
        return "–"
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def thousands(count: float | None) -> str:
    return "–" if count is None else f"{count:,}"


def decimal(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def shortened(text: str) -> str:
    """The beginning of a long text."""
    plain = " ".join(text.split())
    return plain if len(plain) <= QUOTED else plain[: QUOTED - 1] + "…"


def span(one: dict[str, Any]) -> str:
    """From where to where a part of the lengths reaches."""
    low, high = (f"{one[key]:,.3g}" if abs(one[key]) < 100 else f"{one[key]:,.0f}" for key in ("from", "to"))
    return low if low == high else f"{low} to {high}"


def _values(report: Report) -> dict[str, Any]:
    """What the template names."""
    scores = report.get("scores", {})
    table = scores.get("classes", [])
    of = metric_of(report)
    shown = [_mistake(one) for one in report.get("mistakes", [])]
    detected = "ap50" in scores
    ranked = "ap50" if detected else "f1"
    worst = sorted(table, key=lambda one: (one[ranked] is None, one[ranked] or 0.0))
    names = [one["name"] for one in table] + ([NOTHING] if detected else [])
    return {
        "report": report,
        "split": report.get("split", "test"),
        "metric": of.name,
        "of": of,
        "counted": counted(report["examples"], example(report)),
        "examples": report["examples"],
        "lines": lines(report),
        "noun": noun(report),
        "quoted": noun(report) == "text",
        "tagged": noun(report) == "sentence",
        "spans": "span_f1" in scores,
        "scores": scores,
        "bars": _bars(report, of),
        "running": noun(report) == "token",
        "samples": report.get("samples", []),
        "mistakes": shown,
        "transcribed": bool(shown) and all("joint" in one for one in shown),
        "unit": unit_of(report),
        "group": GROUPS.get(noun(report), "group"),
        "seconds": noun(report) == "recording",
        "matrix": matrix(scores.get("confusion", []), names),
        "detected": detected,
        "precision": precision_curves(scores.get("curves", []), [one["name"] for one in worst]),
        "errors": scores.get("errors", []) if detected else [],
        "worst": worst[:WORST] if len(worst) > 2 * WORST else worst,
        "folded": worst[WORST:] if len(worst) > 2 * WORST else [],
        "curves": learning_curves(report.get("history", []), f"validation {of.title}", of.factor, of.share),
        "reliability": reliability(scores.get("calibration", [])),
        "network": report.get("network", []),
        "problems": [
            ("Left out", "could not be used", _by_kind(report.get("left_out", []))),
            ("Findings", "should be known", _by_kind(report.get("findings", []))),
        ],
        "shown": PROBLEMS,
    }


def _bars(report: Report, of: Metric) -> list[dict[str, Any]]:
    """The splits and the baselines on one axis: from 0 to 1, or to the largest of them (an error rate may exceed 1)."""
    splits = report.get("splits", {})
    order = [name for name in ("train", "validation", "test") if name in splits]
    current = report.get("split", "test")
    drawn = [
        {"name": {"train": "training"}.get(name, name), "kind": "accent" if name == current else "calm"}
        | splits[name]
        for name in order
    ]
    baselines = report.get("baselines") or [one for one in [report.get("baseline")] if one]
    ranked = sorted(baselines, key=lambda one: of.gain(0.0, float(one["value"])))
    bars = drawn + [{"kind": "baseline", "low": None, "high": None, "examples": None} | one for one in ranked]
    longest = max([1.0 if of.share else 0.0, *(float(one["high"] or one["value"]) for one in bars)])
    return [one | {"drawn": [_scaled(one[key], longest) for key in ("value", "low", "high")]} for one in bars]


def _scaled(value: float | None, longest: float) -> float | None:
    return None if value is None else value / longest


def _mistake(one: dict[str, Any]) -> dict[str, Any]:
    """With the file's own name, and whether its picture is small; a thumbnail that is no PNG is not shown, and what
    is no WAV is not played."""
    thumbnail, audio = one.get("thumbnail") or "", one.get("audio") or ""
    picture = thumbnail if thumbnail.startswith(PICTURE) else None
    width = _png_width(picture) if picture else 0
    name = str(one.get("input") or "").replace("\\", "/").rpartition("/")[2]
    return (
        one
        | {
            "thumbnail": picture,
            "name": name,
            "small": picture is not None and width < SMALL,
            "width": width,
            "audio": audio if audio.startswith(AUDIO) else None,
            "place": one.get("place"),
            "boxes": [_box(box) for box in one.get("boxes", [])],
            "probability": one.get("probability"),
        }
        | (_transcript(one) if one.get("aligned") is not None else {})
    )


def _box(one: dict[str, Any]) -> dict[str, Any]:
    """In per cent of the canvas."""
    left, top, right, bottom = (100 * float(side) for side in one["box"])
    score = "" if one["score"] is None else f" {float(one['score']):.2f}"
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return sides | {"kind": one["kind"], "text": f"{one['kind']}: {one['label']}{score}"}


def _transcript(one: dict[str, Any]) -> dict[str, Any]:
    """Both texts in pieces that are right or wrong, and the words' places under the picture."""
    joint = _joint(one)
    sides = ([(pair[side], pair[0] != pair[1]) for pair in one["aligned"]] for side in (0, 1))
    true, said = (
        _pieces([(text, wrong) for text, wrong in side if text is not None], joint) for side in sides
    )
    seconds = one.get("seconds")
    ticks = _ticks(one.get("alignment") or [], float(seconds)) if seconds else []
    return {"joint": joint, "true": true, "said": said, "ticks": ticks}


def _joint(one: dict[str, Any]) -> str:
    """What stands between the parts that were aligned: nothing (characters) or a blank (words), by which both texts
    become about as long as they are; case and signs may have been dropped for the comparison."""
    sides = [[pair[side] for pair in one["aligned"] if pair[side] is not None] for side in (0, 1)]
    whole = sum(len(" ".join((one.get(key) or "").split())) for key in ("target", "prediction"))
    return min("", " ", key=lambda joint: abs(whole - sum(len(joint.join(side)) for side in sides)))


def _pieces(parts: list[tuple[str, bool]], joint: str) -> list[dict[str, Any]]:
    """Neighbors that are right, or wrong, as one."""
    return [
        {"text": joint.join(text for text, _ in run), "wrong": wrong}
        for wrong, run in groupby(parts, key=lambda part: part[1])
    ]


def _ticks(alignment: list[Any], seconds: float) -> list[dict[str, Any]]:
    """Words under a recording, in per cent of it, by turns in two rows: each has room until the next of its row."""
    known = [
        (str(word), float(start), float(end)) for word, start, end in alignment if None not in (start, end)
    ]
    places = [min(100.0, max(0.0, 100 * start / seconds)) for _, start, _ in known]
    return [
        {
            "word": word,
            "title": f"{word}, {start:.2f} to {end:.2f} s",
            "left": left,
            "width": max(0.0, min(100.0, 100 * end / seconds) - left),
            "room": max(0.0, following - left),
            "low": number % 2 == 1,
        }
        for number, ((word, start, end), left, following) in enumerate(
            zip(known, places, [*places[2:], 100.0, 100.0], strict=False)
        )
    ]


def _png_width(picture: str) -> int:
    """From the header: 8 bytes of signature, 8 of the chunk's head, then the width (PNG, 11.2.2)."""
    try:
        head = base64.b64decode(picture[len(PICTURE) : len(PICTURE) + 32])
    except binascii.Error:
        return 0
    return int.from_bytes(head[16:20], "big")


def _by_kind(problems: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for problem in problems:
        kinds[problem["kind"]].append(problem)
    return dict(kinds)

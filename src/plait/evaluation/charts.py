"""Charts: numbers of a report to places on the page. Only geometry: the templates draw, and escape names."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from plait.errors import counted

WIDTH, HEIGHT = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 10, 28
"""Of a panel of curves, in SVG units: its size and the space around the frame."""
MATRIX_CLASSES = 120
"""A confusion matrix of more classes is no picture any more."""
CURVES = ("accent", "warm", "muted", "accent dashed", "warm dashed", "muted dashed")
"""How curves of several classes are told apart."""
CHARACTER = 6.4
"""The width of an average character of a matrix's labels."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """``points`` as SVG writes them; ``kind`` names its color."""

    name: str
    kind: str
    points: str


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    text: str


@dataclass(frozen=True)
class Panel:
    """A frame with two axes, curves and dots in it; what lies outside the frame is cut off."""

    title: str
    across: str
    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    dots: list[Dot] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Cell:
    x: float
    y: float
    count: int
    opacity: float
    right: bool
    target: str
    prediction: str
    share: float


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: a row a true class, a column an answer, drawn in cells of ``side``."""

    cells: list[Cell]
    names: list[
        tuple[str, str, float]
    ]  # full, shortened, the middle of its row and column from the grid's corner
    side: float
    left: float
    top: float
    grid: float
    numbers: bool
    upright: bool

    @property
    def width(self) -> float:
        return self.left + self.grid + 8

    @property
    def height(self) -> float:
        return self.top + self.grid + 8


def learning_curves(
    history: Sequence[dict[str, Any]], metric: str, factor: float = 100.0, share: bool = True
) -> list[Panel]:
    """Losses, and the validation score times ``factor``, over epochs; [] where there are fewer than two points."""
    across = "epoch" if len({row.get("epoch") for row in history}) == len(history) else "step"
    losses = [
        Series("training", "muted", _points(history, across, "loss")),
        Series("validation", "accent", _points(history, across, "validation_loss")),
    ]
    scores = [Series("validation", "accent", _points(history, across, "validation_score", factor))]
    panels = []
    if any(len(one.points) > 1 for one in losses):
        top = max(y for one in losses for _, y in one.points)
        panels.append(_panel("loss", across, losses, (0.0, 1.04 * top or 1.0)))
    if len(scores[0].points) > 1:
        window = _window([y for _, y in scores[0].points], share, falling=factor < 0)
        panels.append(_panel(metric, across, scores, window))
    return panels


def reliability(bins: Sequence[dict[str, Any]]) -> Panel | None:
    """How often the network was right over how sure it was, larger dots for more examples.

    On the diagonal lies a network that is as often right as it says. None for fewer than two bins.
    """
    if len(bins) < 2:
        return None
    diagonal = Series("as sure as right", "muted dashed", [(0.0, 0.0), (100.0, 100.0)])
    panel = _panel("right, %", "confidence, %", [diagonal], (0.0, 100.0))
    frame = _Frame((0.0, 100.0), (0.0, 100.0))
    all_ = sum(one["examples"] for one in bins)
    dots = [
        Dot(
            *frame.place(100 * one["confidence"], 100 * one["accuracy"]),
            radius=2 + 7 * math.sqrt(one["examples"] / all_),
            text=f"{counted(one['examples'], 'example')}: {one['confidence']:.1%} sure, {one['accuracy']:.1%} right",
        )
        for one in bins
    ]
    return replace(panel, dots=dots)


def precision_curves(curves: Sequence[dict[str, Any]], names: Sequence[str]) -> Panel | None:
    """Precision at every recall, of the first CURVES of ``names`` that have a curve; None where none has."""
    known = {one["name"]: one["precision"] for one in curves}
    drawn = [name for name in names if name in known][: len(CURVES)]
    if not drawn:
        return None
    series = [
        Series(
            name,
            kind,
            [(100 * place / (len(known[name]) - 1), 100 * y) for place, y in enumerate(known[name])],
        )
        for name, kind in zip(drawn, CURVES, strict=False)
    ]
    return _panel("precision, %", "recall, %", series, (0.0, 102.0))


def matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Matrix | None:
    """None for more than 120 classes."""
    count = len(classes)
    if not 1 <= count <= MATRIX_CLASSES:
        return None
    side = max(11.0, min(36.0, 400 / count))
    short = [shorten(name, 22) for name in classes]
    space = 14 + CHARACTER * max(display_width(name) for name in short)
    upright = all(display_width(name) * CHARACTER < side for name in short)
    names = [
        (full, name, (place + 0.5) * side)
        for place, (full, name) in enumerate(zip(classes, short, strict=True))
    ]
    return Matrix(
        cells=_cells(confusion, classes, side),
        names=names,
        side=side,
        left=space + 18,
        top=44 if upright else space + 24,
        grid=side * count,
        numbers=side >= 22,
        upright=upright,
    )


def display_width(text: str) -> int:
    """Columns on a screen: Chinese, Japanese and Korean characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shorten(text: str, columns: int) -> str:
    """At most ``columns`` wide; cut in the middle, because names that begin alike often differ at the end."""
    if display_width(text) <= columns:
        return text
    head, tail = text, text
    while display_width(head) > columns // 2:
        head = head[:-1]
    while display_width(tail) > columns - 1 - columns // 2:
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from ``low`` to ``high``."""
    step = 10 ** math.floor(math.log10((high - low) / about))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= about)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True)
class Series:
    """A curve's points as numbers."""

    name: str
    kind: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class _Frame:
    """Numbers to places in a panel."""

    across: tuple[float, float]
    up: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        x_share, y_share = (
            (value - low) / (high - low) for value, (low, high) in ((x, self.across), (y, self.up))
        )
        return LEFT + x_share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y_share * (HEIGHT - TOP - BOTTOM)

    def curve(self, series: Series) -> Curve:
        places = (self.place(x, y) for x, y in series.points)
        return Curve(series.name, series.kind, " ".join(f"{x:.1f},{y:.1f}" for x, y in places))


def _points(
    history: Sequence[dict[str, Any]], across: str, key: str, factor: float = 1
) -> list[tuple[float, float]]:
    """Those that are there: a loss that was not a number (None) is left out."""
    return [(row[across], factor * row[key]) for row in history if row.get(key) is not None]


def _panel(title: str, across: str, series: Sequence[Series], up: tuple[float, float]) -> Panel:
    series = [one for one in series if len(one.points) > 1]
    xs = [x for one in series for x, _ in one.points]
    frame = _Frame((min(xs), max(xs)), up)
    return Panel(
        title,
        across,
        [frame.curve(one) for one in series],
        [Tick(frame.place(x, up[0])[0], f"{x:g}") for x in ticks(*frame.across)],
        [Tick(frame.place(xs[0], y)[1], f"{y:.4g}") for y in ticks(*up)],
    )


def _window(values: Sequence[float], share: bool, falling: bool) -> tuple[float, float]:
    """Where scores lie after the first quarter of training: the differences that matter can be seen."""
    later = values[len(values) // 4 :]
    low, high = (min(values), max(later)) if falling else (min(later), max(values))
    room = max(0.1 * (high - low), 0.5 if share else 0.01)
    # An error rate may exceed 100 %.
    return max(0.0, low - room), min(100.0, high + room) if share and high <= 100 else high + room


def _cells(confusion: Sequence[Sequence[int]], classes: Sequence[str], side: float) -> list[Cell]:
    cells = []
    for row, counts in enumerate(confusion):
        whole = sum(counts)
        for column, count in enumerate(counts):
            if count == 0:
                continue
            right, share = row == column, count / whole
            opacity = 0.12 + 0.88 * (share if right else math.sqrt(share))
            place = (column * side, row * side)
            cells.append(Cell(*place, count, round(opacity, 3), right, classes[row], classes[column], share))
    return cells

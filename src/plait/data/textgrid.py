"""Praat's TextGrid: tiers of labelled intervals over a recording, in either of its text forms."""

import re
from dataclasses import dataclass

_PLACE = re.compile(r"\[\d*\]")
_VALUE = re.compile(r'"((?:[^"]|"")*)"|(<exists>)|(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)')


@dataclass(frozen=True)
class Interval:
    """Seconds from ``start`` to ``end``, and what stands there."""

    start: float
    end: float
    text: str


def read_textgrid(content: str) -> dict[str, list[Interval]]:
    """The intervals of each tier of intervals by its name, empty ones left out; raises ValueError for another file.

    Boersma and Weenink, "TextGrid file formats": the long form names its values and the short one does not, and the
    values are the same.
    """
    values = iter(_values(content))
    try:
        if [next(values), next(values)] != ["ooTextFile", "TextGrid"]:
            raise ValueError("it does not begin as a TextGrid does")
        next(values), next(values), next(values)
        tiers: dict[str, list[Interval]] = {}
        for _ in range(_whole(next(values))):
            kind, name = next(values), str(next(values))
            next(values), next(values)
            count = _whole(next(values))
            if kind == "IntervalTier":
                found = [
                    Interval(_number(next(values)), _number(next(values)), str(next(values)).strip())
                    for _ in range(count)
                ]
                tiers.setdefault(name, []).extend(one for one in found if one.text)
            else:
                for _ in range(2 * count):
                    next(values)
    except StopIteration:
        raise ValueError("it ends in the middle") from None
    return tiers


def _values(content: str) -> list[str | float]:
    """Texts and numbers in their order; words that name them, and places like [1], left out."""
    return [
        float(number) if number else exists or text.replace('""', '"')
        for text, exists, number in _VALUE.findall(_without_places(content))
    ]


def _without_places(content: str) -> str:
    """Outside of quotes."""
    parts = re.split(r'("(?:[^"]|"")*")', content)
    return "".join(part if part.startswith('"') else _PLACE.sub("", part) for part in parts)


def _number(value: str | float) -> float:
    if not isinstance(value, float):
        raise ValueError(f"{value!r} stands where a time is expected")
    return value


def _whole(value: str | float) -> int:
    return int(_number(value))

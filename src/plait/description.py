"""Gathered data in words and numbers: what is there, what is wrong with it."""

from collections import Counter
from typing import Any

from plait.data.gather import Gathered
from plait.data.table import Table
from plait.errors import counted
from plait.inference.tags import spans


def description(found: Gathered) -> dict[str, Any]:
    """What ``plait inspect`` says of the examples."""
    table = found.table
    return {
        "source": table.source,
        "format": table.format,
        "examples": len(table),
        "several_labels": table.several_labels,
        "classes": _classes(table),
        "splits": {str(name): int(count) for name, count in table.frame["split"].value_counts().items()},
    }


def _classes(table: Table) -> dict[str, int]:
    """Examples of each class; where tags mark spans, the spans of each kind ("" where they have none)."""
    if not table.scheme:
        return dict(zip(table.classes, table.counts(table.classes), strict=True))
    counted = Counter(span.kind for tags in table.labels for span in spans(tags))
    return dict(sorted(counted.items()))


def problems(found: Gathered) -> dict[str, Any]:
    """What is wrong, what should be known, and what to do next."""
    return {
        "errors": [problem.to_json() for problem in found.errors],
        "findings": [problem.to_json() for problem in found.findings],
        "advice": _advice(found),
    }


def _advice(found: Gathered) -> list[str]:
    """What to do next, in the user's words."""
    if found.errors:
        return [
            f"training is stopped by {counted(len(found.errors), 'problem')}: mend what is listed, or use --skip-bad"
        ]
    return [f"next: plait train {found.table.source}"]


def counts(gathered: Gathered) -> str:
    """How many examples there are of each part, in one line."""
    frame = gathered.table.frame
    classes = _classes(gathered.table)
    parts, what = frame["split"].value_counts(), f"; {counted(len(classes), 'class')}" if classes else ""
    if gathered.table.content == "running text":
        parts, what = frame.assign(size=gathered.sizes[:, 0]).groupby("split")["size"].sum(), " characters"
    shares = ", ".join(f"{parts.get(name, 0):,} {name}" for name in ("train", "validation", "test"))
    left_out = f"; {counted(len(gathered.errors), 'problem')} left out" if gathered.errors else ""
    return f"{gathered.table.source}: {shares}{what}{left_out}"

"""Looks at every line's picture once; lists what cannot be used (errors) and what should be known (findings)."""

from collections.abc import Callable
from dataclasses import replace

from plait.data.checks import Checked, check
from plait.data.options import LineDataOptions
from plait.data.sound_checks import unknown_characters
from plait.data.table import Table
from plait.errors import Problem
from plait.inference.transcripts import tidy


def check_lines(
    table: Table,
    options: LineDataOptions,
    progress: Callable[[int, int], None] | None = None,
    training: bool = True,
) -> Checked:
    """Pictures as those of image classification; without a transcript one is an error, with ``training``. ``sizes``
    (rows, 2) are heights and widths. Raises nothing."""
    checked = check(table, options.max_pixels, progress=progress, training=False)
    said = [
        tidy(str(target or ""), options.lowercase, options.punctuation) for target in checked.table.targets
    ]
    kept = [row for row, text in enumerate(said) if text or not training]
    places = checked.table.places
    errors = [
        Problem(
            "empty transcript", places[row][0], "nothing is written of what is to be read", places[row][1]
        )
        for row, text in enumerate(said)
        if training and not text
    ]
    left = checked.table.take(kept)
    findings = list(checked.findings)
    if training:
        findings += unknown_characters(left, [said[row] for row in kept])
    return replace(
        checked,
        table=left,
        errors=[*checked.errors, *errors],
        findings=findings,
        sizes=checked.sizes[kept],
        digests=[checked.digests[row] for row in kept],
    )

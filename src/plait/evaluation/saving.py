"""A report as files: report.json, and the page drawn from it."""

import json
from pathlib import Path

from plait.evaluation.page import page
from plait.evaluation.report import Report, generalization_gap, strict
from plait.files import write_text


def write_report(report: Report, folder: str | Path) -> None:
    """Writes report.json into ``folder``, then report.html drawn from it; each file is replaced whole."""
    numbers = strict({**report, "generalization_gap": generalization_gap(report)})
    write_text(
        Path(folder) / "report.json", json.dumps(numbers, ensure_ascii=False, indent=1, allow_nan=False)
    )
    write_text(Path(folder) / "report.html", page(numbers))

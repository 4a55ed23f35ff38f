"""A report as files: report.json, and the page drawn from it."""

import json
import os
from pathlib import Path

from plait.evaluation.page import page
from plait.evaluation.report import Report, generalization_gap, strict


def write_report(report: Report, folder: str | Path) -> None:
    """Writes report.json into ``folder``, then report.html drawn from it; each file is replaced whole."""
    numbers = strict({**report, "generalization_gap": generalization_gap(report)})
    _replace(Path(folder) / "report.json", json.dumps(numbers, ensure_ascii=False, indent=1, allow_nan=False))
    _replace(Path(folder) / "report.html", page(numbers))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)

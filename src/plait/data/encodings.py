"""Files of text in the encoding that they have: what was guessed is told."""

from pathlib import Path

from plait.errors import Problem


def encoding_findings(path: Path, used: str, asked: str | None) -> list[Problem]:
    """A finding where the encoding was guessed; none for UTF-8, the one that was asked for, or a file without any."""
    if used in ("", "UTF-8", asked):
        return []
    return [Problem("encoding", str(path), f"read as {used}; if that is wrong, say --encoding", error=False)]

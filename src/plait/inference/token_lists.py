"""Token lists: JSON lines whose objects hold a sentence as a list of words, beside its tags or without."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plait.inference.json_table import SUFFIXES
from plait.inference.user_table import Column

NAMES = ("tokens", "words", "characters")
TOKENS = Column(NAMES, False, "with lists of words")


def is_token_lists(path: str | Path) -> bool:
    """Whether the first line holds a list of tokens."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
        return False
    try:
        with path.open("rb") as file:
            first = json.loads(file.readline(1_000_000))
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and any(isinstance(first.get(name), list) for name in NAMES)


def tokens_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of a sentence; raises ValueError where there are none."""
    tokens = next((record[name] for name in NAMES if name in record), None)
    if not are_words(tokens) or not tokens:
        raise ValueError(
            f"expected a list of words under {' or '.join(NAMES)}, each a text that is not empty"
        )
    return tuple(tokens)


def are_words(value: object) -> bool:
    """Whether it is a list of texts, none of them blank."""
    return isinstance(value, list) and all(
        isinstance(one, str) and one.strip() and "\t" not in one for one in value
    )

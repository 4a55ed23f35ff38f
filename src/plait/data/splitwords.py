"""The words by which people name the parts of their data."""

import re

WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
ACCEPTED = ", ".join(word for words in WORDS.values() for word in words)


def split_of(word: str) -> str | None:
    """ "train", "validation" or "test" for any of their names in any case, otherwise None."""
    wanted = word.strip().lower()
    return next((split for split, words in WORDS.items() if wanted in words), None)


def split_in(name: str) -> str | None:
    """The split that a part of a file's name says (sst.train, test_all.csv); None where none or two do."""
    found = {split for part in re.split(r"[^A-Za-z]+", name) if (split := split_of(part))}
    return found.pop() if len(found) == 1 else None

"""The words by which people name the parts of their data."""

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

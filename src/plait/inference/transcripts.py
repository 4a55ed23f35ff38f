"""Transcripts as they are learnt and compared: white space, case and punctuation brought to one form."""

import re
import unicodedata

_HYPHENS = "-\u2010\u2011"
_KEPT = re.compile(r"(?<=\w)['\u2019](?=\w)")


def tidy(text: str, lowercase: bool, punctuation: str) -> str:
    """One blank between words, none outside, composed letters (NFC); lower case where asked.

    Where ``punctuation`` is drop, signs are left out, but an apostrophe within a word stays, and a hyphen becomes a
    blank.
    """
    plain = unicodedata.normalize("NFC", text)
    if punctuation == "drop":
        kept = {match.start() for match in _KEPT.finditer(plain)}
        plain = "".join(_sign(sign, place in kept) for place, sign in enumerate(plain))
    plain = " ".join(plain.split())
    return plain.lower() if lowercase else plain


def _sign(sign: str, kept: bool) -> str:
    if sign in _HYPHENS:
        return " "
    if kept:
        return "'"
    return "" if unicodedata.category(sign)[0] in "PS" else sign

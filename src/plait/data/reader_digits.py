"""The embedded data set: 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

import os
from pathlib import Path

import numpy as np

from plait.data.table import Row, Table

NAME = "digits"
LAYOUT = "the word digits: the embedded set of handwritten digits"


def fits(source: Path, labels_required: bool) -> bool:
    """Whether ``source`` is the word itself."""
    return os.fspath(source) == NAME


def read(source: Path, labels_required: bool) -> Table:
    """Pictures as arrays; the set's 0..16 become 0..255. It is not divided."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = np.round(digits.images * (255 / 16)).astype(np.uint8)
    rows = [
        Row(picture, str(label), "", NAME, number)
        for number, (picture, label) in enumerate(zip(pictures, digits.target.tolist(), strict=True), start=1)
    ]
    return Table.from_rows(rows, NAME, NAME)

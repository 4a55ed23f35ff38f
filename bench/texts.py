"""Accuracy of the default recipe of text classification on public sets, beside TF-IDF with logistic regression.

python bench/texts.py DATA [sst2 trec mr hotel]: DATA holds sentences/ (Kim's files of SST-2, TREC and MR) and
zh_reviews/ChnSentiCorp_htl_all.csv. Official splits are trained with three seeds, the others are cross-validated.
Writes bench/results/texts.json.
"""

import argparse
import csv
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import added
from sklearn.model_selection import StratifiedKFold

import plait

Example = tuple[str, str, str]
"""Text, label, split."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a value of the recipe")
    asked = parser.parse_args()
    for name in asked.sets:
        runs = [_run(examples, seed, asked.changes) for examples, seed in SETS[name](asked.data)]
        added("texts", name, _summary(runs))


def sst2(data: Path) -> Iterator[tuple[list[Example], int]]:
    """Sentences alone, without the phrases."""
    parts = {"train": "train", "dev": "validation", "test": "test"}
    rows = [
        (text, label, split)
        for part, split in parts.items()
        for text, label in _lines(data / "sentences" / f"stsa.binary.{part}")
    ]
    yield from ((rows, seed) for seed in range(3))


def trec(data: Path) -> Iterator[tuple[list[Example], int]]:
    rows = [
        (text, label, split)
        for split in ("train", "test")
        for text, label in _lines(data / "sentences" / f"TREC.{split}.all")
    ]
    yield from ((rows, seed) for seed in range(3))


def mr(data: Path) -> Iterator[tuple[list[Example], int]]:
    """Ten folds."""
    yield from _folds(_lines(data / "sentences" / "rt-polarity.all"), 10)


def hotel(data: Path) -> Iterator[tuple[list[Example], int]]:
    """Chinese hotel reviews, five folds."""
    with (data / "zh_reviews" / "ChnSentiCorp_htl_all.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["review"], row["label"]) for row in csv.DictReader(file) if row["review"].strip()]
    yield from _folds(rows, 5)


SETS = {"sst2": sst2, "trec": trec, "mr": mr, "hotel": hotel}


def _lines(path: Path) -> list[tuple[str, str]]:
    found = []
    for line in path.read_text(encoding="latin-1").rstrip("\n").split("\n"):
        label, _, text = line.partition(" ")
        found.append((text, label))
    return found


def _folds(rows: list[tuple[str, str]], folds: int) -> Iterator[tuple[list[Example], int]]:
    labels = [label for _, label in rows]
    for _, held_out in StratifiedKFold(folds, shuffle=True, random_state=0).split(labels, labels):
        tested = set(np.asarray(held_out).tolist())
        yield (
            [(text, label, "test" if row in tested else "train") for row, (text, label) in enumerate(rows)],
            0,
        )


def _run(examples: list[Example], seed: int, changes: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "data.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label", "split"), *examples])
        model = plait.train(table, seed=seed, out=Path(folder) / "run", changes=changes)
        report = model.test()
    return {
        "accuracy": report["value"],
        "macro_f1": report["scores"]["macro_f1"],
        "baseline": report["baseline"]["value"],
        "seconds": report["training_seconds"],
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    values = [run["accuracy"] for run in runs]
    return {
        "accuracy": round(statistics.fmean(values), 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
        "macro_f1": round(statistics.fmean(run["macro_f1"] for run in runs), 4),
        "baseline": round(statistics.fmean(run["baseline"] for run in runs), 4),
        "runs": len(runs),
        "seconds": round(statistics.fmean(run["seconds"] for run in runs), 1),
    }


if __name__ == "__main__":
    main()

"""What drawing batches by length saves: an epoch of the default text classifier with and without it, in turns.

python bench/bucketing.py TABLE [--text COLUMN --label COLUMN] [--turns N]. Writes bench/results/bucketing.json and .md.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import keep, machine, on

import plait
from plait.data import text_store
from plait.data.text_store import MULTIPLE, SequenceTrainingBatches

POOLS = {"by length, from pools of 32 batches": text_store.POOL, "as they come": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--text")
    parser.add_argument("--label")
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in POOLS}
    for _ in range(asked.turns):
        for name, pool in POOLS.items():
            text_store.POOL = pool
            seconds[name].append(_an_epoch(asked))
    padding = {name: _padding(asked, pool) for name, pool in POOLS.items()}
    means = {name: statistics.fmean(found) for name, found in seconds.items()}
    slow = means["as they come"]
    rows = [
        f"| {name} | {padding[name]:.0%} | {means[name]:.0f} | {slow / means[name]:.2f} |" for name in POOLS
    ]
    header = "| batches | padding | seconds an epoch | as fast |\n|---|---:|---:|---:|"
    text = "\n".join([f"{asked.table.name}, on {on(machine())}:", "", header, *rows])
    result = {"machine": machine(), "table": asked.table.name, "seconds": seconds, "padding": padding}
    keep("bucketing", result, text)
    print(text)


def _an_epoch(asked: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        model = plait.train(
            asked.table,
            text=asked.text,
            label=asked.label,
            changes=["training.epochs=1", "ngrams.orders=[]"],
            out=Path(folder) / "run",
        )
        return float(model.report["training_seconds"])


def _padding(asked: argparse.Namespace, pool: int) -> float:
    """The share of all places in an epoch's batches that hold no token."""
    text_store.POOL = pool
    lengths = _lengths(asked)
    store: Any = type("Lengths", (), {"lengths": lengths, "__len__": lambda self: len(self.lengths)})()
    batches = SequenceTrainingBatches(
        store, np.zeros(len(lengths)), 64, 0, lambda rows, _: store.take(rows), len(lengths) // 64
    )
    places = tokens = 0
    for step in range(len(lengths) // 64):
        rows = batches.plan(step)[1]
        longest = -(-int(lengths[rows].max()) // MULTIPLE) * MULTIPLE
        places += longest * len(rows)
        tokens += int(lengths[rows].sum())
    return 1 - tokens / places


def _lengths(asked: argparse.Namespace) -> np.ndarray:
    from plait.data.gather import look
    from plait.inference.text import script, split
    from plait.recipe import read_recipe

    given = {"text": asked.text, "label": asked.label}
    changes = [f"data.{name}={value}" for name, value in given.items() if value]
    texts = list(
        look(str(asked.table), read_recipe(None, changes, "text-classification").data).table.frame["input"]
    )
    tokens = script(texts[:1000])
    return np.array([len(split(text, tokens, True)) for text in texts])


if __name__ == "__main__":
    main()

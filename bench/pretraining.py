"""What pretraining without labels gains where few texts are labelled: SST-2, its other training texts as raw text.

python bench/pretraining.py DATA [--labelled 500] [--seeds N] [--set KEY=VALUE]: DATA holds sentences/ (Kim's files of
SST-2). The same labelled texts and seeds with and without; the gain's interval is by a paired bootstrap over the
test texts. Writes bench/results/pretraining.json.
"""

import argparse
import csv
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import added, machine

import plait
from texts import sst2

EPOCHS = 20
RESAMPLES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labelled", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a value of the recipe")
    asked = parser.parse_args()
    examples, _ = next(sst2(asked.data))
    train = [one for one in examples if one[2] == "train"]
    others = [one for one in examples if one[2] != "train"]
    test = [(text, label) for text, label, split in others if split == "test"]
    random.Random(0).shuffle(train)
    with tempfile.TemporaryDirectory() as folder:
        raw, table = Path(folder) / "raw.txt", Path(folder) / "data.csv"
        raw.write_text("\n".join(text for text, _, _ in train[asked.labelled :]), encoding="utf-8")
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label", "split"), *train[: asked.labelled], *others])
        sides = {
            "without": asked.changes,
            "with": [*asked.changes, f"pretraining.epochs={EPOCHS}", f"pretraining.unlabelled={raw}"],
        }
        runs = {
            name: [_run(table, test, seed, changes) for seed in range(asked.seeds)]
            for name, changes in sides.items()
        }
    added("pretraining", f"sst2 of {asked.labelled}", _summary(runs) | {"machine": machine()})


def _run(table: Path, test: list[tuple[str, str]], seed: int, changes: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = plait.train(table, seed=seed, out=Path(folder) / "run", changes=changes)
        said = model.predict(*(text for text, _ in test))
        seconds = model.report["training_seconds"]
    right = np.array([one.label == label for one, (_, label) in zip(said, test, strict=True)])
    return {"right": right, "seconds": seconds}


def _summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    right = {name: np.stack([run["right"] for run in side]) for name, side in runs.items()}
    gains = right["with"].mean(axis=0) - right["without"].mean(axis=0)
    drawn = np.random.default_rng(0).integers(0, len(gains), (RESAMPLES, len(gains)))
    low, high = np.quantile(gains[drawn].mean(axis=1), (0.025, 0.975))
    sides = {
        name: {
            "accuracy": [round(float(one.mean()), 4) for one in right[name]],
            "seconds": [round(run["seconds"], 1) for run in side],
        }
        for name, side in runs.items()
    }
    gain = {"gain": round(float(gains.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return sides | gain


if __name__ == "__main__":
    main()

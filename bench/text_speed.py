"""Training speed on texts side by side: the whole `plait train` path with each cell, and Keras on TensorFlow.

The same network (embedding, recurrence both ways, the largest value of each unit, two classes), texts of the same
length, batch and optimizer; each side in a process of its own with the same number of threads, one after the other,
in turns. The first epoch is warm-up; the rate is tokens over seconds from its end to the last one's end. For plait
these hold everything the command does meanwhile: word dropout, validation, checkpoints, log. Prints the table and
writes it, and all numbers, into results/.
"""

import argparse
import csv
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from common import answer, keep, machine, on, trained

HERE = Path(__file__).resolve().parent
WORDS = 5000
CELLS = ("lstm", "gru", "sru", "mingru")
PEERS = {
    "Keras LSTM, defaults": ("lstm",),
    "Keras LSTM, mixed_bfloat16": ("lstm", "--bfloat16"),
    "Keras GRU, defaults": ("gru",),
    "Keras GRU, mixed_bfloat16": ("gru", "--bfloat16"),
}


def main() -> None:
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        make_data(asked, Path(folder))
        answers = measure(asked, Path(folder))
    tokens = asked.batch * asked.length
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        **{key: value for key, value in vars(asked).items() if key != "keras"},
        "sides": {name: _summary(turns, tokens) for name, turns in answers.items()},
    }
    text = table(result)
    print(text)
    keep("text_speed", result, text)


def make_data(asked: argparse.Namespace, folder: Path) -> None:
    """Texts of words drawn at random, more of one half of them in each class; for Keras as numbers."""
    draw = np.random.default_rng(0)
    targets = np.arange(asked.texts) % 2
    tokens = draw.integers(0, WORDS, (asked.texts, asked.length), dtype=np.int32)
    tokens[:, ::4] = tokens[:, ::4] // 2 + (targets * (WORDS // 2))[:, None]
    np.savez(folder / "texts.npz", tokens=tokens, targets=targets)
    parts = [("train", row) for row in range(asked.texts)]
    # As small as a part may be: the comparison is about training.
    parts += [(part, row) for part in ("validation", "test") for row in range(20)]
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for part, row in parts:
            writer.writerow([" ".join(f"w{token}" for token in tokens[row]), f"class {targets[row]}", part])


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every side's answers, turn by turn."""
    sides = {f"plait train, {cell}": (_plait, (cell,)) for cell in CELLS}
    sides |= {name: (_keras, options) for name, options in PEERS.items()}
    answers: dict[str, list[dict[str, Any]]] = {}
    for turn in range(asked.turns):
        for name, (side, options) in sides.items():
            found = side(asked, folder, *options)
            answers.setdefault(name, []).append(found)
            rate = found["steps_per_second"] * asked.batch * asked.length
            print(
                f"turn {turn + 1} of {asked.turns}: {name}: {rate:.0f} tokens/s", file=sys.stderr, flush=True
            )
    return answers


def _plait(asked: argparse.Namespace, folder: Path, cell: str) -> dict[str, Any]:
    layers = (
        f"{{embedding: {asked.units}}}, {{recurrent: {{cell: {cell}, units: {asked.units}, direction: both}}}}, "
        "{global_pool: max}"
    )
    changes = [
        f"network=[{layers}]",
        "ngrams.orders=[]",
        "ngrams.character_orders=[]",
        f"training.epochs={asked.epochs}",
        f"training.batch_size={asked.batch}",
    ]
    return trained(asked.threads, folder / "texts.csv", changes, "--skip-bad")


def _keras(asked: argparse.Namespace, folder: Path, cell: str, *options: str) -> dict[str, Any]:
    numbers = {key: getattr(asked, key) for key in ("units", "epochs", "batch", "threads")}
    words = [word for key, value in numbers.items() for word in (f"--{key}", str(value))]
    side = str(HERE / "sides" / "keras_text_side.py")
    command = [asked.keras, side, str(folder / "texts.npz"), "--cell", cell, *words, *options]
    return answer(asked.threads, command)


def _summary(turns: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    rates = [turn["steps_per_second"] * tokens for turn in turns]
    kept = {key: turns[0][key] for key in ("parameters", "precision", "versions") if key in turns[0]}
    return {"tokens_per_second": statistics.median(rates), "turns": rates, **kept}


def table(result: dict[str, Any]) -> str:
    """Markdown: tokens a second, and each side as a multiple of the peers."""
    rates = {name: side["tokens_per_second"] for name, side in result["sides"].items()}
    lines = [
        "# Training speed on texts",
        "",
        f"Tokens a second: embedding and recurrence both ways of {result['units']} units, texts of "
        f"{result['length']} tokens, batch {result['batch']}, {result['threads']} threads; median of "
        f"{result['turns']} turns, measured {result['date']} on {on(result['machine'])}.",
        "",
        "| | tokens/s | of Keras's LSTM | of Keras's GRU |",
        "|---|---:|---:|---:|",
    ]
    for name, rate in rates.items():
        shares = [rate / rates[f"Keras {cell}, defaults"] for cell in ("LSTM", "GRU")]
        precision = result["sides"][name].get("precision")
        label = f"{name} ({precision})" if precision else name
        lines.append(f"| {label} | {rate:.0f} | {shares[0]:.2f} | {shares[1]:.2f} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras", required=True, help="the Python of the environment that has TensorFlow")
    parser.add_argument("--texts", type=int, default=2560)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=3, help="the first one is warm-up")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Recurrence side by side: plait's cells, torch.nn's, and Keras on TensorFlow.

One training step (forward and backward of a layer, its input's gradient included) and one inference, in milliseconds.
The sides take turns, each in a process of its own with the same number of threads, and the least of all turns counts:
what else a machine does can only add. Prints the tables and writes them, and all numbers, into results/.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import answer, keep, machine, on

HERE = Path(__file__).resolve().parent
SIZES = ((50, 64, 256), (100, 64, 256), (400, 16, 256), (1600, 4, 256), (100, 16, 128), (100, 64, 512))
"""Time, batch, units; as many channels arrive as there are units."""
PEERS = ("torch.nn LSTM", "torch.nn GRU", "Keras LSTM", "Keras GRU")


def main() -> None:
    asked = arguments()
    best: dict[str, dict[str, dict[str, float]]] = {}
    for turn in range(asked.turns):
        for time, batch, units in SIZES if not asked.quick else SIZES[1:2]:
            size = f"T={time}, batch {batch}, {units} units"
            for side in sides(asked):
                numbers = [str(number) for number in (time, batch, units, asked.threads)]
                for name, measured in answer(asked.threads, [*side, *numbers]).items():
                    kept = best.setdefault(size, {}).setdefault(name, measured)
                    best[size][name] = {what: min(kept[what], value) for what, value in measured.items()}
            print(f"turn {turn + 1} of {asked.turns}: {size}", file=sys.stderr, flush=True)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "threads": asked.threads,
        "turns": asked.turns,
        "milliseconds": best,
    }
    text = tables(result)
    print(text)
    keep("recurrence", result, text)


def sides(asked: argparse.Namespace) -> list[list[str]]:
    found = [[sys.executable, str(HERE / "sides" / "torch_recurrence_side.py")]]
    if asked.keras:
        found.append([asked.keras, str(HERE / "sides" / "keras_recurrence_side.py")])
    return found


def tables(result: dict[str, Any]) -> str:
    lines = [
        "# Recurrence",
        "",
        f"Milliseconds a step, the least of {result['turns']} turns with {result['threads']} threads; measured "
        f"{result['date']} on {on(result['machine'])}.",
    ]
    for what in ("training", "inference"):
        lines += ["", f"## {what.capitalize()}", "", *_table(result["milliseconds"], what)]
    return "\n".join(lines)


def _table(best: dict[str, dict[str, dict[str, float]]], what: str) -> list[str]:
    names = list(dict.fromkeys(name for measured in best.values() for name in measured))
    peers = [name for name in PEERS if name in names]
    header = ["", *names, *(f"mingru over {peer}" for peer in peers), *_own(names)]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for size, measured in best.items():
        values = {name: one[what] for name, one in measured.items()}
        ours = values["plait mingru"]
        own = [f"{values[peer] / values[cell]:.2f}" for cell, peer in _pairs(names)]
        ratios = [f"{values[peer] / ours:.1f}" for peer in peers]
        lines.append([size, *(f"{values[name]:.1f}" for name in names), *ratios, *own])
    return [f"| {' | '.join(line)} |" for line in lines]


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    """plait's cell and a peer's of the same kind."""
    return [
        (f"plait {kind}", peer)
        for kind in ("lstm", "gru")
        for peer in PEERS
        if peer in names and peer.lower().endswith(kind)
    ]


def _own(names: list[str]) -> list[str]:
    return [f"{cell.removeprefix('plait ')} over {peer}" for cell, peer in _pairs(names)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras", help="the Python of the environment that has TensorFlow")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one size alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Recurrence in the place of convolution, of pooling, and of the fully connected layer: each alone, and all at once.

python bench/replacements.py DATA [--epochs N] [--seed S]: DATA is a folder of small pictures that `plait train` reads,
such as Debian's Fashion-MNIST. The same data, augmentation, optimizer and number of epochs for each network (ReNet's
claim: Visin et al. 2015). Prints the table and writes it, and all numbers, into results/.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import keep, machine, on

import plait

CELL = "mingru"
CONVOLUTIONS = [
    [{"conv": {"channels": channels, "norm": "batch", "activation": "relu"}}] for channels in (32, 64)
]
SWEEPS = [[{"spatial_recurrent": {"cell": CELL, "units": units}}, {"norm": "batch"}] for units in (16, 32)]
POOLS = [[{"pool": 2}], [{"pool": 2}]]
PATCHES = [
    [{"spatial_recurrent": {"cell": CELL, "units": units, "patch": 2}}, {"norm": "batch"}]
    for units in (16, 32)
]
DENSE = ["flatten", {"dense": {"units": 128, "activation": "relu"}}, {"dropout": 0.2}]
READING = [
    {"to_sequence": "positions"},
    {"recurrent": {"cell": CELL, "units": 96, "direction": "both", "return": "last"}},
    {"dropout": 0.2},
]


def network(features: list[list[Any]], pools: list[list[Any]], end: list[Any]) -> list[Any]:
    """Features and pooling twice, then the end."""
    layers = [layer for pair in zip(features, pools, strict=True) for part in pair for layer in part]
    return [*layers, *end]


NETWORKS = {
    "convolution, pooling, dense": network(CONVOLUTIONS, POOLS, DENSE),
    "recurrence for convolution": network(SWEEPS, POOLS, DENSE),
    "recurrence for pooling": network(CONVOLUTIONS, PATCHES, DENSE),
    "recurrence for dense": network(CONVOLUTIONS, POOLS, READING),
    "recurrence for all three": network(SWEEPS, PATCHES, READING),
}


def main() -> None:
    asked = arguments()
    rows = []
    for name, layers in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            rows.append(trained(name, layers, asked, Path(folder)))
        print(rows[-1], file=sys.stderr, flush=True)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "data": Path(asked.data).name,
        "epochs": asked.epochs,
        "seed": asked.seed,
        "networks": rows,
    }
    text = table(result)
    print(text)
    keep("replacements", result, text)


def trained(name: str, layers: list[Any], asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    changes = (
        f"network={layers}",
        f"training.epochs={asked.epochs}",
    )
    model = plait.train(asked.data, changes=changes, seed=asked.seed, out=folder / "run")
    report = model.test()
    return {
        "network": name,
        **{key: report[key] for key in ("metric", "value", "low", "high", "examples", "parameters")},
        "training_seconds": report["training_seconds"],
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        "# Recurrence in the place of other layers",
        "",
        f"{result['data']}, {result['epochs']} epochs, seed {result['seed']}, cell {CELL}; scores of the test part "
        f"with 95 % intervals. Measured {result['date']} on {on(result['machine'])}.",
        "",
        "| network | test accuracy | training | parameters |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in result["networks"]:
        score = f"{100 * row['value']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        lines.append(
            f"| {row['network']} | {score} | {row['training_seconds']:.0f} s | {row['parameters']:,} |"
        )
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()

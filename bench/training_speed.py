"""Training speed side by side: the whole `plait train` path, a plain PyTorch loop, and Keras on TensorFlow.

The same network, pictures, batch and optimizer; each side in a process of its own with the same number of
threads, one after the other, in turns, so that a machine that changes its pace is unfair to nobody. The first
epoch is warm-up; the rate is pictures over seconds from its end to the last one's end. For plait these hold
everything the command does meanwhile: loading, validation, checkpoints, log. Prints the table and writes it,
and all numbers, into results/.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from common import answer, keep, machine, on, trained
from PIL import Image

HERE = Path(__file__).resolve().parent
CLASSES = 10
Side = Callable[["Case"], dict[str, Any]]


class Case(argparse.Namespace):
    """What every side is given."""

    folder: Path
    keras: str
    pictures: int
    epochs: int
    batch: int
    threads: int
    turns: int


def main() -> None:
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        asked.folder = Path(folder)
        make_data(asked)
        answers = measure(asked)
    result = summarize(asked, answers)
    text = table(result)
    print(text)
    keep("training_speed", result, text)


def make_data(case: Case) -> None:
    """Fixed pictures, as arrays and as class folders: a square's place and color tell the class, in noise."""
    draw = np.random.default_rng(0)
    targets = np.arange(case.pictures) % CLASSES
    pictures = _squares(targets, draw)
    np.savez(case.folder / "pictures.npz", pictures=pictures, targets=targets)
    _write_folders(case.folder / "train", pictures, targets)
    for part in ("val", "test"):  # as small as a part may be: the comparison is about training
        held = np.arange(2 * CLASSES) % CLASSES
        _write_folders(case.folder / "data" / part, _squares(held, draw), held)
    os.replace(case.folder / "train", case.folder / "data" / "train")


def _squares(targets: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """uint8 (examples, 32, 32, 3): noise, and in it each class's square."""
    pictures = draw.integers(0, 128, (len(targets), 32, 32, 3), dtype=np.uint8)
    for picture, target in zip(pictures, targets, strict=True):
        top, left = divmod(int(target), 4)
        picture[8 * top : 8 * top + 8, 8 * left : 8 * left + 8, target % 3] += 100
    return pictures


def measure(case: Case) -> dict[str, list[dict[str, Any]]]:
    """Every side's answers, turn by turn."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for turn in range(case.turns):
        for name, side in SIDES.items():
            answers[name].append(side(case))
            rate = answers[name][-1]["pictures_per_second"]
            print(
                f"turn {turn + 1} of {case.turns}: {name}: {rate:.0f} pictures/s", file=sys.stderr, flush=True
            )
    return answers


def plait_train(case: Case, precision: str) -> dict[str, Any]:
    """The whole `plait train` command on class folders; the seconds are those of its log."""
    settings = {"epochs": case.epochs, "batch_size": case.batch, "precision": precision}
    changes = [f"training.{key}={value}" for key, value in settings.items()]
    recipe = ["--recipe", str(HERE / "vgg.yaml")]
    return _in_pictures(trained(case.threads, case.folder / "data", changes, *recipe), case)


def plain_torch(case: Case) -> dict[str, Any]:
    return answer(case.threads, [sys.executable, str(HERE / "sides" / "torch_side.py"), *_common(case)])


def keras(case: Case, *options: str) -> dict[str, Any]:
    command = [case.keras, str(HERE / "sides" / "keras_side.py"), *_common(case), *options]
    return _in_pictures(answer(case.threads, command), case)


SIDES: dict[str, Side] = {
    "plait train, defaults": lambda case: plait_train(case, "auto"),
    "plait train, float32": lambda case: plait_train(case, "float32"),
    "plain PyTorch loop, float32": plain_torch,
    "Keras on TensorFlow, defaults": keras,
    "Keras on TensorFlow, mixed_bfloat16": lambda case: keras(case, "--bfloat16"),
}


def summarize(case: Case, answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Each side's median over the turns, and what it was measured on."""
    sides = {
        name: {
            "pictures_per_second": statistics.median(answer["pictures_per_second"] for answer in turns),
            "turns": [answer["pictures_per_second"] for answer in turns],
            **{key: turns[0][key] for key in ("parameters", "precision", "versions") if key in turns[0]},
        }
        for name, turns in answers.items()
    }
    settings = {key: getattr(case, key) for key in ("pictures", "epochs", "batch", "threads", "turns")}
    return {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), **settings, "sides": sides}


def table(result: dict[str, Any]) -> str:
    """Markdown: pictures a second, and each side as a multiple of the peers."""
    sides = result["sides"]
    rates = {name: side["pictures_per_second"] for name, side in sides.items()}
    lines = [
        "# Training speed",
        "",
        f"Pictures a second: 64-128-256-256 channels, 32x32 pictures, batch {result['batch']}, "
        f"{result['threads']} threads; median of {result['turns']} turns, measured {result['date']} "
        f"on {on(result['machine'])}.",
        "",
        "| | pictures/s | of Keras's defaults | of plain PyTorch | each turn |",
        "|---|---:|---:|---:|---|",
    ]
    for name, rate in rates.items():
        shares = [
            rate / rates[peer] for peer in ("Keras on TensorFlow, defaults", "plain PyTorch loop, float32")
        ]
        turns = ", ".join(f"{turn:.0f}" for turn in sides[name]["turns"])
        lines.append(
            f"| {_label(name, sides[name])} | {rate:.0f} | {shares[0]:.2f} | {shares[1]:.2f} | {turns} |"
        )
    return "\n".join(lines)


def arguments() -> Case:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras", required=True, help="the Python of the environment that has TensorFlow")
    parser.add_argument("--pictures", type=int, default=2560)
    parser.add_argument("--epochs", type=int, default=3, help="the first one is warm-up")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    return parser.parse_args(namespace=Case())


def _label(name: str, side: dict[str, Any]) -> str:
    """With the precision that plait chose by itself."""
    return f"{name} ({side['precision']})" if name.endswith("defaults") and "precision" in side else name


def _write_folders(folder: Path, pictures: np.ndarray, targets: np.ndarray) -> None:
    for number, (picture, target) in enumerate(zip(pictures, targets, strict=True)):
        place = folder / f"class-{target}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:05}.png", compress_level=1)


def _in_pictures(found: dict[str, Any], case: Case) -> dict[str, Any]:
    return {"pictures_per_second": found.pop("steps_per_second") * case.batch} | found


def _common(case: Case) -> list[str]:
    numbers = {"--epochs": case.epochs, "--batch": case.batch, "--threads": case.threads}
    words = [word for key, value in numbers.items() for word in (key, str(value))]
    return [str(case.folder / "pictures.npz"), *words]


if __name__ == "__main__":
    main()

"""Test scores on public sets of recordings, with the default recipes where nothing is said.

python bench/sounds.py DATA [classes words two strings an4 commonvoice] [--seeds N] [--set KEY=VALUE]: DATA holds fsdd/,
an4/ and commonvoice_en/. Of fsdd the official test (takes 0 to 4), as classes, as transcripts of one word, sixty of
them in a language of two words, and as digit strings: 3 to 7 recordings of a speaker joined with gaps, gains and noise
at 20 dB, those for the test of takes 0 to 4. Of an4 the features (.mfc) as .npy and the official test, by the likeliest
symbols and again by a beam with the 3-grams of the training transcripts. Writes bench/results/sounds.json. The sets
without_george ... without_yweweler are fsdd's classes with one speaker held out.
"""

import argparse
import csv
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import added

import plait

RECIPES = Path(__file__).parent.parent / "recipes"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
RATE = 8000
STRINGS = {"train": 1500, "test": 200}
NOISE_DB = 20


@dataclass(frozen=True)
class Set:
    """``make`` writes the data into a folder and returns what to train on."""

    make: Callable[[Path, Path], Path]
    recipe: str | None = None
    changes: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    """How answers are read for a second score of the same network."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a value of the recipe")
    asked = parser.parse_args()
    for name in asked.sets:
        with tempfile.TemporaryDirectory() as folder:
            source = SETS[name].make(asked.data.resolve(), Path(folder))
            runs = [_run(source, SETS[name], seed, asked.changes) for seed in range(asked.seeds)]
        added("sounds", name, _summary(runs) | {"changes": asked.changes})


def _run(source: Path, of: Set, seed: int, changes: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = plait.train(
            source,
            recipe=RECIPES / of.recipe if of.recipe else None,
            changes=[*of.changes, *changes],
            seed=seed,
            out=Path(folder) / "run",
        )
        report = model.test()
        again = model.test(changes=of.otherwise) if of.otherwise else None
    for one in filter(None, (report, again)):
        print(seed, one["metric"], one["value"], one["low"], one["high"], flush=True)
    return {
        "metric": report["metric"],
        "otherwise": again and again["value"],
        "value": report["value"],
        "low": report["low"],
        "high": report["high"],
        "character_error_rate": report["scores"].get("character_error_rate"),
        "baseline": report["baseline"]["value"],
        "seconds": report["training_seconds"],
        "processor": report["environment"]["processor"],
        "kernels": report["environment"]["kernels"],
    }


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    values = [run["value"] for run in runs]
    again = [run["otherwise"] for run in runs if run["otherwise"] is not None]
    return runs[0] | {
        "value": statistics.mean(values),
        "values": values,
        "otherwise": statistics.mean(again) if again else None,
        "seconds": statistics.mean(run["seconds"] for run in runs),
    }


def _classes(data: Path, folder: Path) -> Path:
    rows = [(path, digit, _part(take)) for path, digit, _, take in _fsdd(data)]
    return _table(folder / "digits.csv", ("audio", "label", "split"), rows)


def _words(data: Path, folder: Path) -> Path:
    rows = [(path, WORDS[int(digit)], _part(take)) for path, digit, _, take in _fsdd(data)]
    return _table(folder / "words.csv", ("audio", "text", "split"), rows)


def _without(speaker: str, data: Path, folder: Path) -> Path:
    """The classes, one speaker heard in the test alone."""
    rows = [(path, digit, "test" if who == speaker else "train") for path, digit, who, _ in _fsdd(data)]
    return _table(folder / "digits.csv", ("audio", "label", "split"), rows)


def _two(data: Path, folder: Path) -> Path:
    """Sixty recordings of a language of two words, which plait divides itself."""
    found = [(path, WORDS[int(digit)]) for path, digit, _, _ in _fsdd(data) if digit in "01"]
    chosen = np.random.default_rng(0).permutation(len(found))[:60]
    return _table(folder / "two.csv", ("audio", "text"), [found[place] for place in chosen.tolist()])


def _strings(data: Path, folder: Path) -> Path:
    """Strings of one speaker's recordings; a speaker is in both parts, a recording in one."""
    draw = np.random.default_rng(0)
    rows = []
    for part, count in STRINGS.items():
        pools: dict[str, list[tuple[Path, str]]] = {}
        for path, digit, speaker, take in _fsdd(data):
            if _part(take) == part:
                pools.setdefault(speaker, []).append((path, digit))
        for number in range(count):
            pool = pools[str(draw.choice(sorted(pools)))]
            chosen = [pool[place] for place in draw.integers(0, len(pool), draw.integers(3, 8))]
            name = f"{part}_{number}.wav"
            soundfile.write(folder / name, _joined([path for path, _ in chosen], draw), RATE)
            rows.append((name, " ".join(WORDS[int(digit)] for _, digit in chosen), part))
    return _table(folder / "strings.csv", ("audio", "text", "split"), rows)


def _joined(paths: Sequence[Path], draw: np.random.Generator) -> np.ndarray:
    """Recordings with gaps of 0.05 to 0.5 s, each up to 6 dB louder or softer, in white noise at NOISE_DB."""
    pieces = []
    for path in paths:
        pieces += [
            np.zeros(int(RATE * draw.uniform(0.05, 0.5))),
            soundfile.read(path)[0] * 10 ** (draw.uniform(-6, 6) / 20),
        ]
    whole = np.concatenate([*pieces, np.zeros(int(RATE * draw.uniform(0.05, 0.5)))])
    loud = np.sqrt(np.mean(whole**2)) * 10 ** (-NOISE_DB / 20)
    return np.clip(whole + loud * draw.standard_normal(len(whole)), -1, 1)


def _an4(data: Path, folder: Path) -> Path:
    """The .mfc files as .npy; the speaker is the folder's name."""
    rows = []
    for part in ("train", "test"):
        names = (data / "an4" / "etc" / f"an4_{part}.fileids").read_text().split()
        said = (data / "an4" / "etc" / f"an4_{part}.transcription").read_text().splitlines()
        for name, line in zip(names, said, strict=True):
            content = (data / "an4" / "feat" / f"{name}.mfc").read_bytes()
            frames = np.frombuffer(content, ">f4", offset=4).reshape(-1, 13).astype(np.float32)
            place = f"{Path(name).name}.npy"
            np.save(folder / place, frames)
            text = line.rpartition(" (")[0].replace("<s>", "").replace("</s>", "").strip()
            rows.append((place, text, part, Path(name).parent.name))
    return _table(folder / "an4.csv", ("features", "text", "split", "speaker"), rows)


def _commonvoice(data: Path, folder: Path) -> Path:
    shutil.copytree(data / "commonvoice_en", folder / "commonvoice")
    return folder / "commonvoice"


def _fsdd(data: Path) -> list[tuple[Path, str, str, int]]:
    """Path, digit, speaker and take of every recording."""
    found = []
    for path in sorted((data / "fsdd" / "recordings").glob("*.wav")):
        digit, speaker, take = path.stem.split("_")
        found.append((path, digit, speaker, int(take)))
    return found


def _part(take: int) -> str:
    return "test" if take < 5 else "train"


def _table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


SETS = {
    "classes": Set(_classes),
    "words": Set(_words),
    "two": Set(_two),
    "strings": Set(_strings),
    "an4": Set(
        _an4,
        "speech-recognition-features.yaml",
        otherwise=("decoding.width=16", "decoding.language=transcripts"),
    ),
    "commonvoice": Set(_commonvoice),
    **{f"without_{speaker}": Set(partial(_without, speaker)) for speaker in SPEAKERS},
}


if __name__ == "__main__":
    main()

"""What the benches share: the machine they name, sides in processes of their own, and where results lie."""

import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, Any]:
    """The processor, and whether it multiplies bfloat16 in hardware."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = found.get("flags", "").split()
    kinds = [label for flag, label in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512-BF16")) if flag in flags]
    return {
        "processor": found.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "bfloat16": " and ".join(kinds) or "no bfloat16 in hardware",
        "python": platform.python_version(),
    }


def on(machine: dict[str, Any]) -> str:
    """The machine in words."""
    return f"{machine['processor']} ({machine['cores']} cores, {machine['bfloat16']})"


def answer(threads: int, command: Sequence[str]) -> dict[str, Any]:
    """Runs one side with so many threads; its standard output is one JSON document."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2"} | os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, check=True, text=True, encoding="utf-8"
    )
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def trained(threads: int, data: Path, changes: Sequence[str], *options: str) -> dict[str, Any]:
    """The whole `plait train` command in a process of its own; its steps a second are those of its log, from the first
    validation to the last."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        sets = [word for change in changes for word in ("--set", change)]
        command = [
            sys.executable,
            "-m",
            "plait",
            "train",
            str(data),
            *options,
            *sets,
            "--out",
            str(run),
            "--json",
        ]
        report = answer(threads, command)
        outcome = json.loads((run / "training.json").read_text(encoding="utf-8"))
        with (run / "log.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    steps, seconds = (float(rows[-1][name]) - float(rows[0][name]) for name in ("step", "seconds"))
    return {
        "steps_per_second": steps / seconds,
        "parameters": report["parameters"],
        "precision": outcome["precision"],
        "versions": {"plait": report["environment"]["plait"]},
    }


def added(name: str, part: str, result: dict[str, Any]) -> None:
    """One part's numbers into results/NAME.json, where those of other parts stay; printed too."""
    path = RESULTS / f"{name}.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[part] = result
    print(part, json.dumps(result), flush=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def keep(name: str, result: dict[str, Any], text: str) -> None:
    """The numbers as JSON and the table as Markdown, into results/."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text + "\n", encoding="utf-8")

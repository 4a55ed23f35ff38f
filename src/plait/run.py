"""Run: the folder that a training made, and the network in it."""

import csv
import json
import platform
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from plait import __version__
from plait.data.gather import Gathered
from plait.errors import RunError
from plait.files import replacing, write_text
from plait.inference.input import Array
from plait.inference.spec import ModelSpec
from plait.media import MEDIA, Medium
from plait.recipe import Recipe, read_recipe
from plait.tasks import Task
from plait.tasks.task import as_tuple
from plait.training import Outcome

WEIGHTS = "weights.safetensors"
PRETRAINING = "pretraining"
"""The folder of what was learnt before the task."""
CREATED = ("recipe.yaml", "examples.csv", "environment.json", "data.json", "model.json")
"""Files that are written before training, the last first."""


@dataclass(frozen=True)
class Run:
    """A run folder: recipe.yaml, environment.json, model.json, data.json, examples.csv, weights, log, report."""

    folder: Path
    recipe: Recipe
    spec: ModelSpec
    data: dict[str, Any]

    @classmethod
    def create(
        cls, folder: Path, recipe: Recipe, spec: ModelSpec, data: dict[str, Any], gathered: Gathered
    ) -> "Run":
        """Writes everything that is known before training; recipe.yaml comes last and makes the folder a run."""
        run = cls(folder, recipe, spec, data)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run.write("model.json", spec.to_json())
            run.write("data.json", data)
            run.write("environment.json", environment())
            _write_examples(folder / "examples.csv", gathered)
            write_text(folder / "recipe.yaml", recipe.to_yaml())
        except OSError as error:
            run.discard()
            raise RunError(
                f"the run's folder {folder} cannot be written ({error.strerror}): choose another --out"
            ) from error
        return run

    def discard(self) -> None:
        """Takes back what ``create`` wrote; the folder too, unless something else lies in it."""
        for name in CREATED:
            with suppress(OSError):
                (self.folder / name).unlink()
        with suppress(OSError):
            self.folder.rmdir()

    @classmethod
    def open(cls, folder: str | Path, own: nn.Module | None = None) -> "Run":
        """Raises RunError where ``folder`` is no run; ``own`` is the user's module that it was trained on."""
        folder = Path(folder)
        if not (folder / "recipe.yaml").is_file():
            raise RunError(
                f"{folder} is no run: it holds no recipe.yaml; a run is the folder that plait train made"
            )
        try:
            # What an older plait did not write is as the default recipe says.
            recipe = read_recipe(folder / "recipe.yaml")
            recipe = recipe if own is None else recipe.with_own(own)
            spec = ModelSpec.from_json(_read(folder / "model.json"))
            return cls(folder, recipe, spec, _read(folder / "data.json"))
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"{folder} is damaged: {error}") from error

    @property
    def started(self) -> bool:
        """Whether its training has begun."""
        return any((self.folder / name).exists() for name in ("plan.json", PRETRAINING))

    @property
    def trained(self) -> bool:
        """Whether there are weights (of an interrupted training: the best so far)."""
        return (self.folder / WEIGHTS).is_file()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: trained to the end, and the report written."""
        names = (WEIGHTS, "training.json", "report.json", "report.html")
        return (
            all((self.folder / name).is_file() for name in names)
            and not self.read("training.json")["interrupted"]
        )

    @property
    def medium(self) -> Medium:
        """What is to be said of the run's kind of input."""
        return MEDIA[self.recipe.task]

    def task(self) -> Task:
        return self.medium.task(self.spec, self.recipe, self.data["counts"])

    def empty_network(self) -> nn.Module:
        """The network of the recipe, weights drawn by the recipe's seed; nothing is fitted to the data yet."""
        torch.manual_seed(self.recipe.training.seed)
        return self.medium.network(self.task(), self.recipe, self.spec.input)

    def network(self) -> nn.Module:
        """The trained network, in evaluation mode; raises RunError where training has not finished, or the weights are
        another network's."""
        weights = self.weights()
        network = self.empty_network()
        passing = {name: value for name, value in network.state_dict().items() if self._passes(name)}
        self._refuse_others(network.state_dict(), passing | weights)
        network.load_state_dict(passing | weights)
        return network.eval()

    def _refuse_others(self, wanted: dict[str, Tensor], found: dict[str, Tensor]) -> None:
        """Raises RunError unless ``found`` are weights of the names and shapes ``wanted``."""
        odd = [
            name
            for name in sorted(wanted.keys() | found.keys())
            if name not in wanted or name not in found or wanted[name].shape != found[name].shape
        ]
        if odd:
            more = f" (and {len(odd) - 1} more)" if odd[1:] else ""
            raise RunError(
                f"{self.folder / WEIGHTS} holds weights of another network: {odd[0]}{more} differs. Was "
                f"{self.folder / 'recipe.yaml'} changed after the training, or the run made by another version of "
                f"plait ({self.read('environment.json').get('plait')}; this is {__version__})? Then train again"
            )

    def weights(self) -> dict[str, Tensor]:
        """The trained ones, by name; raises RunError where there are none, or they cannot be read."""
        if not self.trained:
            raise RunError(
                f"{self.folder} has not finished training; go on with: plait train --resume {self.folder}"
            )
        try:
            return load_file(self.folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"{self.folder / WEIGHTS} is damaged: {error}; if its checkpoints are whole, delete it and go on with: "
                f"plait train --resume {self.folder}"
            ) from error

    def save_weights(self, network: nn.Module) -> None:
        weights = {
            name: value.detach().cpu().contiguous()
            for name, value in network.state_dict().items()
            if not self._passes(name)
        }
        # save_file would let nobody else read them.
        with replacing(self.folder / WEIGHTS) as temporary:
            temporary.write_bytes(save(weights))

    def _passes(self, name: str) -> bool:
        """Whether a value is only of a training in progress."""
        return bool(self.medium.passing) and name.startswith(self.medium.passing)

    def after_training(self, outcome: Outcome) -> "Run":
        """Records what a training did; its recipe says what was measured (precision, steps), to be repeated."""
        self.write(
            "training.json",
            {
                "training_seconds": outcome.seconds,
                "steps": outcome.steps,
                "best_step": outcome.best_step,
                "best_score": outcome.best_score,
                "precision": outcome.precision,
                "interrupted": outcome.interrupted,
                "history": outcome.history,
            },
        )
        self.write("environment.json", self.read("environment.json") | {"precision": outcome.precision})
        recipe = self.recipe
        if not outcome.interrupted:
            recipe = recipe.with_values(training={"precision": outcome.precision})
            if recipe.training.minutes is not None:
                recipe = recipe.with_values(training={"minutes": None, "steps": outcome.steps})
        return self.with_recipe(recipe).with_spec(trained_on=f"{datetime.now(UTC):%Y-%m-%d}")

    def train_digests(self) -> set[str]:
        with (self.folder / "examples.csv").open(encoding="utf-8", newline="") as file:
            return {row["digest"] for row in csv.DictReader(file) if row["split"] == "train"}

    def read(self, name: str) -> dict[str, Any]:
        return _read(self.folder / name)

    def write(self, name: str, values: dict[str, Any]) -> None:
        """JSON, replaced whole."""
        write_text(self.folder / name, json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False))

    def with_recipe(self, recipe: Recipe) -> "Run":
        """The same run with more of its recipe settled."""
        write_text(self.folder / "recipe.yaml", recipe.to_yaml())
        run = replace(self, recipe=recipe)
        return run.with_spec(recipe=recipe.model_dump(mode="json"))

    def with_spec(self, **changes: Any) -> "Run":
        """The same run with some values of its model replaced (scores, after a test)."""
        run = replace(self, spec=replace(self.spec, **changes))
        run.write("model.json", run.spec.to_json())
        return run


class RunPredictor:
    """A run's network behind the interface of a deployed model."""

    def __init__(self, run: Run, network: nn.Module | None = None) -> None:
        """``network`` is the run's, where it has been opened already."""
        self.spec = run.spec
        self._network = run.network() if network is None else network

    @torch.inference_mode()
    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """The arrays of one batch, one for each of the input's ports, to one for each of the spec's outputs."""
        given = as_tuple(self._network(*map(torch.from_numpy, inputs)))
        return tuple(one.float().numpy() for one in given)


def new_folder(source: str, out: str | Path | None) -> Path:
    """``out``, or the next free runs/NAME-1, -2, ... in this folder.

    Raises RunError where it holds a run already, or lies within the data, where nothing is ever written.
    """
    folder = free_folder(source) if out is None else Path(out)
    if (folder / "recipe.yaml").exists():
        raise RunError(
            f"{out} holds a run already: choose another --out, or go on with plait train --resume {out}"
        )
    data = Path(source).resolve()
    if data.is_dir() and folder.resolve().is_relative_to(data):
        raise RunError(f"{folder} lies within the data, where nothing is written: choose another --out")
    return folder


def free_folder(source: str, suffix: str = "") -> Path:
    """The next free runs/NAME-1, -2, ... in this folder."""
    name = (Path(source).resolve().stem or "data") + suffix
    number = 1
    while (folder := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return folder


def environment() -> dict[str, Any]:
    """What the run was made with: versions, processor, threads."""
    return {
        "plait": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "lightning": version("lightning"),
        "numpy": np.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def _write_examples(path: Path, gathered: Gathered) -> None:
    frame = gathered.table.frame
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "row", "split", "target", "digest"])
        for name, row, part, target, digest in zip(
            frame["file"], frame["row"], frame["split"], frame["target"], gathered.digests, strict=True
        ):
            writer.writerow([name, "" if row is None else row, part, _cell(target), digest])


def _cell(target: object) -> str:
    return "|".join(target) if isinstance(target, tuple) else str(target)

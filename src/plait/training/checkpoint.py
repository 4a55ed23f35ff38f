"""Checkpoints: folders of safetensors and JSON either whole or passed over with a warning.

checkpoints/step-00001200/ holds weights, averaged and optimizer as safetensors, and state.json with the
SHA-256 of each and of the best weights so far, which lie in checkpoints/best-00000900.safetensors.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from plait.files import replacing, unwritable_explained

FORMAT = 1
KEPT = 2
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run goes on from. ``parts`` are named tensors; ``best`` are the weights, {} before any."""

    step: int
    parts: dict[str, Tensors]
    best_step: int
    best: Tensors
    state: dict[str, Any]
    """Whatever else, as JSON."""


class Checkpoints:
    """One run's checkpoints. Each is written under a temporary name, synced, renamed; the newest two stay."""

    def __init__(self, folder: Path, run: Path | None = None) -> None:
        """``run`` is what a person resumes; the folder above, unless it is told."""
        self.folder = folder
        self.run = run or folder.parent

    def save(self, checkpoint: Checkpoint) -> None:
        """Raises RunError where the disk is full, or the folder gone; the checkpoints before stay as they are."""
        with unwritable_explained(self.folder, f"go on with plait train --resume {self.run}"):
            try:
                self._write(checkpoint)
            finally:
                self._sweep()

    def newest(self) -> Checkpoint | None:
        """The newest that is whole, None without any; warns of each damaged one that it passes over."""
        for path in reversed(self._steps()):
            try:
                return self.read(path)
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                warnings.warn(f"{path} is damaged and passed over: {error}", UserWarning, stacklevel=2)
        return None

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def read(self, path: Path) -> Checkpoint:
        """Raises OSError, ValueError, KeyError or SafetensorError where ``path`` is damaged."""
        state = _read_state(path / "state.json")
        parts = {name: _read(path / f"{name}.safetensors", digest) for name, digest in state["parts"].items()}
        best = _read(self._best(state["best_step"]), state["best"]) if state["best"] else {}
        return Checkpoint(int(state["step"]), parts, int(state["best_step"]), best, dict(state["state"]))

    def _write(self, checkpoint: Checkpoint) -> None:
        temporary = self.folder / ".writing"
        temporary.mkdir(parents=True, exist_ok=True)
        state = {
            "format": FORMAT,
            "step": checkpoint.step,
            "parts": {
                name: _write(temporary / f"{name}.safetensors", tensors)
                for name, tensors in checkpoint.parts.items()
            },
            "best_step": checkpoint.best_step,
            "best": self._write_best(checkpoint),
            "state": checkpoint.state,
        }
        _write_bytes(temporary / "state.json", json.dumps(state | {"sha256": _seal(state)}).encode())
        _sync_folder(temporary)
        if self.path(checkpoint.step).exists():
            shutil.rmtree(self.path(checkpoint.step))
        os.replace(temporary, self.path(checkpoint.step))
        _sync_folder(self.folder)

    def _write_best(self, checkpoint: Checkpoint) -> str:
        """Written once a best step, under its number: an older checkpoint's best is never replaced."""
        if not checkpoint.best:
            return ""
        path = self._best(checkpoint.best_step)
        content = _content(checkpoint.best)
        digest = hashlib.sha256(content).hexdigest()
        if not path.exists() or _digest(path) != digest:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        return digest

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step:08d}.safetensors"

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _sweep(self) -> None:
        """Removes the half written, all but the newest checkpoints, and best weights none of them names."""
        for path in self.folder.glob(".best-*"):
            path.unlink(missing_ok=True)
        steps = self._steps()
        for path in [self.folder / ".writing", *steps[:-KEPT]]:
            shutil.rmtree(path, ignore_errors=True)
        named = {self._best(_best_step(path)) for path in steps[-KEPT:]}
        for path in set(self.folder.glob("best-*.safetensors")) - named:
            path.unlink(missing_ok=True)


def _content(tensors: Tensors) -> bytes:
    content: bytes = safetensors.torch.save(
        {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    )
    return content


def _write(path: Path, tensors: Tensors) -> str:
    """Writes and syncs; gives the SHA-256."""
    content = _content(tensors)
    _write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, digest: str) -> Tensors:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path.name} is not what was written")
    tensors: Tensors = safetensors.torch.load(content)
    return tensors


def _read_state(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(path.read_bytes())
    seal = state.pop("sha256")
    if seal != _seal(state):
        raise ValueError(f"{path.name} is not what was written")
    if state["format"] != FORMAT:
        raise ValueError(f"its format is {state['format']!r}, and this plait reads {FORMAT}")
    return state


def _seal(state: dict[str, Any]) -> str:
    """SHA-256 of the state in a form that reading and writing JSON does not change."""
    return hashlib.sha256(json.dumps(state, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _best_step(path: Path) -> int:
    """-1 for a damaged checkpoint, which names no best weights."""
    try:
        return int(_read_state(path / "state.json")["best_step"])
    except (OSError, ValueError, KeyError):
        return -1


def _sync_folder(path: Path) -> None:
    """Makes the names in a folder durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

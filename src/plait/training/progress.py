"""Progress: what a person sees while training runs; a bar on a terminal, elsewhere one line a validation."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from torch import Tensor

REFRESH_SECONDS = 0.2


class Progress(ABC):
    """Told of every step and validation."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Shows a line that stays."""

    @abstractmethod
    def stepped(self, step: int, loss: Tensor) -> None:
        """After each step; must cost next to nothing."""

    @abstractmethod
    def validated(self, row: dict[str, float]) -> None:
        """After each validation, with its row of the history."""

    @abstractmethod
    def close(self) -> None:
        """At the end, however training ended."""


def make_progress(
    start: int, total: int, shown: Callable[[float], str], stream: TextIO | None = None
) -> Progress:
    """A bar where ``stream`` (standard error) is a terminal, lines elsewhere; ``shown`` says a score in words."""
    console = _Console(file=stream or sys.stderr)
    kind = Bar if console.is_terminal else Lines
    return kind(console, start, total, shown)


class _Console(Console):
    """One whose reader may leave: rich would end the program with it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Bar(Progress):
    """A bar with loss, validation score and remaining time, drawn at most five times a second."""

    def __init__(self, console: Console, start: int, total: int, shown: Callable[[float], str]) -> None:
        self._shown = shown
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
        )
        self._progress = RichProgress(*columns, console=console, auto_refresh=False)
        self._task = self._progress.add_task("", total=total, completed=start)
        self._drawn = time.monotonic()
        self._score = ""
        self._progress.start()

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def stepped(self, step: int, loss: Tensor) -> None:
        now = time.monotonic()
        if now - self._drawn >= REFRESH_SECONDS:
            self._drawn = now
            self._draw(step, f"loss {loss.item():.3f}{self._score}")

    def validated(self, row: dict[str, float]) -> None:
        self._score = f"  validation {self._shown(row['validation_score'])}"
        self._draw(int(row["step"]), f"loss {row['loss']:.3f}{self._score}")

    def close(self) -> None:
        self._progress.stop()

    def _draw(self, step: int, description: str) -> None:
        self._progress.update(self._task, completed=step, description=description, refresh=True)


class Lines(Progress):
    """One line a validation."""

    def __init__(self, console: Console, start: int, total: int, shown: Callable[[float], str]) -> None:
        self._shown = shown
        self._console = console
        self._start = start
        self._total = total
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stepped(self, step: int, loss: Tensor) -> None:
        """Nothing: lines come with validations."""

    def validated(self, row: dict[str, float]) -> None:
        step = int(row["step"])
        left = (time.monotonic() - self._began) / max(step - self._start, 1) * (self._total - step)
        self.say(
            f"step {step}/{self._total}, epoch {row['epoch']:g}: loss {row['loss']:.4f}, validation loss "
            f"{row['validation_loss']:.4f}, {self._shown(row['validation_score'])}; {_duration(left)} left"
        )

    def close(self) -> None:
        """Nothing to put away."""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"

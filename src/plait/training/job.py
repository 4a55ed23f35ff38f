"""Job and Outcome: what training is given and what it answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.training.options import TrainingOptions


@dataclass(frozen=True)
class Job:
    """Everything a training needs.

    ``batches(start, total)`` gives the batches numbered start, start + 1, ..., total - 1 of the whole run,
    each a pure function of its number. ``validate(network)`` gives {"score": higher is better, "loss": lower
    is better} of a network in any mode, and may give the score's standard "error", and "shown", which gives lines for
    the person after so many steps.
    ``mix(batch, number)`` changes a batch as a whole. ``network`` holds the initial weights, also when resuming: a
    run killed before its first checkpoint starts over from them.
    """

    network: nn.Module
    loss: Callable[[Any, Tensor], Tensor]
    """Of the network's answer, a tensor or several in a tuple, in float32."""
    batches: Callable[[int, int], Iterable[Batch]]
    steps_per_epoch: int
    """Batches in one pass over the training part."""
    validate: Callable[[nn.Module], dict[str, Any]]
    mix: Callable[[Batch, int], Batch] | None
    options: TrainingOptions
    folder: Path
    fingerprint: str
    """Of the data: resuming with another is refused."""
    resume: bool
    checkpoint_seconds: float = 5.0
    """Between two checkpoints that are quick to write; slow ones come further apart, up to a minute."""
    make_optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None
    """The user's own, in place of the recipe's."""
    shown: Callable[[float], str] = "score {:.4f}".format
    """A validation's score for people."""
    resumed_by: Path | None = None
    """The run's folder that a person resumes it by, where that is not ``folder``."""
    save: Callable[[nn.Module], None] | None = None
    """Keeps the trained network; called while Ctrl-C is still waited for, so that a stop never comes in between."""

    @property
    def run(self) -> Path:
        """What is named in ``plait train --resume``."""
        return self.resumed_by or self.folder


@dataclass(frozen=True)
class Outcome:
    """What a training did; the job's network holds the weights of ``best_step``."""

    steps: int
    best_step: int
    best_score: float
    history: list[dict[str, float]]
    """A row a validation: epoch, step, loss, validation_loss, validation_score, learning_rate, seconds."""
    seconds: float
    """From the first step to the saved weights, validation included, over all resumptions."""
    interrupted: bool
    precision: str
    folder: Path

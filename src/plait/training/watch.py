"""Watch: what happens between steps: validation, best weights, log, checkpoints, stopping early."""

import math
import time
from typing import Any

import lightning.pytorch as lightning
import torch

from plait.errors import RunError
from plait.training.checkpoint import Checkpoints, Tensors
from plait.training.engine import Training
from plait.training.events import Events
from plait.training.interrupt import Interrupt
from plait.training.job import Job
from plait.training.plan import validations
from plait.training.progress import Progress
from plait.training.record import Record

LONGEST_PAUSE = 60.0
QUICK_WRITE = 0.1


def stopped_early(job: Job, record: Record) -> bool:
    """Whether the score has not improved for as many validations as the recipe waits."""
    return 0 < job.options.early_stopping <= record.waited


class Watch(lightning.Callback):
    """Called by Lightning after every step; costs next to nothing where there is nothing to do."""

    def __init__(
        self,
        module: Training,
        checkpoints: Checkpoints,
        interrupt: Interrupt,
        progress: Progress,
        events: Events,
    ) -> None:
        self._module = module
        self._job = module.job
        self._validations = validations(module.job, module.plan.total_steps)
        self._checkpoints = checkpoints
        self._interrupt = interrupt
        self._progress = progress
        self._events = events

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._interrupt.listen()
        self._began = time.monotonic() - self._module.record.seconds
        self._saved = time.monotonic()
        self._pause = self._job.checkpoint_seconds

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        module = self._module
        step = module.record.step
        self._progress.stepped(step, outputs["loss"])
        if step in self._validations:
            self._validate(trainer)
        if self._interrupt.requested or stopped_early(self._job, module.record):
            trainer.should_stop = True
        elif time.monotonic() - self._saved >= self._pause:
            self._save(trainer)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._save(trainer)

    def _validate(self, trainer: lightning.Trainer) -> None:
        module, record = self._module, self._module.record
        loss = module.loss_sum.item() / max(record.loss_steps, 1)
        with trainer.precision_plugin.val_step_context():
            scores = self._job.validate(module.chosen)
        module.network.train()
        self._refuse_nonsense(record.step, loss, scores["loss"])
        row = {
            "epoch": round(record.step * self._job.options.accumulate / self._job.steps_per_epoch, 3),
            "step": record.step,
            "loss": loss,
            "validation_loss": scores["loss"],
            "validation_score": scores["score"],
            "learning_rate": module.stepper.learning_rate(record.step - 1),
            "seconds": round(time.monotonic() - self._began, 3),
        }
        module.loss_sum.zero_()
        if record.add(row, scores.get("error", 0.0)):
            module.best = _copy(module.chosen)
        record.write_log(self._job.folder / "log.csv")
        self._events.write(row)
        self._progress.validated(row)
        if "shown" in scores:
            for line in scores["shown"](record.step):
                self._progress.say(line)

    def _refuse_nonsense(self, step: int, *losses: float) -> None:
        if not all(map(math.isfinite, losses)):
            raise RunError(
                f"the loss is not a finite number any more at step {step}: training has diverged. Lower "
                f"training.optimizer.learning_rate (it is {self._job.options.optimizer.learning_rate:g}), "
                "or set training.clip"
            )

    def _save(self, trainer: lightning.Trainer) -> None:
        record = self._module.record
        self._refuse_nonsense(record.step, self._module.loss_sum.item())
        started = time.monotonic()
        record.seconds = started - self._began
        trainer.save_checkpoint(self._checkpoints.path(record.step), weights_only=False)
        self._saved = time.monotonic()
        self._pause = _pause(self._job.checkpoint_seconds, self._saved - started)
        record.seconds = self._saved - self._began


def _pause(asked: float, wrote: float) -> float:
    """Seconds to the next checkpoint, after one that took ``wrote`` seconds: about a fiftieth of the time is spent."""
    return min(LONGEST_PAUSE, asked * max(1.0, wrote / QUICK_WRITE))


def _copy(network: torch.nn.Module) -> Tensors:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

"""Engine: Lightning's Trainer around the steps: devices, precision and the loop; a step is Stepper's."""

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.plugins.io import CheckpointIO
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.training.averaging import averaged_copy
from plait.training.checkpoint import Checkpoint, Checkpoints, Tensors
from plait.training.job import Job
from plait.training.plan import Plan
from plait.training.precision import device, placed
from plait.training.record import Record
from plait.training.stepper import Stepper, step_groups, to_device

_TRAINER_PRECISION = {"bfloat16": "bf16-mixed", "float32": "32-true"}


class Training(lightning.LightningModule):
    """The network, its average, and what a checkpoint holds of them."""

    def __init__(self, job: Job, plan: Plan) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = placed(job.network).train()
        self.averaged = averaged_copy(self.network) if job.options.averaging else None
        self.record = Record()
        self.best: Tensors = {}
        self.loss_sum = torch.zeros(())
        self.job = job
        self.plan = plan

    @property
    def chosen(self) -> nn.Module:
        """What is validated and, where best, kept."""
        return self.network if self.averaged is None else self.averaged

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.stepper = Stepper(self.job, self.network, self.averaged, self.plan.total_steps)
        return self.stepper.optimizer

    def transfer_batch_to_device(
        self, batch: list[Batch], device: torch.device, dataloader_idx: int
    ) -> list[Batch]:
        return [to_device(one, device) for one in batch]

    def on_train_start(self) -> None:
        self.loss_sum = torch.tensor(self.record.loss_sum, device=self.device)
        _lay_out_like_weights(self.stepper.optimizer)

    def training_step(self, batch: list[Batch], batch_idx: int) -> Tensor:
        loss = self.stepper.advance(self.record.step, batch, self.manual_backward)
        self.loss_sum += loss
        self.record.loss_steps += 1
        self.record.step += 1
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.record.loss_sum = self.loss_sum.item()
        checkpoint["plait"] = {"record": self.record.to_json(), "best": self.best}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.record = Record.from_json(checkpoint["plait"]["record"])
        self.best = checkpoint["plait"]["best"]


class SafeCheckpointIO(CheckpointIO):
    """Lightning's checkpoints in our own format: nothing in them can be executed."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        self._checkpoints.save(_ours(checkpoint))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return _lightnings(self._checkpoints.read(Path(path)))

    def remove_checkpoint(self, path: Any) -> None:
        shutil.rmtree(path)


def fit(module: Training, watch: lightning.Callback, checkpoints: Checkpoints, start: int | None) -> None:
    """Runs the steps from checkpoint ``start`` (None: the beginning) to the last or until ``watch`` stops."""
    with _quiet():
        trainer = lightning.Trainer(
            accelerator=device().type,
            devices=1,
            precision=_TRAINER_PRECISION[module.plan.precision],  # type: ignore[arg-type, unused-ignore]
            plugins=[SafeCheckpointIO(checkpoints), LightningEnvironment()],
            callbacks=[watch],
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=module.job.folder,
        )
        steps = _Steps(module.job, start or 0, module.plan.total_steps)
        trainer.fit(module, steps, ckpt_path=None if start is None else checkpoints.path(start))


class _Steps:
    """One flat sequence of steps: Lightning sees a single epoch of unknown length."""

    def __init__(self, job: Job, start: int, total: int) -> None:
        self._arguments = (job, start, total)

    def __iter__(self) -> Iterator[list[Batch]]:
        return step_groups(*self._arguments)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice is about choices that are made here, not by the user."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        logger.setLevel(level)


def _ours(checkpoint: dict[str, Any]) -> Checkpoint:
    """What Lightning wants saved, as named tensors and JSON."""
    record = checkpoint["plait"]["record"]
    (optimizer,) = checkpoint["optimizer_states"]
    values = {
        f"{number}.{name}": value
        for number, state in optimizer["state"].items()
        for name, value in state.items()
    }
    parts = {
        "weights": _under("network.", checkpoint["state_dict"]),
        "averaged": _under("averaged.", checkpoint["state_dict"]),
        "optimizer": values,
    }
    state = {
        "record": record,
        "groups": optimizer["param_groups"],
        "lightning": checkpoint["pytorch-lightning_version"],
    }
    return Checkpoint(record["step"], parts, record["best_step"], checkpoint["plait"]["best"], state)


def _lightnings(checkpoint: Checkpoint) -> dict[str, Any]:
    """The other way round."""
    optimizer: dict[int, dict[str, Tensor]] = {}
    for key, value in checkpoint.parts["optimizer"].items():
        number, _, name = key.partition(".")
        optimizer.setdefault(int(number), {})[name] = value
    weights = {f"network.{name}": value for name, value in checkpoint.parts["weights"].items()}
    averaged = {f"averaged.{name}": value for name, value in checkpoint.parts["averaged"].items()}
    return {
        "state_dict": weights | averaged,
        "optimizer_states": [{"state": optimizer, "param_groups": checkpoint.state["groups"]}],
        "lr_schedulers": [],
        "callbacks": {},
        "pytorch-lightning_version": checkpoint.state["lightning"],
        "plait": {"record": checkpoint.state["record"], "best": checkpoint.best},
    }


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _lay_out_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Files hold plain layout, and fused optimizers walk weights and state side by side in memory."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)

"""Stepper: one step of training, whoever drives it; it depends on nothing but the weights and its number."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.batches import Batch
from plait.tasks.task import in_float32
from plait.training.averaging import Averaging
from plait.training.job import Job
from plait.training.optimizers import backbones, make_optimizer
from plait.training.schedule import rate


def step_groups(job: Job, start: int, total: int) -> Iterator[list[Batch]]:
    """The batches of each step from ``start`` to ``total`` - 1: ``accumulate`` a step."""
    accumulate = job.options.accumulate
    group: list[Batch] = []
    for batch in job.batches(start * accumulate, total * accumulate):
        group.append(batch)
        if len(group) == accumulate:
            yield group
            group = []


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with its values, lengths and targets on ``device``; itself where that is the processor."""
    if device.type == "cpu":
        return batch
    moved = {
        name: value.to(device, non_blocking=True)
        for name in ("values", "lengths", "targets", "hint")
        if (value := getattr(batch, name)) is not None
    }
    return dataclasses.replace(batch, **moved)


class Stepper:
    """Network, averaged network and optimizer, on the device they stay on, moved together step by step."""

    def __init__(self, job: Job, network: nn.Module, averaged: nn.Module | None, total_steps: int) -> None:
        options = job.options
        self.optimizer = _optimizer(job, network)
        self._job = job
        self._network = network
        self._total = total_steps
        self._parameters = list(network.parameters())
        self._averaging = None if averaged is None else Averaging(network, averaged, options.averaging)
        self._backbones = backbones(network)
        self._frozen_steps = options.freeze * job.steps_per_epoch // options.accumulate
        self._generator = _generator(self._parameters[0].device)

    def advance(self, step: int, group: Sequence[Batch], backward: Callable[[Tensor], None]) -> Tensor:
        """Does ``step`` (from 0) with its batches; gives its mean loss, detached, still on the device."""
        self._generator.manual_seed(_step_seed(self._job.options.seed, step))
        self._hold_backbones(step)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(step, group, backward)
        if self._job.options.clip:
            nn.utils.clip_grad_norm_(self._parameters, self._job.options.clip, foreach=True)
        self._move(step)
        return loss

    def learning_rate(self, step: int) -> float:
        """Of everything but a pretrained backbone."""
        return self._job.options.optimizer.learning_rate * rate(self._job.options.schedule, step, self._total)

    def _gradients(self, step: int, group: Sequence[Batch], backward: Callable[[Tensor], None]) -> Tensor:
        total = torch.zeros((), device=self._parameters[0].device)
        for place, given in enumerate(group):
            batch = given if self._job.mix is None else self._job.mix(given, step * len(group) + place)
            answer = in_float32(self._network(*batch.inputs))
            loss = self._job.loss(answer, batch.targets) / len(group)
            backward(loss)
            total += loss.detach()
        return total

    def _move(self, step: int) -> None:
        factor = rate(self._job.options.schedule, step, self._total)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        self.optimizer.step()
        if self._averaging is not None:
            self._averaging.update(step)

    def _hold_backbones(self, step: int) -> None:
        """In the first epochs a pretrained backbone neither learns nor changes its norms' statistics."""
        for backbone in self._backbones:
            free = step >= self._frozen_steps
            if backbone.training != free:
                backbone.train(free)
                backbone.requires_grad_(free)


def _optimizer(job: Job, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's, or the user's own, whose step sizes the recipe's schedule multiplies."""
    if job.make_optimizer is None:
        return make_optimizer(network, job.options)
    optimizer = job.make_optimizer(network.parameters())
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    return optimizer


def _generator(device: torch.device) -> torch.Generator:
    """PyTorch's own of ``device``: torch.manual_seed seeds every device, at a hundred times the cost."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence((seed, step)).generate_state(1)[0])

"""Averaged weights: an exponential moving average of parameters and norm statistics, taken every step."""

import copy

import torch
from torch import Tensor, nn


def averaged_copy(network: nn.Module) -> nn.Module:
    """A copy of ``network`` to hold the averaged weights: in evaluation mode, without gradients."""
    return copy.deepcopy(network).requires_grad_(False).eval()


class Averaging:
    """Moves ``averaged`` towards ``network`` after each step (Tarvainen & Valpola 2017).

    The decay starts low, min(decay, (1 + step) / (10 + step)), so that short runs forget their first weights.
    Running statistics of norms are averaged like parameters; counters are copied.
    """

    def __init__(self, network: nn.Module, averaged: nn.Module, decay: float) -> None:
        self._decay = decay
        pairs = list(zip(_tensors(network), _tensors(averaged), strict=True))
        moving = [pair for pair in pairs if pair[0].is_floating_point()]
        self._current = [current for current, _ in moving]
        self._averages = [average for _, average in moving]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after ``step`` (from 0)."""
        weight = 1 - min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._current, weight)
        for current, copied in self._counters:
            copied.copy_(current)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*(parameter.detach() for parameter in network.parameters()), *network.buffers()]

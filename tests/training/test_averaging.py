"""Averaged weights against the sum they stand for."""

import torch
from torch import nn

from plait.training.averaging import Averaging, averaged_copy


def test_average_follows_the_warmed_up_decay() -> None:
    network = nn.BatchNorm1d(2)
    averaged = averaged_copy(network)
    averaging = Averaging(network, averaged, 0.5)
    expected = network.weight.detach().clone()
    for step in range(12):
        nn.init.constant_(network.weight, step)
        network.running_mean.fill_(-step)
        network.num_batches_tracked.fill_(step)
        averaging.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(averaged.weight, expected)
    assert averaged.running_mean[0] < 0
    assert averaged.num_batches_tracked == 11
    assert not averaged.weight.requires_grad
    assert not averaged.training

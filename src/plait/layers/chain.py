"""Chain: a linear-chain conditional random field over tags (Lafferty, McCallum and Pereira 2001).

The score of a path is the sum of its tags' emissions and of the transitions between neighbors.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Emissions = Float[Tensor, "batch time tags"]
Transitions = Float[Tensor, "tags tags"]


class Chain(nn.Module):
    """Learnt transitions between ``tags``, and from a sequence's begin and to its end."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.begin = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))

    def forward(self, emissions: Emissions, lengths: Int[Tensor, "batch"]) -> Emissions:
        """Emissions with the begin and the end of each sequence added: with ``transitions`` the whole potentials."""
        steps = torch.arange(emissions.shape[1], device=emissions.device)
        first = (steps == 0)[None, :, None]
        last = (steps == lengths[:, None] - 1)[:, :, None]
        return emissions + first * self.begin + last * self.end


def path_score(
    emissions: Emissions,
    transitions: Transitions,
    tags: Int[Tensor, "batch time"],
    lengths: Int[Tensor, "batch"],
) -> Float[Tensor, "batch"]:
    """The score of the path ``tags`` through each sequence's real steps."""
    steps = torch.arange(tags.shape[1], device=tags.device)
    real = steps < lengths[:, None]
    known = tags.where(real, 0)
    emitted = emissions.gather(2, known[:, :, None])[:, :, 0]
    moved = transitions[known[:, :-1], known[:, 1:]]
    return emitted.where(real, 0).sum(dim=1) + moved.where(real[:, 1:], 0).sum(dim=1)


def log_partition(
    emissions: Emissions, transitions: Transitions, lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch"]:
    """The logarithm of the sum over all paths of exp(score): the forward algorithm, scaled at each step (Rabiner 1989,
    section V A); its gradients are the marginals of the forward-backward algorithm."""
    partition: Tensor = _Partition.apply(emissions, transitions, lengths)
    return partition


class _Partition(torch.autograd.Function):
    """By products of exponentials: a tenth of the cost of a logsumexp over (batch, tags, tags) a step."""

    @staticmethod
    def forward(ctx: Any, emissions: Tensor, transitions: Tensor, lengths: Tensor) -> Tensor:
        steps = emissions.shape[1]
        real = torch.arange(steps, device=lengths.device) < lengths[:, None]
        highest = emissions.amax(dim=2, keepdim=True)
        shares = (emissions - highest).exp()
        largest = transitions.max()
        moves = (transitions - largest).exp()
        forward = torch.empty_like(shares)
        scales = torch.empty_like(emissions[:, :, 0])
        sums = shares[:, 0]
        for step in range(steps):
            if step:
                arrived = (sums @ moves) * shares[:, step]
                sums = torch.where(real[:, step, None], arrived, sums)
            scale = sums.sum(dim=1)
            sums = sums / scale[:, None]
            scales[:, step], forward[:, step] = scale, sums
        ctx.save_for_backward(forward, shares, moves, scales, real)
        total = (scales.log() + highest[:, :, 0] * real).sum(dim=1)
        return total + largest * (lengths - 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        forward, shares, moves, scales, real = ctx.saved_tensors
        (arriving,) = gradients
        steps = forward.shape[1]
        after = torch.ones_like(forward[:, 0])
        marginals, moved = torch.empty_like(forward), torch.zeros_like(moves)
        for step in range(steps - 1, -1, -1):
            marginals[:, step] = forward[:, step] * after
            if step:
                # What stands behind a sequence's end neither moves nor is scaled.
                weighed = shares[:, step] * after / scales[:, step, None]
                here = real[:, step, None]
                moved += (forward[:, step - 1] * arriving[:, None] * here).T @ weighed
                after = torch.where(here, weighed @ moves.T, after)
        return marginals * (arriving[:, None] * real)[:, :, None], moved * moves, None

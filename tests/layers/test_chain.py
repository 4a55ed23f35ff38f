"""The chain: sums over all paths, the best path and the marginals, held against every path tried one by one."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from plait.inference.tag_paths import best_path, marginals
from plait.layers import Chain
from plait.layers.chain import log_partition, path_score

TAGS = 3
LENGTHS = torch.tensor([4, 1, 3, 2])


def potentials(scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    emissions = torch.randn(len(LENGTHS), 4, TAGS, dtype=torch.float64) * scale
    return emissions, torch.randn(TAGS, TAGS, dtype=torch.float64) * scale


def paths(length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(TAGS), repeat=length))


def score(emissions: Tensor, transitions: Tensor, path: tuple[int, ...]) -> float:
    emitted = sum(float(emissions[step, tag]) for step, tag in enumerate(path))
    return emitted + sum(float(transitions[one, other]) for one, other in itertools.pairwise(path))


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_partition_is_the_sum_over_all_paths(scale: float) -> None:
    emissions, transitions = potentials(scale)
    found = log_partition(emissions, transitions, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        scores = [score(emissions[row], transitions, path) for path in paths(length)]
        assert float(found[row]) == pytest.approx(
            float(torch.tensor(scores, dtype=torch.float64).logsumexp(0)), abs=1e-9
        )


def test_a_path_has_its_score() -> None:
    emissions, transitions = potentials()
    tags = torch.tensor([[0, 2, 1, 1], [2, 0, 0, 0], [1, 0, 2, 0], [2, 2, 0, 0]])
    found = path_score(emissions, transitions, tags, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        path = tuple(tags[row, :length].tolist())
        assert float(found[row]) == pytest.approx(score(emissions[row], transitions, path))


def test_gradients_are_those_of_differences() -> None:
    emissions, transitions = (one.requires_grad_() for one in potentials())
    assert torch.autograd.gradcheck(lambda *values: log_partition(*values, LENGTHS), (emissions, transitions))


def test_gradients_of_the_partition_are_the_marginals() -> None:
    emissions, transitions = potentials()
    emissions.requires_grad_()
    log_partition(emissions, transitions, LENGTHS).sum().backward()
    assert emissions.grad is not None
    for row, length in enumerate(LENGTHS.tolist()):
        expected = marginals(emissions[row, :length].detach().numpy(), transitions.numpy())
        np.testing.assert_allclose(emissions.grad[row, :length].numpy(), expected, atol=1e-12)
        assert not emissions.grad[row, length:].any()


def test_viterbi_finds_the_best_of_all_paths() -> None:
    emissions, transitions = potentials()
    for row, length in enumerate(LENGTHS.tolist()):
        best = max(paths(length), key=lambda path: score(emissions[row], transitions, path))
        found = best_path(emissions[row, :length].numpy(), transitions.numpy())
        assert tuple(found.tolist()) == best


def test_marginals_are_shares_of_all_paths() -> None:
    emissions, transitions = potentials(3.0)
    every = paths(4)
    weights = (
        torch.tensor([score(emissions[0], transitions, path) for path in every], dtype=torch.float64)
        .softmax(0)
        .numpy()
    )
    found = marginals(emissions[0].numpy(), transitions.numpy())
    for step, tag in itertools.product(range(4), range(TAGS)):
        share = sum(weight for weight, path in zip(weights, every, strict=True) if path[step] == tag)
        assert found[step, tag] == pytest.approx(share, abs=1e-6)


def test_without_transitions_every_tag_is_a_softmax() -> None:
    emissions, _ = potentials()
    found = marginals(emissions[0].numpy(), np.zeros((TAGS, TAGS)))
    np.testing.assert_allclose(found, emissions[0].softmax(1).numpy(), atol=1e-12)


def test_begin_and_end_stand_at_each_sequences_own() -> None:
    chain = Chain(TAGS)
    torch.nn.init.normal_(chain.begin)
    torch.nn.init.normal_(chain.end)
    added = chain(torch.zeros(4, 4, TAGS), LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        expected = torch.zeros(4, TAGS)
        expected[0] += chain.begin
        expected[length - 1] += chain.end
        torch.testing.assert_close(added[row], expected)


def test_padding_changes_nothing() -> None:
    emissions, transitions = (one.float() for one in potentials())
    wide = torch.cat([emissions, torch.full((4, 3, TAGS), 50.0)], dim=1)
    expected = log_partition(emissions, transitions, LENGTHS)
    torch.testing.assert_close(log_partition(wide, transitions, LENGTHS), expected)

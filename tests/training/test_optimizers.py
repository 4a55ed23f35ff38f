"""Every optimizer's step against a few lines of numpy, and which parameters go into which group."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from plait.training.muon import Muon, orthogonalize
from plait.training.optimizers import OPTIMIZERS, make_optimizer, parameter_groups
from tests import reference
from tests.training.tiny import network, options

RATE, MOMENTUM, DECAY, STEPS = 0.03, 0.9, 0.1, 4


REFERENCES = {
    "sgd": reference.sgd,
    "adam": reference.adam,
    "adamw": reference.adamw,
    "rmsprop": reference.rmsprop,
    "muon": reference.muon,
}


def settings(name: str) -> Any:
    return options(
        optimizer={"name": name, "learning_rate": RATE, "momentum": MOMENTUM, "weight_decay": DECAY},
    )


def test_every_optimizer_has_a_reference() -> None:
    assert set(REFERENCES) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", sorted(REFERENCES))
@pytest.mark.parametrize("shape", [(4, 6), (5, 3, 2, 2)])
def test_step_against_numpy(name: str, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=shape)
    parameter = nn.Parameter(torch.from_numpy(weights).float())
    group = {"params": [parameter], "weight_decay": DECAY} | ({"orthogonal": True} if name == "muon" else {})
    optimizer = OPTIMIZERS[name]([group], settings(name).optimizer)
    state: dict[str, Any] = {}
    for _ in range(STEPS):
        gradient = generator.normal(size=shape)
        parameter.grad = torch.from_numpy(gradient).float()
        optimizer.step()
        weights = REFERENCES[name](weights, gradient, state, RATE, MOMENTUM, DECAY)
    tolerance = 5e-2 if name == "muon" and torch.cpu._is_amx_tile_supported() else 2e-5
    np.testing.assert_allclose(parameter.detach().numpy(), weights, atol=tolerance)


def test_muon_is_torchs_on_matrices() -> None:
    torch.manual_seed(0)
    start = [torch.randn(shape) for shape in ((8, 16), (8, 16), (16, 8))]
    ours, theirs = ([nn.Parameter(one.clone()) for one in start] for _ in range(2))
    first = Muon([{"params": ours, "orthogonal": True}], RATE, MOMENTUM, DECAY, torch.bfloat16)
    second = torch.optim.Muon(theirs, RATE, DECAY, MOMENTUM, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for left, right in zip(ours, theirs, strict=True):
            left.grad = torch.randn_like(left)
            right.grad = left.grad.clone()
        first.step()
        second.step()
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, atol=5e-3, rtol=0)


@pytest.mark.parametrize("rank", [2, 32])
@pytest.mark.parametrize("shape", [(2, 32, 288), (1, 288, 32), (1, 32, 40)])
def test_muon_takes_the_same_steps_by_the_gram_matrix(shape: tuple[int, ...], rank: int) -> None:
    """Also where nearly all singular values are tiny, as those of few examples' gradients are."""
    torch.manual_seed(0)
    count, rows, columns = shape
    matrices = torch.randn(count, rows, rank) @ torch.randn(count, rank, columns) + 1e-4 * torch.randn(shape)
    expected = orthogonalize(matrices.double(), torch.float64)
    torch.testing.assert_close(orthogonalize(matrices, torch.float32), expected.float(), atol=5e-5, rtol=0)


def test_muon_moves_what_is_not_orthogonal_by_adamw() -> None:
    parameters = [nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2)]
    first = Muon([{"params": parameters[:1]}], RATE, MOMENTUM, DECAY, torch.float32)
    second = torch.optim.AdamW(parameters[1:], RATE, (MOMENTUM, 0.999), weight_decay=DECAY)
    for step in range(3):
        for parameter in parameters:
            parameter.grad = torch.linspace(step, 1, 5)
        first.step()
        second.step()
    torch.testing.assert_close(parameters[0], parameters[1])


@pytest.mark.parametrize("shape", [(3, 10, 40), (2, 40, 10)])
def test_orthogonalized_singular_values_are_near_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape), torch.float32))
    assert values.min() > 0.6 and values.max() < 1.3


def test_groups_hold_every_parameter_once_and_spare_vectors_from_decay() -> None:
    net = network()
    for name in OPTIMIZERS:
        groups = parameter_groups(net, settings(name))
        assert sorted(id(p) for group in groups for p in group["params"]) == sorted(map(id, net.parameters()))
        assert all(
            (group["weight_decay"] == 0) == (p.dim() == 1) for group in groups for p in group["params"]
        )


def test_muon_leaves_embeddings_and_the_last_matrix_to_adamw() -> None:
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.Linear(4, 3))
    optimizer = make_optimizer(net, settings("muon"))
    orthogonal = [p for group in optimizer.param_groups if group["orthogonal"] for p in group["params"]]
    assert [id(p) for p in orthogonal] == [id(net[1].weight)]


def test_norms_move_by_rates_of_their_own() -> None:
    given = options(
        optimizer={"name": "sgd", "learning_rate": RATE, "norm_scale_rate": 0.0, "norm_bias_rate": 64.0}
    )
    net = network()
    rates = {id(p): group["base_lr"] for group in parameter_groups(net, given) for p in group["params"]}
    for name, parameter in net.named_parameters():
        factor = {"norm.weight": 0.0, "norm.bias": 64.0}.get(name, 1.0)
        assert rates[id(parameter)] == pytest.approx(RATE * factor), name


def test_matrix_rate_moves_only_what_is_orthogonal() -> None:
    given = options(optimizer={"name": "muon", "learning_rate": RATE, "matrix_rate": 5.0})
    for group in parameter_groups(network(), given):
        assert group["base_lr"] == pytest.approx(RATE * (5.0 if group["orthogonal"] else 1.0))

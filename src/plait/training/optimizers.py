"""Optimizers by name, each with its groups of parameters: decayed or not, backbone or not."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from plait.layers.layer import Layer
from plait.layers.norm import NORMS
from plait.training.muon import Muon
from plait.training.options import OptimizerOptions, TrainingOptions
from plait.training.precision import fast_bfloat16_products

Groups = list[dict[str, Any]]


def make_optimizer(network: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """The recipe's optimizer over all of ``network``; every group carries its own ``base_lr``."""
    return OPTIMIZERS[options.optimizer.name](parameter_groups(network, options), options.optimizer)


def parameter_groups(network: nn.Module, options: TrainingOptions) -> Groups:
    """Vectors are not decayed; a backbone and the norms move by rates of their own; Muon's matrices stand apart."""
    backbone = {id(parameter) for parameter in backbone_parameters(network)}
    matrices = _muon_matrices(network) if options.optimizer.name == "muon" else set()
    rates = _norm_rates(network, options.optimizer)
    groups: dict[tuple[bool, bool, bool, float], list[nn.Parameter]] = defaultdict(list)
    for parameter in network.parameters():
        own = id(parameter)
        groups[parameter.dim() > 1, own in backbone, own in matrices, rates.get(own, 1.0)].append(parameter)
    return [_group(parameters, *kind, options) for kind, parameters in groups.items()]


def backbones(network: nn.Module) -> list[nn.Module]:
    """The network's pretrained layers, and those whose weights came from another run."""
    return [
        module
        for module in network.modules()
        if isinstance(module, Layer) and (module.taken or module.word == "pretrained")
    ]


def backbone_parameters(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for backbone in backbones(network) for parameter in backbone.parameters()]


def _sgd(groups: Groups, options: OptimizerOptions) -> torch.optim.Optimizer:
    nesterov = options.momentum > 0
    return torch.optim.SGD(groups, options.learning_rate, options.momentum, nesterov=nesterov, fused=True)


def _adam(groups: Groups, options: OptimizerOptions) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, options.learning_rate, (options.momentum, 0.999), fused=True)


def _adamw(groups: Groups, options: OptimizerOptions) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, options.learning_rate, (options.momentum, 0.999), fused=True)


def _rmsprop(groups: Groups, options: OptimizerOptions) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, options.learning_rate, momentum=options.momentum, foreach=True)


def _muon(groups: Groups, options: OptimizerOptions) -> torch.optim.Optimizer:
    dtype = torch.bfloat16 if fast_bfloat16_products() else torch.float32
    return Muon(groups, options.learning_rate, options.momentum, options.weight_decay, dtype)


OPTIMIZERS: dict[str, Callable[[Groups, OptimizerOptions], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "muon": _muon,
}


def _group(
    parameters: list[nn.Parameter],
    decayed: bool,
    backbone: bool,
    orthogonal: bool,
    own_rate: float,
    options: TrainingOptions,
) -> dict[str, Any]:
    rate = options.optimizer.learning_rate * own_rate * (options.backbone_rate if backbone else 1.0)
    rate *= options.optimizer.matrix_rate if orthogonal else 1.0
    group = {
        "params": parameters,
        "lr": rate,
        "base_lr": rate,
        "weight_decay": options.optimizer.weight_decay if decayed else 0.0,
    }
    return group | {"orthogonal": orthogonal} if options.optimizer.name == "muon" else group


def _norm_rates(network: nn.Module, options: OptimizerOptions) -> dict[int, float]:
    """The factor of each parameter of a norm, by its id."""
    factors = {"weight": options.norm_scale_rate, "bias": options.norm_bias_rate}
    return {
        id(parameter): factors[name]
        for module in network.modules()
        if isinstance(module, NORMS)
        for name, parameter in module.named_parameters(recurse=False)
    }


def _muon_matrices(network: nn.Module) -> set[int]:
    """But for embeddings and the last matrix, whose rows are words and classes (Jordan 2024)."""
    matrices = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    embeddings = [module.weight for module in network.modules() if isinstance(module, nn.Embedding)]
    apart = {id(parameter) for parameter in [*matrices[-1:], *embeddings]}
    return {id(parameter) for parameter in matrices} - apart

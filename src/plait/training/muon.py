"""Muon: momentum made orthogonal, for matrices and kernels; AdamW for the rest, in one optimizer."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.adamw import adamw

# Jordan 2024, "Muon: An optimizer for hidden layers in neural networks": the quintic that grows small
# singular values.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_WIDE = 1.5
"""Columns over rows beyond which a matrix takes fewer multiplications by its Gram matrix."""
_ADAM_BETA2 = 0.999


class Muon(torch.optim.Optimizer):
    """Groups with ``orthogonal`` True move along the orthogonalized momentum, the others by AdamW.

    Kernels (out, in, height, width) are read as matrices (out, in * height * width). The orthogonal step is
    scaled by 0.2 * sqrt(max(rows, columns)), so that one learning rate and one decoupled weight decay serve
    both kinds (Liu et al. 2025, "Muon is scalable for LLM training", eq. 4).
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        lr: float,
        momentum: float,
        weight_decay: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(
            groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "orthogonal": False}
        )
        self._dtype = dtype

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Moves every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moving and group["orthogonal"]:
                self._orthogonal_step(moving, group)
            elif moving:
                self._adamw_step(moving, group)
        return loss

    def _orthogonal_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [_gradient(parameter) for parameter in parameters]
        buffers = [self._state(parameter, "momentum_buffer") for parameter in parameters]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        for members in _by_shape(parameters):
            stacked = torch.stack([ahead[member].flatten(1) for member in members])
            scale = 0.2 * max(stacked.shape[1:]) ** 0.5
            for member, update in zip(members, orthogonalize(stacked, self._dtype), strict=True):
                parameters[member].add_(update.view(parameters[member].shape), alpha=-group["lr"] * scale)

    def _adamw_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        adamw(
            parameters,
            [_gradient(parameter) for parameter in parameters],
            [self._state(parameter, "exp_avg") for parameter in parameters],
            [self._state(parameter, "exp_avg_sq") for parameter in parameters],
            [],
            [self._count(parameter) for parameter in parameters],
            fused=True,
            amsgrad=False,
            beta1=group["momentum"],
            beta2=_ADAM_BETA2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )

    def _state(self, parameter: Tensor, name: str) -> Tensor:
        state: dict[str, Tensor] = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter)
        return state[name]

    def _count(self, parameter: Tensor) -> Tensor:
        state: dict[str, Tensor] = self.state[parameter]
        if "step" not in state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        return state["step"]


def orthogonalize(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """(count, rows, columns): nearly U V^T of each U S V^T, by five steps of Newton-Schulz in ``dtype``."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices).to(dtype)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    by_gram = dtype == torch.float32 and x.shape[-1] > _WIDE * x.shape[-2]
    x = _iterated_by_gram(x) if by_gram else _iterated(x)
    return (x.mT if tall else x).to(matrices.dtype)


def _iterated(x: Tensor) -> Tensor:
    """Each step is a x + (b g + c g g) x with g = x x^T."""
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    return x


def _iterated_by_gram(x: Tensor) -> Tensor:
    """The same steps taken by g alone, which is small where x is wide, and x is multiplied once, at the end.

    A step multiplies x by p = a + b g + c g g, and so g by p on both sides. Rounding makes small eigenvalues of g
    negative, and they grow twelvefold a step: harmless in float32, not in bfloat16.
    """
    gram = x @ x.mT
    whole = polynomial = _polynomial(gram)
    for _ in range(_ITERATIONS - 1):
        gram = polynomial @ gram @ polynomial
        polynomial = _polynomial(gram)
        whole = polynomial @ whole
    return whole @ x


def _polynomial(gram: Tensor) -> Tensor:
    """a + b g + c g g."""
    polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
    polynomial.diagonal(dim1=-2, dim2=-1).add_(_A)
    return polynomial


def _by_shape(parameters: list[Tensor]) -> list[list[int]]:
    """Positions of parameters of equal shape, which are orthogonalized together."""
    members: dict[torch.Size, list[int]] = defaultdict(list)
    for position, parameter in enumerate(parameters):
        members[parameter.shape].append(position)
    return list(members.values())


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad

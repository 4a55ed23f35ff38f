"""Losses: what training lowers, as one number for a batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num, Shaped
from pydantic import Field
from torch import Tensor

from plait.section import Section

Loss = Callable[[Tensor, Tensor], Tensor]
LossName = Literal["cross-entropy", "focal", "binary-cross-entropy", "binary-focal"]


class LossOptions(Section):
    """``class_weights`` balanced: classes weigh in inverse proportion to their examples; gamma is focal's."""

    name: LossName
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"]
    gamma: Annotated[float, Field(ge=0)]


def make_loss(options: LossOptions, counts: Num[Tensor, "classes"]) -> Loss:
    """``loss(logits, targets)``; ``counts`` are the training examples of each class."""
    weights = balanced(counts) if options.class_weights == "balanced" else None
    return LOSSES[options.name](options, weights)


def balanced(counts: Num[Tensor, "classes"]) -> Float[Tensor, "classes"]:
    """examples / (classes * examples of the class); a class without examples weighs as with one."""
    return counts.sum() / (len(counts) * counts.clamp(min=1)).float()


@dataclass(frozen=True)
class CrossEntropy:
    """Of one class an example: targets are class numbers, or shares of each class (after mixing)."""

    options: LossOptions
    weights: Tensor | None

    def __call__(
        self, logits: Float[Tensor, "batch classes"], targets: Shaped[Tensor, "batch *shares"]
    ) -> Float[Tensor, ""]:
        return F.cross_entropy(
            _wide(logits),
            _wide(targets) if targets.dim() == 2 else targets,
            weight=_on(self.weights, logits),
            label_smoothing=self.options.label_smoothing,
        )


@dataclass(frozen=True)
class Focal:
    """Cross-entropy times (1 - p) ** gamma: what is answered well weighs less (Lin et al. 2017, eq. 4).

    With gamma 0 it is cross-entropy.
    """

    options: LossOptions
    weights: Tensor | None

    def __call__(
        self, logits: Float[Tensor, "batch classes"], targets: Shaped[Tensor, "batch *shares"]
    ) -> Float[Tensor, ""]:
        classes = logits.shape[1]
        shares = targets.float() if targets.dim() == 2 else F.one_hot(targets, classes).float()
        smooth = shares * (1 - self.options.label_smoothing) + self.options.label_smoothing / classes
        weights = _weights(self.weights, logits)
        log_p = _wide(logits).log_softmax(dim=1)
        terms = weights * smooth * _faded(log_p, self.options.gamma) * -log_p
        # As torch's: examples are averaged by the weights of their classes, mixed ones evenly.
        total = (weights * shares).sum() if targets.dim() == 1 else terms.new_tensor(len(logits))
        return terms.sum() / total


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Of every class by itself, for several labels an example: targets are 0 or 1 (or shares) for each."""

    options: LossOptions
    weights: Tensor | None

    def __call__(
        self, logits: Float[Tensor, "batch classes"], targets: Num[Tensor, "batch classes"]
    ) -> Float[Tensor, ""]:
        shares = _smooth_each(targets, self.options).to(_wide(logits).dtype)
        terms = F.binary_cross_entropy_with_logits(_wide(logits), shares, reduction="none")
        return _weighted_mean(terms, _weights(self.weights, logits))


@dataclass(frozen=True)
class BinaryFocal:
    """Focal loss of every class by itself (Lin et al. 2017, eq. 4), without alpha: class weights do that."""

    options: LossOptions
    weights: Tensor | None

    def __call__(
        self, logits: Float[Tensor, "batch classes"], targets: Num[Tensor, "batch classes"]
    ) -> Float[Tensor, ""]:
        shares = _smooth_each(targets, self.options)
        yes, no = F.logsigmoid(_wide(logits)), F.logsigmoid(-_wide(logits))
        gamma = self.options.gamma
        terms = -shares * _faded(yes, gamma) * yes - (1 - shares) * _faded(no, gamma) * no
        return _weighted_mean(terms, _weights(self.weights, logits))


LOSSES: dict[LossName, Callable[[LossOptions, Tensor | None], Loss]] = {
    "cross-entropy": CrossEntropy,
    "focal": Focal,
    "binary-cross-entropy": BinaryCrossEntropy,
    "binary-focal": BinaryFocal,
}


def _wide(numbers: Tensor) -> Tensor:
    """In float32, or float64 where they are."""
    return numbers if numbers.dtype == torch.float64 else numbers.float()


def _faded(log_p: Tensor, gamma: float) -> Tensor:
    """(1 - p) ** gamma; kept off 0, where the gradient of a root is infinite."""
    return (-torch.expm1(log_p)).clamp(min=1e-6) ** gamma


def _smooth_each(targets: Tensor, options: LossOptions) -> Tensor:
    return targets.float() * (1 - options.label_smoothing) + options.label_smoothing / 2


def _weighted_mean(terms: Tensor, weights: Tensor) -> Tensor:
    return (terms * weights).mean() / weights.mean()


def _weights(weights: Tensor | None, logits: Tensor) -> Tensor:
    given = _on(weights, logits)
    return _wide(logits).new_ones(logits.shape[1]) if given is None else given


def _on(weights: Tensor | None, logits: Tensor) -> Tensor | None:
    return None if weights is None else weights.to(_wide(logits))

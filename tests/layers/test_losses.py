"""Losses against PyTorch's and torchvision's own."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from plait.layers.losses import LOSSES, LossName, LossOptions, balanced, make_loss

COUNTS = torch.tensor([10, 40, 50, 0])
CLASSES = torch.tensor([0, 1, 2, 1, 1])
LABELS = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]).float()


def loss_of(
    name: LossName,
    logits: Tensor,
    targets: Tensor,
    smoothing: float = 0.0,
    weights: str = "none",
    gamma: float = 2.0,
) -> Tensor:
    options = LossOptions.model_validate(
        {"name": name, "label_smoothing": smoothing, "class_weights": weights, "gamma": gamma}
    )
    return make_loss(options, COUNTS)(logits, targets)


@pytest.fixture
def logits() -> Tensor:
    torch.manual_seed(3)
    return torch.randn(5, 4) * 3


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("name", ["cross-entropy", "focal"])
@pytest.mark.parametrize("mixed", [False, True])
def test_cross_entropy_and_focal_without_gamma(
    logits: Tensor, name: LossName, weights: str, smoothing: float, mixed: bool
) -> None:
    targets = logits.roll(1, 0).softmax(1) if mixed else CLASSES
    weight = balanced(COUNTS) if weights == "balanced" else None
    expected = F.cross_entropy(logits, targets, weight=weight, label_smoothing=smoothing)
    torch.testing.assert_close(loss_of(name, logits, targets, smoothing, weights, gamma=0.0), expected)


def test_focal_is_its_formula(logits: Tensor) -> None:
    p = logits.softmax(1).gather(1, CLASSES[:, None])
    expected = (-((1 - p) ** 2) * p.log()).mean()
    torch.testing.assert_close(loss_of("focal", logits, CLASSES), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_binary_focal_is_torchvisions(logits: Tensor, gamma: float) -> None:
    expected = sigmoid_focal_loss(logits, LABELS, alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(loss_of("binary-focal", logits, LABELS, gamma=gamma), expected)


def test_binary_cross_entropy_is_torchs(logits: Tensor) -> None:
    expected = F.binary_cross_entropy_with_logits(logits, LABELS * 0.9 + 0.05)
    torch.testing.assert_close(loss_of("binary-cross-entropy", logits, LABELS, 0.1), expected)
    weight = balanced(COUNTS)
    weighted = F.binary_cross_entropy_with_logits(logits, LABELS, weight=weight / weight.mean())
    torch.testing.assert_close(loss_of("binary-cross-entropy", logits, LABELS, weights="balanced"), weighted)


@pytest.mark.parametrize("name", LOSSES)
def test_confident_answers_have_finite_gradients(name: LossName) -> None:
    logits = torch.tensor([[200.0, -200.0, 0.0, 50.0]], requires_grad=True)
    targets = LABELS[:1] if "binary" in name else CLASSES[:1]
    loss_of(name, logits, targets, gamma=0.5).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_without_knowledge_the_loss_is_analytic() -> None:
    zeros = torch.zeros(5, 4)
    assert float(loss_of("cross-entropy", zeros, CLASSES)) == pytest.approx(math.log(4))
    assert float(loss_of("binary-cross-entropy", zeros, LABELS)) == pytest.approx(math.log(2))


def test_balanced_weights_let_each_class_weigh_the_same() -> None:
    counts = torch.tensor([10, 40, 50])
    torch.testing.assert_close(balanced(counts) * counts, torch.full((3,), 100 / 3))


def test_bfloat16_logits_are_lost_in_float32(logits: Tensor) -> None:
    for name in LOSSES:
        targets = LABELS if "binary" in name else CLASSES
        assert loss_of(name, logits.bfloat16(), targets).dtype == torch.float32


@pytest.mark.parametrize("name", [*LOSSES])
def test_numbers_of_double_precision_stay_so(name: LossName, logits: Tensor) -> None:
    targets = LABELS.double() if name.startswith("binary") else CLASSES
    assert torch.autograd.gradcheck(
        lambda x: loss_of(name, x, targets, 0.1, "balanced"), logits.double().requires_grad_()
    )

"""A network, loss and optimizer of the user's own: trained, tested, exported, resumed, and never imported by name."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import plait
from plait.layers import Conv, GlobalPool, Map, Sequence, Stack, Vector
from plait.layers.masks import blank_padding
from plait.layers.own import Own
from tests.pictures import SMALL, class_folders

CHANGES = [change for change in SMALL if not change.startswith("network")]


class Mine(nn.Module):
    """Three classes from grey or color pictures."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        given: Tensor = self.last(F.relu(self.convolution(x)).mean((2, 3)))
        return given


ANSWERED: list[float] = []
"""What my_loss has said."""


def my_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Twice the cross-entropy."""
    loss = 2 * F.cross_entropy(logits, targets)
    ANSWERED.append(float(loss.detach()))
    return loss


def my_optimizer(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(parameters, lr=0.05)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "colors", each=12, side=16)


def test_it_trains_tests_and_exports(data: Path, tmp_path: Path) -> None:
    mine = Mine()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    model = plait.train(
        data, network=mine, loss=my_loss, optimizer=my_optimizer, changes=CHANGES, out=tmp_path / "run"
    )
    assert model.spec.recipe["network"] == [{"own": "Mine"}]
    assert all(torch.equal(before[name], value) for name, value in mine.state_dict().items())
    trained = model.network().body.layers[0].module
    assert not torch.equal(trained.last.weight, mine.last.weight)
    assert len(model.network().body) == 1  # three outputs for three classes: no head is added
    assert all(row["validation_loss"] in ANSWERED for row in model.report["history"])
    report = model.test()
    assert report["examples"] > 0
    model.export(tmp_path / "model.onnx")
    answers = plait.load(tmp_path / "model.onnx").predict(data / "red")
    expected = plait.load(tmp_path / "run", network=Mine()).predict(data / "red")
    assert [one.label for one in answers] == [one.label for one in expected]


def test_features_get_the_tasks_head(data: Path, tmp_path: Path) -> None:
    model = plait.train(data, network=Mine(outputs=7), changes=CHANGES, out=tmp_path / "run")
    assert len(model.network().body) == 2


def test_a_stack_of_layers_is_a_module_too(data: Path, tmp_path: Path) -> None:
    stack = Stack(Conv(4, stride=4), GlobalPool())
    stack.build(Map(3, 16, 16))
    assert plait.train(data, network=stack, changes=CHANGES, out=tmp_path / "run").report["examples"] > 0


class Told(nn.Module):
    """The mean over real steps."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return x.mean(dim=1) if lengths is None else blank_padding(x, lengths).sum(dim=1) / lengths[:, None]


def test_a_module_that_asks_for_lengths_is_given_them() -> None:
    layer, x = Own(Told()), torch.randn(2, 7, 4)
    assert layer.build(Sequence(7, 4)) == Vector(4)
    torch.testing.assert_close(layer(x, torch.tensor([7, 3]))[1:], layer(x[1:, :3]))


def test_it_is_asked_for_and_never_imported(data: Path, tmp_path: Path) -> None:
    folder = plait.train(data, network=Mine(), changes=CHANGES, out=tmp_path / "run").folder
    with pytest.raises(plait.RecipeError, match=r"your own, Mine, which no file can bring"):
        plait.load(folder).predict(data / "red")
    done = subprocess.run(
        [sys.executable, "-m", "plait", "test", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "plait.load(RUN, network=...)" in done.stderr
    assert "Traceback" not in done.stderr


def test_resuming_wants_the_same_parts(data: Path, tmp_path: Path) -> None:
    whole = plait.train(data, network=Mine(), loss=my_loss, changes=CHANGES, out=tmp_path / "whole").folder
    (whole / "report.json").unlink()
    with pytest.raises(plait.RunError, match="give the same"):
        plait.train(resume=whole, network=Mine())
    weights = (whole / "weights.safetensors").read_bytes()
    plait.train(resume=whole, network=Mine(), loss=my_loss)
    assert (whole / "weights.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (nn.Conv2d(5, 4, 3), "Conv2d cannot take a map of 3x16x16"),
        (nn.LSTM(16, 4), "LSTM"),
        (Stack(Conv(4), GlobalPool()), "build it first"),
        (nn.Flatten(0), "gives a tensor of shape"),
    ],
)
def test_a_module_that_does_not_fit_is_refused(
    module: nn.Module, fault: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(plait.NetworkError, match=fault):
        plait.train(data, network=module, changes=CHANGES, out=tmp_path / "run")

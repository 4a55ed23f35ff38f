"""Training as a whole on the tiny job: it learns, it keeps what is best, it says what goes wrong."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from plait.errors import RunError
from plait.layers.layer import Layer, Window
from plait.layers.shapes import Shape
from plait.training import measure, train
from plait.training.averaging import averaged_copy
from plait.training.plan import validations
from plait.training.precision import autocast, has_bfloat16
from plait.training.record import COLUMNS
from plait.training.stepper import Stepper, step_groups
from plait.training.watch import _pause
from tests.training.tiny import job, network, validate


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_and_the_network_holds_the_best_weights(tmp_path: Path, precision: str) -> None:
    given = job(tmp_path, epochs=30, precision=precision, checkpoint_seconds=60)
    outcome = train(given)
    assert outcome.best_score > 0.9
    assert outcome.steps == 120
    assert not outcome.interrupted
    assert not given.network.training
    best = max(outcome.history, key=lambda row: (row["validation_score"], -row["validation_loss"]))
    assert (outcome.best_step, outcome.best_score) == (best["step"], best["validation_score"])
    with autocast(precision):
        assert validate(given.network) == {"score": best["validation_score"], "loss": best["validation_loss"]}


def test_nothing_is_printed_but_a_line_a_validation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(job(tmp_path, epochs=3, checkpoint_seconds=60))
    found = capfd.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1 + 3
    assert "step 12/12, epoch 3: loss" in found.err


def test_log_is_the_history(tmp_path: Path) -> None:
    outcome = train(job(tmp_path, epochs=3, checkpoint_seconds=60))
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [{name: float(value) for name, value in row.items()} for row in rows] == outcome.history
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_accumulated_batches_give_the_gradient_of_one_batch(tmp_path: Path) -> None:
    given = job(tmp_path, accumulate=2, clip=0)
    net = Flat()
    (pair,) = step_groups(given, 0, 1)
    stepper = Stepper(dataclasses.replace(given, network=net), net, None, 1)
    values = torch.cat([batch.values for batch in pair])
    targets = torch.cat([batch.targets for batch in pair])
    (expected,) = torch.autograd.grad(F.cross_entropy(net(values), targets), net.dense.weight)
    loss = stepper.advance(0, pair, _backward)
    torch.testing.assert_close(net.dense.weight.grad, expected, rtol=1e-5, atol=1e-6)
    assert loss.shape == ()


def test_the_gradient_is_clipped(tmp_path: Path) -> None:
    given = job(tmp_path, clip=0.001)
    net = network()
    stepper = Stepper(given, net, None, 1)
    stepper.advance(0, next(iter(step_groups(given, 0, 1))), _backward)
    norm = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]).norm()
    assert norm == pytest.approx(0.001, rel=1e-3)


def test_early_stopping_waits_for_so_many_validations(tmp_path: Path) -> None:
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    given = dataclasses.replace(
        job(tmp_path, epochs=6, early_stopping=3, checkpoint_seconds=60),
        validate=lambda network: {"score": next(scores), "loss": 1.0},
    )
    outcome = train(given)
    assert (outcome.steps, outcome.best_step, outcome.best_score) == (20, 8, 0.5)
    assert not outcome.interrupted
    again = train(dataclasses.replace(given, resume=True))
    assert (again.steps, again.best_step) == (20, 8)


def test_equal_scores_are_judged_by_the_loss(tmp_path: Path) -> None:
    losses = iter([0.5, 0.2, 0.3])
    given = dataclasses.replace(
        job(tmp_path, epochs=3, checkpoint_seconds=60),
        validate=lambda network: {"score": 1.0, "loss": next(losses)},
    )
    assert train(given).best_step == 8


def test_diverged_training_is_an_error_that_names_the_learning_rate(tmp_path: Path) -> None:
    given = dataclasses.replace(
        job(tmp_path, epochs=2), loss=lambda outputs, targets: outputs.sum() * float("nan")
    )
    with pytest.raises(RunError, match=r"learning_rate \(it is 0\.01\)"):
        train(given)


def test_a_folder_with_checkpoints_is_not_trained_over(tmp_path: Path) -> None:
    train(job(tmp_path, epochs=1))
    with pytest.raises(RunError, match="--resume"):
        train(job(tmp_path, epochs=1))


def test_without_averaging_the_network_itself_is_kept(tmp_path: Path) -> None:
    outcome = train(job(tmp_path, epochs=3, averaging=0, checkpoint_seconds=60))
    assert outcome.steps == 12


def test_minutes_become_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SPEED_SECONDS", 0.2)
    steps = measure.steps_in(job(tmp_path), "float32", minutes=0.5)
    assert 100 < steps < 100_000
    assert measure.steps_in(job(tmp_path), "float32", minutes=1e-6) == 1


@pytest.mark.parametrize("accumulate", [1, 3, 9])
@pytest.mark.parametrize("total", [1, 3, 4, 17, 5000])
def test_validations_are_about_a_hundred_at_most_and_at_the_end(
    tmp_path: Path, total: int, accumulate: int
) -> None:
    found = validations(job(tmp_path, accumulate=accumulate), total)
    assert total in found
    assert min(found) >= 1
    assert max(found) == total
    assert len(found) <= 101


def test_minutes_are_recorded_as_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SPEED_SECONDS", 0.1)
    given = job(tmp_path, minutes=0.01, checkpoint_seconds=60)
    outcome = train(given)
    assert outcome.seconds < 5
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["total_steps"] == outcome.steps
    assert train(dataclasses.replace(given, resume=True)).steps == outcome.steps


def test_a_pretrained_backbone_rests_while_frozen_and_then_moves(tmp_path: Path) -> None:
    net = nn.Sequential(Backbone(), nn.Flatten(), nn.Linear(512, 2))
    given = dataclasses.replace(job(tmp_path, freeze=1, backbone_rate=0.1), network=net)
    stepper = Stepper(given, net.train(), None, 8)
    before = {name: value.clone() for name, value in net[0].state_dict().items()}
    groups = list(step_groups(given, 0, 6))
    for step in range(4):
        stepper.advance(step, groups[step], _backward)
    assert all(torch.equal(value, before[name]) for name, value in net[0].state_dict().items())
    for step in (4, 5):
        stepper.advance(step, groups[step], _backward)
    assert not any(torch.equal(value, before[name]) for name, value in net[0].state_dict().items())
    rates = {group["lr"] / group["base_lr"] for group in stepper.optimizer.param_groups}
    assert len(rates) == 1
    assert {group["base_lr"] for group in stepper.optimizer.param_groups} == {0.01, 0.001}


def test_slow_checkpoints_come_further_apart_but_at_least_every_minute() -> None:
    assert [_pause(5.0, wrote) for wrote in (0.01, 0.1, 0.5, 9.0)] == [5.0, 5.0, 25.0, 60.0]
    assert _pause(0.0, 9.0) == 0.0


def test_bfloat16_is_looked_up_without_error() -> None:
    assert has_bfloat16() in (True, False)


def test_lightning_and_a_plain_loop_give_the_same_weights(tmp_path: Path) -> None:
    given = job(tmp_path, epochs=3, checkpoint_seconds=60)
    train(given)
    plain = network().to(memory_format=torch.channels_last)
    averaged = averaged_copy(plain)
    stepper = Stepper(given, plain, averaged, 12)
    kept: list[tuple[tuple[float, float], dict[str, Tensor]]] = []
    for step, group in enumerate(step_groups(given, 0, 12)):
        stepper.advance(step, group, _backward)
        if step % 4 == 3:
            scores = validate(averaged)
            weights = {name: value.clone() for name, value in averaged.state_dict().items()}
            kept.append(((scores["score"], -scores["loss"]), weights))
    best = max(kept, key=lambda one: one[0])[1]
    for name, value in given.network.state_dict().items():
        assert torch.equal(value, best[name]), name


class Backbone(Layer):
    """Stands where a pretrained layer would: training knows one by its word."""

    word = "pretrained"

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        output: Tensor = self.norm(self.convolution(x / 255))
        return output

    def output(self, arriving: Shape) -> Shape:
        return arriving

    def create(self, arriving: Shape) -> None:
        raise NotImplementedError

    def window(self) -> Window:
        raise NotImplementedError

    def multiply_adds(self, arriving: Shape) -> int:
        raise NotImplementedError


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(192, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        output: Tensor = self.dense(pictures.flatten(1) / 255)
        return output


def _backward(loss: Tensor) -> None:
    loss.backward()

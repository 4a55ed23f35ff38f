"""Starting from another run: classes by their names, everything else whole, and what came from there held at first."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import plait
from tests.boxes import PARTS, scenes, voc
from tests.detectors import SMALL as DETECTOR
from tests.pictures import SMALL, class_folders

ONE_STEP = (
    *SMALL,
    "training.steps=1",
    "training.averaging=0",
    "training.schedule={name: constant, warmup: 0}",
)
THREE = "network.0.conv.channels=3"
"""As many channels as classes: they must not be taken for classes."""
STILL = "training.optimizer.learning_rate=1.0e-12"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> plait.Model:
    folder = tmp_path_factory.mktemp("first")
    return plait.train(class_folders(folder / "colors"), changes=(*ONE_STEP, THREE), out=folder / "run")


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures; one class has another name and comes first."""
    data = class_folders(tmp_path_factory.mktemp("renamed") / "colors")
    (data / "red").rename(data / "amber")
    return data


def weights(model: plait.Model) -> dict[str, torch.Tensor]:
    return load_file(model.folder / "weights.safetensors")


def test_rows_of_classes_go_by_name_and_channels_do_not(
    first: plait.Model, renamed: Path, tmp_path: Path
) -> None:
    second = plait.train(
        renamed, changes=(*ONE_STEP, THREE, STILL), start_from=first.folder, out=tmp_path / "second"
    )
    assert first.spec.classes == ["blue", "green", "red"]
    assert second.spec.classes == ["amber", "blue", "green"]
    before, after = weights(first), weights(second)
    (head,) = (name for name, value in before.items() if value.dim() == 2 and value.shape[0] == 3)
    kernel = "body.layers.0.convolution.weight"
    torch.testing.assert_close(after[kernel], before[kernel], atol=1e-6, rtol=0)
    torch.testing.assert_close(after[head][1:], before[head][:2], atol=1e-6, rtol=0)
    assert (after[head][0] - before[head][2]).abs().max() > 1e-3


def test_what_was_taken_is_held_for_the_first_epochs(
    first: plait.Model, renamed: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    changes = (*ONE_STEP, THREE, "training.freeze=9", "training.optimizer.learning_rate=0.1")
    second = plait.train(
        renamed, changes=changes, start_from=first.folder, out=tmp_path / "second", say=said.append
    )
    assert any("stay as they are for 9 epochs" in line for line in said)
    before, after = weights(first), weights(second)
    held = [name for name in before if name.startswith("body.layers.0.")]
    assert held
    assert all(torch.equal(before[name], after[name]) for name in held)
    (head,) = (name for name, value in before.items() if value.dim() == 2 and value.shape[0] == 3)
    assert (after[head][1:] - before[head][:2]).abs().max() > 1e-3


def test_a_detector_of_other_classes_is_compared_on_the_old_ones(tmp_path: Path) -> None:
    drawn = scenes(12, PARTS)
    bars = [replace(one, boxes=tuple(box for box in one.boxes if box[0] == "bar")) for one in drawn]
    few = (*DETECTOR, "training.epochs=20")
    first = plait.train(voc(tmp_path / "bars", bars), changes=few, out=tmp_path / "first")
    assert first.report["kept_classes"] == []
    still = (*DETECTOR, "training.epochs=1", STILL)
    second = plait.train(
        voc(tmp_path / "both", drawn), changes=still, start_from=first.folder, out=tmp_path / "second"
    )
    (kept,) = second.report["kept_classes"]
    assert kept["name"] == "bar"
    # Nothing was learnt: the old class's weights, taken by its name, say what they said.
    assert kept["before"] == pytest.approx(kept["after"], abs=0.02)
    assert kept["before"] == pytest.approx(first.report["value"], abs=0.02)
    assert kept["before"] > 0.2
    third = plait.train(tmp_path / "bars", changes=still, start_from=second.folder, out=tmp_path / "third")
    assert [one["name"] for one in third.report["kept_classes"]] == ["bar"]

"""An exported network answers as PyTorch does, in one file that says all about itself; otherwise there is no file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from plait.deployment.export import LARGEST_DIFFERENCE, export
from plait.errors import ModelError
from plait.inference.model import OnnxModel
from plait.inference.picture import PictureInput
from plait.inference.spec import ModelSpec

SPEC = ModelSpec(
    task="image-classification",
    classes=["cat", "dog, small", "猫"],
    several_labels=False,
    input=PictureInput(height=8, width=10, channels=3, resize="crop", margin=1.1),
    recipe={"data": {"max_pixels": 1000}},
    scores={"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}},
    plait_version="0.1.0",
    trained_on="2026-01-31",
)


class Reader(nn.Module):
    """Convolution, batch norm, recurrence over rows and columns, averaged over the mirror image."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.rows = nn.GRU(6, 4, bidirectional=True, batch_first=True)
        self.columns = nn.LSTM(8 * 10, 5, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.classes = nn.Linear(10, 3)

    def forward(self, pictures: Tensor) -> Tensor:
        values = (pictures.float() - 127.5) / 64
        return (self.read(values) + self.read(values.flip(-1))) / 2

    def read(self, values: Tensor) -> Tensor:
        maps = torch.relu(self.norm(self.conv(values)))
        batch, channels, height, width = maps.shape
        rows, _ = self.rows(maps.permute(0, 2, 3, 1).reshape(batch * height, width, channels))
        columns, _ = self.columns(rows.reshape(batch, height, width * 8))
        logits: Tensor = self.classes(self.dropout(columns[:, -1]))
        return logits


class Growing(nn.Module):
    """Computes one thing here and another in the graph: the exporter takes a Python number for a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Linear(3, 3)
        self.asked = 0

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.classes(pictures.float().mean((2, 3)))
        if torch.compiler.is_compiling():
            return logits
        return logits + 2 * LARGEST_DIFFERENCE


class Unexportable(nn.Module):
    """Decides by a value."""

    def forward(self, pictures: Tensor) -> Tensor:
        values = pictures.float().mean((2, 3))
        return values if values.sum().item() > 3 else -values


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path, dict[str, Any]]:
    network = Reader().train()
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    return network, path, export(network, SPEC, path)


def test_the_file_answers_as_pytorch(exported: tuple[nn.Module, Path, dict[str, Any]]) -> None:
    network, path, _ = exported
    assert network.training, "export changed the caller's network"
    network, model = network.eval(), OnnxModel(path)
    for batch in (1, 3, 16):
        pictures = np.random.default_rng(batch).integers(0, 256, (batch, 3, 8, 10), np.uint8)
        with torch.no_grad():
            expected = network(torch.from_numpy(pictures)).numpy()
        np.testing.assert_allclose(model.run(pictures)[0], expected, atol=1e-5)
    network.train()


def test_a_batch_equals_its_pictures_one_by_one(exported: tuple[nn.Module, Path, dict[str, Any]]) -> None:
    model = OnnxModel(exported[1])
    pictures = np.random.default_rng(1).integers(0, 256, (5, 3, 8, 10), np.uint8)
    alone = np.concatenate([model.run(pictures[number : number + 1])[0] for number in range(5)])
    np.testing.assert_allclose(model.run(pictures)[0], alone, atol=1e-6)


def test_it_says_what_was_written(exported: tuple[nn.Module, Path, dict[str, Any]]) -> None:
    _, path, answer = exported
    assert answer["bytes"] == path.stat().st_size
    assert answer["batch_sizes"] == [1, 2, 7]
    assert answer["largest_difference"] <= LARGEST_DIFFERENCE
    assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]


def test_the_file_holds_its_description(exported: tuple[nn.Module, Path, dict[str, Any]]) -> None:
    assert OnnxModel(exported[1]).spec == SPEC


def test_the_file_is_sound_and_holds_no_paths_of_this_machine(
    exported: tuple[nn.Module, Path, dict[str, Any]],
) -> None:
    content = exported[1].read_bytes()
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    for trace in (__file__, "site-packages", str(Path.home()), "test_export"):
        assert trace.encode() not in content


def test_weights_read_twice_are_stored_once(exported: tuple[nn.Module, Path, dict[str, Any]]) -> None:
    graph = onnx.load(str(exported[1])).graph
    large = [tensor.raw_data for tensor in graph.initializer if len(tensor.raw_data) > 200]
    assert len(large) == len(set(large))


def test_a_wrong_answer_leaves_no_file_and_an_old_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ModelError, match="differ from PyTorch's"):
        export(Growing(), SPEC, path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_what_cannot_be_exported_is_one_quiet_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match="cannot export"):
        export(Unexportable(), SPEC, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_a_good_export_is_quiet_and_a_missing_folder_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    linear = nn.Sequential(Float(), nn.Flatten(), nn.Linear(240, 3))
    export(linear, SPEC, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ModelError, match="cannot be written"):
        export(linear, SPEC, tmp_path / "gone" / "model.onnx")


def test_a_description_of_other_classes_is_refused(tmp_path: Path) -> None:
    linear = nn.Sequential(Float(), nn.Flatten(), nn.Linear(240, 3))
    with pytest.raises(ModelError, match="description says"):
        export(linear, replace(SPEC, classes=["only one"]), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


class Float(nn.Module):
    """uint8 to numbers between 0 and 1."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float() / 255

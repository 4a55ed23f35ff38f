"""An exported detector answers as PyTorch does on pictures of any size, its suppression within the file."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.detectors import network, outspoken, recipe, spec

from plait.deployment.export import export
from plait.errors import ModelError
from plait.inference.detection_input import DetectionInput
from plait.inference.model import OnnxModel
from plait.inference.object_detection import largest_difference
from plait.tasks.detector import Detector

TWO_MAPS = (
    "network=[{conv: {channels: 8, stride: 2, norm: batch, activation: relu}}, "
    "{conv: {channels: 12, stride: 2, norm: batch, activation: relu}}, "
    "{conv: {channels: 12, stride: 2, norm: batch, activation: relu}}, {tap: eighth}, "
    "{conv: {channels: 12, stride: 2, norm: batch, activation: relu}}, {tap: sixteenth}]",
    "pyramid.channels=12",
    "detection.most=20",
)
SIZES = [
    (64, 64), (32, 32), (96, 64), (64, 160), (320, 320), (224, 96), (32, 512),
    # Whose maps do not halve evenly.
    (48, 48), (40, 72), (65, 33), (100, 100), (101, 77), (33, 250), (63, 127),
]  # fmt: skip
SPEC = replace(spec(), input=DetectionInput(64, 96, 20))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Detector, OnnxModel]:
    made = outspoken(network(recipe(*TWO_MAPS)))
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    answer = export(made, SPEC, path)
    assert answer["largest_difference"] < 1e-4
    return made, OnnxModel(path)


def pictures(seed: int, batch: int, size: tuple[int, int]) -> np.ndarray:
    """Noise of coarse patches, of pictures' own sizes."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (batch, 3, -(-size[0] // 9), -(-size[1] // 9)), np.uint8)
    return np.ascontiguousarray(coarse.repeat(9, axis=2).repeat(9, axis=3)[:, :, : size[0], : size[1]])


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_file_answers_as_pytorch_at_every_size(
    exported: tuple[Detector, OnnxModel], size: tuple[int, int]
) -> None:
    """Seven pictures a size, so about a hundred in all."""
    made, model = exported
    for batch in (1, 2, 4):
        given = pictures(batch, batch, size)
        with torch.inference_mode():
            expected = [one.numpy() for one in made(torch.from_numpy(given))]
        found = model.run(given)
        assert largest_difference(expected, found) < 1e-4
        np.testing.assert_array_equal(expected[3], found[3])
        assert (found[3] > 0).all()
        assert (found[0] >= 0).all()
        assert (found[0] <= [size[1], size[0], size[1], size[0]]).all()


def test_a_batch_is_its_pictures_one_by_one(exported: tuple[Detector, OnnxModel]) -> None:
    _, model = exported
    given = pictures(5, 5, (96, 64))
    together = model.run(given)
    for row in range(5):
        alone = model.run(given[row : row + 1])
        assert largest_difference([one[row : row + 1] for one in together], alone) < 1e-5


def test_other_inputs_are_refused(exported: tuple[Detector, OnnxModel]) -> None:
    _, model = exported
    for wrong in (np.zeros((1, 1, 64, 64), np.uint8), np.zeros((1, 3, 64, 64), np.float32)):
        with pytest.raises(ModelError, match="expected uint8 pictures"):
            model.run(wrong)
    assert [one.shape for one in model.run(np.zeros((0, 3, 64, 64), np.uint8))] == [
        (0, 20, 4), (0, 20), (0, 20), (0,),
    ]  # fmt: skip


def test_what_it_says_of_itself_is_read(exported: tuple[Detector, OnnxModel]) -> None:
    assert exported[1].spec == SPEC

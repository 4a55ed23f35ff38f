"""A recurrent head tells of each picture what it tells of it alone; its surest boxes are those of a model file too."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from plait.deployment.export import LARGEST_DIFFERENCE, export
from plait.inference.model import OnnxModel
from plait.inference.object_detection import largest_difference
from plait.layers import Map
from plait.layers.recurrent_boxes import RecurrentBoxes, boxes_around, surest
from plait.layers.suppression import suppressed
from tests import detectors

SIDES = {8: 8, 16: 4, 32: 2}
"""Positions of a side of each stride's map, in a picture of 64 x 64."""


def head(*strides: int, cell: str = "gru", steps: int = 3) -> RecurrentBoxes:
    torch.manual_seed(0)
    shapes = [Map(6, SIDES[stride], SIDES[stride]) for stride in strides]
    made = RecurrentBoxes(shapes, strides, 2, depth=1, cell=cell, units=5, steps=steps)
    for layer in (made.classes, made.edges):
        torch.nn.init.normal_(layer.weight)
    return made.eval()


def maps(batch: int, *strides: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, 6, SIDES[stride], SIDES[stride]) for stride in strides]


@pytest.mark.parametrize(
    ("strides", "expected"), [((8, 16, 32), 16), ((16,), 16), ((8,), 8), ((32,), 32), ((4, 8), 8)]
)
def test_regions_are_sixteen_pixels_wide_or_of_the_coarsest_map(
    strides: tuple[int, ...], expected: int
) -> None:
    shapes = [Map(6, 64 // stride, 64 // stride) for stride in strides]
    made = RecurrentBoxes(shapes, strides, 2, depth=0, cell="gru", units=5, steps=3)
    arriving = [torch.randn(2, 6, shape.height, shape.width) for shape in shapes]
    logits, boxes, points = made(arriving)
    positions = (64 // expected) ** 2
    assert logits.shape == (2, 3 * positions, 2)
    assert boxes.shape == (2, 3 * positions, 4)
    assert points.shape == (3 * positions, 3)
    assert (points[:, 2] == expected).all()
    assert torch.equal(points[0], points[2])
    assert points[3].tolist() == [1.5 * expected, 0.5 * expected, expected] or positions == 4


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_batch_is_its_members_one_at_a_time(cell: str) -> None:
    made, arriving = head(8, 16, 32, cell=cell), maps(3, 8, 16, 32)
    together = made(arriving)
    for row in range(3):
        alone = made([one[row : row + 1] for one in arriving])
        for all_of_them, one in zip(together[:2], alone[:2], strict=True):
            torch.testing.assert_close(all_of_them[row : row + 1], one, rtol=1e-4, atol=1e-4)


def test_every_map_is_seen_and_every_weight_learns() -> None:
    made, arriving = head(8, 16, 32).train(), [one.requires_grad_() for one in maps(2, 8, 16, 32)]
    logits, boxes, _ = made(arriving)
    (logits.square().sum() + boxes.square().sum()).backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in [*arriving, *made.parameters()])


def test_steps_are_those_of_the_projects_cell_unrolled() -> None:
    made = head(16, steps=4)
    (arriving,) = maps(1, 16)
    region = made.tower(made._join([arriving])).permute(0, 2, 3, 1).reshape(16, 1, 1, 6)
    outputs, _ = made.cell.unroll(region.expand(-1, 4, -1, -1), None, None, False)
    expected = made.classes(outputs.squeeze(2)).reshape(1, 64, 2)
    torch.testing.assert_close(made([arriving])[0], expected)


def test_boxes_lie_around_their_positions() -> None:
    points = torch.tensor([[24.0, 40, 16]])
    edges = torch.tensor([[[0.5, -0.25, np.log(2), np.log(0.5)]]])
    assert torch.allclose(boxes_around(points, edges), torch.tensor([[[16.0, 32, 48, 40]]]))


def test_the_surest_are_what_suppression_keeps_where_nothing_covers_another() -> None:
    torch.manual_seed(0)
    left = torch.rand(2, 30, 1) * 5 + 20 * torch.arange(30)[:, None]
    boxes = torch.cat([left, left, left + 10, left + 10], dim=2)
    scores = torch.rand(2, 30, 1)
    for least, most in ((0.0, 10), (0.7, 40), (1.0, 5)):
        for one, other in zip(
            surest(boxes, scores, least, most), suppressed(boxes, scores, 0.5, least, most), strict=True
        ):
            assert torch.equal(one, other)


def test_a_box_is_of_one_class() -> None:
    boxes, scores = torch.rand(1, 3, 4), torch.tensor([[[0.2, 0.9], [0.6, 0.5], [0.1, 0.2]]])
    found, best, classes, count = surest(boxes, scores, 0.3, 4)
    assert best[0].tolist() == pytest.approx([0.9, 0.6, 0, 0])
    assert classes[0].tolist() == [1, 0, 0, 0]
    assert count.tolist() == [2]
    assert torch.equal(found[0], torch.cat([boxes[0, :2], torch.zeros(2, 4)]))


def test_the_model_file_answers_as_pytorch(tmp_path: Path) -> None:
    layers = [
        f"{{conv: {{channels: 8, stride: {stride}}}}}, {{tap: map {place}}}"
        for place, stride in enumerate((8, 2, 2))
    ]
    asked = detectors.recipe(
        f"network=[{', '.join(layers)}]",
        "pyramid.context=[]",
        "head.name=recurrent",
        "head.units=8",
        "head.steps=2",
        "detection.most=20",
    )
    network, spec = detectors.outspoken(detectors.network(asked)), detectors.spec()
    export(network, spec, tmp_path / "model.onnx")
    model = OnnxModel(tmp_path / "model.onnx")
    for batch, height, width in ((1, 64, 64), (3, 32, 96), (2, 65, 33)):
        pictures = np.random.default_rng(batch).integers(0, 256, (batch, 3, height, width), np.uint8)
        with torch.no_grad():
            expected = [one.numpy() for one in network(torch.from_numpy(pictures))]
        assert expected[3].min() > 0
        assert largest_difference(expected, model.run(pictures)) <= LARGEST_DIFFERENCE

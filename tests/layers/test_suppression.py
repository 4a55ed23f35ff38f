"""Suppression keeps what torchvision keeps, and what a plain loop keeps; in a model file it is the same."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms, box_iou

from plait.inference.object_detection import largest_difference
from plait.layers.suppression import Found, suppressed

OVERLAP, LEAST, MOST = 0.5, 0.1, 30


def candidates(seed: int, batch: int, positions: int, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Boxes around few middles, so that many cover each other, and scores of which none is equal."""
    torch.manual_seed(seed)
    middles = torch.rand(batch, 6, 2)[:, torch.arange(positions) % 6] * 200
    middles = middles + torch.randn(batch, positions, 2) * 4
    sides = 10 + torch.rand(batch, positions, 2) * 30
    order = torch.randperm(batch * positions * classes).view(batch, positions, classes)
    return torch.cat([middles - sides, middles + sides], dim=2), order / order.numel() * 0.9


def by_hand(boxes: Tensor, scores: Tensor) -> list[tuple[int, int]]:
    """Places and classes, greedily, the surest first (Felzenszwalb et al. 2010)."""
    overlap = box_iou(boxes, boxes)
    kept: list[tuple[int, int]] = []
    for place, label in sorted((scores > LEAST).nonzero().tolist(), key=lambda one: -scores[one[0], one[1]]):
        if all(label != other or overlap[place, before] <= OVERLAP for before, other in kept):
            kept.append((place, label))
    return kept


@pytest.mark.parametrize("seed", range(8))
def test_it_keeps_what_a_plain_loop_and_torchvision_keep(seed: int) -> None:
    boxes, scores = candidates(seed, 3, (5, 60, 200)[seed % 3])
    found, surest, labels, counts = suppressed(boxes, scores, OVERLAP, LEAST, MOST)
    for row, count in enumerate(counts.tolist()):
        kept = by_hand(boxes[row], scores[row])[:MOST]
        places, classes = (scores[row] > LEAST).nonzero(as_tuple=True)
        theirs = batched_nms(boxes[row, places], scores[row, places, classes], classes, OVERLAP)[:MOST]
        assert kept == list(zip(places[theirs].tolist(), classes[theirs].tolist(), strict=True))
        assert count == len(kept)
        for place, (position, label) in enumerate(kept):
            assert torch.equal(found[row, place], boxes[row, position])
            assert (surest[row, place], labels[row, place]) == (scores[row, position, label], label)
        for values in (found, surest, labels):
            assert not values[row, count:].any()


def test_the_order_of_candidates_changes_nothing() -> None:
    boxes, scores = candidates(3, 2, 100)
    order = torch.randperm(100)
    for one, other in zip(
        suppressed(boxes, scores, OVERLAP, LEAST, MOST),
        suppressed(boxes[:, order], scores[:, order], OVERLAP, LEAST, MOST),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_a_score_must_be_above_the_least() -> None:
    boxes, scores = candidates(0, 1, 4)
    counts = suppressed(boxes, torch.full_like(scores, LEAST), OVERLAP, LEAST, MOST)[3]
    assert counts.tolist() == [0]


class Suppression(nn.Module):
    """Suppression alone, as a network."""

    def forward(self, boxes: Tensor, scores: Tensor) -> Found:
        return suppressed(boxes, scores, OVERLAP, LEAST, MOST)


@pytest.fixture(scope="module")
def in_file(tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    path = tmp_path_factory.mktemp("suppression") / "suppression.onnx"
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("positions")}
    torch.onnx.export(
        Suppression().eval(),
        candidates(0, 2, 100),
        path,
        input_names=["boxes", "scores"],
        dynamic_shapes=(axes, axes),
        opset_version=20,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    return onnxruntime.InferenceSession(path)


def same(in_file: onnxruntime.InferenceSession, boxes: Tensor, scores: Tensor) -> list[int]:
    """How many are found in each picture, by PyTorch and by the model file."""
    expected = [one.numpy() for one in suppressed(boxes, scores, OVERLAP, LEAST, MOST)]
    given = in_file.run(None, {"boxes": boxes.numpy(), "scores": scores.numpy()})
    assert [one.shape for one in given] == [one.shape for one in expected]
    assert largest_difference(expected, given) == 0
    np.testing.assert_array_equal(expected[3], given[3])
    np.testing.assert_array_equal(expected[1], given[1])
    return [int(count) for count in given[3]]


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(("batch", "positions"), [(1, 1), (1, 7), (3, 31), (5, 100), (2, 777)])
def test_the_model_file_keeps_the_same(
    in_file: onnxruntime.InferenceSession, batch: int, positions: int
) -> None:
    for seed in range(4):
        counts = same(in_file, *candidates(seed, batch, positions))
        assert max(counts) > 0


def test_the_model_file_keeps_nothing_or_the_most(in_file: onnxruntime.InferenceSession) -> None:
    boxes, scores = candidates(1, 3, 50)
    assert same(in_file, boxes, scores * 0) == [0, 0, 0]
    scores[1] = 0
    assert same(in_file, boxes, scores)[1] == 0
    apart = torch.arange(50)[None, :, None] * 100 + torch.tensor([0, 0, 50, 50])
    assert same(in_file, apart.float().expand(3, -1, -1).contiguous(), scores.clamp(min=0.2)) == [MOST] * 3
    # Boxes of no area cover nothing.
    assert same(in_file, boxes * 0, scores)[0] > 0

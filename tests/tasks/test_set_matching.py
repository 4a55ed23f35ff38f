"""Matching costs as little as any other would, whatever the order; and a recurrent head learns a batch by heart."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from plait.evaluation.detection_matches import Found, Marked
from plait.evaluation.detection_scores import quick_ap
from plait.layers.dense_boxes import RARE, middles
from plait.tasks.box_geometry import overlaps
from plait.tasks.detector import Detector
from plait.tasks.set_matching import LATER, match, set_loss
from tests import detectors
from tests.boxes import scenes

STEPS = 3
STRIDE = 16
POINTS = middles(2, 3, STRIDE, torch.device("cpu")).repeat_interleave(STEPS, dim=0)
"""Six regions in a picture of 32 x 48."""
LABELS = ["bar", "square"]


def told(batch: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits of two classes, and boxes near their regions."""
    torch.manual_seed(seed)
    return torch.randn(batch, len(POINTS), 2), around(POINTS[:, :2].expand(batch, -1, 2))


def marked(batch: int, count: int, within: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Labels, and boxes whose middles lie in the regions ``within``."""
    torch.manual_seed(seed)
    chosen = within[torch.randint(len(within), (batch, count))]
    middle = POINTS[::STEPS][chosen, :2] + (torch.rand(batch, count, 2) - 0.5) * (STRIDE - 1)
    return torch.randint(2, (batch, count)), around(middle, 0)


def around(middle: Tensor, shift: float = 4) -> Tensor:
    middle = middle + torch.randn(middle.shape) * shift
    half = 4 + torch.rand(middle.shape) * 12
    return torch.cat([middle - half, middle + half], dim=-1)


def region(box: Tensor) -> int:
    """Regions are counted row by row."""
    x, y = ((box[:2] + box[2:]) / 2 // STRIDE).int().tolist()
    return y * 3 + x


def cheapest(logits: Tensor, boxes: Tensor, labels: Tensor, truth: Tensor) -> list[int]:
    """The emissions of one region's boxes, by trying all."""
    emissions = [region(truth[0]) * STEPS + step for step in range(STEPS)]

    def costs(order: tuple[int, ...]) -> float:
        return sum(
            LATER * step
            - float(logits[emissions[step], label].sigmoid())
            - float(overlaps(boxes[emissions[step]], box))
            for step, label, box in zip(order, labels.tolist(), truth, strict=True)
        )

    return [emissions[step] for step in min(permutations(range(STEPS), len(truth)), key=costs)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_matching_costs_less(seed: int, count: int) -> None:
    logits, boxes = told(2, seed)
    labels, truth = marked(2, count, torch.tensor([seed]), seed)
    found = match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS)
    assert found.left_out == 0
    for row in range(2):
        expected = cheapest(logits[row], boxes[row], labels[row], truth[row])
        assert found.emissions[row].tolist() == expected


def test_the_order_of_boxes_changes_nothing() -> None:
    logits, boxes = told(3)
    labels, truth = marked(3, 12, torch.arange(6))
    labels[0, :4], labels[1, 3] = -1, -2
    order = torch.randperm(12)
    one = match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS)
    other = match(logits.sigmoid(), boxes, POINTS, labels[:, order], truth[:, order], STEPS)
    assert torch.equal(one.emissions[:, order], other.emissions)
    assert one.left_out == other.left_out > 0
    losses = [
        set_loss(logits, boxes, POINTS, labels[:, places], truth[:, places], STEPS, 2.0)
        for places in (torch.arange(12), order)
    ]
    torch.testing.assert_close(*losses)


def test_every_box_is_learnt_by_an_emission_of_its_region_and_no_other_box_by_that() -> None:
    logits, boxes = told(4)
    labels, truth = marked(4, 10, torch.arange(6))
    found = match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS).emissions
    for row in range(4):
        learnt = found[row][found[row] >= 0].tolist()
        assert len(learnt) == len(set(learnt))
        for emission, box in zip(found[row].tolist(), truth[row], strict=True):
            assert emission < 0 or emission // STEPS == region(box)


def test_of_a_crowd_as_many_are_learnt_as_there_are_steps() -> None:
    logits, boxes = told(2)
    labels, truth = marked(2, 5, torch.tensor([4]))
    found = match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS)
    assert found.left_out == 2 * (5 - STEPS)
    assert (found.emissions >= 0).sum(dim=1).tolist() == [STEPS, STEPS]
    assert set_loss(logits, boxes, POINTS, labels, truth, STEPS, 2.0).isfinite()


def test_what_is_ignored_is_not_matched_nor_held_against_what_it_covers() -> None:
    logits, boxes = told(1)
    labels, truth = torch.tensor([[-2, 1]]), torch.tensor([[[-40.0, -40, 25, 72], [35.0, 18, 46, 30]]])
    found = match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS).emissions[0]
    assert found[0] == -1
    assert found[1] // STEPS == 5
    logits.requires_grad_()
    set_loss(logits, boxes, POINTS, labels, truth, STEPS, 2.0).backward()
    assert logits.grad is not None
    learnt = logits.grad[0].abs().sum(dim=1) > 0
    # Of six regions the first column's lie within, the last's do not.
    columns = learnt.view(2, 3, STEPS)
    assert not columns[:, 0].any()
    assert columns[:, 2].all()


def test_a_matched_emission_counts_within_what_is_ignored() -> None:
    logits, boxes = told(1)
    labels, truth = torch.tensor([[-2, 1]]), torch.tensor([[[-90.0, -90, 150, 150], [3.0, 2, 12, 11]]])
    place = int(match(logits.sigmoid(), boxes, POINTS, labels, truth, STEPS).emissions[0, 1])
    logits.requires_grad_()
    set_loss(logits, boxes, POINTS, labels, truth, STEPS, 2.0).backward()
    assert logits.grad is not None
    assert logits.grad[0].abs().sum(dim=1).nonzero().flatten().tolist() == [place]


def test_gradients_reach_every_logit_and_the_matched_boxes_alone() -> None:
    logits, boxes = (one.requires_grad_() for one in told(2))
    labels, truth = marked(2, 4, torch.arange(6))
    set_loss(logits, boxes, POINTS, labels, truth, STEPS, 2.0).backward()
    assert logits.grad is not None
    assert boxes.grad is not None
    assert (logits.grad != 0).all()
    emissions = match(logits.detach().sigmoid(), boxes.detach(), POINTS, labels, truth, STEPS).emissions
    for row in range(2):
        moved = boxes.grad[row].abs().sum(dim=1).nonzero().flatten().tolist()
        assert moved == sorted(emissions[row][emissions[row] >= 0].tolist())


def test_numbers_that_are_none_do_not_end_the_matching() -> None:
    logits, boxes = told(1)
    labels, truth = marked(1, 3, torch.tensor([2]))
    found = match(logits.sigmoid() * torch.nan, boxes * torch.nan, POINTS, labels, truth, STEPS)
    assert sorted(found.emissions[0].tolist()) == [6, 7, 8]


def test_nothing_to_find_costs_at_first_what_is_thought_rare() -> None:
    asked = detectors.recipe("head.name=recurrent")
    network, task = detectors.network(asked).train(), detectors.task(asked)
    raw = network(torch.full((2, 3, 64, 64), 120, dtype=torch.uint8))
    loss = task.loss(raw, detectors.targets([], []))
    assert loss.item() == pytest.approx(-np.log(1 - RARE) * raw[0].numel(), rel=0.1)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.head.classes.parameters())


def test_a_batch_is_learnt_by_heart() -> None:
    drawn = [one for one in scenes(40, most=9, size=(64, 64)) if 3 <= len(one.boxes) <= 6][:4]
    pictures = torch.from_numpy(np.stack([one.pixels.transpose(2, 0, 1) for one in drawn]))
    edges = [[(LABELS.index(label), *sides) for label, *sides in one.boxes] for one in drawn]
    asked = detectors.recipe("head.name=recurrent", "head.units=32", "head.steps=3")
    network, task, targets = detectors.network(asked), detectors.task(asked), detectors.targets(*edges)
    optimizer = torch.optim.AdamW(network.train().parameters(), 0.005)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, 120)
    for _ in range(120):
        optimizer.zero_grad()
        task.loss(network(pictures), targets).backward()
        optimizer.step()
        schedule.step()
    marks = [np.array(one) for one in edges]
    truths = [Marked(one[:, 1:].astype(float), one[:, 0], np.zeros(len(one), bool)) for one in marks]
    assert quick_ap(truths, answers(network, pictures), LABELS)[0] == 1.0


def answers(network: Detector, pictures: Tensor) -> list[Found]:
    """After some looks without learning, so that norms know the weights as they are."""
    with torch.no_grad():
        for _ in range(20):
            network.train()(pictures)
        found = [one.numpy() for one in network.eval()(pictures)]
    return [
        Found(boxes[:count].astype(np.float64), classes[:count], scores[:count].astype(np.float64))
        for boxes, scores, classes, count in zip(*found, strict=True)
    ]

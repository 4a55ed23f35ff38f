"""A detector's losses, and which position learns which box, held against torchvision and what is asked of them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou, complete_box_iou_loss

from plait.data.batches import Batch
from plait.data.box_targets import IGNORED
from plait.data.table import Row, Table
from plait.errors import NetworkError, RecipeError
from plait.evaluation.detection_matches import Found, Marked
from plait.inference.detection_input import DetectionInput
from plait.layers.dense_boxes import RARE, boxes_at, middles
from plait.media.boxed_pictures import BoxedPictures
from plait.tasks.box_assignment import POSITIONS, Assigned, assign
from plait.tasks.box_geometry import ciou_loss, overlaps, pair_overlaps
from plait.tasks.detection_mistakes import mistakes
from tests.boxes import scenes
from tests.detectors import awake, box_targets, network, outspoken, recipe, targets, task

SIDE, CLASSES = 96, 3
POINTS = torch.cat(
    [middles(SIDE // stride, SIDE // stride, stride, torch.device("cpu")) for stride in (8, 16, 32)]
)


def random_boxes(seed: int, *axes: int, side: float = 100.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(*axes, 2, 2, generator=generator).sort(dim=-2).values * side
    return corners.flatten(-2)


def said(seed: int, batch: int) -> tuple[Tensor, Tensor]:
    """Scores, and boxes around every position."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.rand(batch, len(POINTS), 4, generator=generator) * 2 - 0.5
    return torch.rand(batch, len(POINTS), CLASSES, generator=generator), boxes_at(POINTS, edges)


def asked_of(seed: int, given: Tensor) -> Assigned:
    return assign(*said(seed, len(given)), POINTS, given[..., 0].long(), given[..., 1:])


def equal(one: Assigned, other: Assigned) -> bool:
    names = ("positive", "boxes", "scores", "counted")
    # Where nothing is learnt, no box is meant.
    blank = [one.boxes * one.positive[..., None], other.boxes * other.positive[..., None]]
    return torch.equal(*blank) and all(
        torch.equal(getattr(one, name), getattr(other, name)) for name in names if name != "boxes"
    )


MANY = targets(
    [(0, 5, 5, 40, 60), (1, 50, 20, 90, 90), (2, 30, 30, 60, 50)],
    [(1, 10, 70, 18, 78)],
    [(0, 0, 0, 96, 96), (0, 41, 9, 44, 12), (2, 60, 60, 95, 70), (1, 70, 2, 90, 40)],
)


def test_overlaps_are_those_of_torchvision() -> None:
    ones, others = random_boxes(0, 4, 30), random_boxes(1, 4, 50)
    expected = torch.stack([box_iou(one, other) for one, other in zip(ones, others, strict=True)])
    torch.testing.assert_close(pair_overlaps(ones, others), expected)
    torch.testing.assert_close(overlaps(ones[0], ones[0]), torch.ones(30))
    flat = torch.tensor([[5.0, 5, 5, 9], [1, 1, 1, 1]])
    assert overlaps(flat, flat).tolist() == [0, 0], "boxes of no area cover nothing"


def test_the_loss_of_boxes_is_that_of_torchvision() -> None:
    found, true = random_boxes(2, 500).double(), random_boxes(3, 500).double()
    found.requires_grad_()
    ours, theirs = ciou_loss(found, true), complete_box_iou_loss(found, true)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    (gradient,) = torch.autograd.grad(ours.sum(), found)
    (expected,) = torch.autograd.grad(theirs.sum(), found)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(ciou_loss(true, true), torch.zeros(500).double(), atol=1e-6, rtol=0)


def test_the_loss_of_boxes_is_finite_wherever_they_lie() -> None:
    found = torch.tensor([[0.0, 0, 0, 0], [5, 5, 4, 4], [0, 0, 1e4, 1e-4], [1e4, 1e4, 1e4 + 1, 1e4 + 1]])
    found.requires_grad_()
    loss = ciou_loss(found, torch.tensor([[1.0, 1, 2, 2]]).expand(4, 4))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert found.grad is not None
    assert torch.isfinite(found.grad).all()


@pytest.mark.parametrize("seed", range(5))
def test_every_box_is_learnt_by_positions_within_it(seed: int) -> None:
    asked = asked_of(seed, MANY)
    for picture, boxes in enumerate(MANY):
        for label, *edges in boxes[boxes[:, 0] >= 0].tolist():
            mine = asked.positive[picture] & (asked.boxes[picture] == torch.tensor(edges)).all(dim=1)
            assert 1 <= int(mine.sum()) <= POSITIONS
            scores = asked.scores[picture, mine]
            assert not scores[:, [one for one in range(CLASSES) if one != label]].any()
            x, y = POINTS[mine, 0], POINTS[mine, 1]
            # A box smaller than the positions are apart has the nearest of them.
            wide, high = (max((edges[axis + 2] - edges[axis]) / 2, 0.51 * 8) for axis in (0, 1))
            assert ((x - (edges[0] + edges[2]) / 2).abs() < wide).all()
            assert ((y - (edges[1] + edges[3]) / 2).abs() < high).all()
    assert not asked.scores[~asked.positive].any()
    assert ((asked.scores >= 0) & (asked.scores <= 1)).all()


def test_what_a_position_should_say_is_how_well_it_covers_at_best() -> None:
    scores, boxes = said(0, 3)
    asked = assign(scores, boxes, POINTS, MANY[..., 0].long(), MANY[..., 1:])
    mine = asked.positive[1]
    best = overlaps(boxes[1, mine], MANY[1, :1, 1:].expand(int(mine.sum()), 4)).max()
    torch.testing.assert_close(asked.scores[1].max(), best)


def test_padding_changes_nothing() -> None:
    padded = torch.cat([torch.tensor([-1.0, 0, 0, 50, 50]).expand(3, 5, 5), MANY], dim=1)
    assert equal(asked_of(0, MANY), asked_of(0, padded))


def test_the_order_of_boxes_changes_nothing() -> None:
    assert equal(asked_of(0, MANY), asked_of(0, MANY.flip(1)))


def test_a_picture_without_boxes_asks_for_nothing() -> None:
    asked = asked_of(0, targets([], []))
    assert not asked.positive.any()
    assert not asked.scores.any()
    assert asked.counted.all()


@pytest.mark.parametrize("side", [0.5, 2.0, 7.0])
@pytest.mark.parametrize("middle", [(48, 48), (47.9, 44), (1, 1), (95, 95), (52, 40)])
def test_a_tiny_box_between_positions_is_learnt(middle: tuple[float, float], side: float) -> None:
    x, y = middle
    asked = asked_of(1, targets([(1, x - side / 2, y - side / 2, x + side / 2, y + side / 2)]))
    assert asked.positive.any()


def test_what_is_ignored_is_not_held_against_and_not_learnt() -> None:
    box, other = (0, 5, 5, 40, 60), (1, 45, 30, 90, 90)
    plain, ignoring = asked_of(0, targets([box])), asked_of(0, targets([box, (IGNORED, *other[1:])]))
    assert torch.equal(plain.positive, ignoring.positive)
    assert torch.equal(plain.scores, ignoring.scores)
    x, y = POINTS[:, 0], POINTS[:, 1]
    inside = (x > 45) & (x < 90) & (y > 30) & (y < 90)
    assert torch.equal(ignoring.counted[0].bool(), ~inside)
    learning = task(recipe(), "abc")
    logits, boxes = torch.full((1, len(POINTS), CLASSES), -4.0), said(0, 1)[1]
    shouting = torch.where(inside[None, :, None], 4.0, logits)
    given = targets([box, (IGNORED, *other[1:])])
    assert learning.loss((logits, boxes, POINTS), given) == learning.loss((shouting, boxes, POINTS), given)
    assert learning.loss((shouting, boxes, POINTS), targets([box])) > learning.loss(
        (logits, boxes, POINTS), given
    )


def first_answers(
    *pictures: list[tuple[float, ...]], seed: int = 0
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """What a network that has learnt nothing says of noise, and what is marked."""
    values = torch.randint(0, 256, (len(pictures), 3, 64, 64), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return network(recipe()).train()(values.float()), targets(*pictures)


BOXES = [(0, 5, 5, 30, 40), (1, 30, 20, 60, 60)], [(1, 10, 10, 25, 20)]


def test_the_loss_begins_where_every_class_is_rare() -> None:
    """Every logit begins near log(0.01 / 0.99). Of N of them, of which W is asked in sum, binary cross-entropy is then
    W log(99) - N log(0.99), and it is divided by W (by 1, where that is less); that of boxes is CIoU's, beside it."""
    raw, given = first_answers([], [])
    learning = task(recipe())
    assert float(learning.loss(raw, given)) == pytest.approx(-raw[0].numel() * math.log(1 - RARE), rel=0.1)
    raw, given = first_answers(*BOXES)
    asked = assign(raw[0].sigmoid(), raw[1], raw[2], given[..., 0].long(), given[..., 1:])
    weight = asked.scores.sum(dim=2)
    whole = max(1.0, float(weight.sum()))
    classes = (float(weight.sum()) * math.log(1 / RARE - 1) - raw[0].numel() * math.log(1 - RARE)) / whole
    fit = complete_box_iou_loss(raw[1][asked.positive], asked.boxes[asked.positive])
    boxes = float((fit * weight[asked.positive]).sum()) / whole
    for share in (0.0, 1.0, 3.0):
        loss = task(recipe(f"loss.box={share}")).loss(raw, given)
        assert float(loss) == pytest.approx(classes + share * boxes, rel=0.1)


def test_every_parameter_is_learnt() -> None:
    made = awake(network(recipe()).train())
    values = torch.randint(0, 256, (2, 3, 64, 64)).float()
    task(recipe()).loss(made(values), targets(*BOXES)).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_order_of_a_batch_changes_nothing() -> None:
    raw, given = first_answers(*BOXES, [], [(0, 1, 1, 63, 63)])
    order = torch.tensor([2, 0, 3, 1])
    learning = task(recipe())
    jumbled = learning.loss((raw[0][order], raw[1][order], raw[2]), given[order])
    torch.testing.assert_close(learning.loss(raw, given), jumbled)
    made = outspoken(network(recipe()))
    values = torch.randint(0, 256, (4, 3, 64, 64)).to(torch.uint8)
    with torch.no_grad():
        for one, other in zip(made(values), made(values[order]), strict=True):
            torch.testing.assert_close(one[order], other, rtol=1e-3, atol=1e-3)


def test_a_small_batch_is_learnt_by_heart() -> None:
    """8 pictures to AP50 1.0, and every box found once at a confidence of a half."""
    drawn = scenes(8, size=(64, 64))
    truth = box_targets([one.boxes for one in drawn], (64, 64))
    pixels = np.stack([one.pixels for one in drawn]).transpose(0, 3, 1, 2)
    values = torch.from_numpy(np.ascontiguousarray(pixels))
    learning, made = task(recipe()), network(recipe()).train()
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 150)
    rows = np.arange(8)
    for _ in range(150):
        optimizer.zero_grad()
        learning.loss(made(values), truth[rows]).backward()
        optimizer.step()
        schedule.step()
    batch = Batch(values, None, truth[rows], torch.from_numpy(rows))
    scores = learning.score(truth, learning.answers(learning.outputs(made, [batch])))
    assert scores["ap50"] == 1.0
    assert scores["ap"] > 0.6
    assert all(one["f1"] == 1.0 for one in scores["classes"])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            ["network=[{conv: 8}, {to_sequence: rows}, {tap: x}]"],
            NetworkError,
            "passes a tap, and boxes need maps",
        ),
        (["network=[{conv: 8}, global_pool]"], NetworkError, "boxes need maps"),
        (
            ["data.image_size=128", f"network=[{', '.join(['{conv: {channels: 4, stride: 2}}'] * 6)}]"],
            NetworkError,
            "smaller by 1, 2, 4, 8, 16 or 32: change the strides",
        ),
        (["network=[{conv: {channels: 4, stride: 3}}]"], NetworkError, "smaller by 1, 2, 4, 8, 16 or 32"),
        (["pyramid.context=[{conv: 7}]"], NetworkError, "pyramid.context gives a .* must keep its shape"),
        (["pyramid.context=[{pool: 2}]"], NetworkError, "must keep its shape"),
        (["data.image_size=100"], RecipeError, "data.image_size is 100: height is 100.* multiple of 32"),
        (["data.image_size=[64, 100]"], RecipeError, "width is 100"),
        (
            [
                "network=[{conv: {channels: 4, stride: 2}}, {tap: a}, {conv: {channels: 4, stride: 2}}, {tap: a}]"
            ],
            NetworkError,
            "two taps are named 'a'",
        ),
        (["network=[{dense: 4}, {conv: {channels: 4, groups: 3}}]"], NetworkError, "layer 2"),
    ],
)
def test_networks_that_cannot_work_are_refused(
    changes: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BoxedPictures().refuse_impossible(recipe(*changes))


@pytest.mark.parametrize("changes", [[], ["pyramid.context=[]"], ["data.image_size=auto"], ["head.depth=0"]])
def test_networks_that_can_work_are_not(changes: list[str]) -> None:
    BoxedPictures().refuse_impossible(recipe(*changes))


def test_a_mistake_shows_what_was_marked_beside_what_was_found() -> None:
    edges = np.array([[0.0, 0.0, 32.0, 32.0], [40.0, 40.0, 60.0, 60.0]])
    marked = Marked(edges, np.zeros(2, np.int64), np.zeros(2, bool))
    found = Found(edges[:1], np.zeros(1, np.int64), np.ones(1))
    table = Table.from_rows([Row("a.png", None, "", "a.png")], "a", "made", content="boxes")
    canvas = DetectionInput(64, 64, 20)
    shown = mistakes(table, [marked], [found], [(64, 64)], ["bar"], canvas, 1)[0]
    assert [(one["kind"], one["box"][2]) for one in shown["boxes"]] == [
        ("marked", 0.5),
        ("missed", 0.9375),
        ("found", 0.5),
    ]
    assert shown["target"] == "2 boxes"

"""Boxes follow their pixels through every view; a view is drawn by seed, epoch and row alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.boxes import scenes, voc
from tests.data.box_reading import OPTIONS

from plait.data.batches import EvaluationBatches
from plait.data.box_batches import BoxTrainingBatches, blended
from plait.data.box_targets import IGNORED, BoxTargets
from plait.data.box_views import BoxAugmentation, Piece, Views
from plait.data.gather import look
from plait.data.store import PictureStore
from plait.inference.boxes import Annotation
from plait.inference.detection_input import DetectionInput

SIZE = (96, 128)
COUNT = 24
RED = 220
WINDOW = (0, 0, *SIZE)


def options(**changes: Any) -> BoxAugmentation:
    """Nothing is changed, but for ``changes``."""
    nothing = {"flip": "none", "scale": (1, 1), "aspect": 1, "color": 0, "mosaic": 0, "mixup": 0, "calm": 0}
    return BoxAugmentation(**(nothing | changes))


def rectangles() -> tuple[torch.Tensor, list[np.ndarray]]:
    """Pictures that are black but for one rectangle, and its box."""
    chance = np.random.default_rng(0)
    pictures = np.zeros((COUNT, *SIZE, 3), np.uint8)
    boxes = []
    for picture in pictures:
        high, wide = chance.integers(12, 70, 2)
        top, left = chance.integers(0, SIZE[0] - high + 1), chance.integers(0, SIZE[1] - wide + 1)
        picture[top : top + high, left : left + wide] = RED, 120, 60
        boxes.append(np.array([[0, left, top, left + wide, top + high]], np.float32))
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), boxes


PICTURES, BOXES = rectangles()
ROWS = np.arange(COUNT)


def drawn(views: Views, seed: int, epoch: int, rows: np.ndarray) -> tuple[torch.Tensor, list[np.ndarray]]:
    """Views and their boxes, as batches are made."""
    plans = views.plan(seed, epoch, rows, 0.0)
    shown = views.colored(views.draw(PICTURES, ROWS.tolist(), plans), seed, epoch, rows)
    return shown, [np.concatenate([piece.moved(BOXES[piece.row]) for piece in pieces]) for pieces in plans]


def bounds(lit: np.ndarray) -> list[int]:
    """left, top, right, bottom of what is lit."""
    (rows,), (columns,) = np.nonzero(lit.any(axis=1)), np.nonzero(lit.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("mosaic", [0, 1])
@pytest.mark.parametrize("aspect", [1, 2])
@pytest.mark.parametrize("scale", [(1, 1), (0.4, 0.8), (1.2, 2.5)])
@pytest.mark.parametrize("flip", ["none", "horizontal", "both"])
def test_boxes_follow_their_pixels(
    flip: str, scale: tuple[float, float], aspect: float, mosaic: float
) -> None:
    """Within half a pixel, where a rectangle has half of its color: pixels are either in or out."""
    views = Views(options(flip=flip, scale=scale, aspect=aspect, mosaic=mosaic), SIZE, COUNT)
    plans = views.plan(1, 2, ROWS, 0.0)
    compared = 0
    for view, pieces in zip(views.draw(PICTURES, ROWS.tolist(), plans), plans, strict=True):
        for piece in pieces:
            top, left, bottom, right = piece.window
            lit = view[0, top:bottom, left:right].numpy() > RED / 2
            boxes = piece.moved(BOXES[piece.row])
            # Bilinear samples make strips of a pixel or two paler than half.
            if len(boxes) and (boxes[0, 3:] - boxes[0, 1:3]).min() >= 3:
                seen = np.add(bounds(lit), [left, top, left, top])
                np.testing.assert_allclose(boxes[0, 1:], seen, atol=0.5 + 1e-3)
                compared += 1
    assert compared >= 12 * (1 + mosaic)


def test_every_flip_and_place_is_drawn() -> None:
    views = Views(options(flip="both", scale=(0.5, 2)), SIZE, 500)
    pieces = [pieces[0] for pieces in views.plan(0, 0, np.arange(500), 0.0)]
    for axis in ("scale_y", "scale_x"):
        values = np.array([getattr(piece, axis) for piece in pieces])
        assert 0.4 < (values < 0).mean() < 0.6
        assert 0.5 <= np.abs(values).min() < 0.55
        assert 1.8 < np.abs(values).max() <= 2
    sideways = Views(options(flip="horizontal"), SIZE, 500).plan(0, 0, np.arange(500), 0.0)
    assert {(np.sign(one[0].scale_y), np.sign(one[0].scale_x)) for one in sideways} == {(1, 1), (1, -1)}


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (0, [(0.0, 10)]),
        (-25, [(0.0, 0)]),
        (-38, [(0.0, 0)]),
        (-39, [(IGNORED, 0)]),
        (-45, [(IGNORED, 0)]),
        (-47, []),
        (-60, []),
        (200, []),
    ],
)
def test_what_is_hardly_in_view_is_ignored_and_what_is_not_is_forgotten(
    shift: float, expected: list[tuple[float, float]]
) -> None:
    """A box from 10 to 50: with 30 % of its area it is learnt, with 10 % known."""
    box = np.array([[0, 10, 20, 50, 60]], np.float32)
    moved = Piece(0, WINDOW, 1, 1, 0, shift).moved(box)
    assert [(one[0], one[1]) for one in moved.tolist()] == expected
    assert len(moved) == 0 or moved[0, 3] == 50 + shift


def test_what_is_too_small_to_be_seen_is_ignored() -> None:
    box = np.array([[0, 10, 20, 50, 26]], np.float32)
    (moved,) = Piece(0, WINDOW, 0.3, 0.3, 0, 0).moved(box)
    assert moved[0] == IGNORED
    np.testing.assert_allclose(moved[1:], [3, 6, 15, 7.8], rtol=1e-6)


def test_what_is_ignored_stays_ignored() -> None:
    (moved,) = Piece(0, WINDOW, 1, -1, 0, 128).moved(np.array([[IGNORED, 10, 20, 50, 60]], np.float32))
    assert moved.tolist() == [IGNORED, 78, 20, 118, 60]


@pytest.mark.parametrize("mosaic", [0.0, 0.5, 1.0])
def test_a_view_is_of_its_seed_epoch_and_row_alone(mosaic: float) -> None:
    changes = {"flip": "both", "scale": (0.5, 2), "aspect": 1.5, "color": 0.4}
    views = Views(options(**changes, mosaic=mosaic), SIZE, COUNT)
    together, boxes = drawn(views, 3, 5, np.array([9, 17, 2, 20]))
    for place, row in enumerate((9, 17, 2, 20)):
        alone, own = drawn(views, 3, 5, np.array([row]))
        assert torch.equal(together[place], alone[0])
        np.testing.assert_array_equal(boxes[place], own[0])
    for seed, epoch in ((4, 5), (3, 6)):
        assert not torch.equal(drawn(views, seed, epoch, np.array([9]))[0][0], together[0])


def test_a_mosaic_fills_the_canvas_with_four_and_ends_before_the_training_does() -> None:
    views = Views(options(mosaic=1, calm=0.25), SIZE, COUNT)
    partners = set()
    for row, pieces in enumerate(views.plan(0, 0, ROWS, 0.74)):
        assert (len(pieces), pieces[0].row) == (4, row)
        covered = np.zeros(SIZE, int)
        for piece in pieces:
            top, left, bottom, right = piece.window
            covered[top:bottom, left:right] += 1
            partners.add(piece.row)
        assert (covered == 1).all()
    assert partners == set(range(COUNT))
    assert all(len(pieces) == 1 for pieces in views.plan(0, 0, ROWS, 0.75))
    half = [len(pieces) for pieces in Views(options(mosaic=0.5), SIZE, 400).plan(0, 0, np.arange(400), 0.0)]
    assert 160 < half.count(4) < 240


def test_where_nothing_is_to_be_changed_nothing_is() -> None:
    """Boxes bit for bit, pixels but for what float32 makes of their places: a hundredth of a shade."""
    shown, boxes = drawn(Views(options(), SIZE, COUNT), 0, 0, ROWS)
    torch.testing.assert_close(shown, PICTURES.float(), rtol=0, atol=0.01)
    assert torch.equal(shown.round().to(torch.uint8), PICTURES)
    for one, given in zip(BOXES, boxes, strict=True):
        np.testing.assert_array_equal(one, given)


def test_color_changes_no_box_and_stays_a_color() -> None:
    plain, boxes = drawn(Views(options(), SIZE, COUNT), 0, 0, ROWS)
    colored, same = drawn(Views(options(color=0.5), SIZE, COUNT), 0, 0, ROWS)
    assert not torch.equal(plain, colored)
    assert (colored.min() >= 0, colored.max() <= 255) == (True, True)
    np.testing.assert_array_equal(np.concatenate(boxes), np.concatenate(same))


@pytest.mark.parametrize("scale", [(0.05, 1), (1, 11), (1.2, 0.9)])
def test_scales_that_mean_nothing_are_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="scale is"):
        options(scale=scale)


def boxes_of(targets: np.ndarray) -> list[list[float]]:
    return sorted(targets.tolist())


def test_mixup_keeps_the_boxes_of_both() -> None:
    values, boxes = PICTURES[:8].float(), [np.repeat(BOXES[row], 1 + row % 2, axis=0) for row in range(8)]
    chosen = np.arange(8) % 3 == 0
    together, both = blended(values, boxes, chosen)
    for row in range(8):
        partner = row - 1 if chosen[row] else row
        assert torch.equal(together[row], (values[row] + values[partner]) / 2)
        expected = boxes_of(boxes[row]) + (boxes_of(boxes[partner]) if chosen[row] else [])
        assert boxes_of(both[row]) == sorted(expected)


def test_a_view_alone_is_not_mixed() -> None:
    values, boxes = blended(PICTURES[:1].float(), [BOXES[0]], np.array([True]))
    assert torch.equal(values, PICTURES[:1].float())
    assert len(boxes[0]) == len(BOXES[0])


def test_mixup_is_drawn_by_row_and_ends_with_calm() -> None:
    views = Views(options(mixup=0.5, calm=0.2), SIZE, COUNT)
    rows = np.arange(400)
    early = views.mixed(0, 0, rows, 0.5)
    assert 120 < early.sum() < 280
    np.testing.assert_array_equal(views.mixed(0, 0, rows[7:], 0.5), early[7:])
    assert (views.mixed(0, 1, rows, 0.5) != early).any()
    assert not views.mixed(0, 0, rows, 0.8).any()


def test_batches_are_those_of_their_steps_wherever_training_starts(tmp_path: Path) -> None:
    found = look(str(voc(tmp_path, scenes(10, bare=1))), OPTIONS).table
    canvas = DetectionInput(64, 64, 10)
    annotations = [target for target in found.targets if isinstance(target, Annotation)]
    targets = BoxTargets(annotations, ["bar", "square"], canvas)
    views = Views(options(flip="both", scale=(0.5, 2), mosaic=0.5, color=0.2), (64, 64), len(found))
    whole, part = (
        BoxTrainingBatches(
            PictureStore(found, canvas.picture, budget, max_pixels=10**6), targets, 4, 0, views, 8, start
        )
        for budget, start in ((10**8, 0), (0, 5))
    )
    for one, other in zip(list(whole)[5:], part, strict=True):
        for name in ("values", "targets", "rows"):
            assert torch.equal(getattr(one, name), getattr(other, name))
    store = PictureStore(found, canvas.picture, 10**8, max_pixels=10**6)
    once = list(EvaluationBatches(store, targets, 4))
    assert [len(batch.rows) for batch in once] == [4, 4, 3]
    assert torch.cat([batch.rows for batch in once]).tolist() == list(range(11))
    assert (once[-1].targets[-1, :, 0] == -1).all(), "nothing is marked in the last picture"

"""Pictures into a canvas and boxes back out of it; what a network says becomes what was found, or is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.boxes import save
from tests.detectors import spec

from plait.errors import ModelError
from plait.inference.detection_input import DetectionInput
from plait.inference.input import Array
from plait.inference.object_detection import Detections, answer, decode, encode, largest_difference
from plait.inference.picture import open_picture, storage
from plait.inference.prediction import Origin
from plait.inference.spec import ModelSpec

CANVAS = DetectionInput(64, 96, 4)


def outputs(*rows: tuple[float, ...], most: int = 4) -> tuple[Array, ...]:
    """Of one picture: left, top, right, bottom, score and class of each box."""
    table = np.zeros((1, most, 6))
    table[0, : len(rows)] = np.array(rows).reshape(-1, 6)
    boxes, scores, classes = table[..., :4], table[..., 4], table[..., 5]
    return (
        boxes.astype(np.float32),
        scores.astype(np.float32),
        classes.astype(np.int64),
        np.array([len(rows)]),
    )


def test_boxes_go_in_and_back() -> None:
    """Within 1e-9 of a pixel, for pictures from one pixel to larger than any that is opened."""
    chance = np.random.default_rng(0)
    sizes = [(1, 1), (1, 9000), (9000, 1), (63, 97), *map(tuple, chance.integers(1, 9000, (300, 2)).tolist())]
    for number, size in enumerate(sizes):
        canvas = DetectionInput(*((64, 96), (320, 320), (640, 32))[number % 3], 10)
        corners = np.sort(chance.uniform(0, 1, (20, 2, 2)) * size[::-1], axis=1)
        boxes = corners.reshape(20, 4)
        inside = canvas.into(boxes, size)
        assert (inside >= 0).all()
        assert (inside <= [canvas.width, canvas.height] * 2).all()
        np.testing.assert_allclose(canvas.back(inside, size), boxes, rtol=0, atol=1e-9)


def test_what_reaches_over_the_picture_is_cut() -> None:
    found = CANVAS.back(np.array([[-5.0, -5.0, 96.0, 64.0]]), (50, 50))
    assert found.tolist() == [[0, 0, 50, 50]]


@pytest.mark.parametrize("size", [(48, 64), (64, 96), (100, 37), (333, 500), (33, 700), (900, 650), (12, 10)])
def test_boxes_of_the_canvas_lie_where_the_pixels_do(size: tuple[int, int]) -> None:
    """Within half a pixel of the canvas: a white rectangle is where, through its middle, pixels are more white than
    black."""
    chance = np.random.default_rng(size[0])
    for _ in range(20):
        (top, bottom), (left, right) = (np.sort(chance.choice(side + 1, 2, replace=False)) for side in size)
        box = np.array([[left, top, right, bottom]], np.float64)
        (into,) = CANVAS.into(box, size)
        if min(into[2] - into[0], into[3] - into[1], right - left, bottom - top) < 4:
            continue
        picture = np.zeros((*size, 3), np.uint8)
        picture[top:bottom, left:right] = 255
        lit = storage(picture, CANVAS.picture)[:, :, 0] > 127
        across, down = (int(np.mean(into[axis::2])) for axis in (0, 1))
        rows, columns = np.flatnonzero(lit[:, across]), np.flatnonzero(lit[down])
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(into, seen, atol=0.51)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_asked_about_as_it_is_seen(tmp_path: Path, turn: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    held = save(tmp_path / "held.png", pixels, exif=exif)
    seen = open_picture(held, 3, 10**6)
    asked = encode(Origin(str(held)), spec(input=CANVAS))
    assert asked.size == ((70, 40) if turn >= 5 else (40, 70))
    assert asked.size == seen.shape[:2]
    np.testing.assert_array_equal(asked.pixels, storage(seen, CANVAS.picture).transpose(2, 0, 1))
    # The whole canvas is the whole picture as it is seen.
    (found,) = decode(outputs((0, 0, 96, 64, 0.9, 0)), [Origin("x")], [asked.size], spec(input=CANVAS))
    assert isinstance(found, Detections)
    (one,) = found.objects
    assert (one.left, one.top, one.right, one.bottom) == (0, 0, asked.size[1], asked.size[0])


def test_each_class_is_answered_from_its_own_confidence_on() -> None:
    canvas = DetectionInput(64, 64, 4, {"bar": 0.2})
    given = outputs((0, 0, 9, 9, 0.9, 1), (1, 1, 8, 8, 0.49, 1), (2, 2, 7, 7, 0.2, 0), (3, 3, 6, 6, 0.19, 0))
    given[1][0, 2] = 0.2
    (found,) = decode(given, [Origin("x.png")], [(64, 64)], spec(input=canvas))
    assert isinstance(found, Detections)
    # In float32 0.2 is a little more than it is.
    assert [(one.label, round(one.score, 6)) for one in found.objects] == [("square", 0.9), ("bar", 0.2)]
    assert found.to_json() == {
        "input": "x.png",
        "prediction": [one.to_json() for one in found.objects],
        "height": 64,
        "width": 64,
    }
    assert found.cells()["prediction"] == "square 0 0 9 9|bar 2 2 7 7"


def test_what_stands_behind_the_count_is_nothing() -> None:
    boxes, scores, classes, count = outputs((0, 0, 9, 9, 0.9, 1), (0, 0, 9, 9, 0.9, 1))
    for kept in (0, 1, 2):
        answers = decode(
            (boxes, scores, classes, count - 2 + kept), [Origin("x")], [(9, 9)], spec(input=CANVAS)
        )
        assert [len(one.objects) for one in answers if isinstance(one, Detections)] == [kept]


class Fixed:
    """Always gives the same."""

    def __init__(self, given: tuple[Array, ...]) -> None:
        self.spec: ModelSpec = spec(input=CANVAS)
        self.given = given

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        assert inputs[0].shape == (1, 3, 64, 96)
        return self.given


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_number_is_refused(tmp_path: Path, value: float, which: int) -> None:
    origin = Origin(str(save(tmp_path / "x.png", np.zeros((8, 8, 3), np.uint8))))
    given = outputs((0, 0, 9, 9, 0.9, 1))
    asked = [encode(origin, spec(input=CANVAS))]
    assert len(list(answer(Fixed(given), asked, [origin]))) == 1
    given[which].flat[0] = value
    with pytest.raises(ModelError, match="not a number"):
        list(answer(Fixed(given), asked, [origin]))


GOOD: dict[str, Any] = {"height": 64, "width": 96, "most": 7, "confidences": {"bar": 0.25, "猫": 1.0}}


def test_what_is_written_is_read() -> None:
    assert DetectionInput.from_json(GOOD).to_json() == GOOD
    assert spec(input=CANVAS) == ModelSpec.from_json(spec(input=CANVAS).to_json())


@pytest.mark.parametrize(
    "changes",
    [
        {"height": 65},
        {"height": 0},
        {"width": -32},
        {"width": 65_568},
        {"width": 96.0},
        {"height": True},
        {"height": "64"},
        {"most": 0},
        {"most": None},
        {"confidences": []},
        {"confidences": None},
        {"confidences": {"bar": "0.5"}},
        {"confidences": {"bar": float("nan")}},
        {"confidences": {"bar": 1.5}},
        {"confidences": {"bar": -0.1}},
        {"confidences": {"bar": True}},
        {"confidences": {"bar": None}},
        {"more": 1},
    ],
)
def test_odd_descriptions_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="detection input"):
        DetectionInput.from_json(GOOD | changes)
    missing = {key: value for key, value in GOOD.items() if key not in changes}
    if len(missing) < len(GOOD):
        with pytest.raises(ModelError, match="detection input"):
            DetectionInput.from_json(missing)


def both_ways(one: Sequence[Array], other: Sequence[Array]) -> float:
    difference = largest_difference(one, other)
    assert difference == largest_difference(other, one) or np.isnan(difference)
    return difference


ONE = outputs((0, 0, 9, 9, 0.8, 1), (20, 20, 40, 40, 0.8, 0), (3, 3, 8, 8, 0.5, 1))


def test_answers_that_are_the_same_do_not_differ() -> None:
    nothing = outputs()
    assert both_ways(ONE, ONE) == both_ways(nothing, nothing) == 0
    other = outputs((20, 20, 40, 40, 0.8, 0), (0, 0, 9, 9, 0.8, 1), (3, 3, 8, 8, 0.5, 1))
    assert both_ways(ONE, other) == 0, "the order of equal scores is chance"
    rubbish = tuple(array.copy() for array in ONE)
    rubbish[0][0, 3] = 77
    assert both_ways(ONE, rubbish) == 0, "nothing counts behind the last"


def test_a_box_that_only_one_has_counts_by_its_score() -> None:
    assert both_ways(ONE, outputs((0, 0, 9, 9, 0.8, 1), (3, 3, 8, 8, 0.5, 1))) == pytest.approx(0.8)
    assert both_ways(ONE, outputs()) == pytest.approx(0.8)
    beside = outputs((0, 0, 9, 9, 0.8, 1), (20, 20, 40, 40, 0.8, 0))
    assert both_ways(ONE, beside) == pytest.approx(0.3), (
        "by what tells it from the next of its class, if that is less"
    )
    other_class = outputs((0, 0, 9, 9, 0.8, 0), (20, 20, 40, 40, 0.8, 0), (3, 3, 8, 8, 0.5, 1))
    assert both_ways(ONE, other_class) > 0.005


def test_what_moved_counts_by_pixels_and_scores() -> None:
    moved = outputs((0, 0, 9, 9, 0.8, 1), (20, 20, 40.3, 40, 0.8, 0), (3, 3, 8, 8, 0.5, 1))
    assert both_ways(ONE, moved) == pytest.approx(0.0003, rel=1e-3)
    surer = outputs((0, 0, 9, 9, 0.81, 1), (20, 20, 40, 40, 0.8, 0), (3, 3, 8, 8, 0.5, 1))
    assert both_ways(ONE, surer) == pytest.approx(0.01, rel=1e-3)
    broken = tuple(array.copy() for array in ONE)
    broken[1][0, 0] = np.nan
    assert np.isnan(both_ways(ONE, broken))

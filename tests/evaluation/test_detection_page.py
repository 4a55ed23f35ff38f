"""The page of a detector's report: every number, boxes where they lie, and any class as text."""

from typing import Any

import numpy as np
import pytest

from plait.evaluation.detection_baseline import mean_box_baseline
from plait.evaluation.detection_matches import Found, Marked
from plait.evaluation.detection_scores import detection_scores, quick_ap
from plait.evaluation.page import WORST
from plait.evaluation.report import percent, summary

from .detection_samples import BOX, picture_found, random_pictures
from .samples import history, png, report
from .test_page import EVIL, Reader, read

BOXES = [
    {"label": EVIL[0], "score": None, "kind": "missed", "box": [0.1, 0.2, 0.5, 0.6]},
    {"label": EVIL[1], "score": 0.75, "kind": "wrong", "box": [0.0, 0.0, 1.0, 1.0]},
    {"label": "a", "score": 0.5, "kind": "found", "box": [0.3, 0.3, 0.4, 0.4]},
    {"label": "a", "score": 0.25, "kind": "ignored", "box": [0.9, 0.9, 1.0, 1.0]},
]


def detected(
    names: list[str], seed: int = 2, pictures: tuple[list[Marked], list[Found]] | None = None
) -> dict[str, Any]:
    marked, found = pictures or random_pictures(seed)
    sizes = [(320, 320)] * len(marked)
    name, baseline = mean_box_baseline(marked, sizes, sizes, len(names))
    scores = detection_scores(marked, found, names)
    thumbnail = png(np.full((48, 64, 3), 90, np.uint8))
    mistake = {
        "input": "photos/<b>.jpg",
        "target": "3 boxes",
        "prediction": "1 found, 1 missed, 1 wrong",
        "probability": None,
        "boxes": BOXES,
    }
    return report(scores, [{"name": name, "value": quick_ap(marked, baseline, names)[0]}]) | {
        "task": "object-detection",
        "mistakes": [mistake | {"thumbnail": thumbnail}, mistake | {"thumbnail": None}],
        "history": history(),
        "classes": names,
    }


def rectangles(reader: Reader) -> list[tuple[str | None, ...]]:
    names = ("class", "x", "y", "width", "height")
    drawn = (attributes for tag, attributes in reader.elements if tag == "rect")
    return [
        tuple(one.get(name) for name in names)
        for one in drawn
        if one.get("class") in {"missed", "wrong", "found", "ignored"}
    ]


@pytest.mark.parametrize(
    "names", [["bar", "square", "disc"], EVIL, [f"class {number}" for number in range(40)]]
)
def test_the_page_loads_and_runs_nothing(names: list[str]) -> None:
    reader = read(detected(names))
    assert not {tag for tag, _ in reader.elements} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    }
    for _, attributes in reader.elements:
        assert not [key for key in attributes if key.startswith("on")]
        assert "href" not in attributes
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    for name in names:
        assert " ".join(name.split()) in reader.text


def test_boxes_lie_where_they_are_and_say_what_they_are() -> None:
    reader = read(detected(EVIL))
    once = [
        ("missed", "10.00", "20.00", "40.00", "40.00"),
        ("wrong", "0.00", "0.00", "100.00", "100.00"),
        ("found", "30.00", "30.00", "10.00", "10.00"),
        ("ignored", "90.00", "90.00", "10.00", "10.00"),
    ]
    assert rectangles(reader) == once * 2
    for said in (
        f"missed: {EVIL[0]}",
        f"wrong: {EVIL[1]} 0.75",
        "found: a 0.50",
        "1 found, 1 missed, 1 wrong",
    ):
        assert said in reader.text


def test_every_number_is_on_the_page() -> None:
    given = detected(["bar", "square", "disc"])
    text, scores = read(given).text, given["scores"]
    for name in ("ap50", "ap", "ap75", "ar_100"):
        assert percent(scores[name], given["examples"]) in text
    for one in scores["classes"]:
        for name in ("ap50", "recall", "precision"):
            assert one[name] is None or percent(one[name]) in text
    for one in scores["errors"]:
        assert one["name"] in text
    assert "Baselines see" not in text


def test_many_classes_are_folded_the_worst_first() -> None:
    names = [f"class {number}" for number in range(40)]
    assert f"The other {40 - WORST} classes" in read(detected(names)).text


def test_nothing_marked_or_nothing_found_is_a_page_too() -> None:
    nothing = picture_found([])
    marked = Marked(np.array([BOX]), np.array([0]), np.array([False]))
    empty = Marked(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))
    assert "0.0 %" in read(detected(["bar", "square"], pictures=([marked] * 3, [nothing] * 3))).text
    found = picture_found([(*BOX, 0, 0.9)])
    for one in (nothing, found):
        assert "test AP50" in read(detected(["bar"], pictures=([empty] * 3, [one] * 3))).text


def test_what_was_missed_is_a_mistake_though_nothing_was_confused() -> None:
    marked = Marked(np.array([BOX]), np.array([0]), np.array([False]))
    pictures = ([marked] * 3, [picture_found([(*BOX, 0, 0.9)])] * 2 + [picture_found([])])
    lines = summary(detected(["bar", "square"], pictures=pictures))
    assert "most confused: nothing: no class was taken for another" in lines
    other = Marked(np.array([BOX]), np.array([1]), np.array([False]))
    taken = ([marked, other], [picture_found([(*BOX, 1, 0.9)])] * 2)
    lines = summary(detected(["bar", "square"], pictures=taken))
    assert "most confused: “bar” taken for “square” once (100.0 % of its boxes)" in lines

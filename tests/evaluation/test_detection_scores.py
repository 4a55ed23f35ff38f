"""Scores of detections: those of pycocotools on any input, and what confusion, errors and intervals must hold."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from plait.errors import RunError
from plait.evaluation.detection_baseline import mean_box_baseline
from plait.evaluation.detection_coco import NAMES, coco_scores
from plait.evaluation.detection_errors import KINDS
from plait.evaluation.detection_matches import AREAS, Found, Marked, match
from plait.evaluation.detection_precision import (
    average_precisions,
    average_recalls,
    by_class,
    curve,
    mean,
)
from plait.evaluation.detection_scores import (
    best_confidences,
    detection_scores,
    paired_bootstrap,
    quick_ap,
)
from tests.evaluation.detection_samples import (
    BOX,
    joined,
    picture_found,
    random_pictures,
    reordered,
    without_ignored,
)

CLASSES = ["a", "b", "c"]
SEEDS = range(40)


def test_matching_is_that_of_pycocotools() -> None:
    for seed in SEEDS:
        marked, found = random_pictures(seed, ties=seed % 2 == 0, whole=seed % 3 == 0)
        peer = pycocotools(marked, found)
        assert own_stats(marked, found) == pytest.approx(peer.stats, abs=1e-6), seed
        matches = match(marked, found, len(CLASSES))
        for label, order in enumerate(by_class(matches)):
            wanted = peer.eval["precision"][0, :, label, 0, 2]
            if wanted[0] > -1:
                assert curve(matches, order) == pytest.approx(wanted, abs=1e-6), seed


def test_the_headline_is_that_of_pycocotools_and_is_counted_silently(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for seed in SEEDS:
        marked, found = random_pictures(seed, ties=seed % 2 == 0, whole=seed % 3 == 0)
        wanted = pycocotools(marked, found).stats[: len(NAMES)]
        capsys.readouterr()
        given = coco_scores(marked, found, len(CLASSES))
        assert capsys.readouterr() == ("", "")
        values = [-1 if value is None else value for value in given.values()]
        assert values == pytest.approx(wanted, abs=1e-6), seed


def test_order_changes_nothing() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed)
        order = np.random.default_rng(seed).permutation(len(marked))
        mixed = [reordered(found[place], seed) for place in order]
        assert quick_ap([marked[place] for place in order], mixed, CLASSES) == pytest.approx(
            quick_ap(marked, found, CLASSES), abs=1e-12
        )


def test_what_is_marked_is_perfectly_found() -> None:
    marked, _ = random_pictures(3)
    found = [
        Found(one.boxes, one.labels, np.linspace(0.5, 1, len(one.labels)))
        for one in map(without_ignored, marked)
    ]
    scores = detection_scores([without_ignored(one) for one in marked], found, CLASSES)
    assert (scores["ap50"], scores["ap"], scores["high"]) == (1.0, 1.0, 1.0)
    assert 0.5 < scores["low"] < 1
    assert all(error["count"] == 0 and abs(error["gain"]) < 1e-12 for error in scores["errors"])
    assert scores["confused"] == []


def test_one_more_wrong_box_never_raises_the_score() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed)
        before = quick_ap(marked, found, CLASSES)
        wrong = picture_found([(900, 900, 950, 950, seed % 3, 0.0)])
        after = quick_ap(marked, [joined(found[0], wrong), *found[1:]], CLASSES)
        assert after[0] <= before[0] + 1e-12
        assert after[1] <= before[1] + 1e-12


def test_drawing_by_weights_is_scoring_the_repeated_pictures() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed)
        times = np.random.default_rng(seed).integers(0, 4, len(marked))
        times[0] = 1
        rows = np.repeat(np.arange(len(marked)), times)
        repeated = match([marked[row] for row in rows], [found[row] for row in rows], len(CLASSES))
        weighted = average_precisions(match(marked, found, len(CLASSES)), times[None])
        assert weighted[0] == pytest.approx(average_precisions(repeated)[0], abs=1e-12, nan_ok=True)


def test_the_interval_contains_the_value() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed)
        scores = detection_scores(marked, found, CLASSES)
        json.dumps(scores, allow_nan=False)
        assert 0 <= scores["low"] <= scores["value"] <= scores["high"] <= 1
        low, high = scores["ap_interval"]
        assert low <= scores["ap"] <= high


@pytest.mark.parametrize("pictures", [1, 2])
def test_the_interval_of_very_few_pictures_is_wide(pictures: int) -> None:
    """A wrong box is surer than the right one: half a precision, in every picture."""
    marked = Marked(np.array([BOX]), np.array([0]), np.zeros(1, bool))
    found = picture_found([(100, 100, 120, 120, 0, 0.9), (*BOX, 0, 0.8)])
    scores = detection_scores([marked] * pictures, [found] * pictures, CLASSES)
    assert scores["low"] < scores["value"] - 0.2 < scores["value"] + 0.2 < scores["high"]
    low, high = scores["ap_interval"]
    assert low < scores["ap"] - 0.2 < scores["ap"] + 0.2 < high


def test_the_best_confidence_is_the_best_of_all() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed, ties=True)
        chosen = best_confidences(marked, found, CLASSES)
        rows = detection_scores(marked, found, CLASSES)["classes"]
        assert [row["confidence"] for row in rows] == chosen
        for label, confidence in enumerate(chosen):
            values = {
                least: f1_at(marked, found, label, least)
                for least in {float(score) for one in found for score in one.scores}
            }
            best = max(values.values(), default=0)
            assert (confidence is None) == (best == 0)
            if confidence is not None:
                assert rows[label]["f1"] == pytest.approx(best)
                # It lies below the highest score that gives the best, and above the next.
                top = max(least for least, value in values.items() if value > best - 1e-12)
                own = {float(x) for one in found for x in one.scores[one.labels == label]}
                lower = [score for score in own if score < top]
                assert confidence == pytest.approx((top + max(lower)) / 2 if lower else top)


def test_confusion_sums_to_what_was_marked_and_found() -> None:
    for seed in SEEDS[:10]:
        marked, found = random_pictures(seed)
        marked = [without_ignored(one) for one in marked]
        scores = detection_scores(marked, found, CLASSES, [0.3, None, 0.0])
        table = np.array(scores["confusion"])
        labels = np.concatenate([one.labels for one in marked])
        assert table[:-1].sum(axis=1).tolist() == np.bincount(labels, minlength=3).tolist()
        assert table[:-1].sum(axis=1).tolist() == [row["support"] for row in scores["classes"]]
        matches = match(marked, found, len(CLASSES))
        sure = matches.score >= np.array([0.3, np.inf, 0.0])[matches.label]
        assert table[:, :-1].sum(axis=0).tolist() == np.bincount(matches.label[sure], minlength=3).tolist()
        wrong = sum(error["count"] for error in scores["errors"] if error["name"] != "missed")
        right = sum(row["recall"] * row["support"] for row in scores["classes"] if row["support"])
        assert wrong + right == pytest.approx(sure.sum())


FAR = (500.0, 500.0, 600.0, 600.0)
HALF = (0.0, 0.0, 100.0, 40.0)
"""Covers 0.4 of BOX."""


@pytest.mark.parametrize(
    ("kind", "detections", "gain"),
    [
        ("classification", [(*BOX, 1, 0.9)], 0.5),
        ("localization", [(*HALF, 0, 0.9)], 0.5),
        ("both", [(*HALF, 1, 0.9)], 0.0),
        ("duplicate", [(*BOX, 0, 0.9), (*BOX, 0, 0.8)], 0.0),
        ("background", [(200.0, 200.0, 300.0, 300.0, 1, 0.95)], 0.25),
        ("missed", [], 0.5),
    ],
)
def test_each_kind_of_error_alone(kind: str, detections: list[tuple[float, ...]], gain: float) -> None:
    """A box of each of two classes is marked, and that of the second is found, with score 0.9.

    Mending makes AP50 1 where the first is found then, or was never there; a box of nothing that is surer than the
    second class's halves its precision.
    """
    marked = [Marked(np.array([BOX, FAR]), np.array([0, 1]), np.zeros(2, bool))]
    found = [picture_found([(*FAR, 1, 0.9), *detections])]
    scores = detection_scores(marked, found, CLASSES[:2], [0.1, 0.1])
    errors = {error["name"]: error for error in scores["errors"]}
    assert list(errors) == list(KINDS)
    unmet = {"both", "background", "missed"}
    wanted = {kind: 1, **({"missed": 1} if kind in unmet else {})}
    assert {name: error["count"] for name, error in errors.items() if error["count"]} == wanted
    assert errors[kind]["gain"] == pytest.approx(gain)


def test_a_mended_detection_takes_the_place_of_a_less_sure_one() -> None:
    """The surest has the wrong place. Mended it is right, and the other of the same box goes: 1 of 1 instead of 1 of
    2, and not 2 of 2."""
    marked = [Marked(np.array([BOX]), np.array([0]), np.zeros(1, bool))]
    found = [picture_found([(*HALF, 0, 0.9), (*BOX, 0, 0.8)])]
    errors = {one["name"]: one for one in detection_scores(marked, found, CLASSES[:1])["errors"]}
    assert errors["localization"]["gain"] == pytest.approx(0.5)
    assert errors["localization"]["count"] == 1


def test_confused_classes_and_what_is_ignored() -> None:
    marked = [Marked(np.array([BOX, FAR]), np.array([0, 1]), np.array([False, True]))]
    found = [picture_found([(*BOX, 1, 0.9), (*FAR, 1, 0.9), (*FAR, 1, 0.8)])]
    scores = detection_scores(marked, found, CLASSES[:2], [0.5, 0.5])
    assert scores["confusion"] == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert scores["confused"] == [{"target": "a", "prediction": "b", "count": 1, "share": 1.0}]
    assert [row["support"] for row in scores["classes"]] == [1, 0]
    assert scores["classes"][1]["recall"] is None


def test_nothing_marked_or_nothing_found() -> None:
    nothing, one = picture_found([]), Marked(np.array([BOX]), np.array([0]), np.zeros(1, bool))
    scores = detection_scores([one], [nothing], CLASSES)
    assert (scores["value"], scores["low"], scores["ap75"], scores["ap_small"]) == (0.0, 0.0, 0.0, None)
    assert scores["high"] > 0
    empty = Marked(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))
    scores = detection_scores([empty], [picture_found([(*BOX, 0, 0.9)])], CLASSES)
    assert (scores["ap50"], scores["value"], scores["low"], scores["high"]) == (None, 0.0, 0.0, 1.0)
    assert quick_ap([empty], [nothing], CLASSES) == (0.0, 0.0)


def test_two_detectors_on_the_same_pictures() -> None:
    marked, found = random_pictures(5)
    assert paired_bootstrap(marked, found, found, CLASSES) == (0.0, 0.0, 0.0)
    worse = [Found(one.boxes, one.labels, -one.scores) for one in found]
    difference, low, high = paired_bootstrap(marked, found, worse, CLASSES)
    ours, theirs = (quick_ap(marked, some, CLASSES)[0] for some in (found, worse))
    assert difference == pytest.approx(ours - theirs)
    assert low < difference < high


def test_the_baseline_finds_the_mean_box_of_each_class() -> None:
    train = [
        Marked(np.array([[0, 0, 50, 100], [0, 0, 9, 9]], float), np.array([2, 0]), np.array([False, True])),
        Marked(np.array([[20, 0, 40, 20]], float), np.array([2]), np.zeros(1, bool)),
        Marked(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool)),
    ]
    name, [found] = mean_box_baseline(train, [(100, 100), (20, 40), (10, 10)], [(10, 20)], 3)
    assert name == "mean box of each class"
    assert found.labels.tolist() == [2]
    assert found.scores.tolist() == pytest.approx([2 / 3])
    assert found.boxes[0].tolist() == pytest.approx([0.25 * 20, 0, 0.75 * 20, 10])


def test_what_does_not_fit_is_refused() -> None:
    marked, found = random_pictures(0)
    with pytest.raises(ValueError, match="no examples"):
        detection_scores([], [], CLASSES)
    with pytest.raises(ValueError, match="pictures arrived"):
        quick_ap(marked, found[1:], CLASSES)
    with pytest.raises(ValueError, match="there are 1 classes"):
        quick_ap(marked, [picture_found([(*BOX, 1, 0.5)])] * len(marked), CLASSES[:1])
    with pytest.raises(ValueError, match="2 confidences of 3 classes"):
        detection_scores(marked, found, CLASSES, [0.5, 0.5])
    with pytest.raises(RunError, match="diverged"):
        quick_ap(marked, [picture_found([(*BOX, 1, np.nan)])] * len(marked), CLASSES)


def pycocotools(marked: list[Marked], found: list[Found]) -> Any:
    sets = []
    for annotations in (annotated(marked, "ignored", "iscrowd"), annotated(found, "scores", "score")):
        one = COCO()
        one.dataset = {
            "images": [{"id": number + 1} for number in range(len(marked))],
            "categories": [{"id": number + 1} for number in range(len(CLASSES))],
            "annotations": annotations,
        }
        one.createIndex()
        sets.append(one)
    evaluation = COCOeval(*sets, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def annotated(pictures: Sequence[Marked | Found], part: str, key: str) -> list[dict[str, Any]]:
    rows = [
        (number + 1, int(label) + 1, *map(float, box), float(value))
        for number, one in enumerate(pictures)
        for label, box, value in zip(one.labels, one.boxes, getattr(one, part), strict=True)
    ]
    return [
        {
            "id": number + 1,
            "image_id": picture,
            "category_id": label,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": 0,
            key: value,
        }
        for number, (picture, label, left, top, right, bottom, value) in enumerate(rows)
    ]


def own_stats(marked: list[Marked], found: list[Found]) -> list[float]:
    """COCO's twelve, by our own matching."""
    of = {name: match(marked, found, len(CLASSES), area=area) for name, area in AREAS.items()}
    precisions = {name: average_precisions(matches)[0] for name, matches in of.items()}
    sizes = ("small", "medium", "large")
    values = [
        mean(precisions["all"]),
        mean(precisions["all"][0]),
        mean(precisions["all"][5]),
        *(mean(precisions[size]) for size in sizes),
        *(mean(average_recalls(of["all"], most)) for most in (1, 10, 100)),
        *(mean(average_recalls(of[size])) for size in sizes),
    ]
    return [-1.0 if value is None else value for value in values]


def f1_at(marked: list[Marked], found: list[Found], label: int, least: float) -> float:
    """The class's F1 when less sure detections were never there."""
    kept = [one.scores >= least for one in found]
    few = [Found(one.boxes[k], one.labels[k], one.scores[k]) for one, k in zip(found, kept, strict=True)]
    matches = match(marked, few, len(CLASSES))
    of = matches.label == label
    right, wrong = int(matches.right[0, of].sum()), int(matches.wrong[0, of].sum())
    total = int(matches.totals[label].sum())
    return 2 * right / (total + right + wrong) if total + right + wrong else 0.0

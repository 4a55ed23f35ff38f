"""The whole way of boxes in pictures: a folder to a network, a report and a model file that answers alike."""

import csv
import json
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torchvision.ops import box_iou
from typer.testing import CliRunner

import plait
from plait.cli import app
from plait.errors import DataError
from plait.inference.object_detection import Detections
from plait.run import Run
from plait.training.watch import Watch
from tests.boxes import FORMATS, PARTS, Scene, scenes, voc
from tests.commands import without_torch
from tests.data.box_reading import edited
from tests.detectors import SMALL
from tests.evaluation.test_page import Reader

DRAWN = [
    one for place, one in enumerate(scenes(24, PARTS, bare=1)) if one.part == "train" or place % 25 >= 14
]
"""25 pictures to train on, 11 to validate and 11 to test; one of each has nothing in it."""


class Trained(NamedTuple):
    """A trained and tested run, its data, and what that was before."""

    data: Path
    run: Path
    before: dict[str, tuple[int, int]]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Names, sizes and times of all that lies in a folder, and of the folders in it."""
    stats = {str(path): path.stat() for path in (folder, *folder.rglob("*"))}
    return {name: (one.st_size, one.st_mtime_ns) for name, one in stats.items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("boxes")
    data = voc(place / "shapes", DRAWN)
    before = files(data)
    plait.train(data, changes=SMALL, out=place / "run").test()
    return Trained(data, place / "run", before)


@pytest.fixture(scope="module")
def model_file(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plait.load(trained.run).export(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture(scope="module")
def asked(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of the test part, and nothing else."""
    return voc(tmp_path_factory.mktemp("asked"), [one for one in DRAWN if one.part == "test"]) / "JPEGImages"


def command(*words: object) -> str:
    """What a command prints; in this process, which has loaded all that it needs."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def inspected(folder: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(command("inspect", folder, "--json"))
    return answer


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognized_and_counts_the_same(tmp_path: Path, name: str) -> None:
    drawn = scenes(4, PARTS, bare=1)
    boxes = [box for one in drawn for box in one.boxes]
    answer = inspected(FORMATS[name](tmp_path / "data", drawn))
    assert (answer["task"], answer["format"], answer["examples"]) == ("object-detection", name, 15)
    assert answer["classes"] == Counter(box[0] for box in boxes)
    assert answer["splits"] == {"train": 5, "validation": 5, "test": 5}
    assert answer["boxes"]["boxes"] == len(boxes)
    assert answer["boxes"]["most"] == max(len(one.boxes) for one in drawn)
    assert answer["boxes"]["without"] == 3
    shorter = sorted(min(box[3] - box[1], box[4] - box[2]) / 64 for box in boxes)
    assert answer["boxes"]["smallest"] == pytest.approx(100 * shorter[0], abs=0.06)
    assert answer["errors"] == []
    assert {one["kind"] for one in answer["findings"]} <= {"no boxes", "not annotated"}


def test_inspect_tells_a_person(trained: Trained) -> None:
    said = command("inspect", trained.data)
    assert "object-detection, read as pascal voc" in said
    assert "47 usable examples, 2 classes" in said
    assert "3 pictures without" in said
    assert "residual_block" in said


def test_the_report_has_coco_s_scores_beside_a_baseline(trained: Trained) -> None:
    report = plait.load(trained.run).report
    assert (report["task"], report["metric"], report["higher_is_better"]) == (
        "object-detection",
        "ap50",
        True,
    )
    assert report["examples"] == 11
    assert 0.7 <= report["value"] <= 1
    assert 0 <= report["low"] <= report["value"] <= report["high"] <= 1
    assert report["baseline"]["value"] < 0.3
    assert report["seconds"] > 0
    assert set(report["splits"]) == {"train", "validation", "test"}
    scores = report["scores"]
    assert scores["ap75"] <= scores["ap50"] == report["value"]
    assert {"ap", "ap_small", "ap_medium", "ap_large", "ar_100", "curves", "confusion", "ap_interval"} <= set(
        scores
    )
    assert [one["name"] for one in scores["classes"]] == ["bar", "square"]
    confidences = Run.open(trained.run).spec.input.to_json()["confidences"]
    assert {one["name"]: one["confidence"] for one in scores["classes"]} == confidences
    assert np.shape(scores["confusion"]) == (3, 3)
    kinds = ["classification", "localization", "both", "duplicate", "background", "missed"]
    assert sorted(one["name"] for one in scores["errors"]) == sorted(kinds)
    for one in report["mistakes"]:
        assert {box["kind"] for box in one["boxes"]} & {"missed", "wrong"}
        assert one["thumbnail"].startswith("data:image/png")


def test_the_page_opens_and_has_its_sections(trained: Trained) -> None:
    reader = Reader()
    reader.feed((trained.run / "report.html").read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    for said in (
        "AP50",
        "AP75",
        "Mistakes",
        "The errors",
        "localization",
        "What is taken for what",
        "background",
    ):
        assert said in reader.text
    for said in (
        "Class by class",
        "bar",
        "square",
        "precision",
        "Loss and score after each epoch",
        "The network",
    ):
        assert said in reader.text


def test_each_class_is_answered_from_its_best_score_on(trained: Trained, asked: Path) -> None:
    description = json.loads((trained.run / "model.json").read_text(encoding="utf-8"))
    confidences = description["input"]["confidences"]
    assert set(confidences) == {"bar", "square"}
    counts = {}
    for words in ((), ("--confidence", 0.02), ("--confidence", 1)):
        answers = json.loads(command("predict", trained.run, asked, "--json", *words))["predictions"]
        counts[words] = sum(len(one["prediction"]) for one in answers)
        for box in (box for one in answers for box in one["prediction"]):
            assert box["score"] >= (words[1] if words else confidences[box["label"]])
    assert 0 == counts["--confidence", 1] < counts[()] < counts["--confidence", 0.02]


def test_what_is_there_is_found_in_pixels_of_the_picture(trained: Trained, asked: Path) -> None:
    found = {Path(one.input).name: one for one in plait.load(trained.run).predict(asked)}
    right, every = 0, 0
    for scene in (one for one in DRAWN if one.part == "test"):
        one = found[scene.name]
        assert isinstance(one, Detections)
        assert one.size == scene.pixels.shape[:2]
        boxes = np.array([[box.left, box.top, box.right, box.bottom] for box in one.objects]).reshape(-1, 4)
        labels = [box.label for box in one.objects]
        assert [box.score for box in one.objects] == sorted((box.score for box in one.objects), reverse=True)
        for label, *edges in scene.boxes:
            cover = box_iou(torch.tensor([edges]), torch.from_numpy(boxes).float())[0].numpy()
            right += any(cover[place] > 0.5 and labels[place] == label for place in range(len(labels)))
            every += 1
    assert right >= 0.5 * every


def test_answers_for_people_and_tables(trained: Trained, asked: Path, tmp_path: Path) -> None:
    command("predict", trained.run, asked, "--out", tmp_path / "found.csv", "--draw", tmp_path / "drawn")
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"picture", "prediction", "probability"}
    assert [Path(row["picture"]).name for row in rows] == sorted(path.name for path in asked.iterdir())
    for row in rows:
        parts = row["prediction"].split("|") if row["prediction"] else []
        assert len(parts) == len(row["probability"].split("|") if row["probability"] else [])
        assert all(part.split()[0] in ("bar", "square") and len(part.split()) == 5 for part in parts)
    assert {path.stem for path in (tmp_path / "drawn").iterdir()} == {path.stem for path in asked.iterdir()}


@pytest.mark.parametrize("format", ["voc", "yolo", "coco"])
def test_what_was_found_is_data_again(model_file: Path, asked: Path, tmp_path: Path, format: str) -> None:
    said = json.loads(command("predict", model_file, asked, "--json"))["predictions"]
    command("predict", model_file, asked, "--format", format, "--out", tmp_path / "out")
    answer = inspected(tmp_path / "out")
    counts = Counter(box["label"] for one in said for box in one["prediction"])
    assert (answer["examples"], answer["classes"], answer["errors"]) == (11, counts, [])
    with pytest.raises(DataError, match="holds files already"):
        command("predict", model_file, asked, "--format", format, "--out", tmp_path / "out")


def test_from_python_boxes_are_written_and_drawn_too(model_file: Path, asked: Path, tmp_path: Path) -> None:
    model = plait.load(model_file)
    every = model.predict(asked, confidence=0.0, draw=tmp_path / "drawn")
    sure = model.predict(asked, confidence=1.0)
    assert sum(len(one.to_json()["prediction"]) for one in sure) == 0 < len(every[0].to_json()["prediction"])
    found = model.predict(asked, format="coco", out=tmp_path / "out")
    assert [one.to_json() for one in found] == [
        one.to_json() for one in plait.load(model_file).predict(asked)
    ]
    assert len([*(tmp_path / "drawn").iterdir()]) == inspected(tmp_path / "out")["examples"] == 11


def test_options_that_do_not_fit_are_refused_before_anything_is_asked(model_file: Path, asked: Path) -> None:
    with pytest.raises(DataError, match="--out DIR"):
        command("predict", model_file, asked, "--format", "voc")
    with pytest.raises(DataError, match="known are voc, yolo, coco"):
        command("predict", model_file, asked, "--format", "kitti", "--out", "x")


def test_deployed_it_answers_as_the_run_and_needs_no_pytorch(
    trained: Trained, model_file: Path, asked: Path
) -> None:
    code = (
        "import json, plait\n"
        f"found = plait.load({str(model_file)!r}).predict({str(asked)!r})\n"
        "print(json.dumps([one.to_json() for one in found]))\n"
    )
    theirs = json.loads(without_torch(code, model_file.parent).stdout)
    ours = [one.to_json() for one in plait.load(trained.run).predict(asked)]
    assert len(theirs) == len(ours) == 11
    for one, other in zip(ours, theirs, strict=True):
        assert one["input"] == other["input"]
        assert [box["label"] for box in one["prediction"]] == [box["label"] for box in other["prediction"]]
        for box, same in zip(one["prediction"], other["prediction"], strict=True):
            assert box["score"] == pytest.approx(same["score"], abs=1e-4)
            assert box["box"] == pytest.approx(same["box"], abs=0.05)


def test_the_data_is_left_as_it_was(trained: Trained) -> None:
    plait.load(trained.run).predict(trained.data / "JPEGImages" / "train0.png")
    command("inspect", trained.data)
    assert files(trained.data) == trained.before


def renamed(one: Scene, old: str, new: str) -> Scene:
    return replace(one, boxes=tuple((new if box[0] == old else box[0], *box[1:]) for box in one.boxes))


def test_a_class_that_was_not_trained_on_is_refused(trained: Trained, tmp_path: Path) -> None:
    other = voc(tmp_path / "other", [renamed(one, "bar", "disc") for one in scenes(6)])
    before = (trained.run / "report.json").read_bytes()
    with pytest.raises(DataError, match="'disc' was not among the training classes") as caught:
        plait.load(trained.run).test(other)
    discs = sum(label == "bar" for one in scenes(6) for label, *_ in one.boxes)
    assert [one.kind for one in caught.value.problems] == ["unknown class"] * discs
    assert all(one.file.endswith(".xml") and one.row for one in caught.value.problems)
    assert (trained.run / "report.json").read_bytes() == before


def test_other_data_is_scored(trained: Trained, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    copied.mkdir()
    for path in trained.run.iterdir():
        if path.is_file():
            (copied / path.name).write_bytes(path.read_bytes())
    report = plait.load(copied).test(FORMATS["coco"](tmp_path / "other", scenes(8, size=(80, 60))))
    assert (report["examples"], report["tested_on"]) == (8, str(tmp_path / "other"))


def broken(folder: Path) -> Path:
    """The last box of one picture is inverted."""
    drawn = scenes(8, ("train", "val"))
    data = voc(folder, drawn)
    chosen = next(one for one in drawn if len(one.boxes) > 1)
    corner = "<xmax>{}</xmax><ymax>{}</ymax>"
    edited(
        data / "Annotations" / f"{Path(chosen.name).stem}.xml",
        (corner.format(*chosen.boxes[-1][3:]), corner.format(0, 0)),
    )
    return data


def test_a_bad_box_stops_training_or_is_left_out_alone(tmp_path: Path) -> None:
    data = broken(tmp_path / "data")
    before = files(data)
    with pytest.raises(DataError, match=r"\.xml, row \d+: box inverted"):
        plait.train(data, changes=SMALL, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    model = plait.train(data, changes=[*SMALL, "training.epochs=1"], out=tmp_path / "run", skip_bad=True)
    (left,) = model.report["left_out"]
    assert (left["kind"], left["error"]) == ("box inverted", True)
    with (tmp_path / "run" / "examples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    boxes = sum(len(one.boxes) for one in scenes(8, ("train", "val")))
    assert len(rows) == 16
    assert sum(len(row["target"].split("|")) for row in rows) == boxes - 1
    assert files(data) == before


def test_interrupted_and_resumed_it_is_as_if_never_stopped(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [
        *SMALL,
        "training.epochs=4",
        "augmentation.mosaic=0.5",
        "augmentation.mixup=0.3",
        "augmentation.flip=both",
    ]
    plait.train(trained.data, changes=changes, out=tmp_path / "whole")
    after: Callable[..., None] = Watch.on_train_batch_end

    def stopping(watch: Watch, *rest: object) -> None:
        after(watch, *rest)
        if watch._module.record.step == 5:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "on_train_batch_end", stopping)
        plait.train(trained.data, changes=changes, out=tmp_path / "parts")
    assert Run.open(tmp_path / "parts").read("training.json")["interrupted"]
    plait.train(resume=tmp_path / "parts")
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    specs = [Run.open(tmp_path / name).spec.input for name in ("whole", "parts")]
    assert specs[0] == specs[1]

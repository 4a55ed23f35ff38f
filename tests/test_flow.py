"""The whole way, from a folder to a tested and deployed network, on pictures made here."""

import csv
import hashlib
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import plait
from plait import flow
from tests.killing import killed_after, renamed
from tests.pictures import COLORS, SMALL, class_folders, picture


def tree(folder: Path) -> dict[str, str]:
    """Every file's content, to see that nothing was touched."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "colors", parts=("train", "test"))


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Model:
    return plait.train(data, changes=SMALL, out=tmp_path_factory.mktemp("runs") / "colors")


def test_a_run_folder_holds_everything(model: plait.Model) -> None:
    names = {path.name for path in model.folder.iterdir()}
    assert {
        "recipe.yaml", "environment.json", "model.json", "data.json", "examples.csv", "weights.safetensors",
        "training.json", "log.csv", "report.json", "report.html", "checkpoints",
    } <= names  # fmt: skip
    assert any(path.name.startswith("events.out.tfevents") for path in model.folder.rglob("*"))
    report = json.loads((model.folder / "report.json").read_text(encoding="utf-8"))
    assert report["split"] == "validation"
    assert set(report["splits"]) == {"train", "validation"}


def test_the_recorded_recipe_trains_the_same_network(model: plait.Model, data: Path, tmp_path: Path) -> None:
    again = plait.train(data, recipe=model.folder / "recipe.yaml", out=tmp_path / "again")
    weights = [(one.folder / "weights.safetensors").read_bytes() for one in (model, again)]
    assert weights[0] == weights[1]


def test_killed_at_any_write_a_run_resumes_to_the_same_weights(
    model: plait.Model, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files come to be by a rename; whichever is the last that happened, what is there can be gone on with."""
    files = renamed(monkeypatch, lambda: plait.train(data, changes=SMALL, out=tmp_path / "whole"))
    assert files > 10
    for survives in range(files):
        folder = tmp_path / str(survives)
        killed_after(monkeypatch, survives, partial(plait.train, data, changes=SMALL, out=folder))
        if (folder / "recipe.yaml").exists():
            resumed = plait.train(resume=folder)
        else:
            resumed = plait.train(data, changes=SMALL, out=folder)
        weights = [(one.folder / "weights.safetensors").read_bytes() for one in (model, resumed)]
        assert weights[0] == weights[1], f"killed before file {survives}"
        assert (resumed.folder / "report.html").is_file()


def test_training_never_opens_the_test_part(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=6, parts=("train", "test"))
    with_test = plait.train(data, changes=SMALL, out=tmp_path / "with")
    for file in (data / "test").rglob("*.png"):
        picture("green", hash(file.name) % 999).save(file)
    other = plait.train(data, changes=SMALL, out=tmp_path / "other")
    weights = [(one.folder / "weights.safetensors").read_bytes() for one in (with_test, other)]
    assert weights[0] == weights[1]


def test_the_test_counts_what_was_also_trained_on(data: Path, tmp_path: Path) -> None:
    copied = class_folders(tmp_path / "colors", each=8, parts=("train", "test"))
    for label in COLORS:
        (copied / "test" / label / "0.png").write_bytes((copied / "train" / label / "0.png").read_bytes())
    trained = plait.train(copied, changes=(*SMALL, "data.validation=0.01"), out=tmp_path / "run")
    report = trained.test()
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (copied / "train").rglob("*.png")}
    assert len(digests) == 24
    assert 1 <= report["overlap"]["test"] <= 3


def test_test_scores_are_those_of_its_own_predictions(model: plait.Model, data: Path) -> None:
    report = model.test()
    predictions = model.predict(data / "test")
    right = [Path(one.origin.input).parent.name == one.label for one in predictions]
    assert report["examples"] == len(right) == 36
    assert report["value"] == pytest.approx(np.mean(right))
    assert report["low"] <= report["value"] <= report["high"]
    assert report["baseline"]["name"]
    assert set(report["splits"]) == {"train", "validation", "test"}
    assert plait.load(model.folder).spec.scores == {
        key: report[key] for key in ("metric", "value", "low", "high", "examples")
    }


def test_the_exported_model_answers_as_the_run_does(model: plait.Model, data: Path, tmp_path: Path) -> None:
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    ours, theirs = model.predict(data / "test"), deployed.predict(data / "test")
    assert [one.label for one in ours] == [one.label for one in theirs]
    assert [one.probability for one in ours] == pytest.approx([one.probability for one in theirs], abs=1e-4)


def test_starting_from_another_run_takes_its_weights(model: plait.Model, data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    started = plait.train(
        data, changes=(*SMALL, "training.epochs=1", "training.optimizer.learning_rate=0.000001"),
        start_from=model.folder, out=tmp_path / "second", say=said.append,
    )  # fmt: skip
    assert any("weights taken" in line for line in said)
    assert started.test()["value"] == pytest.approx(model.test()["value"], abs=0.1)


def test_broken_pictures_are_all_named_and_nothing_is_changed(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=8)
    (data / "red" / "empty.png").write_bytes(b"")
    (data / "red" / "words.png").write_text("no picture", encoding="utf-8")
    whole = (data / "red" / "0.png").read_bytes()
    (data / "blue" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (data / "alone").mkdir()
    picture("red", 77).save(data / "alone" / "one.png")
    (data / "green" / "loop.png").symlink_to(data / "green" / "loop.png")
    Image.new("L", (3000, 3000)).save(data / "green" / "huge.png")
    before = tree(data)
    bomb = "data.max_pixels=1000000"
    with pytest.raises(plait.DataError) as refused:
        plait.train(data, changes=(*SMALL, bomb), out=tmp_path / "run")
    for name in ("empty.png", "words.png", "cut.png", "alone", "loop.png", "huge.png"):
        assert name in str(refused.value)
    assert not (tmp_path / "run").exists()
    model = plait.train(data, changes=(*SMALL, bomb), out=tmp_path / "run", skip_bad=True)
    assert len(model.report["left_out"]) >= 6
    assert model.spec.classes == ["blue", "green", "red"]
    assert tree(data) == before


def test_a_network_that_cannot_work_is_refused_before_data_is_read(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors")
    for file in data.rglob("*.png"):
        file.write_bytes(b"whoever reads this complains")
    changes = ["data.image_size=4", "network=[{conv: 8}, {pool: 2}, {pool: 2}, {pool: 2}]"]
    with pytest.raises(plait.NetworkError, match=r"layer 4 .*pool 2.*1x1"):
        plait.train(data, changes=changes)
    with pytest.raises(plait.NetworkError, match=r"layer 2 .*conv"):
        plait.train(data, changes=["network=[flatten, {conv: 8}]"])
    with pytest.raises(plait.NetworkError, match="arrives at the classes"):
        plait.train(
            data, changes=["network=[{conv: 8}, {to_sequence: rows}, {recurrent: {cell: gru, units: 4}}]"]
        )


def test_pictures_begin_small_where_the_network_can(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=4, side=80)
    smaller = "network=[{conv: {channels: 8, stride: 4}}, {global_pool: {}}]"
    fixed = "network=[{conv: {channels: 8, stride: 8}}, flatten, {dense: 4}]"
    specs = [
        plait.train(data, changes=[*SMALL, network, *crop], out=tmp_path / str(number)).spec
        for number, (network, crop) in enumerate(
            [
                (smaller, []),
                (fixed, []),
                (smaller, ["augmentation.crop=[1, 1]", "augmentation.aspect=1", "augmentation.rotate=0"]),
            ]
        )
    ]
    settled = [spec.recipe for spec in specs]
    assert [recipe["augmentation"]["sizes"] for recipe in settled] == [[0.57, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert [recipe["data"]["image_size"] for recipe in settled] == [112, 112, 112]
    assert [recipe["data"]["margin"] for recipe in settled] == [1.145, 1.145, 1.145]
    # Without crops, training and answers both see the middle, at one size.
    assert [spec.input.margin for spec in specs] == [1.0, 1.0, 1.145]
    with pytest.raises(plait.NetworkError, match="sizes"):
        plait.train(data, changes=[*SMALL, fixed, "augmentation.sizes=[0.5, 1]"], out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_several_labels_a_picture(tmp_path: Path) -> None:
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "labels"])
        for index in range(30):
            labels = [label for bit, label in enumerate(COLORS) if index >> bit & 1]
            pixels = np.zeros((16, 16, 3), np.uint8)
            for label in labels:
                pixels[:, :, list(COLORS).index(label)] = 200
            Image.fromarray(pixels ^ np.uint8(index)).save(tmp_path / f"{index}.png")
            writer.writerow([f"{index}.png", "|".join(labels)])
    model = plait.train(tmp_path / "labels.csv", changes=SMALL, out=tmp_path / "run")
    report = model.test()
    assert report["metric"] == "micro_f1"
    assert model.spec.several_labels


def test_changed_data_is_noticed(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "colors", each=8)
    model = plait.train(data, changes=SMALL, out=tmp_path / "run")
    picture("red", 4321).save(data / "red" / "0.png")
    with pytest.raises(plait.RunError, match="has changed"):
        model.test()


def test_inspect_counts_and_names(data: Path) -> None:
    answer = flow.inspect(str(data))
    assert answer["examples"] == 72
    assert answer["classes"] == {"blue": 24, "green": 24, "red": 24}
    assert answer["network"][-1]["parameters"] > 0


def test_wrong_paths_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(plait.PlaitError, match="no such"):
        plait.train(tmp_path / "nowhere")
    with pytest.raises(plait.RunError, match="no run"):
        plait.load(tmp_path)


def test_baselines_see_the_whole_picture_that_answers_see(tmp_path: Path) -> None:
    """The class is the color of a border, which the middle of the pictures kept for training crops does not show."""
    noise = np.random.default_rng(0)
    for number in range(60):
        picture = np.full((80, 80, 3), (250, 20, 20) if number % 2 else (20, 20, 250), np.uint8)
        picture[3:-3, 3:-3] = noise.integers(0, 256, (74, 74, 1), np.uint8)
        place = tmp_path / "borders" / ("red" if number % 2 else "blue") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)
    network = "network=[{conv: {channels: 8, stride: 4}}, {global_pool: {}}]"
    changes = [*SMALL, network, "data.validation=0.3"]
    model = plait.train(tmp_path / "borders", changes=changes, out=tmp_path / "run")
    assert model.report["examples"] > 10
    assert model.report["baseline"]["value"] == 1.0

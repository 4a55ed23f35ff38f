"""The whole way of a text: a table to a network, a report and a model file that answers as the network does."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

import plait
from plait.errors import DataError, NetworkError, PlaitError, RecipeError
from plait.flow import train
from plait.inference.model import OnnxModel
from plait.inference.text import FIRST, TextInput, pad
from tests.commands import plait_command, without_torch
from tests.killing import killed_after, renamed
from tests.texts import BAD, GOOD, SMALL, reviews, table


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("texts")
    data = table(folder / "reviews.csv", reviews(240))
    plait.train(data, changes=SMALL, out=folder / "run").test()
    return data, folder / "run"


def test_the_report_scores_the_network_beside_a_baseline(trained: tuple[Path, Path]) -> None:
    report = plait.load(trained[1]).report
    assert report["task"] == "text-classification"
    assert report["value"] >= 0.9
    assert {one["name"] for one in report["baselines"]} == {
        "most frequent class",
        "TF-IDF and logistic regression",
    }
    assert report["noun"] == "text"
    page = (trained[1] / "report.html").read_text(encoding="utf-8")
    assert "One text takes" in page


def test_a_model_file_answers_as_the_network_at_every_length(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(trained[1])
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    network = model.network()
    assert isinstance(model.spec.input, TextInput)
    chance = np.random.default_rng(0)
    for length in (1, 7, 63, 400):
        for count in (1, 3):
            lengths = chance.integers(1, length + 1, count)
            lengths[0] = length
            arrays = pad([chance.integers(1, model.spec.input.size, one) for one in lengths])
            with torch.inference_mode():
                expected = network(*map(torch.from_numpy, arrays)).numpy()
            np.testing.assert_allclose(deployed.run(*arrays)[0], expected, atol=1e-4)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_every_cell_is_exported_for_any_length(cell: str, tmp_path: Path) -> None:
    """In both directions and two layers; a network of its drawn weights."""
    recurrent = f"{{recurrent: {{cell: {cell}, units: 6, layers: 2, direction: both}}}}"
    network = f"network=[{{embedding: 8}}, {recurrent}, {{global_pool: attention}}]"
    data = table(tmp_path / "t.csv", reviews(30))
    model = plait.train(data, changes=[*SMALL, network, "training.steps=2"], out=tmp_path / "run")
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    chance = np.random.default_rng(0)
    for length in (1, 7, 63, 400):
        arrays = pad([chance.integers(1, 20, one) for one in (length, 1, length // 2 + 1)])
        with torch.inference_mode():
            expected = model.network()(*map(torch.from_numpy, arrays)).numpy()
        np.testing.assert_allclose(deployed.run(*arrays)[0], expected, atol=1e-4)


def test_the_model_file_is_asked_without_torch(trained: tuple[Path, Path], tmp_path: Path) -> None:
    plait.load(trained[1]).export(tmp_path / "model.onnx")
    code = (
        "import sys, plait\n"
        "found = plait.load('model.onnx').predict('a lovely warm story', 'so cold and ugly')\n"
        "print([one.label for one in found])\n"
    )
    done = without_torch(code, tmp_path)
    assert done.stdout.strip() == "['good', 'bad']", done.stderr


def test_the_users_table_comes_back_with_the_answers(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text('id,text\n1,"lovely, warm"\n2,cold and sad\n', encoding="utf-8")
    done = plait_command("predict", str(trained[1]), str(path), "--out", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,text,prediction,probability"
    assert lines[1].startswith('1,"lovely, warm",good,')
    assert lines[2].startswith("2,cold and sad,bad,")


def test_a_run_from_before_an_option_existed_is_opened(trained: tuple[Path, Path], tmp_path: Path) -> None:
    old = shutil.copytree(trained[1], tmp_path / "old")
    recipe = yaml.safe_load((old / "recipe.yaml").read_text(encoding="utf-8"))
    del recipe["pretraining"], recipe["training"]["optimizer"]["norm_bias_rate"]
    (old / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    asked = ["a lovely story", "so ugly"]
    assert plait.load(old).predict(*asked) == plait.load(trained[1]).predict(*asked)


def test_a_list_in_the_place_of_its_texts_is_refused(trained: tuple[Path, Path]) -> None:
    """It was taken for one text, which reads as a list does."""
    asked: Any = ["a lovely story", "so ugly"]
    with pytest.raises(DataError, match=r"predict\(\*sources\)"):
        plait.load(trained[1]).predict(asked)
    assert len(plait.load(trained[1]).predict(*asked)) == 2


def test_texts_from_standard_input(trained: tuple[Path, Path]) -> None:
    done = plait_command("predict", str(trained[1]), "-", "--json", given="a lovely story\n\nso ugly\n")
    found = json.loads(done.stdout)["predictions"]
    assert [(one["input"], one["prediction"]) for one in found] == [
        ("a lovely story", "good"),
        ("so ugly", "bad"),
    ]


def test_a_killed_training_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at half of the files that it writes: within training, where n-grams are fitted and texts drawn again."""
    data = table(tmp_path / "reviews.csv", reviews(80))
    files = renamed(monkeypatch, lambda: plait.train(data, changes=SMALL, out=tmp_path / "whole"))
    killed_after(monkeypatch, files // 2, lambda: plait.train(data, changes=SMALL, out=tmp_path / "cut"))
    plait.train(resume=tmp_path / "cut")
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_words_keep_their_vectors_when_another_run_is_the_start(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    data = table(tmp_path / "other.csv", [*reviews(60, seed=5), ("zebra " * 3, "good"), ("zebra", "bad")] * 2)
    told: list[str] = []
    plait.train(
        data,
        changes=[
            *SMALL,
            "training.steps=1",
            "training.optimizer.learning_rate=1e-12",
            "training.averaging=0",
        ],
        out=tmp_path / "run",
        start_from=trained[1],
        say=told.append,
    )
    assert any("weights taken" in line for line in told)
    before, after = plait.load(trained[1]), plait.load(tmp_path / "run")
    tables = [
        load_file(run / "weights.safetensors")["body.layers.0.table.weight"]
        for run in (trained[1], tmp_path / "run")
    ]
    words = [one.spec.input.vocabulary for one in (before, after) if isinstance(one.spec.input, TextInput)]
    assert words[0] != words[1]
    for word in ("lovely", "ugly", "film"):
        one, other = (matrix[FIRST + known.index(word)] for matrix, known in zip(tables, words, strict=True))
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_chinese_in_gb18030_is_read_by_characters(tmp_path: Path) -> None:
    good, bad = ["酒店很好", "服务周到", "房间干净"], ["房间太小", "隔音很差", "又脏又吵"]
    rows = [
        (f"{text}，第{number}次来", label)
        for number in range(12)
        for label, of in (("好", good), ("差", bad))
        for text in of
    ]
    path = tmp_path / "reviews.csv"
    path.write_bytes("\n".join(["评论,标签", *(f"{text},{label}" for text, label in rows)]).encode("gb18030"))
    model = plait.train(path, changes=SMALL, out=tmp_path / "run")
    assert isinstance(model.spec.input, TextInput)
    assert model.spec.input.tokens == "characters"
    assert [one.to_json()["prediction"] for one in model.predict("房间很干净，服务好", "太吵，很脏")] == [
        "好",
        "差",
    ]


@pytest.mark.parametrize("style", ["glove", "word2vec"])
def test_word_vectors_of_others_are_started_from(style: str, tmp_path: Path) -> None:
    words = [*GOOD, *BAD, "the", "elsewhere"]
    chance = np.random.default_rng(0)
    vectors = {word: chance.standard_normal(6).round(4) for word in words}
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in vectors.items()]
    header = [f"{len(words)} 6"] if style == "word2vec" else []
    path = tmp_path / "vectors.txt"
    path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
    network = f"network=[{{embedding: {{channels: 6, vectors: {path}}}}}, {{global_pool: max}}]"
    changes = (*SMALL, network, "training.optimizer.learning_rate=1e-12", "training.optimizer.weight_decay=0")
    said: list[str] = []
    run = train(
        str(table(tmp_path / "reviews.csv", reviews(60))),
        changes=changes,
        out=tmp_path / "run",
        say=said.append,
    )
    input = run.spec.input
    assert isinstance(input, TextInput)
    weight = run.network().state_dict()["body.layers.0.table.weight"]
    for word in [*GOOD, *BAD, "the"]:
        np.testing.assert_allclose(weight[int(input.encode(word)[0])], vectors[word], atol=1e-4)
    assert weight[int(input.encode("film")[0])].abs().sum() > 0
    assert weight[0].abs().sum() == 0
    assert any(f"11 of {len(input.vocabulary)} tokens have a vector" in line for line in said)


def test_word_vectors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    path = tmp_path / "vectors.txt"
    for text, message in (
        ("good 1 2 3\n", "3 numbers, and the embedding has 6"),
        ("good 1 2 3\nbad 1 2\n", "row 2: 2 numbers"),
        ("2 3\ngood 1 2 x\n", "row 2: could not convert"),
        ("", "is empty"),
    ):
        path.write_text(text, encoding="utf-8")
        network = f"network=[{{embedding: {{channels: 6, vectors: {path}}}}}, {{global_pool: max}}]"
        with pytest.raises(PlaitError, match=message):
            plait.train(data, changes=(*SMALL, network), out=tmp_path / str(len(text)))


def test_texts_are_read_by_subwords(tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(120))
    changes = (*SMALL, "data.tokens=subwords", "data.vocabulary=60")
    model = plait.train(data, changes=changes, out=tmp_path / "run")
    assert isinstance(model.spec.input, TextInput)
    assert 0 < len(model.spec.input.merges) < 60
    assert model.test()["value"] >= 0.9
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    assert [
        one.to_json()["prediction"] for one in deployed.predict("a lovely warm story", "ugly and sad")
    ] == [
        "good",
        "bad",
    ]


def test_twenty_lines_of_ones_own(tmp_path: Path) -> None:
    data = table(tmp_path / "mine.csv", reviews(20))
    done = plait_command("train", str(data), "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "2 examples" in done.stdout
    assert "say little" in done.stdout


def test_several_labels_a_text(tmp_path: Path) -> None:
    rows = [(text, "|".join([label, "long"] if len(text) > 40 else [label])) for text, label in reviews(120)]
    model = plait.train(
        table(tmp_path / "t.csv", rows, ("text", "labels")), changes=SMALL, out=tmp_path / "run"
    )
    assert model.report["metric"] == "micro_f1"
    assert model.report["value"] > 0.6


def test_a_cap_on_length_is_reported(tmp_path: Path) -> None:
    told: list[str] = []
    data = table(tmp_path / "t.csv", reviews(60))
    plait.train(
        data, changes=[*SMALL, "data.longest=6", "training.steps=1"], out=tmp_path / "run", say=told.append
    )
    assert any("data.longest cuts" in line and "after 6 words" in line for line in told)


def test_what_is_for_pictures_is_refused(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", reviews(20))
    with pytest.raises(RecipeError, match="--pretrained is for pictures"):
        plait.train(data, pretrained="resnet18")
    with pytest.raises(RecipeError, match="unknown key"):
        plait.train(data, changes=["data.image_size=32"])
    with pytest.raises(NetworkError, match="flatten"):
        plait.train(data, changes=["network=[{embedding: 4}, flatten]"])

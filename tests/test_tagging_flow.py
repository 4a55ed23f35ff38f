"""The whole way of a tagged sentence: columns to a network, a report and a model file that answers alike."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import plait
from plait.errors import DataError, NetworkError
from plait.inference.model import OnnxModel
from plait.inference.sentence import SentenceInput
from plait.inference.sequence_tagging import Tagging
from tests.commands import plait_command, without_torch
from tests.sentences import SMALL, columns, sentences


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sentences")
    data = columns(folder / "names.conll", sentences(150))
    plait.train(data, changes=SMALL, out=folder / "run").test()
    return data, folder / "run"


def test_the_report_scores_spans_beside_a_baseline(trained: tuple[Path, Path]) -> None:
    report = plait.load(trained[1]).report
    assert report["task"] == "sequence-tagging"
    assert report["metric"] == "span_f1"
    assert report["value"] >= 0.9
    assert [one["name"] for one in report["baselines"]] == ["most frequent tag a word"]
    assert {one["name"] for one in report["scores"]["classes"]} == {"LOC", "PER"}
    page = (trained[1] / "report.html").read_text(encoding="utf-8")
    assert "One sentence takes" in page
    assert "Precision" in page


def test_raw_text_gives_spans_with_their_place(trained: tuple[Path, Path]) -> None:
    text = "then Anna Ben went to Oslo, near Lima"
    (found,) = plait.load(trained[1]).predict(text)
    assert isinstance(found, Tagging)
    assert found.spans is not None
    assert [(span.kind, text[span.start : span.end]) for span in found.spans] == [
        ("PER", "Anna Ben"),
        ("LOC", "Oslo"),
        ("LOC", "Lima"),
    ]
    assert all(0 < span.probability <= 1 for span in found.spans)
    assert found.to_json()["spans"][0]["text"] == "Anna Ben"


def test_a_model_file_answers_as_the_network_at_every_length(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(trained[1])
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    network, input = model.network(), model.spec.input
    assert isinstance(input, SentenceInput)
    chance = np.random.default_rng(0)
    for length in (1, 7, 63, 400):
        for count in (1, 3):
            drawn = [
                chance.choice(["Anna", "went", "Xyz"], one) for one in chance.integers(1, length + 1, count)
            ]
            drawn[0] = chance.choice(["Anna", "went", "Xyz"], length)
            arrays = input.collate([input.encode(list(map(str, words))) for words in drawn])
            with torch.inference_mode():
                expected = network(*map(torch.from_numpy, arrays))
            for one, other in zip(deployed.run(*arrays), expected, strict=True):
                np.testing.assert_allclose(one, other.numpy(), atol=1e-4)


def test_the_model_file_is_asked_without_torch(trained: tuple[Path, Path], tmp_path: Path) -> None:
    plait.load(trained[1]).export(tmp_path / "model.onnx")
    code = (
        "import sys, plait\n"
        "found = plait.load('model.onnx').predict('she saw Cairo with Dora')\n"
        "print([(one.kind, one.text) for one in found[0].spans])\n"
    )
    done = without_torch(code, tmp_path)
    assert done.stdout.strip() == "[('LOC', 'Cairo'), ('PER', 'Dora')]", done.stderr


def test_a_file_of_tokens_comes_back_with_its_tags_new(trained: tuple[Path, Path], tmp_path: Path) -> None:
    asked = columns(
        tmp_path / "asked.conll", [[(word, "?") for word, _ in one] for one in sentences(9, seed=4)]
    )
    done = plait_command("predict", str(trained[1]), str(asked), "--out", str(tmp_path / "out.conll"))
    assert done.returncode == 0, done.stderr
    before = asked.read_text(encoding="utf-8").split("\n")
    after = (tmp_path / "out.conll").read_text(encoding="utf-8").split("\n")
    assert [line.rpartition(" ")[0] for line in after] == [line.rpartition(" ")[0] for line in before]
    true = columns(tmp_path / "true.conll", sentences(9, seed=4)).read_text(encoding="utf-8").split("\n")
    right = [one == other for one, other in zip(after, true, strict=True)]
    assert np.mean(right) > 0.9
    refused = plait_command("predict", str(trained[1]), str(asked), "--out", str(tmp_path / "out.csv"))
    assert refused.returncode == 2
    assert "expected a name ending in .conll" in refused.stderr


def test_other_tags_than_those_of_training_are_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    chunks = columns(tmp_path / "chunk.conll", [[("Oslo", "B-NP"), ("went", "O")]])
    with pytest.raises(DataError, match=r"1 example of a class that the network was not trained on"):
        plait.load(trained[1]).test(chunks)


def test_a_table_of_texts_comes_back_with_its_spans(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("id,text\n1,Emil saw Lima\n2,the river\n", encoding="utf-8")
    done = plait_command("predict", str(trained[1]), str(path), "--out", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = [(row["id"], row["prediction"]) for row in csv.DictReader(file)]
    assert found == [("1", "PER: Emil; LOC: Lima"), ("2", "")]


def test_documents_stay_whole_and_the_same_twice_is_the_same(tmp_path: Path) -> None:
    data = columns(tmp_path / "names.conll", sentences(60), each_document=5)
    changes = [*SMALL, "training.epochs=2"]
    whole = plait.train(data, changes=changes, out=tmp_path / "whole")
    with (whole.folder / "examples.csv").open(encoding="utf-8", newline="") as file:
        splits = [row["split"] for row in csv.DictReader(file)]
    assert all(len(set(splits[start : start + 5])) == 1 for start in range(0, 60, 5))
    assert set(splits) == {"train", "validation", "test"}
    again = plait.train(data, changes=changes, out=tmp_path / "again")
    weights = [(one.folder / "weights.safetensors").read_bytes() for one in (whole, again)]
    assert weights[0] == weights[1]


def test_a_further_column_is_read_where_the_recipe_says_so(tmp_path: Path) -> None:
    """Tags that follow from the second column alone; the words are noise."""
    chance = np.random.default_rng(0)
    lines: list[str] = []
    for _ in range(80):
        for sign in chance.choice(["A", "B"], 5):
            lines.append(f"{chance.choice(['x', 'y'])} {sign} {'B-ONE' if sign == 'A' else 'O'}")
        lines.append("")
    data = tmp_path / "signs.conll"
    data.write_text("\n".join(lines), encoding="utf-8")
    network = "network=[{embedding: {channels: 8, column: 1}}]"
    model = plait.train(data, changes=[*SMALL, network, "data.features=[2]"], out=tmp_path / "run")
    assert model.test()["value"] == 1.0
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    asked = tmp_path / "asked.conll"
    asked.write_text("x A ?\nz B ?\n", encoding="utf-8")
    (answer,) = deployed.predict(asked)
    assert isinstance(answer, Tagging)
    assert answer.tags == ("B-ONE", "O")
    with pytest.raises(DataError, match=r"also reads the columns 2"):
        deployed.predict("x z")
    with pytest.raises(NetworkError, match=r"column 1 is asked for.*data.features"):
        plait.train(data, changes=[*SMALL, network])


def test_parts_of_speech_without_a_chain(tmp_path: Path) -> None:
    """Tags that mark no spans are scored by tokens; a tag that training lacks counts as missed."""
    (tmp_path / "data").mkdir()
    found = [[(word, "N" if word[0].isupper() else "V") for word, _ in one] for one in sentences(80)]
    for part, some in (("train", found[:60]), ("test", [*found[60:], [("odd", "ODD"), ("Anna", "N")]])):
        columns(tmp_path / "data" / f"{part}.conll", some)
    changes = [*SMALL, "tags.chain=false", "data.label=3"]
    model = plait.train(tmp_path / "data", changes=changes, out=tmp_path / "run")
    report = model.test()
    assert report["metric"] == "token_accuracy"
    tokens = sum(map(len, found[60:])) + 2
    assert report["value"] == pytest.approx((tokens - 1) / tokens)
    (answer,) = model.predict("Anna saw")
    assert answer.cells()["prediction"] == "Anna/N saw/V"
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    _, transitions = deployed.run(*deployed.spec.input.examples(2, seed=1))
    assert not transitions.any()


def test_chinese_characters_are_the_tokens(tmp_path: Path) -> None:
    places, other = ["北京", "上海", "广州"], ["我在", "他去了", "今天到"]
    lines = []
    for number in range(60):
        said, place = other[number % 3], places[number // 3 % 3]
        lines += [f"{sign} O" for sign in said] + [f"{place[0]} B-LOC", f"{place[1]} I-LOC", "。 O", ""]
    path = tmp_path / "names.conll"
    path.write_text("\n".join(lines), encoding="gb18030")
    model = plait.train(path, changes=SMALL, out=tmp_path / "run")
    assert isinstance(model.spec.input, SentenceInput)
    assert (model.spec.input.splitter, model.spec.input.letters) == ("characters", 2)
    (found,) = model.predict("他去了北京。")
    assert isinstance(found, Tagging)
    assert found.spans is not None
    assert [(span.kind, span.text, span.start) for span in found.spans] == [("LOC", "北京", 3)]


def test_a_network_that_loses_its_steps_is_refused(tmp_path: Path) -> None:
    data = columns(tmp_path / "names.conll", sentences(30))
    for ending in ("{global_pool: max}", "flatten", "{recurrent: {cell: gru, units: 4, return: last}}"):
        with pytest.raises(NetworkError):
            plait.train(data, changes=[f"network=[{{embedding: 4}}, {ending}]"])
    with pytest.raises(NetworkError, match="every word needs its own"):
        plait.train(data, changes=["network=[{embedding: 4}, {global_pool: max}]"])


def test_standard_input_and_json(trained: tuple[Path, Path]) -> None:
    done = plait_command("predict", str(trained[1]), "-", "--json", given="Anna went to Oslo\n\nthe river\n")
    found = json.loads(done.stdout)["predictions"]
    assert [[span["kind"] for span in one["spans"]] for one in found] == [["PER", "LOC"], []]


def test_characters_are_read_by_a_network_of_their_own(trained: tuple[Path, Path], tmp_path: Path) -> None:
    spelled = [[(sign, tag) for word, tag in one for sign in word[:2]] for one in sentences(12)]
    data = columns(tmp_path / "characters.conll", [[*one, ("ab", "O")] for one in spelled])
    model = plait.train(data, changes=["training.steps=1"], out=tmp_path / "run")
    assert [next(iter(layer)) for layer in model.spec.recipe["network"]] == [
        "embedding",
        "dropout",
        "recurrent",
        "dropout",
    ]
    assert next(iter(plait.load(trained[1]).spec.recipe["network"][0])) == "parallel"

"""Pretraining: what the first layers learn without labels, from the same texts and from others, and how it resumes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import plait
from plait.errors import DataError, RecipeError
from plait.inference.sentence import SentenceInput
from plait.inference.text import TextInput
from tests.killing import killed_after, renamed
from tests.sentences import SMALL as SMALL_TAGGING
from tests.sentences import columns, sentences
from tests.texts import SMALL, reviews, table

PRETRAINED = [*SMALL, "training.averaging=0", "pretraining.epochs=6", "pretraining.masked=0.3"]


def chant(lines: int) -> list[str]:
    """Texts in which every word follows from the one before, or the one behind."""
    chance = np.random.default_rng(0)
    words = ["do", "re", "mi", "fa", "so", "la"]
    rounds = [(int(chance.integers(6)), int(chance.integers(5, 9))) for _ in range(lines)]
    return [" ".join(words[(begin + step) % 6] for step in range(length)) for begin, length in rounds]


def test_words_that_follow_from_others_are_foreseen(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", [(line, "ab"[row % 2]) for row, line in enumerate(chant(120))])
    changes = [*SMALL, "training.steps=1", "training.averaging=0", "training.optimizer.learning_rate=0.02"]
    plait.train(data, changes=[*changes, "pretraining.epochs=30"], out=tmp_path / "run")
    told = json.loads((tmp_path / "run" / "pretraining" / "pretraining.json").read_text(encoding="utf-8"))
    assert told["perplexity"] < 1.5  # Of six words.
    assert plait.load(tmp_path / "run").report["training_seconds"] > told["seconds"] > 0


def test_the_task_begins_with_what_was_learnt(tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    still = ["training.steps=1", "training.optimizer.learning_rate=1e-12"]
    told: list[str] = []
    run = plait.train(data, changes=[*PRETRAINED, *still], out=tmp_path / "run", say=told.append)
    assert any("pretraining on" in line for line in told)
    learnt = load_file(tmp_path / "run" / "pretraining" / "weights.safetensors")
    network = run.network().body.state_dict()
    assert {name.split(".")[1] for name in learnt} == {"0", "1", "2"}  # Embedding, convolution, recurrence.
    assert not learnt["layers.0.table.weight"][0].any()  # Padding.
    for name, value in learnt.items():
        torch.testing.assert_close(network[name], value, atol=1e-6, rtol=0)


def test_words_of_unlabelled_texts_get_numbers(tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "one.txt").write_text("a gripping zebra\n\nthe zebra was warm\n" * 4, encoding="utf-8")
    (raw / "two.txt").write_text("seldom\n" * 4, encoding="utf-8")
    changes = [*PRETRAINED, f"pretraining.unlabelled={raw}", "training.steps=1"]
    told: list[str] = []
    run = plait.train(data, changes=changes, out=tmp_path / "run", say=told.append)
    assert isinstance(run.spec.input, TextInput)
    known = run.spec.input.vocabulary
    assert known[-1] == "zebra"
    assert not {"gripping", "seldom"} & set(known)
    examples = (tmp_path / "run" / "examples.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(examples) == 60
    read = sum(",train," in line for line in examples) + 12
    assert any(f"pretraining on {read} texts" in line for line in told)
    assert run.predict("the zebra was warm")[0].label in ("good", "bad")


@pytest.mark.parametrize("share", [0.2, 0.45, 0.7])
def test_a_killed_run_goes_on_to_the_same_weights(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    files = renamed(monkeypatch, lambda: plait.train(data, changes=PRETRAINED, out=tmp_path / "whole"))
    killed_after(
        monkeypatch, int(share * files), lambda: plait.train(data, changes=PRETRAINED, out=tmp_path / "cut")
    )
    plait.train(resume=tmp_path / "cut")
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_a_tagger_reads_raw_sentences_first(tmp_path: Path) -> None:
    data = columns(tmp_path / "t.conll", sentences(240))
    raw = tmp_path / "raw.txt"
    raw.write_text("Zoe went to Rome.\n" * 5, encoding="utf-8")
    changes = [*SMALL_TAGGING, "pretraining.epochs=3", f"pretraining.unlabelled={raw}"]
    run = plait.train(data, changes=changes, out=tmp_path / "run")
    assert isinstance(run.spec.input, SentenceInput)
    assert {"zoe", "rome"} <= set(run.spec.input.vocabulary)
    assert run.report["splits"]["train"]["value"] > 0.9


def test_chinese_of_another_encoding_is_read_and_told(tmp_path: Path) -> None:
    rows = [
        (f"{word}{number}号房间", label)
        for number in range(20)
        for word, label in (("好", "good"), ("坏", "bad"))
    ]
    raw = tmp_path / "raw.txt"
    raw.write_bytes("早餐丰富\n早餐一般\n".encode("gb18030") * 5)
    told: list[str] = []
    changes = [*PRETRAINED, f"pretraining.unlabelled={raw}", "training.steps=1"]
    run = plait.train(table(tmp_path / "t.csv", rows), changes=changes, out=tmp_path / "run", say=told.append)
    assert isinstance(run.spec.input, TextInput)
    assert {"早", "餐"} <= set(run.spec.input.vocabulary)
    assert any("raw.txt" in line and "GB18030" in line for line in told)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no"), (b" \n\n", "holds no text"), (b"fine\n\xff\xfe\xff\n", "line 2")],
)
def test_texts_that_cannot_be_read_are_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    raw = tmp_path / "raw.txt"
    if content is not None:
        raw.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        plait.train(data, changes=[*PRETRAINED, f"pretraining.unlabelled={raw}"], out=tmp_path / "run")
    assert str(raw) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    data = table(tmp_path / "reviews.csv", reviews(60))
    with pytest.raises(RecipeError, match=r"pretraining\.epochs"):
        plait.train(data, changes=["pretraining.unlabelled=raw.txt"], out=tmp_path / "run")
    with pytest.raises(RecipeError, match="of your own"):
        plait.train(
            data, changes=["pretraining.epochs=1"], network=torch.nn.Embedding(5, 2), out=tmp_path / "run"
        )
    tagged = columns(tmp_path / "t.conll", sentences(60))
    changes = ["data.label=3", "data.features=[2]", "pretraining.epochs=1", f"pretraining.unlabelled={data}"]
    with pytest.raises(RecipeError, match=r"data\.features"):
        plait.train(tagged, changes=changes, out=tmp_path / "run")

"""The whole way of running text: a book to a network, a report, texts it writes and a model file that answers alike."""

import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import plait
from plait.data.batches import Batch
from plait.data.gather import gather
from plait.data.stream_store import StreamEvaluationBatches, StreamStore, StreamTrainingBatches
from plait.errors import DataError, NetworkError, PlaitError
from plait.inference.language_modeling import Foreseen, nats_of
from plait.inference.model import OnnxModel
from plait.inference.stream import StreamInput
from plait.recipe import read_recipe
from plait.run import Run, RunPredictor
from plait.training.watch import Watch
from tests import texts
from tests.books import SMALL, book, story
from tests.commands import plait_command, without_torch


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("book")
    data = book(folder / "story.txt")
    plait.train(data, changes=SMALL, out=folder / "run").test()
    return data, folder / "run"


def test_the_report_scores_bits_beside_a_baseline(trained: tuple[Path, Path]) -> None:
    report = plait.load(trained[1]).report
    assert report["task"] == "language-modeling"
    assert report["metric"] == "bits_per_character"
    assert report["higher_is_better"] is False
    text = trained[0].read_text(encoding="utf-8")
    assert report["examples"] == len(text) - int(len(text) * 0.9)
    # Two words of four choices each, in some 24 characters; the network should come near, and below chance it cannot.
    least = 4 / (len(text) / text.count("."))
    assert least < report["value"] < 2.2 * least
    assert report["low"] < report["value"] < report["high"]
    assert report["baseline"]["name"] == "Kneser-Ney 6-grams"
    scores = report["scores"]
    assert scores["perplexity"] == pytest.approx(2 ** report["value"])
    assert scores["bits_per_byte"] == pytest.approx(report["value"])
    assert len(report["samples"]) == 3
    page = (trained[1] / "report.html").read_text(encoding="utf-8")
    assert "Worst foreseen" in page
    assert "What it writes" in page


def test_sections_read_side_by_side_score_as_the_whole_text_does(trained: tuple[Path, Path]) -> None:
    """Each section is read from some way before its beginning: next to nothing is lost."""
    run = Run.open(trained[1])
    assert isinstance(run.spec.input, StreamInput)
    found = gather(str(trained[0]), run.recipe.data, 0)
    task, store = run.task(), StreamStore(found.part("train").table, run.spec.input)
    batches = StreamEvaluationBatches(store)
    given = list(task.outputs(run.network(), batches))
    assert sum(int((batch.rows >= 0).sum()) for _, batch in given) == len(store)
    sections = task.answers(given)
    whole = nats_of(RunPredictor(run), store.tokens)
    assert sections.mean() == pytest.approx(whole.mean(), abs=1e-4)
    np.testing.assert_allclose(sections[:200], whole[:200], atol=1e-4)


def test_training_windows_follow_each_other_around_the_text() -> None:
    text = story(60)
    data = StreamInput("characters", sorted(set(text)), [])
    store = StreamStore(_table(text), data)
    batches = list(StreamTrainingBatches(store, 4, 16, 50))
    read = np.concatenate([batch.values.numpy() for batch in batches], axis=1)
    begins = [row * (len(store) // 4) for row in range(4)]
    for row, begin in enumerate(begins):
        places = (begin + np.arange(read.shape[1])) % len(store)
        np.testing.assert_array_equal(read[row], store.tokens[places])
    for one in batches:
        assert torch.equal(one.values[:, 1:], one.targets[:, :-1])
    later = list(StreamTrainingBatches(store, 4, 16, 50, start_step=33))
    assert all(map(_same, later, batches[33:]))


def test_what_is_carried_is_what_was_read(trained: tuple[Path, Path]) -> None:
    """In training a window after another gives what both give at once."""
    network = Run.open(trained[1]).empty_network().train()
    tokens = torch.randint(2, 10, (8, 40))
    with torch.no_grad():
        first, _ = network(tokens[:, :15])
        second, _ = network(tokens[:, 15:])
        whole, *_ = network.eval()(tokens, *network.beginning(tokens))
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=1e-4, atol=1e-5)


def test_the_same_seed_writes_the_same_text_from_the_model_file_too(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(trained[1])
    path = model.export(tmp_path / "model.onnx")
    written = "".join(model.generate("the cat ", 60, seed=3))
    assert written == "".join(plait.load(path).generate("the cat ", 60, seed=3))
    assert len(written) == 60
    assert written != "".join(model.generate("the cat ", 60, seed=4))
    surest = "".join(model.generate("my friend hears ", 6, temperature=0))
    assert surest == "a dog."
    with pytest.raises(DataError, match="top-p above 0"):
        model.generate(top_p=0)


def test_few_likely_tokens_are_drawn_from(trained: tuple[Path, Path]) -> None:
    """With a tiny top-p only the likeliest is left, whatever the temperature."""
    model = plait.load(trained[1])
    surest = "".join(model.generate("a dog ", 40, temperature=0))
    assert "".join(model.generate("a dog ", 40, temperature=2, top_p=1e-6, seed=1)) == surest


def test_a_text_is_as_probable_as_its_tokens(trained: tuple[Path, Path], tmp_path: Path) -> None:
    model = plait.load(trained[1])
    (likely, odd) = model.predict("the cat sees the cat.", "tac eht Ω sees")
    assert isinstance(likely, Foreseen)
    assert isinstance(odd, Foreseen)
    assert likely.bits_per_character < 1 < odd.bits_per_character
    nats = nats_of(RunPredictor(Run.open(trained[1])), model.spec.input.encode("the cat sees the cat."))
    assert likely.bits == pytest.approx(nats.sum() / math.log(2))
    assert likely.to_json()["perplexity"] == pytest.approx(2 ** (likely.bits / 21))
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    (again,) = deployed.predict("the cat sees the cat.")
    assert isinstance(again, Foreseen)
    assert again.bits == pytest.approx(likely.bits, abs=1e-3)


def test_a_model_file_answers_as_the_network_at_every_length(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(trained[1])
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    network, input = model.network(), model.spec.input
    assert isinstance(input, StreamInput)
    chance = np.random.default_rng(0)
    for length in (1, 7, 63, 400):
        for count in (1, 3):
            tokens = chance.integers(1, input.size, (count, length))
            states = [chance.standard_normal(one.shape, np.float32) for one in input.beginning(count)]
            with torch.inference_mode():
                expected = network(*map(torch.from_numpy, (tokens, *states)))
            for one, other in zip(deployed.run(tokens, *states), expected, strict=True):
                np.testing.assert_allclose(one, other.numpy(), atol=1e-4)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_every_cell_carries_its_state_into_the_model_file(cell: str, tmp_path: Path) -> None:
    changes = (
        *SMALL,
        "training.epochs=1",
        f"network=[{{embedding: 8}}, {{recurrent: {{cell: {cell}, units: 12, layers: 2}}}}]",
    )
    data = book(tmp_path / "story.txt", 200)
    model = plait.train(data, changes=changes, out=tmp_path / "run")
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    tokens = model.spec.input.encode(story(5, seed=9))
    np.testing.assert_allclose(
        nats_of(deployed, tokens), nats_of(RunPredictor(Run.open(tmp_path / "run")), tokens), atol=1e-3
    )


def test_words_in_awd_style(tmp_path: Path) -> None:
    data = book(tmp_path / "story.txt", 400)
    changes = (
        *SMALL,
        "data.tokens=words",
        "training.batch_size=4",
        "training.epochs=8",
        "network=[{embedding: {channels: 24, dropout: 0.1}}, {dropout: {share: 0.1, variational: true}}, "
        "{recurrent: {cell: lstm, units: 32, weight_drop: 0.2}}, {dropout: {share: 0.1, variational: true}}]",
        "output={tied: true, activation: 2.0, change: 1.0}",
    )
    model = plait.train(data, changes=changes, out=tmp_path / "run")
    report = model.test()
    # The last line's end, of which training saw one, and the word that the cut goes through.
    assert report["scores"]["unknown"] <= 2 / report["scores"]["tokens"]
    assert report["scores"]["perplexity"] < 6
    assert report["scores"]["tokens"] < report["scores"]["characters"] / 3
    text = "".join(model.generate("the old man ", 12, seed=1))
    assert set(text.replace(".", " ").split()) <= set(story(400).replace(".", " ").split())
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    assert "".join(deployed.generate("the old man ", 12, seed=1)) == text


def test_subwords_are_between_words_and_characters(tmp_path: Path) -> None:
    data = book(tmp_path / "story.txt", 400)
    model = plait.train(
        data, changes=(*SMALL, "data.tokens=subwords", "data.vocabulary=40"), out=tmp_path / "run"
    )
    scores = model.test()["scores"]
    assert scores["characters"] / 8 < scores["tokens"] < scores["characters"] / 1.5
    assert scores["bits_per_character"] < 0.6
    deployed = plait.load(model.export(tmp_path / "model.onnx"))
    assert "".join(deployed.generate("a dog", 9, seed=1)) == "".join(model.generate("a dog", 9, seed=1))


def test_interrupted_and_resumed_it_is_as_if_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that is carried is part of the checkpoint."""
    data = book(tmp_path / "story.txt", 300)
    plait.train(data, changes=SMALL, out=tmp_path / "whole")
    before = Watch.on_train_batch_end

    def stopping(self: Watch, *arguments: Any) -> None:
        before(self, *arguments)
        if self._module.record.step == 7:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Watch, "on_train_batch_end", stopping)
        plait.train(data, changes=SMALL, out=tmp_path / "stopped")
    assert Run.open(tmp_path / "stopped").read("training.json")["interrupted"]
    plait.train(resume=tmp_path / "stopped")
    weights = [Run.open(tmp_path / name).network().state_dict() for name in ("whole", "stopped")]
    assert all(torch.equal(one, weights[1][name]) for name, one in weights[0].items())


def test_the_model_file_writes_without_torch(trained: tuple[Path, Path], tmp_path: Path) -> None:
    plait.load(trained[1]).export(tmp_path / "model.onnx")
    code = (
        "import sys, plait.entry\n"
        "sys.argv = ['plait', 'generate', 'model.onnx', '--prompt', 'my friend hears ', '--tokens', '6', "
        "'--temperature', '0']\n"
        "try: plait.entry.main()\n"
        "except SystemExit: pass\n"
    )
    done = without_torch(code, tmp_path)
    assert done.stdout == "my friend hears a dog.\n", done.stderr


def test_chinese_is_read_by_characters(tmp_path: Path) -> None:
    lines = ["春眠不觉晓，处处闻啼鸟。\n", "夜来风雨声，花落知多少。\n"]
    text = "".join(lines[one] for one in np.random.default_rng(0).integers(0, 2, 300))
    path = tmp_path / "诗.txt"
    path.write_bytes(text.encode("gb18030"))
    model = plait.train(path, changes=(*SMALL, "training.epochs=20"), out=tmp_path / "run")
    report = model.test()
    assert report["scores"]["bits_per_byte"] == pytest.approx(report["value"] / 3, rel=0.1)
    assert any("GB18030" in one["message"] for one in report["findings"])
    assert "".join(model.generate("春眠不", 3, temperature=0)) == "觉晓，"


def test_it_is_tested_on_files_in_another_encoding(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes((story(80, seed=5) + "déjà vu. ").encode("latin-1"))
    model = plait.train(trained[0], changes=(*SMALL, "training.epochs=1"), out=tmp_path / "run")
    with pytest.raises(DataError, match="row 3: undecodable"):
        model.test(path)
    report = model.test(path, encoding="latin-1")
    assert report["scores"]["unknown"] > 0
    assert report["scores"]["bits_per_byte"] < report["value"]


def test_a_network_that_looks_ahead_is_refused_before_data_is_read(tmp_path: Path) -> None:
    data = book(tmp_path / "story.txt", 100)
    for network in (
        "[{embedding: 8}, {recurrent: {cell: gru, units: 8, direction: both}}]",
        "[{embedding: 8}, {conv: {channels: 8, kernel: 3}}]",
    ):
        with pytest.raises(NetworkError, match=r"layer 2 .* looks at more than"):
            plait.train(data, changes=[f"network={network}"], out=tmp_path / "run")
    with pytest.raises(NetworkError, match=r"layer 3 .* looks at more than"):
        plait.train(
            data,
            changes=["network=[{embedding: 8}, {recurrent: {cell: gru, units: 8}}, {global_pool: max}]"],
            out=tmp_path / "run",
        )
    assert not (tmp_path / "run").exists()


def test_too_little_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("Only a few words.", encoding="utf-8")
    with pytest.raises(DataError, match="at least 1,000"):
        plait.train(path, out=tmp_path / "run")


def test_only_a_language_model_writes(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    run = plait.train(
        texts.table(path, texts.reviews(40)),
        changes=["training.epochs=1", "network=[{embedding: 4}, global_pool]"],
        out=tmp_path / "run",
    )
    with pytest.raises(PlaitError, match="task is text-classification"):
        run.generate()


def test_json_of_what_is_written(trained: tuple[Path, Path]) -> None:
    done = plait_command("generate", str(trained[1]), "--tokens", "5", "--seed", "1", "--json")
    answer = json.loads(done.stdout)
    assert len(answer["text"]) == 5
    assert answer["seed"] == 1


def test_the_default_recipe_reads_token_after_token() -> None:
    recipe = read_recipe(task="language-modeling")
    assert all(layer.reads_on for layer in recipe.layers())


def _table(text: str) -> object:
    from plait.data.table import Row, Table

    return Table.from_rows([Row(text, None, "", "book")], "book", "plain text", content="running text")


def _same(one: Batch, other: Batch) -> bool:
    return torch.equal(one.values, other.values) and torch.equal(one.targets, other.targets)

"""The whole way of a recording: a table to a network, a report and a model file that answers alike."""

import json
import shutil
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

import plait
from plait.data.batches import Batch
from plait.data.gather import gather, look
from plait.data.sound_store import SoundStore
from plait.data.transcript_targets import TranscriptTargets
from plait.errors import DataError, NetworkError, RecipeError
from plait.inference.long_sound import cuts
from plait.inference.model import OnnxModel
from plait.inference.sound import SoundInput
from plait.inference.transcription import Transcript, Writing
from plait.run import Run
from plait.tasks import SpeechRecognition
from plait.tasks.transcription import ctc_loss, needed_steps
from plait.training.watch import Watch
from tests.commands import plait_command, without_torch
from tests.sounds import CLASSES, RATE, SPEECH, sound, speech_table, words, write


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("speech")
    data = speech_table(folder / "speech.csv", words(100))
    plait.train(data, changes=SPEECH, out=folder / "run").test()
    return data, folder / "run"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    for letter in "abc":
        for number in range(20):
            write(folder / "sounds" / letter / f"{number}.wav", letter, number)
    plait.train(folder / "sounds", changes=CLASSES, out=folder / "run").test()
    return folder / "sounds", folder / "run"


def test_a_long_recording_is_heard_in_pieces(speech: tuple[Path, Path], tmp_path: Path) -> None:
    model = plait.load(speech[1])
    texts = words(70, seed=3)
    breath = np.random.default_rng(0).normal(0, 5, RATE // 2).astype(np.int16)
    samples = np.concatenate(
        [piece for number, text in enumerate(texts) for piece in (sound(text, number), breath)]
    )
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    places = cuts(samples, RATE)
    assert len(places) >= 1
    alone: list[Transcript] = []
    for begin, end in pairwise([0, *places, len(samples)]):
        assert np.abs(samples[begin - 400 : begin + 400]).max(initial=0) < 60
        assert end - begin <= 40 * RATE
        soundfile.write(tmp_path / "piece.wav", samples[begin:end], RATE)
        alone += [one for one in model.predict(tmp_path / "piece.wav") if isinstance(one, Transcript)]
    found, short = model.predict(tmp_path / "long.wav", write(tmp_path / "short.wav", "ab", 5))
    assert isinstance(found, Transcript)
    assert found.text == " ".join(one.text for one in alone)
    last = alone[-1].words[-1]
    assert found.words[-1].end == pytest.approx(last.end + places[-1] / RATE, abs=0.002)
    assert model.predict(tmp_path / "short.wav") == [short]


def test_the_report_scores_errors_beside_a_baseline(speech: tuple[Path, Path]) -> None:
    report = plait.load(speech[1]).report
    assert report["task"] == "speech-recognition"
    assert report["metric"] == "word_error_rate"
    assert report["higher_is_better"] is False
    assert report["value"] <= 0.15
    assert report["baseline"]["name"] == "most common transcript"
    assert report["baseline"]["value"] > 0.7
    assert report["scores"]["character_error_rate"] <= 0.1
    parts = report["scores"]["by_length"]
    assert sum(part["examples"] for part in parts) == report["scores"]["examples"]
    assert 0 < parts[0]["from"] <= parts[-1]["to"] < 1.5
    assert 0 < report["real_time_factor"] < 1
    page = (speech[1] / "report.html").read_text(encoding="utf-8")
    assert page.count("<section") > 3
    assert "seconds of computing a second of sound" in page


def test_the_loss_begins_at_that_of_uniform_outputs(tmp_path: Path) -> None:
    texts = words(8, seed=3)
    data = speech_table(tmp_path / "speech.csv", texts)
    rows = data.read_text(encoding="utf-8").splitlines()
    divided = [rows[0] + ",split", *(f"{row},{part}" for part in ("train", "validation") for row in rows[1:])]
    data.write_text("\n".join(divided) + "\n", encoding="utf-8")
    plait.train(data, changes=[*SPEECH, "training.steps=1", "augmentation.speed=0"], out=tmp_path / "run")
    run = Run.open(tmp_path / "run")
    spec = run.spec
    assert isinstance(spec.input, SoundInput)
    assert spec.input.writing is not None
    targets = TranscriptTargets(texts, spec.classes, spec.input.writing)[range(8)]
    lengths = [len(sound(text, number)) for number, text in enumerate(texts)]
    steps = run.network().body.output_lengths(torch.tensor(lengths))  # type: ignore[operator, union-attr]
    uniform = ctc_loss(torch.zeros(8, int(steps.max()), 1 + len(spec.classes)), steps, targets)
    first = (tmp_path / "run" / "log.csv").read_text(encoding="utf-8").splitlines()[1]
    assert float(first.split(",")[2]) == pytest.approx(float(uniform), rel=0.25)


def test_what_is_said_and_where(speech: tuple[Path, Path], tmp_path: Path) -> None:
    path = write(tmp_path / "new.wav", "a bd", seed=5000)
    (found,) = plait.load(speech[1]).predict(path)
    assert isinstance(found, Transcript)
    assert found.text == "a bd"
    assert [word.text for word in found.words] == ["a", "bd"]
    first, last = found.words
    assert 0.05 <= first.start < 0.2
    assert first.end <= last.start < last.end <= 1.0
    assert 0 < found.confidence <= 1


def test_a_model_file_answers_as_the_network_from_a_fifth_of_a_second_to_thirty(
    speech: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(speech[1])
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    network, input = model.network(), model.spec.input
    assert isinstance(input, SoundInput)
    assert input.rate == RATE
    for seconds in (0.2, 1.0, 30.0):
        arrays = input.collate([sound("abcd" * 80)[: int(seconds * RATE)] for _ in range(2)])
        with torch.inference_mode():
            logits, steps = network(*map(torch.from_numpy, arrays))
        found, found_steps = deployed.run(*arrays)
        np.testing.assert_allclose(found, logits.numpy(), atol=1e-4)
        assert found_steps.tolist() == steps.tolist()


def test_padding_never_changes_what_is_heard(speech: tuple[Path, Path]) -> None:
    model = plait.load(speech[1])
    network, input = model.network(), model.spec.input
    short, long = sound("ab", 1), sound("abcd cab", 2)
    with torch.inference_mode():
        together, _ = network(*map(torch.from_numpy, input.collate([short, long])))
        alone, steps = network(*map(torch.from_numpy, input.collate([short])))
    count = int(steps[0])
    torch.testing.assert_close(together[0, :count], alone[0, :count], atol=1e-4, rtol=0)
    assert not together[0, count:].any()


def test_deployed_it_needs_no_pytorch(speech: tuple[Path, Path], tmp_path: Path) -> None:
    plait.load(speech[1]).export(tmp_path / "model.onnx")
    write(tmp_path / "clips" / "x.wav", "dab", seed=77)
    code = "import plait\nprint(plait.load('model.onnx').predict('clips')[0].text)\n"
    assert without_torch(code, tmp_path).stdout.strip() == "dab"


def test_a_table_comes_back_with_transcripts(speech: tuple[Path, Path], tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("id,audio\n7,x.wav\n", encoding="utf-8")
    write(tmp_path / "x.wav", "cab", seed=78)
    done = plait_command("predict", str(speech[1]), str(table), "--out", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "id,audio,prediction,probability"
    assert rows[1].startswith("7,x.wav,cab,")


def test_phrases_that_the_network_cannot_spell_are_refused(speech: tuple[Path, Path], tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("ab\nxylo\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"'xylo' is spelled with 'l', 'o', 'x', 'y'"):
        plait.train(speech[0], changes=[*SPEECH, f"decoding.phrases={phrases}"], out=tmp_path / "run")
    phrases.write_text("\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="holds no phrase"):
        plait.train(speech[0], changes=[*SPEECH, f"decoding.phrases={phrases}"], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_of_the_phrases_is_answered(speech: tuple[Path, Path], tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("ab\ncd\n", encoding="utf-8")
    changes = [*SPEECH, "training.epochs=12", f"decoding.phrases={phrases}"]
    model = plait.train(speech[0], changes=changes, out=tmp_path / "run")
    path = write(tmp_path / "x.wav", "abb", seed=9)
    assert model.predict(path)[0].to_json()["prediction"] in {"ab", "cd"}


def test_a_language_model_needs_a_beam(speech: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"decoding\.width"):
        plait.train(speech[0], changes=[*SPEECH, "decoding.language=transcripts"], out=tmp_path / "run")


def test_interrupted_and_resumed_it_is_as_if_never_stopped(
    speech: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [*SPEECH, "training.epochs=2", "augmentation.noise=[10, 30]", "augmentation.silence=0.1"]
    plait.train(speech[0], changes=changes, out=tmp_path / "whole")
    after = Watch.on_train_batch_end

    def stopping(watch: Watch, *rest: object) -> None:
        after(watch, *rest)
        if watch._module.record.step == 7:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "on_train_batch_end", stopping)
        plait.train(speech[0], changes=changes, out=tmp_path / "parts")
    assert Run.open(tmp_path / "parts").read("training.json")["interrupted"]
    plait.train(resume=tmp_path / "parts")
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_silence_is_usual_for_some_hundreds_of_steps_only() -> None:
    targets = TranscriptTargets(["ab", "b"], ["a", "b"], Writing("characters", True, "drop"))
    task = SpeechRecognition(["a", "b"], Writing("characters", True, "drop"), 0.01, "word")
    blanks = torch.zeros(2, 9, 3) + 9 * torch.eye(3)[0]
    batch = Batch(blanks, None, targets[[0, 1]], torch.arange(2))
    shown = task.validate([((blanks, torch.tensor([9, 9])), batch)], targets, task.loss)["shown"]
    assert "nothing is heard yet" in shown(20)[-1]
    assert "nothing is heard after 1,500 steps, which is no longer usual" in shown(1500)[-1]


def test_transcripts_that_cannot_be_aligned_are_named(tmp_path: Path) -> None:
    data = speech_table(tmp_path / "speech.csv", words(30))
    with data.open("a", encoding="utf-8") as file:
        file.write(f"clips/0.wav,{'abcd ' * 30}\n")
    with pytest.raises(DataError, match=r"row 32: transcript too long: it gives the network \d+ steps, and"):
        plait.train(data, changes=SPEECH, out=tmp_path / "run")
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    (found,) = plait.inspect(data, changes=SPEECH)["errors"]
    assert (found["kind"], found["row"]) == ("transcript too long", 32)


def test_characters_that_were_not_learnt_are_told_before_training_and_after_a_test(
    speech: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(speech[1], tmp_path / "run")
    write(tmp_path / "x.wav", "ab")
    write(tmp_path / "y.wav", "cd")
    rows = "audio,text,split\nx.wav,ab,train\ny.wav,c7,test\n"
    (tmp_path / "speech.csv").write_text(rows, encoding="utf-8")
    run = Run.open(tmp_path / "run")
    remarks = run.medium.remarks(run.recipe, look(str(tmp_path / "speech.csv"), run.recipe.data))
    assert "y.wav, row 3: '7' (1 in all" in remarks[-1]
    report = plait.load(tmp_path / "run").test(tmp_path / "speech.csv")
    assert report["scores"]["unknown_symbols"] == [{"symbol": "7", "count": 1}]


def test_starting_from_a_run_of_another_rate_is_remarked(speech: tuple[Path, Path], tmp_path: Path) -> None:
    said: list[str] = []
    changes = [*SPEECH, "training.steps=1", "data.rate=16000"]
    plait.train(speech[0], changes=changes, start_from=speech[1], out=tmp_path / "run", say=said.append)
    (remark,) = [one for one in said if "data.rate=8000" in one]
    assert "8,000 samples a second, and this run hears 16,000" in remark


def test_a_loss_at_the_start_is_about_that_of_uniform_scores_and_finite_where_there_is_room() -> None:
    """Every feasible labelling has a finite loss, an infeasible one an infinite one: 10,000 random ones."""
    draw = np.random.default_rng(0)
    for _ in range(100):
        numbers = [draw.integers(1, 4, draw.integers(1, 9)) for _ in range(100)]
        needed = np.array([needed_steps(one) for one in numbers])
        targets = np.full((100, 8), -1)
        for row, one in enumerate(numbers):
            targets[row, : len(one)] = one
        logits = torch.zeros(100, 16, 4)
        loss = ctc_loss(logits, torch.from_numpy(needed), torch.from_numpy(targets))
        assert torch.isfinite(loss)
    short = ctc_loss(logits, torch.from_numpy(needed - 1).clamp(min=1), torch.from_numpy(targets))
    assert not torch.isfinite(short)


def test_classes_are_heard(classes: tuple[Path, Path], tmp_path: Path) -> None:
    model = plait.load(classes[1])
    assert model.report["task"] == "audio-classification"
    assert model.report["value"] >= 0.9
    assert {one["name"] for one in model.report["baselines"]} == {
        "most frequent class",
        "logistic regression",
    }
    model.export(tmp_path / "model.onnx")
    path = write(tmp_path / "new.wav", "b", seed=99)
    (found,) = plait.load(tmp_path / "model.onnx").predict(path)
    assert found.to_json()["prediction"] == "b"


def test_features_stand_for_recordings(tmp_path: Path) -> None:
    rows = ["features,label,split"]
    draw = np.random.default_rng(0)
    for number in range(36):
        name, part = "xy"[number % 2], ("train", "train", "dev", "test")[number % 4 if number % 2 else 0]
        values = draw.normal(0, 1, (draw.integers(25, 60), 6)).astype(np.float32)
        values[:, 0] += np.linspace(0, 6 if name == "x" else -6, len(values))
        np.save(tmp_path / f"{number}.npy", values)
        rows.append(f"{number}.npy,{name},{part}")
    (tmp_path / "series.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    changes = [
        "network=[{recurrent: {cell: gru, units: 16}}, {global_pool: last}]",
        *CLASSES[1:],
        "data.validation=0.2",
    ]
    model = plait.train(tmp_path / "series.csv", changes=changes, out=tmp_path / "run")
    model.export(tmp_path / "model.onnx")
    deployed = plait.load(tmp_path / "model.onnx")
    found = [one.to_json()["prediction"] for one in deployed.predict(tmp_path / "0.npy", tmp_path / "1.npy")]
    assert found == ["x", "y"]


def test_what_stays_within_memory_is_kept_and_the_rest_opened_again(speech: tuple[Path, Path]) -> None:
    run = Run.open(speech[1])
    assert isinstance(run.spec.input, SoundInput)
    table = gather(str(speech[0]), run.recipe.data, 0).table
    everything, nothing = (SoundStore(table, run.spec.input, budget) for budget in (10**9, 0))
    for one, other in zip(everything.take([3, 50, 9]), nothing.take([3, 50, 9]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_transcripts_are_numbered_from_one_and_padded() -> None:
    run_symbols = ["a", "b"]
    targets = TranscriptTargets(["AB", "b?"], run_symbols, Writing("characters", True, "drop"))
    assert targets.texts == ["ab", "b"]
    assert targets[[0, 1]].tolist() == [[1, 2], [2, -1]]


def test_a_network_that_depends_on_the_length_is_refused(classes: tuple[Path, Path], tmp_path: Path) -> None:
    changes = ["network=[{log_mel: {mels: 20}}, flatten]"]
    with pytest.raises(NetworkError, match="length of its recordings"):
        plait.train(classes[0], changes=changes, out=tmp_path / "run")


def test_json_holds_everything_for_programs(speech: tuple[Path, Path], tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", "cab", seed=78)
    done = plait_command("predict", str(speech[1]), str(path), "--json")
    answer = json.loads(done.stdout)["predictions"][0]
    assert set(answer) == {"input", "prediction", "probability", "words"}
    assert set(answer["words"][0]) == {"text", "start", "end", "confidence", "characters"}

"""Live use: what is heard in pieces is what is heard of the whole; networks that look at everything are refused."""

import json
import subprocess
import sys
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch

import plait
from plait.errors import DataError, ModelError, NetworkError
from plait.inference.live import Listener, listen
from plait.inference.live_output import PAUSE_SECONDS, pieces
from plait.inference.model import OnnxModel
from plait.inference.sound import SoundInput
from plait.inference.spec import ModelSpec
from plait.inference.transcription import Transcript
from plait.layers import (
    Conv,
    Dense,
    Dropout,
    LogMel,
    Recurrent,
    Residual,
    Samples,
    Sequence,
    Stack,
    ToMap,
    ToSequence,
)
from plait.layers.live import front, grouped, read_piece, state_widths
from plait.layers.log_mel import RUNNING
from tests.sounds import RATE, SPEECH, sound, speech_table, words, write

LIVE = [
    *SPEECH,
    "network=[{log_mel: {mels: 20, normalize: running}}, {to_map: 1}, {conv: {channels: 8, kernel: [5, 5], "
    "stride: [2, 2], norm: batch, activation: relu}}, {to_sequence: columns}, {recurrent: {cell: gru, units: 48}}]",
]

PAUSE = np.random.default_rng(1).normal(0, 30, 2 * RATE).astype(np.int16)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    folder = tmp_path_factory.mktemp("live")
    data = speech_table(folder / "speech.csv", words(100))
    run = plait.train(data, changes=LIVE, out=folder / "run")
    return OnnxModel(run.export(folder / "model.onnx"))


def test_fifty_recordings_in_pieces_are_what_they_are_as_wholes(model: OnnxModel) -> None:
    draw = np.random.default_rng(0)
    right = 0
    for number, text in enumerate(words(50, seed=7)):
        samples = sound(text, 900 + number)
        (whole,) = plait.Model(model).predict(_written(samples, model))
        listener = Listener(model)
        said: list[Transcript] = []
        rest = samples
        while len(rest):
            size = int(draw.integers(1, 3000))
            said += listener.hear(rest[:size])
            rest = rest[size:]
        said += listener.end()
        assert isinstance(whole, Transcript)
        assert [one.text for one in said] == [whole.text]
        assert [(word.text, word.start, word.end) for word in said[0].words] == [
            (word.text, word.start, word.end) for word in whole.words
        ]
        assert said[0].confidence == pytest.approx(whole.confidence, abs=1e-3)
        right += whole.text == text
    assert right >= 40


def _written(samples: np.ndarray, model: OnnxModel) -> str:
    import soundfile

    path = model.path.parent / "clip.wav"
    soundfile.write(path, samples, RATE)
    return str(path)


def test_what_is_heard_so_far_grows(model: OnnxModel) -> None:
    samples = sound("ab cd", 3)
    heard = list(listen(model, np.array_split(samples, 12)))
    partials = [one for one in heard if isinstance(one, str)]
    assert isinstance(heard[-1], Transcript)
    assert len(partials) > 2
    assert all(len(one) <= len(two) for one, two in pairwise(partials))


def test_a_pause_ends_an_utterance(model: OnnxModel) -> None:
    samples = np.concatenate([sound("abc", 1), PAUSE, sound("dab", 2), PAUSE])
    found = [
        one for one in listen(model, np.array_split(samples, 30), pause=0.8) if isinstance(one, Transcript)
    ]
    assert [one.text for one in found] == ["abc", "dab"]
    assert found[1].words[0].start == pytest.approx((len(sound("abc", 1)) + len(PAUSE)) / RATE + 0.1, abs=0.1)


def test_nothing_heard_is_nothing_said(model: OnnxModel) -> None:
    assert Listener(model).end() == []
    quiet = [np.zeros(100, np.int16)]
    assert [one.text for one in listen(model, quiet) if isinstance(one, Transcript)] == [""]


def test_standard_input_is_transcribed_line_by_line(model: OnnxModel) -> None:
    content = np.concatenate([sound("abc", 1), PAUSE, sound("dab", 2)]).astype("<i2").tobytes()
    heard = listen(model, pieces(BytesIO(content), RATE), PAUSE_SECONDS)
    expected = [one.text for one in heard if isinstance(one, Transcript)]
    assert len(expected) == 2
    assert expected[0] == "abc"
    plain = _predict(model, content)
    assert plain.stdout.decode().splitlines() == expected
    lines = _predict(model, content, "--json").stdout.decode().splitlines()
    assert [json.loads(line)["prediction"] for line in lines] == expected
    wrong = _predict(model, write(model.path.parent / "whole.wav", "abc").read_bytes())
    assert wrong.returncode == 2
    assert b"standard input is a file of sound" in wrong.stderr


def _predict(model: OnnxModel, content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "plait", "predict", str(model.path), "-", *options]
    return subprocess.run(command, input=content, capture_output=True, check=False, timeout=120)


def test_a_model_that_hears_only_wholes_says_why(model: OnnxModel) -> None:
    input = model.spec.input
    assert isinstance(input, SoundInput)

    class Whole:
        spec = ModelSpec.from_json(
            model.spec.to_json()
            | {
                "input": input.to_json()
                | {"live": None, "obstacle": "layer 5 (recurrent lstm) looks at steps to come"}
            }
        )

        def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            raise AssertionError

    with pytest.raises(ModelError, match=r"not used live: layer 5 \(recurrent lstm\)"):
        Listener(Whole())


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([LogMel(mels=4)], "layer 1 (log_mel 4) looks at the whole recording"),
        (
            [LogMel(mels=4, normalize="none"), Recurrent(cell="gru", units=4, direction="both")],
            "layer 2 (recurrent gru) looks at steps to come",
        ),
        (
            [LogMel(mels=4, normalize="none"), Recurrent(cell="gru", units=4), Conv(channels=4)],
            "layer 3 (conv 4) looks at steps to come",
        ),
    ],
)
def test_layers_that_look_at_everything_are_named(layers: list, named: str) -> None:
    stack = Stack(*layers)
    stack.build(Samples(8000, 8000))
    with pytest.raises(NetworkError) as error:
        front(stack)
    assert named in str(error.value)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_pieces_of_a_stack_are_the_whole(cell: str) -> None:
    torch.manual_seed(0)
    stack = Stack(
        LogMel(mels=12, normalize="running"),
        ToMap(1),
        Conv(channels=4, kernel=[3, 5], stride=[2, 2], activation="relu"),
        Conv(channels=4, kernel=[3, 3], stride=[1, 2]),
        ToSequence("columns"),
        Dense(8),
        Residual([Recurrent(cell=cell, units=8, layers=2)]),
        Dropout(0.1),
        Dense(5),
    )
    stack.build(Samples(8000, 8000))
    stack.eval()
    count, seen = front(stack)
    assert count == 6
    sounds = torch.randint(-9000, 9000, (1, 33_333))
    with torch.no_grad():
        whole = stack(sounds, torch.tensor([33_333]))
        states = list(
            grouped(
                [torch.zeros(1, width) for one in state_widths(stack) for width in one], state_widths(stack)
            )
        )
        begin, given, pieces = 0, 0, []
        for end in (8_000, 9_111, 20_000, 33_333):
            until = seen.steps(end) if end == 33_333 else int((end - 1 - seen.right) // seen.stride) + 1
            piece = sounds[:, begin * seen.stride : end]
            made, steps, states = read_piece(
                stack,
                count,
                piece,
                torch.tensor([piece.shape[1]]),
                torch.tensor([given - begin]),
                torch.tensor([until - begin]),
                states,
            )
            pieces.append(made[:, : int(steps)])
            given = until
            begin = max(0, given - int(-(-seen.left // seen.stride)))
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=2e-5, rtol=1e-4)


def test_a_running_mean_is_of_the_last_steps() -> None:
    layer = LogMel(normalize="running")
    layer.build(Sequence(900, 3))
    x = torch.randn(2, 900, 3, dtype=torch.float64)
    found = layer(x)
    for step in (0, 1, RUNNING - 1, RUNNING, 899):
        mean = x[:, max(0, step - RUNNING + 1) : step + 1].mean(dim=1)
        torch.testing.assert_close(found[:, step], x[:, step] - mean)


def test_samples_must_be_samples() -> None:
    (one,) = pieces(BytesIO(b"\x01\x00\x00\x80\x05"), 8000)
    assert one.tolist() == [1, -32768]
    with pytest.raises(DataError, match="samples alone"):
        list(pieces(BytesIO(b"OggS...."), 8000))

"""The commands as a user types them: exit codes, what goes to which stream, and what a Ctrl-C leaves behind."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pictures import COLORS, SMALL, class_folders

SETTINGS = [word for change in SMALL for word in ("--set", change)]


def plait(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plait", *map(str, words)],
        capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False, timeout=240,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "colors", each=10)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    out = tmp_path_factory.mktemp("runs") / "colors"
    done = plait("train", data, *SETTINGS, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_train_prints_one_json_document(trained: tuple[Path, dict[str, object]]) -> None:
    out, answer = trained
    assert answer["run"] == str(out)
    assert answer["task"] == "image-classification"
    assert isinstance(answer["training_seconds"], float)


def test_test_prints_the_promised_keys(trained: tuple[Path, dict[str, object]]) -> None:
    done = plait("test", trained[0], "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {
        "task",
        "metric",
        "higher_is_better",
        "value",
        "low",
        "high",
        "examples",
        "baseline",
        "seconds",
    } <= set(answer)
    assert set(answer["baseline"]) == {"name", "value"}
    assert "report.html" in plait("test", trained[0]).stdout


def test_predict_gives_the_users_table_back(
    trained: tuple[Path, dict[str, object]], data: Path, tmp_path: Path
) -> None:
    rows = [
        ["note", "image", "n"],
        *([f"ä {label}, x", str(data / label / "0.png"), "01"] for label in COLORS),
    ]
    with (tmp_path / "mine.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = plait("predict", trained[0], tmp_path / "mine.csv", "--out", tmp_path / "answers.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.reader(file))
    assert [row[:3] for row in answers] == rows
    assert answers[0][3:] == ["prediction", "probability"]
    assert {row[3] for row in answers[1:]} <= set(COLORS)


def test_predict_as_json(trained: tuple[Path, dict[str, object]], data: Path) -> None:
    done = plait("predict", trained[0], data / "red", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["predictions"]) == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "there-is-none"), "there-is-none"),
        (("train",), "no data"),
        (("test", "there-is-none"), "no run"),
        (("predict", "there-is-none.onnx", "x.png"), "there-is-none.onnx"),
        (("recipe", "image-clasification"), "image-classification"),
        (("train", "digits", "--set", "training.epoch=3"), "epochs"),
        (("inspect",), "nothing to inspect"),
    ],
)
def test_mistakes_exit_2_without_a_traceback(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = plait(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["inspect", "train", "test", "predict", "generate", "export", "recipe"])
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = plait(command, "--help")
    assert done.returncode == 0
    assert f"Example: plait {command}" in " ".join(done.stdout.split())


def test_inspect_shows_the_network() -> None:
    done = plait("inspect", "digits")
    assert done.returncode == 0, done.stderr
    assert "1,797 usable examples, 10 classes" in done.stdout
    assert "multiply-adds" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_resumed_is_as_if_never_stopped(data: Path, tmp_path: Path, kind: signal.Signals) -> None:
    words = [str(data), *SETTINGS, "--set", "training.epochs=30", "--set", "training.batch_size=4"]
    whole = plait("train", *words, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-m", "plait", "train", *words, "--out", str(tmp_path / "cut")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_for_checkpoint(tmp_path / "cut", process)
        process.send_signal(kind)
        said = process.communicate(timeout=120)[1]
    assert process.returncode in (130, -9, 0)
    if process.returncode == 130:
        assert (tmp_path / "cut" / "weights.safetensors").is_file()
    resumed = plait("train", "--resume", tmp_path / "cut")
    assert resumed.returncode == 0, said + resumed.stderr
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_stopped_outside_of_training_says_so(data: Path) -> None:
    command = [sys.executable, "-c", STOPPED_WHILE_WRITING, "train", str(data), *SETTINGS]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=data.parent, timeout=120)
    assert done.returncode == 130
    assert "plait train --resume" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    folder = next((data.parent / "runs").iterdir())
    resumed = plait("train", "--resume", folder)
    assert resumed.returncode == 0, resumed.stderr
    assert (folder / "report.html").is_file()


def test_training_goes_on_where_nobody_reads_what_it_says(data: Path, tmp_path: Path) -> None:
    words = ["train", str(data), *SETTINGS, "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "plait", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.readline()
        process.stdout.close()
        process.stderr.close()
        assert process.wait(timeout=120) == 0
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_asked_twice_training_stops_at_once(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STOPPED_TWICE, "train", str(data), *SETTINGS, "--out", tmp_path / "run"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 130
    assert "plait train --resume" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_a_stop_after_the_work_is_done_changes_nothing(trained: tuple[Path, dict[str, object]]) -> None:
    command = [sys.executable, "-c", STOPPED_WHEN_DONE, "test", str(trained[0]), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["task"] == "image-classification"
    assert not done.stderr


STOPPED_WHILE_WRITING = """
import os, signal, plait.entry, plait.flow
signal.signal(signal.SIGINT, signal.default_int_handler)  # what began in the background ignores it
def write_report(*values):
    os.kill(os.getpid(), signal.SIGINT)
plait.flow.write_report = write_report
plait.entry.main()
"""


STOPPED_TWICE = """
import os, signal, plait.entry, plait.training.watch
signal.signal(signal.SIGINT, signal.default_int_handler)
def press(*values):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
plait.training.watch.Watch._validate = press
plait.entry.main()
"""

STOPPED_WHEN_DONE = """
import atexit, os, signal, plait.entry
signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(os.kill, os.getpid(), signal.SIGINT)
plait.entry.main()
"""


def wait_for_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not list(folder.glob("checkpoints/step-*")) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)

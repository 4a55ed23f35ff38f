"""Killed, interrupted or damaged, a run goes on to the very same weights, or says why it cannot."""

import dataclasses
import hashlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from plait.data.batches import Batch
from plait.errors import RunError
from plait.training import Outcome, train
from tests.training.tiny import Batches, job, validate

EPOCHS = 12
STEPS = EPOCHS * 4
CHILD = """
import sys
from pathlib import Path
from plait.training import train
from tests.training.tiny import job
print(train(job(Path(sys.argv[1]), resume=sys.argv[2] == "resume", epochs=int(sys.argv[3]))).steps)
"""
TIMELESS = ("epoch", "step", "loss", "validation_loss", "validation_score", "learning_rate")


def digest(network: torch.nn.Module) -> str:
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    return hashlib.sha256(safetensors.torch.save(weights)).hexdigest()


def run(folder: Path, resume: bool = False, **changes: Any) -> tuple[str, Outcome]:
    given = job(folder, resume=resume, **{"epochs": EPOCHS, "checkpoint_seconds": 60, **changes})
    outcome = train(given)
    return digest(given.network), outcome


def child(folder: Path, resume: bool, epochs: int = EPOCHS) -> "subprocess.Popen[str]":
    """A process of its own that trains and saves after every step."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), "resume" if resume else "begin", str(epochs)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def wait_for_lines(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stderr is not None
    for _ in range(count):
        assert process.stderr.readline(), "the process ended early"


def timeless(outcome: Outcome) -> list[list[float]]:
    return [[row[name] for name in TIMELESS] for row in outcome.history]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Outcome]:
    """The uninterrupted run."""
    return run(tmp_path_factory.mktemp("whole") / "run")


def test_killed_at_random_moments_it_ends_with_the_same_weights(
    tmp_path: Path, whole: tuple[str, Outcome]
) -> None:
    chance = random.Random(7)
    for resume in (False, True, True):
        process = child(tmp_path, resume)
        wait_for_lines(process, chance.randint(1, 3))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, 0.1))
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        process.communicate()
    reached = max(int(path.name[5:]) for path in (tmp_path / "checkpoints").glob("step-*"))
    assert 0 < reached < STEPS
    found, outcome = run(tmp_path, resume=True)
    assert found == whole[0]
    assert (outcome.steps, outcome.best_step, outcome.best_score) == (
        STEPS,
        whole[1].best_step,
        whole[1].best_score,
    )
    assert timeless(outcome) == timeless(whole[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_and_goes_on_to_the_same_weights(
    tmp_path: Path, whole: tuple[str, Outcome], number: signal.Signals
) -> None:
    class Pressed(Batches):
        def __iter__(self) -> Iterator[Batch]:
            for position, batch in enumerate(super().__iter__()):
                if position == 10:
                    signal.raise_signal(number)
                yield batch

    before = signal.getsignal(number)
    given = dataclasses.replace(job(tmp_path, epochs=EPOCHS, checkpoint_seconds=60), batches=Pressed)
    outcome = train(given)
    assert outcome.interrupted
    assert 8 <= outcome.steps <= 11
    assert outcome.best_step in (4, 8)
    assert signal.getsignal(number) is before
    assert run(tmp_path, resume=True)[0] == whole[0]


def test_ctrl_c_before_the_first_validation_keeps_the_last_weights(tmp_path: Path) -> None:
    class Pressed(Batches):
        def __iter__(self) -> Iterator[Batch]:
            signal.raise_signal(signal.SIGINT)
            return super().__iter__()

    given = dataclasses.replace(job(tmp_path, epochs=EPOCHS), batches=Pressed)
    outcome = train(given)
    assert outcome.interrupted
    assert outcome.history == []
    assert outcome.best_step == outcome.steps >= 1
    assert outcome.best_score == validate(given.network)["score"]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "muon"])
def test_every_optimizer_resumes_to_the_same_weights(tmp_path: Path, optimizer: str) -> None:
    changes: dict[str, Any] = {
        "epochs": 3,
        "optimizer": {"name": optimizer},
        "accumulate": 2,
        "precision": "bfloat16",
    }
    first, _ = run(tmp_path / "whole", **changes)
    cut(tmp_path / "cut", 9, changes)
    assert (tmp_path / "cut" / "checkpoints" / "step-00000003").is_dir(), "nothing to resume from"
    assert run(tmp_path / "cut", resume=True, **changes)[0] == first


def test_a_finished_run_answers_again(tmp_path: Path) -> None:
    first, outcome = run(tmp_path, epochs=2)
    again, repeated = run(tmp_path, resume=True, epochs=2)
    assert first == again
    assert repeated == outcome or repeated.seconds <= outcome.seconds


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_damaged_newest_checkpoint_is_passed_over(
    tmp_path: Path, whole: tuple[str, Outcome], damage: str
) -> None:
    cut(tmp_path, 10, {"epochs": EPOCHS})
    path = max((tmp_path / "checkpoints").glob("step-*")) / "optimizer.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content if damage == "flipped" else content[:100])
    with pytest.warns(UserWarning, match="damaged and passed over"):
        found, _ = run(tmp_path, resume=True)
    assert found == whole[0]


def test_full_disk_is_one_error_and_the_run_goes_on_once_there_is_room(
    tmp_path: Path, whole: tuple[str, Outcome], full_disk: Callable[[int], None]
) -> None:
    class Filling(Batches):
        def __iter__(self) -> Iterator[Batch]:
            for number, batch in enumerate(super().__iter__()):
                if number == 10:
                    full_disk(3_000)
                yield batch

    given = dataclasses.replace(job(tmp_path, epochs=EPOCHS), batches=Filling)
    with pytest.raises(RunError, match="disk is full"):
        train(given)
    resource = pytest.importorskip("resource")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (tmp_path / "checkpoints" / "step-00000009").is_dir()
    assert run(tmp_path, resume=True)[0] == whole[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_folder_that_vanishes_is_one_error(tmp_path: Path) -> None:
    """TensorBoard's writer, a thread, may find it out first: that is the warning."""

    class Vanishing(Batches):
        def __iter__(self) -> Iterator[Batch]:
            for number, batch in enumerate(super().__iter__()):
                if number == 10:
                    tmp_path.rename(tmp_path.with_name("elsewhere"))
                yield batch

    given = dataclasses.replace(job(tmp_path, epochs=EPOCHS), batches=Vanishing)
    with pytest.raises(RunError, match=r"removed, renamed or emptied.*--resume"):
        train(given)


def test_missing_file_elsewhere_is_not_blamed_on_the_run(tmp_path: Path) -> None:
    class Missing(Batches):
        def __iter__(self) -> Iterator[Batch]:
            (tmp_path.parent / "picture.png").read_bytes()
            yield from super().__iter__()

    with pytest.raises(FileNotFoundError, match=r"picture\.png"):
        train(dataclasses.replace(job(tmp_path / "run"), batches=Missing))


def test_without_any_checkpoint_it_begins_again(tmp_path: Path, whole: tuple[str, Outcome]) -> None:
    assert run(tmp_path, resume=True)[0] == whole[0]


def test_what_differs_is_named(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(RunError, match=r"training\.precision was 'float32' and is 'bfloat16'"):
        run(tmp_path, resume=True, epochs=1, precision="bfloat16")
    with pytest.raises(RunError, match="number of steps was 4 and is 8"):
        run(tmp_path, resume=True, epochs=2)
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "fingerprint": "signal"}), encoding="utf-8")
    with pytest.raises(RunError, match="fingerprint was signal and is noise"):
        run(tmp_path, resume=True, epochs=1)


def test_threads_of_the_first_run_are_used_again(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        run(tmp_path, resume=True, epochs=1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


class CutError(Exception):
    """Cuts a run short as a kill would: nothing is saved on the way out."""


def cut(folder: Path, batches: int, changes: dict[str, Any]) -> None:
    """Trains with a checkpoint after every step, until the batches stop coming after so many."""

    class Short(Batches):
        def __iter__(self) -> Iterator[Batch]:
            for number, batch in enumerate(super().__iter__()):
                if number == batches:
                    raise CutError
                yield batch

    given = job(folder, **{"checkpoint_seconds": 0.0, **changes})
    with pytest.raises(CutError):
        train(dataclasses.replace(given, batches=Short))

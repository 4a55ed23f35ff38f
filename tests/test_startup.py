"""Lazy where it is felt: help and predictions from a model file come at once, and never import PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import plait

HEAVY = ("torch", "lightning", "pandas", "sklearn", "timm", "matplotlib", "pyarrow")
"""What a deployed model has no need of."""

SECONDS_OF_HELP = 0.4
SECONDS_OF_PREDICT = 1.5


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file: a network for the embedded digits, trained for two steps."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "small.yaml").write_text("network: [{conv: 8}, {pool: 2}]", encoding="utf-8")
    changes = ["training.steps=2", "training.precision=float32"]
    trained = plait.train("digits", recipe=folder / "small.yaml", out=folder / "run", changes=changes)
    return trained.export(folder / "model.onnx")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("L", (8, 8), 128).save(path)
    return path


def test_help_is_light_and_quick() -> None:
    run = 'from plait.cli import app; sys.argv = ["plait", "--help"]; app(standalone_mode=False)'
    assert _imported(run) == []
    assert _processor_seconds("--help") < SECONDS_OF_HELP


def test_importing_plait_imports_nothing_heavy() -> None:
    assert _imported("import plait") == []


@pytest.mark.parametrize(
    "path", sorted((Path(plait.__file__).parent / "inference").glob("*.py")), ids=lambda path: path.stem
)
def test_inference_imports_nothing_heavy(path: Path) -> None:
    module = "plait.inference" if path.stem == "__init__" else f"plait.inference.{path.stem}"
    assert _imported(f"import {module}") == []


def test_prediction_from_a_model_file_is_light_and_quick(model: Path, picture: Path) -> None:
    words = ["plait", "predict", str(model), str(picture), "--json"]
    assert _imported(f"from plait.cli import app; sys.argv = {words}; app(standalone_mode=False)") == []
    assert _processor_seconds(*words[1:]) < SECONDS_OF_PREDICT


def _imported(code: str) -> list[str]:
    """Which heavy packages a fresh interpreter holds after running ``code``; its last line of output says."""
    script = f"import json, sys\n{code}\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _processor_seconds(*words: str) -> float:
    """The best of three, in time on the processor, which other programs do not lengthen."""
    return min(_once(words) for _ in range(3))


def _once(words: tuple[str, ...]) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "plait", *words], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system

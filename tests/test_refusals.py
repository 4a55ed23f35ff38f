"""What cannot start, or was damaged, is one clear error; a start that fails leaves no run in the way of the next."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import plait
from plait.cli import app
from plait.errors import ModelError, RecipeError, RunError
from plait.run import Run
from tests.pictures import SMALL, class_folders

ONE_STEP = (*SMALL, "training.steps=1", "training.averaging=0")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "colors")


@pytest.fixture
def model(data: Path, tmp_path: Path) -> plait.Model:
    return plait.train(data, changes=ONE_STEP, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("loss.name=binary-cross-entropy", "several labels an example.*take cross-entropy"),
        ("loss.name=binary-focal", "several labels an example.*take focal"),
        ("data.image_size=0", "image_size"),
        ("data.margin=0.5", "margin"),
        ("data.max_pixels=300000000", "max_pixels"),
        ("training.seed=99999999999999999999", "seed"),
        ("evaluation.mirror=maybe", "mirror"),
        ("training.optimizer.learning_rate=.inf", "learning_rate.*finite"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_run(
    data: Path, tmp_path: Path, change: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=f"(?s){said}"):
        plait.train(data, changes=(*ONE_STEP, change), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_loss_of_several_labels_is_recorded(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    pictures = [(path, path.parent.name) for path in sorted(data.rglob("*.png"))]
    rows = "".join(f"{path},{name}|{name[0]}\n" for path, name in pictures)
    table.write_text("image,labels\n" + rows, encoding="utf-8")
    trained = plait.train(table, changes=ONE_STEP, out=tmp_path / "run")
    assert trained.spec.recipe["loss"]["name"] == "binary-cross-entropy"
    assert "binary-cross-entropy" in (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8")


def test_a_failed_start_leaves_nothing_in_the_way(data: Path, model: plait.Model, tmp_path: Path) -> None:
    (model.folder / "weights.safetensors").unlink()
    out = tmp_path / "second"
    for start in (model.folder, tmp_path / "nowhere"):
        with pytest.raises(RunError):
            plait.train(data, changes=ONE_STEP, out=out, start_from=start)
        assert not out.exists()
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="has not finished training"):
        plait.train(data, changes=ONE_STEP, out=out, start_from=model.folder)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    plait.train(data, changes=ONE_STEP, out=out)
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_place_that_cannot_be_written_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match=r"file.* cannot be written .*--out"):
        plait.train(data, changes=ONE_STEP, out=tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_run_within_the_data_is_refused(data: Path) -> None:
    before = sorted(data.rglob("*"))
    for out in (data, data / "red" / "run"):
        with pytest.raises(RunError, match="lies within the data"):
            plait.train(data, changes=ONE_STEP, out=out)
    assert sorted(data.rglob("*")) == before


def test_damaged_weights_are_named(model: plait.Model) -> None:
    weights = model.folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(RunError, match=r"weights\.safetensors is damaged"):
        Run.open(model.folder).network()


def test_weights_of_another_network_are_named(model: plait.Model) -> None:
    recipe = model.folder / "recipe.yaml"
    changed = recipe.read_text(encoding="utf-8").replace("channels: 8", "channels: 4")
    assert changed != recipe.read_text(encoding="utf-8")
    recipe.write_text(changed, encoding="utf-8")
    with pytest.raises(
        RunError, match=r"weights\.safetensors holds weights of another network: .*recipe\.yaml"
    ):
        plait.load(model.folder).test()


def test_a_model_is_named_as_one(model: plait.Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ModelError, match=r"notes\.txt does not end in \.onnx"):
        model.export(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_the_environment_holds_the_precision(model: plait.Model) -> None:
    found = json.loads((model.folder / "environment.json").read_text(encoding="utf-8"))
    assert found["precision"] in ("float32", "bfloat16")


def test_a_full_disk_while_reporting_is_one_error(
    model: plait.Model, data: Path, full_disk: Callable[[int], None]
) -> None:
    full_disk(20_000)
    with pytest.raises(RunError, match=r"(?s)the disk is full.*free some space, then test again"):
        model.test(data)


def test_answers_go_to_a_file_and_to_programs(data: Path, model: plait.Model, tmp_path: Path) -> None:
    words = ["predict", str(model.folder), str(data / "red"), "--json", "--out", str(tmp_path / "a.csv")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    answers = json.loads(done.stdout)
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert len(answers["predictions"]) == len(lines) - 1 == len(list((data / "red").iterdir()))

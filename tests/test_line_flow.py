"""The whole way of a line of text in a picture: a folder to a network, a report and a model file that answers alike."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import plait
from plait.data.gather import look
from plait.data.line_store import LineAugmentation, LineStore, changed_lines
from plait.data.readers import recognize
from plait.errors import DataError, NetworkError, RecipeError
from plait.inference.line import LineInput
from plait.inference.model import OnnxModel
from plait.inference.transcription import Transcript
from plait.recipe import read_recipe
from plait.run import Run
from tests.commands import without_torch
from tests.lines import SMALL, folder, line

OPTIONS = read_recipe(task="text-recognition").data
BOOKS = Path(__file__).parents[1].parent / "shared" / "data" / "ocr_early_books"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("lines")
    data = folder(place / "lines", 100)
    plait.train(data, changes=SMALL, out=place / "run").test()
    return data, place / "run"


def test_the_report_scores_characters(trained: tuple[Path, Path]) -> None:
    report = plait.load(trained[1]).report
    assert report["task"] == "text-recognition"
    assert report["metric"] == "character_error_rate"
    assert report["examples"] == 20
    assert report["value"] <= 0.1
    assert report["baseline"]["value"] > 0.5


def test_how_answers_are_read_can_change_after_training(trained: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(trained[1], tmp_path / "run")
    (tmp_path / "phrases.txt").write_text("ab\ncd\n", encoding="utf-8")
    model = plait.load(tmp_path / "run")
    greedy = model.report
    model.test(changes=["decoding.width=8", "decoding.language=transcripts", "decoding.hot={ab: 1}"])
    assert plait.load(tmp_path / "run").spec.input.writing.hot == {"ab": 1.0}
    model.test(changes=["decoding.hot={}"])
    assert model.spec.input.writing.width == 8
    assert "ngram" in model.spec.input.writing.language
    with pytest.raises(RecipeError, match="needs a beam"):
        model.test(changes=["decoding.width=1"])
    phrases = f"decoding.phrases={tmp_path / 'phrases.txt'}"
    changed = model.test(changes=[phrases, "decoding.language=null", "decoding.width=1"])
    assert changed["splits"]["validation"]["value"] > greedy["splits"]["validation"]["value"]
    Image.fromarray(line("a bd", 5000, 32)).save(tmp_path / "new.png")
    assert plait.load(tmp_path / "run").predict(tmp_path / "new.png")[0].text in {"ab", "cd"}
    exported = model.export(tmp_path / "model.onnx")
    assert plait.load(exported).predict(tmp_path / "new.png")[0].text in {"ab", "cd"}
    model.test(changes=["decoding.phrases=null"])
    assert (tmp_path / "run" / "recipe.yaml").read_text() == (trained[1] / "recipe.yaml").read_text()
    assert plait.load(tmp_path / "run").report["value"] == greedy["value"]


def test_what_was_trained_with_cannot_change_after_training(trained: tuple[Path, Path]) -> None:
    model, before = plait.load(trained[1]), (trained[1] / "recipe.yaml").read_text()
    with pytest.raises(RecipeError, match=r"data\.height=8.* only decoding and evaluation can change"):
        model.test(changes=["decoding.width=4", "data.height=8"])
    with pytest.raises(RecipeError, match="unknown key 'widht'"):
        model.test(changes=["decoding.widht=4"])
    assert (trained[1] / "recipe.yaml").read_text() == before


def test_what_is_written_and_where(trained: tuple[Path, Path], tmp_path: Path) -> None:
    Image.fromarray(line("a bd", 5000, 32)).save(tmp_path / "new.png")
    (found,) = plait.load(trained[1]).predict(tmp_path / "new.png")
    assert isinstance(found, Transcript)
    assert found.text == "a bd"
    first, last = found.words
    assert 0 <= first.start < first.end <= last.start < last.end <= 16 * 4 + 6 + 4


def test_a_model_file_answers_as_the_network_at_every_width(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    model = plait.load(trained[1])
    deployed = OnnxModel(model.export(tmp_path / "model.onnx"))
    network, input = model.network(), model.spec.input
    assert isinstance(input, LineInput)
    for width in (16, 63, 400):
        picture = np.random.default_rng(width).integers(0, 256, (1, 16, width), np.uint8)
        arrays = input.collate([picture, picture[:, :, : max(16, width // 2)]])
        with torch.inference_mode():
            logits, steps = network(*map(torch.from_numpy, arrays))
        found, found_steps = deployed.run(*arrays)
        np.testing.assert_allclose(found, logits.numpy(), atol=1e-4)
        assert found_steps.tolist() == steps.tolist()


def test_padding_never_changes_what_is_read(trained: tuple[Path, Path]) -> None:
    model = plait.load(trained[1])
    network, input = model.network(), model.spec.input
    short, long = line("ab", 1)[None], line("abcd cab", 2)[None]
    with torch.inference_mode():
        together, _ = network(*map(torch.from_numpy, input.collate([short, long])))
        alone, steps = network(*map(torch.from_numpy, input.collate([short])))
    count = int(steps[0])
    torch.testing.assert_close(together[0, :count], alone[0, :count], atol=1e-4, rtol=0)


def test_deployed_it_needs_no_pytorch(trained: tuple[Path, Path], tmp_path: Path) -> None:
    plait.load(trained[1]).export(tmp_path / "model.onnx")
    Image.fromarray(line("dab", 77)).save(tmp_path / "x.png")
    code = "import plait\nprint(plait.load('model.onnx').predict('x.png')[0].text)\n"
    assert without_torch(code, tmp_path).stdout.strip() == "dab"


def test_lines_are_no_class_folders(tmp_path: Path) -> None:
    for book in ("one", "two"):
        folder(tmp_path / book, 5)
    assert recognize(str(tmp_path)).name == "text lines"


def test_a_table_of_lines(tmp_path: Path) -> None:
    Image.fromarray(line("ab", 1)).save(tmp_path / "x.png")
    (tmp_path / "lines.csv").write_text("image,text\nx.png,ab\nx.png,\ngone.png,cd\n", encoding="utf-8")
    found = look(str(tmp_path / "lines.csv"), OPTIONS)
    assert found.table.targets == ["ab"]
    assert [(one.kind, one.row) for one in found.errors] == [("missing file", 4), ("empty transcript", 3)]


def test_broken_lines_are_listed(tmp_path: Path) -> None:
    data = folder(tmp_path / "lines", 10)
    (data / "3.nrm.png").write_bytes((data / "3.nrm.png").read_bytes()[:60])
    (data / "4.gt.txt").unlink()
    (data / "5.gt.txt").write_text(" \n", encoding="utf-8")
    found = look(str(data), OPTIONS)
    assert {one.kind for one in found.errors} == {"truncated", "transcript missing", "empty transcript"}
    assert len(found.table) == 7


def test_transcripts_that_cannot_be_aligned_are_named(tmp_path: Path) -> None:
    data = folder(tmp_path / "lines", 20)
    (data / "1.gt.txt").write_text("abcd" * 40, encoding="utf-8")
    with pytest.raises(DataError, match=r"1\.nrm\.png: transcript too long"):
        plait.train(data, changes=SMALL, out=tmp_path / "run")


def test_a_network_that_depends_on_the_width_is_refused(tmp_path: Path) -> None:
    data = folder(tmp_path / "lines", 20)
    with pytest.raises(NetworkError, match="width of its lines"):
        plait.train(data, changes=["network=[{to_sequence: rows}]", "data.height=16"], out=tmp_path / "run")


def test_a_line_is_changed_by_seed_epoch_and_example_alone(trained: tuple[Path, Path]) -> None:
    run = Run.open(trained[1])
    assert isinstance(run.spec.input, LineInput)
    table = look(str(trained[0]), run.recipe.data).table
    store = LineStore(table, run.spec.input, 0, 10**8)
    options = LineAugmentation(scale=0.2, slant=0.2, rotation=1, contrast=0.3)
    draw = changed_lines(store, options, seed=1)
    together, widths = draw(np.array([3, 7]), 2)
    alone, width = draw(np.array([7]), 2)
    np.testing.assert_array_equal(together[1, :, :, : widths[1]], alone[0, :, :, : width[0]])
    assert not np.array_equal(draw(np.array([7]), 3)[0], alone)
    nothing = changed_lines(store, LineAugmentation(scale=0, slant=0, rotation=0, contrast=0), seed=1)
    np.testing.assert_array_equal(nothing(np.array([3, 7]), 2)[0], store.take([3, 7])[0])


@pytest.mark.skipif(not BOOKS.is_dir(), reason="needs the data set ocr_early_books")
def test_real_books_with_their_lists() -> None:
    found = look(str(BOOKS), OPTIONS)
    assert found.table.frame["split"].value_counts().to_dict() == {"train": 720, "test": 180}
    assert not found.errors

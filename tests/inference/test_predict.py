"""Files, folders and tables are answered in order, and everything that cannot be read is told at once."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from little_models import CLASSES, SEVERAL, SPEC, write_model, write_picture

from plait.errors import DataError, ModelError, Problem
from plait.inference.classification import Classification, Labeling, decode, probabilities
from plait.inference.model import OnnxModel
from plait.inference.predict import predict
from plait.inference.prediction import Origin
from plait.inference.spec import ModelSpec

LOGITS = arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32))


class ColorPredictor:
    """Predicts by the mean color, and counts what it was asked."""

    def __init__(self, spec: ModelSpec = SPEC) -> None:
        self.spec = spec
        self.batches: list[int] = []

    def run(self, pictures: np.ndarray) -> tuple[np.ndarray]:
        self.batches.append(len(pictures))
        return (((pictures.mean(axis=(2, 3)) - 127.5) / 25).astype(np.float32),)


def labels(sources: Sequence[str | Path], batch_size: int = 64) -> list[tuple[str, str]]:
    found = predict(ColorPredictor(), [str(source) for source in sources], batch_size)
    return [(Path(prediction.input).name, prediction.to_json()["prediction"]) for prediction in found]


def test_a_model_file_names_the_color(tmp_path: Path) -> None:
    model = OnnxModel(write_model(tmp_path / "model.onnx"))
    pictures = [str(write_picture(tmp_path / f"{number}.png", color)) for number, color in enumerate(CLASSES)]
    answers = [
        prediction for prediction in predict(model, pictures) if isinstance(prediction, Classification)
    ]
    assert [answer.label for answer in answers] == CLASSES
    assert [answer.input for answer in answers] == pictures
    assert all(answer.probability == max(answer.probabilities.values()) > 0.9 for answer in answers)


def test_a_folder_is_read_with_those_within_sorted(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.PNG", "a.png", "c/d/3.jpeg", "b/no_suffix"):
        write_picture(tmp_path / name if "." in name else tmp_path / "b" / "x.png", "red")
    (tmp_path / "b" / "x.png").rename(tmp_path / "b" / "no_suffix")
    for name in ("notes.txt", "._a.png", ".hidden/x.png", "__MACOSX/y.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    assert [name for name, _ in labels([tmp_path])] == ["a.png", "1.PNG", "2.png", "no_suffix", "3.jpeg"]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_order_and_answers_do_not_depend_on_the_batch(tmp_path: Path, batch_size: int) -> None:
    colors = [CLASSES[number % 3] for number in range(7)]
    for number, color in enumerate(colors):
        write_picture(tmp_path / f"{number}.png", color)
    assert labels([tmp_path], batch_size) == [(f"{number}.png", color) for number, color in enumerate(colors)]


def test_a_table_names_pictures_from_its_own_folder(tmp_path: Path) -> None:
    write_picture(tmp_path / "in" / "one.png", "red")
    write_picture(tmp_path / "蓝 two.png", "蓝")
    (tmp_path / "table.csv").write_text("id,Image\n7,in/one.png\n\n8,蓝 two.png\n", encoding="utf-8")
    found = list(predict(ColorPredictor(), [str(tmp_path / "table.csv")]))
    assert [prediction.row for prediction in found] == [2, 4]
    assert [prediction.to_json()["prediction"] for prediction in found] == ["red", "蓝"]
    assert found[0].to_json()["table"] == str(tmp_path / "table.csv")


def test_parquet_is_a_table_too(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_picture(tmp_path / "a.png", "red")
    parquet.write_table(arrow.table({"image": ["a.png", "a.png"]}), tmp_path / "table.parquet")
    assert labels([tmp_path / "table.parquet"]) == [("a.png", "red")] * 2


def test_every_unreadable_input_is_in_one_error_and_the_network_rests(tmp_path: Path) -> None:
    write_picture(tmp_path / "ok.png", "red")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "table.csv").write_text("image,n\ngone.png,1\nok.png,2\n,3\nok.png,4,5\n", encoding="utf-8")
    predictor = ColorPredictor()
    sources = [str(tmp_path / name) for name in ("broken.png", "table.csv")]
    with pytest.raises(DataError) as caught:
        list(predict(predictor, sources, batch_size=1))
    places = [(Path(problem.file).name, problem.row) for problem in caught.value.problems]
    assert places == [("broken.png", None), ("table.csv", 2), ("table.csv", 4), ("table.csv", 5)]
    assert str(caught.value).startswith("4 of 5 inputs")
    assert "gone.png" in str(caught.value)
    assert predictor.batches == []


def test_skip_bad_leaves_out_and_tells(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", "red")
    (tmp_path / "b.png").write_bytes(b"")
    write_picture(tmp_path / "c.png", "蓝")
    told: list[Problem] = []
    found = list(predict(ColorPredictor(), [str(tmp_path)], skip_bad=True, report=told.append))
    assert [Path(prediction.input).name for prediction in found] == ["a.png", "c.png"]
    assert [Path(problem.file).name for problem in told] == ["b.png"]


def test_a_picture_over_the_recipes_limit_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "large.png", "red", (200, 200))
    with pytest.raises(DataError, match="pixel bomb"):
        list(predict(ColorPredictor(), [str(tmp_path / "large.png")]))


@pytest.mark.parametrize(
    ("sources", "word"),
    [
        ([], "nothing to predict"),
        (["gone.png", "also_gone"], "2 of 2 sources"),
        (["no_column.csv"], "named image"),
    ],
)
def test_wrong_sources_are_refused_at_once(tmp_path: Path, sources: list[str], word: str) -> None:
    (tmp_path / "no_column.csv").write_text("path\nx.png\n", encoding="utf-8")
    with pytest.raises(DataError, match=word):
        predict(ColorPredictor(), [str(tmp_path / source) for source in sources])


def test_a_picture_that_is_not_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1")
    with pytest.raises(DataError, match=r"phone\.HEIC: unreadable: .*HEIC or AVIF"):
        list(predict(ColorPredictor(), [str(tmp_path)]))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        list(predict(ColorPredictor(), [str(tmp_path)]))


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_in_a_circle_is_told_and_other_links_are_followed(tmp_path: Path) -> None:
    write_picture(tmp_path / "elsewhere" / "x.png", "red")
    folder = tmp_path / "folder"
    (folder / "within").mkdir(parents=True)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert labels([folder]) == [("x.png", "red")]
    (folder / "within" / "circle").symlink_to(folder)
    with pytest.raises(DataError, match="symlink loop"):
        list(predict(ColorPredictor(), [str(folder)]))


@pytest.mark.parametrize("text", ["", '"image\n', "image\n\xff".encode("latin-1")])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=r"t\.csv"):
        list(predict(ColorPredictor(), [str(tmp_path / "t.csv")]))


def test_predictions_come_while_there_is_more_to_read(tmp_path: Path) -> None:
    for number in range(20):
        write_picture(tmp_path / f"{number:02}.png", "red")
    predictor = ColorPredictor()
    before = set(threading.enumerate())
    stream = predict(predictor, [str(tmp_path)], batch_size=2)
    next(stream)
    assert predictor.batches == [2]
    stream.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ModelError, match="knows image-classification"):
        ModelSpec.from_json(SPEC.to_json() | {"task": "mind reading"})


@given(LOGITS, st.floats(-100, 100))
def test_softmax_sums_to_one_and_ignores_a_shift(logits: np.ndarray, shift: float) -> None:
    shares = probabilities(logits, several_labels=False)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares, probabilities(logits.astype(np.float64) + shift, False), atol=1e-9)


@given(LOGITS)
def test_sigmoid_of_the_opposite_is_the_rest(logits: np.ndarray) -> None:
    shares = probabilities(logits, several_labels=True)
    np.testing.assert_allclose(shares + probabilities(-logits, several_labels=True), 1)


def test_several_labels_are_those_of_one_half_and_more() -> None:
    logits = np.array([[0.0, 3.0, -0.1], [-5.0, -5.0, -5.0]], np.float32)
    some, none = decode([logits], [Origin("a"), Origin("b")], SEVERAL)
    assert isinstance(some, Labeling)
    assert some.labels == (CLASSES[1], CLASSES[0])
    assert some.cells() == {"prediction": "green, or so|red", "probability": "0.952574|0.5"}
    assert none.cells() == {"prediction": "", "probability": ""}


def test_an_answer_that_is_no_number_is_refused() -> None:
    logits = np.array([[0, 1, 2], [0, np.nan, 2]], np.float32)
    with pytest.raises(ModelError, match="answer to b"):
        decode([logits], [Origin("a"), Origin("b")], SPEC)

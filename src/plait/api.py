"""The same from Python: train, load, inspect, and what a trained model can do. Words and errors are the commands'."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait import heavy
from plait.errors import DataError, ModelError
from plait.inference import box_output, outputs
from plait.inference.language_modeling import generate as generate_with
from plait.inference.model import OnnxModel
from plait.inference.predict import Prediction
from plait.inference.predict import predict as predict_with
from plait.inference.spec import ModelSpec, Predictor

if TYPE_CHECKING:
    from plait.run import Run


class Model:
    """A trained network: a run's folder, or a model file (which needs no PyTorch, and can only predict)."""

    def __init__(self, opened: "Run | OnnxModel") -> None:
        self._opened = opened

    @property
    def spec(self) -> ModelSpec:
        """Task, classes, what an input becomes, recipe, scores."""
        return self._opened.spec

    @property
    def folder(self) -> Path:
        """The run's folder; raises ModelError for a model file."""
        return self._run("folder").folder

    @property
    def report(self) -> dict[str, Any]:
        """The run's report.json."""
        return self._run("report").read("report.json")

    def network(self) -> Any:
        """The run's network, a torch module in evaluation mode: tensors as ``spec.input.ports`` say, to logits."""
        return self._run("network").network()

    def test(
        self,
        data: str | Path | None = None,
        *,
        skip_bad: bool = False,
        format: str | None = None,
        encoding: str | None = None,
        changes: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Scores the run on its own test part or on ``data``; writes and returns the report. As ``plait test``.

        ``changes``, such as ["decoding.width=16"], of how answers are read, hold for the run from now on.
        """
        run = self._run("test")
        flow = heavy.flow("Model.test")
        source = None if data is None else str(data)
        report = flow.test(run, source, skip_bad=skip_bad, format=format, encoding=encoding, changes=changes)
        self._opened = flow.open_run(run.folder, run.recipe.own)
        return dict(report)

    def predict(
        self,
        *sources: str | Path,
        skip_bad: bool = False,
        encoding: str | None = None,
        out: str | Path | None = None,
        confidence: float | None = None,
        format: str | None = None,
        draw: str | Path | None = None,
    ) -> list[Prediction]:
        """What the network answers for every picture, text, sentence or recording in files, folders and tables, in
        order; written to ``out`` as well. As ``plait predict``.

        Of boxes those from ``confidence`` on, in ``format`` (voc, yolo or coco) where ``out`` is a folder, and drawn on
        copies in the folder ``draw``. Raises DataError for what cannot be read or written, and for a source that is
        neither a text nor a path.
        """
        for source in sources:
            if not isinstance(source, str | Path):
                raise DataError(
                    f"predict was given a {type(source).__name__}, but takes texts and paths, each by itself: "
                    "predict(*sources) for those of a list"
                )
        asked = [str(source) for source in sources]
        folder, drawn = (None if place is None else str(place) for place in (out, draw))
        predictor = box_output.asked(self._predictor("Model.predict"), confidence, format, drawn, folder)
        found = predict_with(predictor, asked, skip_bad=skip_bad, encoding=encoding)
        predictions = list(found if drawn is None else box_output.draw_boxes(drawn, found))
        if folder is not None and format is not None:
            box_output.write_boxes(format, folder, predictions, predictor.spec.classes)
        elif folder is not None:
            outputs.write_csv(folder, predictions, asked, predictor.spec, encoding)
        return predictions

    def generate(
        self,
        prompt: str = "",
        tokens: int = 300,
        temperature: float = 0.8,
        top_p: float = 0.9,
        seed: int | None = None,
    ) -> Iterator[str]:
        """What a language model writes after ``prompt``, token by token. As ``plait generate``."""
        return generate_with(self._predictor("Model.generate"), prompt, tokens, temperature, top_p, seed)

    def export(self, path: str | Path) -> Path:
        """Writes one ONNX file that answers as the network does. As ``plait export``."""
        written: Path = heavy.flow("Model.export").export(self._run("export"), path)
        return written

    def _predictor(self, what: str) -> Predictor:
        opened = self._opened
        if isinstance(opened, OnnxModel):
            return opened
        predictor: Predictor = heavy.flow(what).predictor(opened)
        return predictor

    def _run(self, what: str) -> "Run":
        if isinstance(self._opened, OnnxModel):
            raise ModelError(f"{what} needs the run's folder; a model file only predicts")
        return self._opened


def train(data: str | Path | None = None, **options: Any) -> Model:
    """Trains a network and returns it; ``options`` are those of ``plait.flow.train``, the command's own words."""
    return Model(heavy.flow("plait.train").train(None if data is None else str(data), **options))


def compare(data: str | Path, vary: Sequence[str], **options: Any) -> dict[str, Any]:
    """Trains variants of a recipe on one split; options and answer are those of ``plait.comparison.compare``."""
    heavy.flow("plait.compare")
    from plait.comparison import compare as compare_variants

    return compare_variants(str(data), vary, **options)


def load(path: str | Path, network: Any = None) -> Model:
    """A run's folder or a model file; raises RunError, ModelError.

    ``network`` is the module that the run was trained on, where it was one of the user's own.
    """
    if Path(path).is_dir():
        return Model(heavy.flow("plait.load of a run").open_run(path, network))
    return Model(OnnxModel(path))


def inspect(
    data: str | Path | None = None,
    recipe: str | Path | None = None,
    changes: Sequence[str] = (),
    **options: Any,
) -> dict[str, Any]:
    """What is in the data, what is wrong with it, and the network it would get. As ``plait inspect``."""
    answer: dict[str, Any] = heavy.flow("plait.inspect").inspect(
        None if data is None else str(data), recipe, changes, **options
    )
    return answer

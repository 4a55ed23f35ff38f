"""Every recipe that is shipped, run: a small data set through training, test and export."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import plait
from plait.recipe import read_recipe
from tests.books import book
from tests.boxes import scenes, voc
from tests.lines import folder
from tests.sentences import columns, sentences
from tests.sounds import speech_table, words
from tests.texts import reviews, table

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))
CLASSES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of small pictures in color, with a test part."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3), ("test", 3)):
        for channel, name in enumerate(CLASSES):
            place = folder / part / name
            place.mkdir(parents=True)
            for number in range(count):
                values = draw.integers(0, 100, (40, 36, 3), dtype=np.uint8)
                values[..., channel] += 120
                Image.fromarray(values).save(place / f"{number}.png")
    return folder


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_runs(recipe: Path, pictures: Path, tmp_path: Path) -> None:
    task = read_recipe(recipe).task
    data, asked, count = {
        "image-classification": lambda: (pictures, pictures / "test", 9),
        "text-classification": lambda: (table(tmp_path / "reviews.csv", reviews(45)),) * 2 + (45,),
        "sequence-tagging": lambda: (columns(tmp_path / "names.conll", sentences(45)),) * 2 + (45,),
        "language-modeling": lambda: (book(tmp_path / "story.txt", 100),) * 2 + (1,),
        "speech-recognition": lambda: (speech_table(tmp_path / "speech.csv", words(45)),) * 2 + (45,),
        "text-recognition": lambda: (folder(tmp_path / "lines", 45),) * 2 + (45,),
        "object-detection": lambda: (voc(tmp_path / "boxes", scenes(45)), tmp_path / "boxes", 45),
        "audio-classification": lambda: (
            (speech_table(tmp_path / "sounds.csv", [*"abc"] * 15, "label"),) * 2 + (45,)
        ),
    }[task]()
    changes = [
        "training.epochs=1",
        "training.batch_size=8",
        "training.precision=float32",
        *_local_weights(recipe, tmp_path),
    ]
    model = plait.train(data, recipe=recipe, changes=changes, out=tmp_path / "run")
    report = model.test()
    if task == "language-modeling":
        assert report["examples"] == report["scores"]["tokens"] > 30
    else:
        # A fifth of 45, give or take the one that stratifying by many tags costs.
        assert report["examples"] in (8, 9)
        assert report["high"] <= 1 or not report["higher_is_better"]
    assert 0 <= report["low"] <= report["value"] <= report["high"]
    model.export(tmp_path / "model.onnx")
    answers = plait.load(tmp_path / "model.onnx").predict(asked)
    assert len(answers) == count


def test_there_is_a_recipe_for_every_task() -> None:
    from plait.recipe import TASK_NAMES

    assert all(any(path.stem.startswith(task) for path in RECIPES) for task in TASK_NAMES)


def _local_weights(recipe: Path, folder: Path) -> list[str]:
    """For a pretrained recipe: weights of the right shapes in a file, so that nothing is downloaded."""
    first = read_recipe(recipe).network[0]
    if "pretrained" not in first:
        return []
    import timm
    from safetensors.torch import save_file

    file = folder / "weights.safetensors"
    save_file(timm.create_model(first["pretrained"]["timm"], pretrained=False).state_dict(), file)
    return [f"network.0.file={file}", "data.image_size=64"]

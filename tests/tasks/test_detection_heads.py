"""The head that a recipe names is made, with every default in the recipe and none of the other head's numbers."""

import pytest

from plait.errors import RecipeError
from plait.layers.dense_boxes import DenseBoxes
from plait.layers.recurrent_boxes import RecurrentBoxes
from plait.media.boxed_pictures import told_by
from plait.recipe import parse, read_recipe
from plait.recipe_values import load_yaml
from plait.tasks.detection_heads import DenseHead, RecurrentHead
from tests import detectors

TASK = "object-detection"


def test_the_default_is_dense() -> None:
    recipe = read_recipe(task=TASK)
    assert recipe.model_dump()["head"] == {"name": "dense", "depth": 2}
    assert parse(load_yaml(recipe.to_yaml(), "written")) == recipe


def test_the_name_alone_gives_a_complete_recurrent_head() -> None:
    recipe = read_recipe(task=TASK, changes=["head.name=recurrent"])
    assert recipe.model_dump()["head"] == {
        "name": "recurrent",
        "depth": 2,
        "cell": "gru",
        "units": 128,
        "steps": 5,
    }
    assert parse(load_yaml(recipe.to_yaml(), "written")) == recipe


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("head.name=sparse", "'dense', 'recurrent'"),
        ("head.steps=0", "head.steps is 0: it should be greater"),
        ("head.width=3", "width"),
    ],
)
def test_mistakes_are_named(change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_recipe(task=TASK, changes=["head.name=recurrent", change])


def test_each_makes_its_layers() -> None:
    dense, recurrent = detectors.recipe(), detectors.recipe("head.name=recurrent", "head.cell=lstm")
    assert isinstance(told_by(dense), DenseHead)
    assert isinstance(told_by(recurrent), RecurrentHead)
    assert isinstance(detectors.network(dense).head, DenseBoxes)
    made = detectors.network(recurrent).head
    assert isinstance(made, RecurrentBoxes)
    assert (made.steps, made.cell.units, made.cell.states) == (5, 128, 2)

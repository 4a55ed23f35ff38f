"""Recipes: defaults have one owner, every mistake is named, nothing in a file can name code."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import PlaitError, RecipeError
from plait.layers import LAYERS, read_network
from plait.recipe import INSTEAD, Recipe, default_text, parse, read_recipe
from plait.recipe_values import apply_change, load_yaml

TASK = "image-classification"


def test_the_default_is_complete_and_survives_writing() -> None:
    recipe = read_recipe()
    assert recipe.task == TASK
    assert parse(load_yaml(recipe.to_yaml(), "written")) == recipe
    read_network(recipe.network)


def test_no_field_has_a_second_default() -> None:
    values = load_yaml(default_text(TASK), "default")
    values = {name: value for name, value in values.items() if name not in INSTEAD}
    for section in values:
        fewer = {key: value for key, value in values.items() if key != section}
        with pytest.raises(RecipeError, match=section):
            parse(fewer)
    for section in ("data", "loss", "augmentation", "training", "evaluation"):
        for key in values[section]:
            fewer = {name: value for name, value in values[section].items() if name != key}
            with pytest.raises(RecipeError, match=f"{section}.{key}"):
                parse(values | {section: fewer})


def test_a_users_file_changes_only_what_it_names(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {epochs: 3}\n", encoding="utf-8")
    mine, default = read_recipe(file), read_recipe()
    assert mine.training.epochs == 3
    assert mine.with_values(training={"epochs": default.training.epochs}) == default


def test_a_section_for_data_of_one_kind_holds_for_it_alone(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {epochs: 3}\nsmall_pictures: {training: {epochs: 4}}\n", encoding="utf-8")
    assert read_recipe(file).training.epochs == 3
    small = read_recipe(file, instead="small_pictures")
    assert small.training.epochs == 4
    assert small.augmentation == read_recipe(instead="small_pictures").augmentation
    assert small.augmentation != read_recipe().augmentation
    file.write_text("single_characters: {training: {epochs: 4}}\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="unknown key 'single_characters'"):
        read_recipe(file)


def test_words_of_the_users_own_are_keys(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("task: speech-recognition\ndecoding: {width: 4, hot: {three: 2}}\n", encoding="utf-8")
    mine = read_recipe(file)
    assert mine.decoding.hot == {"three": 2.0}
    file.write_text(mine.to_yaml(), encoding="utf-8")
    assert read_recipe(file) == mine
    changed = read_recipe(file, ["decoding.hot={four: 1}", "decoding.hot.one=3"])
    assert changed.decoding.hot == {"four": 1.0, "one": 3.0}
    assert read_recipe(file, ["decoding.hot={}"]).decoding.hot == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trainning: {epochs: 3}", "did you mean 'training'"),
        ("training: {epoch: 3}", "did you mean 'epochs'"),
        ("training: {epochs: 3, epochs: 4}", "stands twice"),
        (
            "training: {epochs: many}",
            r"mine.yaml: .*\n  training.epochs is 'many': it should be .*, or .*'auto'",
        ),
        ("training: {epochs: -3}", "  training: epochs is -3; it must be at least 1"),
        ("", "mine.yaml is empty, but a recipe is a mapping"),
        ("[1, 2]", "holds a list, but a recipe is a mapping"),
        ("training: {epochs: !!python/object/apply:os.system [ls]}", "not valid YAML"),
        ("task: image-clasification", "did you mean 'image-classification'"),
    ],
)
def test_mistakes_are_named(tmp_path, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        read_recipe(file)


def test_changes_reach_into_layers() -> None:
    recipe = read_recipe(
        changes=["training.epochs=7", "network.0.channels=16", "training.optimizer.name=sgd"]
    )
    assert recipe.training.epochs == 7
    assert recipe.network[0]["conv"]["channels"] == 16
    assert recipe.training.optimizer.name == "sgd"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("training.epochs", "key=value"),
        ("training.epoch=3", "did you mean 'epochs'"),
        ("network.99.channels=3", "no position"),
        ("training.epochs=[", "not a YAML value"),
    ],
)
def test_wrong_changes_are_named(change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        apply_change(read_recipe().model_dump(mode="json"), change)


def test_unknown_layers_and_options_are_named() -> None:
    with pytest.raises(RecipeError, match=r"layer 2.*'pool'"):
        read_network([{"conv": 8}, {"pol": 2}])
    with pytest.raises(RecipeError, match=r"layer 1.*'kernel'"):
        read_network([{"conv": {"channels": 8, "kernal": 3}}])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["data", "network", "loss", "augmentation", "training", "evaluation"]), values)
def test_whatever_a_section_holds_is_accepted_or_refused_politely(
    tmp_path_factory, section: str, value: object
) -> None:
    file = tmp_path_factory.mktemp("recipes") / "any.yaml"
    file.write_text(yaml.safe_dump({section: value}, allow_unicode=True), encoding="utf-8")
    try:
        assert isinstance(read_recipe(file), Recipe)
    except RecipeError as error:
        assert str(error)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*LAYERS, "nonsense"]), values, max_size=2), max_size=3))
def test_whatever_a_network_holds_is_accepted_or_refused_politely(network: list[object]) -> None:
    try:
        read_network(network)
    except PlaitError as error:
        assert "layer" in str(error)

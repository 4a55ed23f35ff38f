"""A model's description survives JSON, and anything else than a description is refused."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_models import SPEC

from plait.errors import ModelError
from plait.inference.spec import FORMAT_VERSION, MAX_PIXELS, ModelSpec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.text(), min_size=1, unique=True), st.booleans(), st.dictionaries(st.text(), JSON, max_size=3)
)
def test_json_gives_the_same_spec_back(classes: list[str], several: bool, recipe: dict[str, Any]) -> None:
    spec = replace(SPEC, classes=classes, several_labels=several, recipe=recipe)
    assert ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@given(st.sampled_from(sorted(SPEC.to_json())), JSON)
def test_a_foreign_value_is_read_or_refused(key: str, value: object) -> None:
    values = SPEC.to_json() | {key: value}
    with contextlib.suppress(ModelError):
        assert ModelSpec.from_json(values).to_json() == values


@pytest.mark.parametrize("key", sorted(SPEC.to_json()))
def test_a_missing_key_is_refused(key: str) -> None:
    values = SPEC.to_json()
    del values[key]
    with pytest.raises(ModelError, match=key):
        ModelSpec.from_json(values)


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="colour"):
        ModelSpec.from_json(SPEC.to_json() | {"colour": 1})


@pytest.mark.parametrize(("version", "remedy"), [(FORMAT_VERSION + 1, "newer plait"), (0, "export it again")])
def test_another_format_says_what_to_do(version: int, remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        ModelSpec.from_json({"format_version": version})


@pytest.mark.parametrize("classes", [[], ["a", "a"], ["a", 1]])
def test_classes_are_different_names(classes: list[object]) -> None:
    with pytest.raises(ModelError, match="classes"):
        ModelSpec.from_json(SPEC.to_json() | {"classes": classes})


@pytest.mark.parametrize(
    ("recipe", "limit"),
    [({"data": {"max_pixels": 7}}, 7), ({}, MAX_PIXELS), ({"data": {"max_pixels": "x"}}, MAX_PIXELS)],
)
def test_the_pixel_limit_is_the_recipes(recipe: dict[str, Any], limit: int) -> None:
    assert replace(SPEC, recipe=recipe).max_pixels == limit

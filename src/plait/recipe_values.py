"""A recipe's values as plain mappings: loaded from YAML, overlaid, changed one by one, and what is wrong with them."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from plait.errors import RecipeError, suggestion

OPEN = ("decoding.hot",)
"""Places of mappings whose keys are the user's own words."""


def load_yaml(text: str, where: str) -> dict[str, Any]:
    """A YAML mapping by the safe loader, in which a doubled key is an error; raises RecipeError."""
    try:
        value = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where} is not valid YAML: {error}") from error
    if not isinstance(value, dict):
        held = (
            "is empty" if value is None else f"holds {'a list' if isinstance(value, list) else repr(value)}"
        )
        raise RecipeError(f"{where} {held}, but a recipe is a mapping of sections: training: {{epochs: 5}}")
    return value


def overlay(base: dict[str, Any], given: Mapping[str, Any], where: str, place: str = "") -> None:
    """Writes ``given`` over ``base``, section by section; lists (the network), and mappings whose keys are the user's
    own (OPEN), are replaced whole."""
    for key, value in given.items():
        full = f"{place}{key}"
        if key not in base:
            raise RecipeError(f"{where}: unknown key {full!r}: {suggestion(str(key), base)}")
        if isinstance(base[key], dict) and isinstance(value, Mapping) and full not in OPEN:
            overlay(base[key], value, where, f"{full}.")
        else:
            base[key] = value


def apply_change(values: dict[str, Any], change: str) -> None:
    """Applies one "section.key=value" (a number in the path counts the network's layers, from 0)."""
    place, equals, text = change.partition("=")
    if not equals:
        raise RecipeError(f"--set {change}: expected key=value, for example --set training.epochs=5")
    *path, last = place.split(".")
    target: Any = values
    for part, following in zip(path, [*path, last][1:], strict=True):
        target = _options(target[_key(target, part, change)], following, inside=target)
    free = _is_layer_options(path, target) or ".".join(path) in OPEN
    key = last if free else _key(target, last, change)
    try:
        target[key] = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {change}: {text!r} is not a YAML value") from error


def faults(values: Mapping[str, Any], error: ValidationError) -> list[str]:
    """A line for each place: what stands there, and all that it could be."""
    wanted: dict[str, list[str]] = {}
    for fault in error.errors():
        said = fault["msg"].removeprefix("Value error, ")
        place = _place(values, fault["loc"])
        place += f".{fault['loc'][-1]}" if fault["type"] == "missing" else ""
        wanted.setdefault(place, []).append(said.replace("Input should", "it should"))
    return [f"{place}: {', or '.join(dict.fromkeys(said))}" for place, said in wanted.items()]


def _place(values: Any, path: Iterable[Any]) -> str:
    """The keys of ``path`` that there are in ``values`` (others name kinds), with what stands there unless it is a
    section."""
    keys = []
    for key in path:
        if isinstance(values, Mapping) and key in values:
            keys.append(str(key))
            values = values[key]
    place = ".".join(keys)
    return place if isinstance(values, Mapping | list) else f"{place} is {values!r}"


def _key(target: Any, part: str, change: str) -> Any:
    if isinstance(target, list):
        if part.isdigit() and int(part) < len(target):
            return int(part)
        raise RecipeError(
            f"--set {change}: {part!r} is no position in a list of {len(target)}, counted from 0"
        )
    if isinstance(target, dict) and part in target:
        return part
    known = target if isinstance(target, dict) else ()
    raise RecipeError(f"--set {change}: unknown key {part!r}: {suggestion(part, known)}")


def _options(value: Any, following: str, inside: Any) -> Any:
    """A layer in a list is {word: options}; "network.2.cell" reads through the word to its options."""
    if isinstance(inside, list) and isinstance(value, dict) and len(value) == 1 and following not in value:
        return next(iter(value.values()))
    return value


def _is_layer_options(path: list[str], target: Any) -> bool:
    """A layer's description lists only what differs from its defaults, so a new key is legal there (checked later)."""
    return len(path) > 1 and path[0] == "network" and isinstance(target, dict)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses doubled keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return dict(super().construct_mapping(node, deep=deep))

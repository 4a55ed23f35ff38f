"""Where weights come from before training: another run, a pretrained backbone, word vectors of others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from plait.data.vectors import read_vectors
from plait.errors import RecipeError
from plait.inference.sentence import SentenceInput
from plait.inference.sound import SoundInput
from plait.inference.stream import StreamInput
from plait.inference.text import FIRST, TextInput
from plait.layers import Embedding, Pretrained, Stack
from plait.run import Run

DEFAULT_BACKBONE = "resnet18.a1_in1k"
IMAGENET_SIDE = 160


def use_backbone(values: dict[str, Any], name: str) -> None:
    """Puts a timm backbone in place of a recipe's network: the head first, then everything with smaller steps.

    ``name`` is a timm model, a file of weights (then of the default backbone), "NAME=FILE", or "default". Raises
    RecipeError for a task on other inputs.
    """
    if "image_size" not in values["data"]:
        raise RecipeError(f"--pretrained is for pictures, and the task is {values['task']}: leave it out")
    boxes = "pyramid" in values
    values["network"] = [{"pretrained": _backbone(name)}, *([] if boxes else [{"dropout": 0.2}])]
    values["training"] |= {"freeze": 3, "backbone_rate": 0.1}
    values["training"]["optimizer"] |= {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.05}
    if boxes:
        return
    values["data"]["channels"] = 3
    if values["data"]["image_size"] == "auto":
        values["data"]["image_size"] = IMAGENET_SIDE
    if values["training"]["epochs"] == "auto":
        values["training"]["epochs"] = 15


def fetch_backbones(network: nn.Module) -> None:
    """Loads the pretrained weights of every backbone; raises NetworkError saying which file to fetch."""
    for layer in network.modules():
        if isinstance(layer, Pretrained):
            layer.fetch()


def take_vectors(network: nn.Module, run: Run, say: Callable[[str], None]) -> None:
    """Writes the word vectors that an embedding names over the ones that were drawn.

    A token is looked up as it is, without the blank before it, and in lower case. Raises RecipeError for vectors of
    another size, DataError for a file that cannot be read.
    """
    names = _tokens(run)
    for layer in network.modules():
        if isinstance(layer, Embedding) and layer.vectors is not None and layer.column == 0:
            _take_vectors(layer, names, say)


def _take_vectors(layer: Embedding, names: list[str], say: Callable[[str], None]) -> None:
    asked = {form for name in names for form in _forms(name)}
    found, size = read_vectors(str(layer.vectors), asked.__contains__)
    if size != layer.channels:
        raise RecipeError(
            f"{layer.vectors} holds vectors of {size} numbers, and the embedding has {layer.channels} channels: "
            f"give it embedding: {{channels: {size}, vectors: ...}}"
        )
    rows = {
        row: found[form]
        for row, name in enumerate(names)
        if (form := next((form for form in _forms(name) if form in found), None)) is not None
    }
    with torch.no_grad():
        weight = layer.table.weight
        if rows:
            # What was drawn for the others gets the size of what was read.
            weight *= float(np.stack(list(rows.values())).std()) / max(float(weight[FIRST:].std()), 1e-6)
        for row, vector in rows.items():
            weight[row] = torch.from_numpy(vector)
    say(f"from {layer.vectors}: {len(rows):,} of {len(names) - FIRST:,} tokens have a vector")


def _forms(name: str) -> tuple[str, ...]:
    plain = name.strip()
    return plain, plain.lower()


def copy_weights(network: nn.Module, run: Run, source: Run, say: Callable[[str], None]) -> None:
    """Copies into ``run``'s network every weight of the same name and shape from ``source``; rows that stand for
    classes or for tokens by their names.

    Says what was taken and what was left as it was drawn; what is fitted to the data is not asked for.
    """
    found = source.weights()
    own = network.state_dict()
    others = run.medium.fitted + run.medium.passing
    asked = {name: value for name, value in own.items() if not name.startswith(others)}
    told = _of_classes(run, own)
    pairs = (_classes(run), _classes(source)), (_tokens(run), _tokens(source))
    taken = {
        name
        for name, value in asked.items()
        if _take(value, found.get(name), *(pairs[0] if name in told else pairs[1]))
    }
    left = [name for name in asked if name not in taken]
    network.load_state_dict(own)
    held = _hold(network, taken - told) if run.recipe.training.freeze else 0
    say(
        f"from {source.folder}: {len(taken)} of {len(asked)} weights taken"
        + (f"; left: {', '.join(left)}" if left else "")
        + (f"; {held} layers stay as they are for {run.recipe.training.freeze} epochs" if held else "")
    )
    own_rate, rate = _rate(run), _rate(source)
    if own_rate and rate and own_rate != rate:
        say(
            f"{source.folder} heard {rate:,} samples a second, and this run hears {own_rate:,}: bands that reach up to "
            f"half of it are of other frequencies, to which the weights taken do not fit; data.rate={rate} keeps them"
        )


def _rate(run: Run) -> int | None:
    """Samples a second, where a recording's samples are the input."""
    input = run.spec.input
    return input.rate if isinstance(input, SoundInput) and not input.dimensions else None


def _hold(network: nn.Module, taken: set[str]) -> int:
    """Marks the network's layers whose weights were all ``taken``; gives how many there are."""
    body = network.get_submodule("body")
    assert isinstance(body, Stack)
    for place, layer in enumerate(body):
        names = {f"body.layers.{place}.{name}" for name in layer.state_dict()}
        layer.taken = bool(names) and names <= taken
    return sum(layer.taken for layer in body)


def _of_classes(run: Run, own: dict[str, Tensor]) -> set[str]:
    """The weights with a row a class: their shapes are others where there is a class more."""
    if not run.spec.classes:
        return set()
    wider = replace(run.spec, classes=[*run.spec.classes, "<one more>"])
    task = run.medium.task(wider, run.recipe, [*run.data["counts"], 1])
    with torch.device("meta"):
        network = run.medium.network(task, run.recipe, wider.input)
    return {name for name, value in network.state_dict().items() if value.shape != own[name].shape}


def _classes(run: Run) -> list[str]:
    """The names of rows that tell classes apart."""
    blank = ["<blank>"] if run.spec.task in ("speech-recognition", "text-recognition") else []
    return [*blank, *run.spec.classes]


def _tokens(run: Run) -> list[str]:
    """The names of token numbers, where the input has them."""
    input = run.spec.input
    known = input.vocabulary if isinstance(input, TextInput | SentenceInput | StreamInput) else []
    return ["<padding>", "<unknown>", *known] if known else []


def _take(value: Tensor, other: Tensor | None, names: list[str], others: list[str]) -> bool:
    """Writes the other run's values into ``value``; for a tensor with one row a name, row by row."""
    if other is None or (other.dim() == 0 and value.dim() != 0):
        return False
    if value.dim() and len(value) == len(names) and len(other) == len(others) and names != others:
        return _take_rows(value, other, names, others)
    if other.shape != value.shape:
        return False
    value.copy_(other)
    return True


def _take_rows(value: Tensor, other: Tensor, names: list[str], others: list[str]) -> bool:
    if other.shape[1:] != value.shape[1:]:
        return False
    places = {name: row for row, name in enumerate(others)}
    pairs = [(row, places[name]) for row, name in enumerate(names) if name in places]
    for row, place in pairs:
        value[row] = other[place]
    return bool(pairs)


def _backbone(name: str) -> dict[str, Any]:
    if name == "default":
        return {"timm": DEFAULT_BACKBONE}
    model, equals, file = name.partition("=")
    if equals:
        return {"timm": model, "file": file}
    if name.endswith((".safetensors", ".pth", ".pt", ".bin")):
        return {"timm": DEFAULT_BACKBONE, "file": name}
    return {"timm": name}

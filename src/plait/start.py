"""Where weights come from before training: another run, or a pretrained backbone."""

from collections.abc import Callable
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from plait.errors import RecipeError
from plait.inference.stream import StreamInput
from plait.inference.text import TextInput
from plait.layers import Pretrained
from plait.run import WEIGHTS, Run

DEFAULT_BACKBONE = "resnet18.a1_in1k"
IMAGENET_SIDE = 160


def use_backbone(values: dict[str, Any], name: str) -> None:
    """Puts a timm backbone in place of a recipe's network: the head first, then everything with smaller steps.

    ``name`` is a timm model, a file of weights (then of the default backbone), "NAME=FILE", or "default". Raises
    RecipeError for a task on other inputs.
    """
    if "image_size" not in values["data"]:
        raise RecipeError(f"--pretrained is for pictures, and the task is {values['task']}: leave it out")
    values["network"] = [{"pretrained": _backbone(name)}, {"dropout": 0.2}]
    values["training"] |= {"freeze": 3, "backbone_rate": 0.1}
    values["training"]["optimizer"] |= {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.05}
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


def copy_weights(network: nn.Module, run: Run, source: Run, say: Callable[[str], None]) -> None:
    """Copies into ``run``'s network every weight of the same name and shape from ``source``; rows that stand for
    classes or for tokens by their names.

    Says what was taken and what was left as it was drawn; what is fitted to the data is not asked for.
    """
    found = load_file(source.folder / WEIGHTS)
    own = network.state_dict()
    others = run.medium.fitted + run.medium.passing
    asked = {name: value for name, value in own.items() if not name.startswith(others)}
    rows = list(zip(_row_names(run), _row_names(source), strict=False))
    taken = {name for name, value in asked.items() if _take(value, found.get(name), rows)}
    left = [name for name in asked if name not in taken]
    say(
        f"from {source.folder}: {len(taken)} of {len(asked)} weights taken"
        + (f"; left: {', '.join(left)}" if left else "")
    )
    network.load_state_dict(own)


def _row_names(run: Run) -> list[list[str]]:
    """What rows of a tensor may stand for: classes, and of texts token numbers."""
    input = run.spec.input
    known = input.vocabulary if isinstance(input, TextInput | StreamInput) else []
    tokens = [["<padding>", "<unknown>", *known]] if known else []
    return [run.spec.classes, *tokens]


def _take(value: Tensor, other: Tensor | None, rows: list[tuple[list[str], list[str]]]) -> bool:
    """Writes the other run's values into ``value``; for a tensor with one row a name, row by row."""
    if other is None or (other.dim() == 0 and value.dim() != 0):
        return False
    for names, others in rows:
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

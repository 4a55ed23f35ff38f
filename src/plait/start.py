"""Where weights come from before training: another run, or a pretrained backbone."""

from collections.abc import Callable
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from plait.layers import Pretrained
from plait.run import WEIGHTS, Run

DEFAULT_BACKBONE = "resnet18.a1_in1k"
IMAGENET_SIDE = 160


def use_backbone(values: dict[str, Any], name: str) -> None:
    """Puts a timm backbone in place of a recipe's network: the head first, then everything with smaller steps.

    ``name`` is a timm model, a file of weights (then of the default backbone), "NAME=FILE", or "default".
    """
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


def copy_weights(network: nn.Module, classes: list[str], source: Run, say: Callable[[str], None]) -> None:
    """Copies from ``source`` every weight of the same name and shape, and the last layer's by the classes' names.

    Says what was taken and what was left as it was drawn.
    """
    found = load_file(source.folder / WEIGHTS)
    own = network.state_dict()
    taken = {name for name, value in own.items() if _take(name, value, found, classes, source.spec.classes)}
    left = [name for name in own if name not in taken]
    say(
        f"from {source.folder}: {len(taken)} of {len(own)} weights taken"
        + (f"; left: {', '.join(left)}" if left else "")
    )
    network.load_state_dict(own)


def _take(name: str, value: Tensor, found: dict[str, Tensor], classes: list[str], others: list[str]) -> bool:
    """Writes the other run's values into ``value``; for a tensor with one row a class, row by row by class name."""
    other = found.get(name)
    if other is None or (other.dim() == 0 and value.dim() != 0):
        return False
    if other.shape == value.shape and not (
        len(value.shape) and len(value) == len(classes) and classes != others
    ):
        value.copy_(other)
        return True
    if other.shape[1:] != value.shape[1:] or (len(other), len(value)) != (len(others), len(classes)):
        return False
    for row, label in enumerate(classes):
        if label in others:
            value[row] = other[others.index(label)]
    return any(label in others for label in classes)


def _backbone(name: str) -> dict[str, Any]:
    if name == "default":
        return {"timm": DEFAULT_BACKBONE}
    model, equals, file = name.partition("=")
    if equals:
        return {"timm": model, "file": file}
    if name.endswith((".safetensors", ".pth", ".pt", ".bin")):
        return {"timm": DEFAULT_BACKBONE, "file": name}
    return {"timm": name}

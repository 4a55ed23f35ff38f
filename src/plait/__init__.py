"""plait: from labelled data to a tested, deployable network of convolutional and recurrent layers.

``train(data) -> Model``, ``load(run or model.onnx)``, ``inspect(data)``, ``compare(data, vary)``, and the layers
alone in ``plait.layers``.
Names are loaded when first used, so that importing plait imports no PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from plait.errors import (
    DataError,
    MissingExtraError,
    ModelError,
    NetworkError,
    PlaitError,
    RecipeError,
    RunError,
)

if TYPE_CHECKING:
    from plait.api import Model, compare, inspect, load, train

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NetworkError",
    "PlaitError",
    "RecipeError",
    "RunError",
    "__version__",
    "compare",
    "inspect",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in {"Model", "compare", "inspect", "load", "train"}:
        raise AttributeError(f"module 'plait' has no attribute {name!r}")
    return getattr(importlib.import_module("plait.api"), name)

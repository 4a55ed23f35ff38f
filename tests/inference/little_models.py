"""Models of a handful of numbers, made with the onnx package alone: they name the color of a picture."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

from plait.inference.onnx_file import SPEC_KEY, seal
from plait.inference.picture import PictureInput
from plait.inference.spec import ModelSpec

CLASSES = ["red", "green, or so", "蓝"]
COLORS = {"red": (250, 10, 10), "green, or so": (10, 250, 10), "蓝": (10, 10, 250)}
SPEC = ModelSpec(
    task="image-classification",
    classes=CLASSES,
    several_labels=False,
    input=PictureInput(height=4, width=6, channels=3, resize="stretch", margin=1.0),
    recipe={"data": {"max_pixels": 10_000}},
    scores={"accuracy": 0.5},
    plait_version="0.1.0",
    trained_on="2026-01-31",
)
SEVERAL = replace(SPEC, several_labels=True)


def color_graph() -> onnx.ModelProto:
    """Logits are the mean red, green and blue, from about -5 to 5."""
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Sub", ["means", "middle"], ["centered"]),
        helper.make_node("Div", ["centered", "scale"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "color",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["batch", 3, 4, 6])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor(
                "middle", TensorProto.FLOAT, [3], np.full(3, 127.5, np.float32).tobytes(), raw=True
            ),
            helper.make_tensor("scale", TensorProto.FLOAT, [1], [25.0]),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def packed(model: onnx.ModelProto, spec: ModelSpec | dict[str, Any] = SPEC) -> bytes:
    """The file plait would make of ``model``."""
    values = spec if isinstance(spec, dict) else spec.to_json()
    helper.set_model_props(model, {SPEC_KEY: json.dumps(values)})
    return seal(model.SerializeToString())


def write_model(path: Path, spec: ModelSpec = SPEC) -> Path:
    path.write_bytes(packed(color_graph(), spec))
    return path


def write_picture(path: Path, color: str, size: tuple[int, int] = (9, 7)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLORS[color]).save(path)
    return path

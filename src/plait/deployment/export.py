"""Export: a trained network to one self-describing ONNX file that answers as PyTorch does, or to none."""

import contextlib
import copy
import inspect
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from plait.errors import ModelError
from plait.files import replacing
from plait.inference import object_detection
from plait.inference.input import Array
from plait.inference.model import OnnxModel
from plait.inference.onnx_file import SPEC_KEY, seal
from plait.inference.spec import ModelSpec
from plait.tasks.task import as_tuple

BATCH_SIZES = (1, 2, 7)
LARGEST_DIFFERENCE = 1e-4
OPSET = 20
COMPARE: dict[str, Callable[[Sequence[Array], Sequence[Array]], float]] = {
    "object-detection": object_detection.largest_difference
}
"""Where answers are more than numbers at fixed places."""


def export(network: nn.Module, spec: ModelSpec, path: str | Path) -> dict[str, Any]:
    """Writes ``network``, the input's arrays to the spec's outputs, as ``path``.

    The file's answers are compared with PyTorch's in float32 on random inputs in several batch sizes (and lengths,
    where inputs have lengths); any number that differs by more than 1e-4 raises ModelError, and ``path`` is left as it
    was. Returns {"path", "bytes", "largest_difference", "batch_sizes", "opset"}.
    """
    path = Path(path)
    # The caller's network keeps its device, precision and mode.
    network = copy.deepcopy(network).to("cpu", torch.float32).to(memory_format=torch.contiguous_format).eval()
    content = seal(_serialized(network, spec))
    batches = [spec.input.examples(size, seed=size) for size in BATCH_SIZES]
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
            difference = _difference(network, OnnxModel(temporary), batches)
            if not difference <= LARGEST_DIFFERENCE:
                raise ModelError(
                    f"{path} was not written: its answers differ from PyTorch's by up to {difference:.2g}, "
                    f"more than {LARGEST_DIFFERENCE:.0e}; please report the recipe as a bug"
                )
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror or error}") from error
    return {
        "path": str(path),
        "bytes": len(content),
        "largest_difference": difference,
        "batch_sizes": list(BATCH_SIZES),
        "opset": OPSET,
    }


def _serialized(network: nn.Module, spec: ModelSpec) -> bytes:
    try:
        with _quiet():
            program = _translated(network, spec)
    except torch.onnx.errors.OnnxExporterError as error:
        raise ModelError(f"PyTorch cannot export this network: {error}") from error
    _tidy(program.model)
    _name_sides(program.model, spec)
    model = program.model_proto
    model.producer_name, model.producer_version = "plait", spec.plait_version
    entry = model.metadata_props.add()
    entry.key = SPEC_KEY
    entry.value = json.dumps(spec.to_json(), ensure_ascii=False, allow_nan=False)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _translated(network: nn.Module, spec: ModelSpec) -> torch.onnx.ONNXProgram:
    # Two examples: a batch of one would be taken for a constant.
    arrays = spec.input.examples(2, seed=2)
    program = torch.onnx.export(
        network,
        tuple(map(torch.from_numpy, arrays)),
        input_names=[port.name for port in spec.input.ports],
        output_names=[port.name for port in spec.outputs],
        dynamic_shapes=_dynamic(network, spec),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    return program


def _dynamic(network: nn.Module, spec: ModelSpec) -> tuple[Any, ...]:
    """The axes that vary, of each array: the batch, and the sides that the input names by a word.

    What ``network`` takes as *rest stands in a tuple of its own.
    """
    named: dict[str, Any] = {}

    def dim(word: str) -> Any:
        return named.setdefault(word, torch.export.Dim(word))

    axes = [
        {0: dim("batch")}
        | {axis: dim(side) for axis, side in enumerate(port.sides, start=1) if isinstance(side, str)}
        for port in spec.input.ports
    ]
    taken = list(inspect.signature(network.forward).parameters.values())
    own = len(taken) - 1 if taken[-1].kind == inspect.Parameter.VAR_POSITIONAL else len(axes)
    return (*axes[:own], tuple(axes[own:])) if axes[own:] else tuple(axes)


def _name_sides(model: Any, spec: ModelSpec) -> None:
    """The outputs' sides are called as the spec calls them: the exporter writes down how one follows from another."""
    import onnx_ir

    for value, port in zip(model.graph.outputs, spec.outputs, strict=True):
        value.shape = onnx_ir.Shape([*(["batch"] if port.batched else []), *port.sides])


def _tidy(model: Any) -> None:
    """Stores once what is read twice (by the mirror image); takes out the exporter's notes on source files."""
    from onnx_ir.passes import common

    # By their bytes: folding a transpose leaves views, which the pass that hashes cannot read.
    common.DeduplicateInitializersPass(size_limit=sys.maxsize)(model)
    common.ClearMetadataAndDocStringPass()(model)


def _difference(network: nn.Module, model: OnnxModel, batches: list[tuple[Array, ...]]) -> float:
    """The largest difference of an answer's number; not a number where an answer is none."""
    apart = COMPARE.get(model.spec.task, _largest)
    with torch.inference_mode(), _full_precision():
        return float(np.max([apart(_asked(network, arrays), model.run(*arrays)) for arrays in batches]))


def _asked(network: nn.Module, arrays: tuple[Array, ...]) -> list[Array]:
    return [one.numpy() for one in as_tuple(network(*map(torch.from_numpy, arrays)))]


def _largest(expected: Sequence[Array], found: Sequence[Array]) -> float:
    pairs = zip(expected, found, strict=True)
    return float(np.max([np.abs(np.subtract(one, other)).max() for one, other in pairs]))


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on itself are not for the user; what matters is compared afterwards."""
    logging_level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(logging_level)

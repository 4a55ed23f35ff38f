"""Export: a trained network to one self-describing ONNX file that answers as PyTorch does, or to none."""

import contextlib
import copy
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from plait.errors import ModelError
from plait.files import replacing
from plait.inference.model import INPUT, OUTPUT, OnnxModel
from plait.inference.onnx_file import SPEC_KEY, seal
from plait.inference.spec import ModelSpec

BATCH_SIZES = (1, 2, 7)
LARGEST_DIFFERENCE = 1e-4
OPSET = 20


def export(
    network: nn.Module, spec: ModelSpec, path: str | Path, sample: NDArray[np.uint8] | None = None
) -> dict[str, Any]:
    """Writes ``network``, uint8 (batch, channels, height, width) to logits (batch, classes), as ``path``.

    The file's answers are compared with PyTorch's in float32 on random pictures in several batch sizes and on
    ``sample`` (pictures in the same layout); any logit that differs by more than 1e-4 raises ModelError, and
    ``path`` is left as it was. Returns {"path", "bytes", "largest_difference", "batch_sizes", "opset"}.
    """
    path = Path(path)
    # The caller's network keeps its device, precision and mode.
    network = copy.deepcopy(network).to("cpu", torch.float32).to(memory_format=torch.contiguous_format).eval()
    content = seal(_serialized(network, spec))
    batches = _batches(spec, sample)
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
        "batch_sizes": [len(batch) for batch in batches],
        "opset": OPSET,
    }


def _serialized(network: nn.Module, spec: ModelSpec) -> bytes:
    try:
        with _quiet():
            program = _translated(network, spec)
    except torch.onnx.errors.OnnxExporterError as error:
        raise ModelError(f"PyTorch cannot export this network: {error}") from error
    _tidy(program.model)
    model = program.model_proto
    model.producer_name, model.producer_version = "plait", spec.plait_version
    entry = model.metadata_props.add()
    entry.key = SPEC_KEY
    entry.value = json.dumps(spec.to_json(), ensure_ascii=False, allow_nan=False)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _translated(network: nn.Module, spec: ModelSpec) -> torch.onnx.ONNXProgram:
    # Two pictures: a batch of one would be taken for a constant.
    example = torch.from_numpy(_random_pictures(spec, 2, seed=0))
    program = torch.onnx.export(
        network,
        (example,),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    return program


def _tidy(model: Any) -> None:
    """Stores once what is read twice (by the mirror image); takes out the exporter's notes on source files."""
    from onnx_ir.passes import common

    # By their bytes: folding a transpose leaves views, which the pass that hashes cannot read.
    common.DeduplicateInitializersPass(size_limit=sys.maxsize)(model)
    common.ClearMetadataAndDocStringPass()(model)


def _batches(spec: ModelSpec, sample: NDArray[np.uint8] | None) -> list[NDArray[np.uint8]]:
    random = [_random_pictures(spec, size, seed=size) for size in BATCH_SIZES]
    return random if sample is None or not len(sample) else [*random, sample]


def _random_pictures(spec: ModelSpec, count: int, seed: int) -> NDArray[np.uint8]:
    shape = (count, spec.input.channels, spec.input.height, spec.input.width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def _difference(network: nn.Module, model: OnnxModel, batches: list[NDArray[np.uint8]]) -> float:
    """The largest difference of a logit; not a number where an answer is none."""
    with torch.inference_mode(), _full_precision():
        pairs = [(network(torch.from_numpy(batch)).numpy(), model.run(batch)) for batch in batches]
    return float(np.max([np.abs(expected - found).max() for expected, found in pairs]))


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

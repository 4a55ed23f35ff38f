"""Recurrence in a model file: one ONNX operator for any length, where PyTorch's exporter would write out each step."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_DIRECTIONS = {(False,): "forward", (True,): "reverse", (False, True): "bidirectional"}
"""ONNX's words."""


def exporting() -> bool:
    """Whether a model file is being written."""
    return torch.onnx.is_in_onnx_export() and torch.compiler.is_exporting()


def recurrence(
    operator: str,
    x: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    lengths: Tensor | None,
    starts: Sequence[Tensor | None],
    reversals: tuple[bool, ...],
    **attributes: Any,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs (outer, time, inner, ways * units) and last states (outer * inner, ways * units) of ONNX's ``operator``.

    ``x`` is (outer, time, inner, channels); ``weights`` are of the input (ways, gates * units, channels), of the state
    (ways, gates * units, units) and biases (ways, 2 * gates * units), gates in ONNX's order; ``starts`` (ways, rows,
    units) or None for zeros.
    """
    outer, time, inner, channels = x.shape
    rows, (ways, _, units) = outer * inner, weights[1].shape
    real = None if lengths is None else lengths.repeat_interleave(inner).to(torch.int32)
    outputs, *ends = torch.onnx.ops.symbolic_multi_out(
        operator,
        [x.permute(1, 0, 2, 3).reshape(time, rows, channels), *weights, real, *starts],
        attrs={"hidden_size": units, "direction": _DIRECTIONS[reversals], **attributes},
        dtypes=[x.dtype] * (1 + len(starts)),
        shapes=[(time, ways, rows, units), *[(ways, rows, units)] * len(starts)],
    )
    given = outputs.view(time, ways, outer, inner, units).permute(2, 0, 3, 1, 4).flatten(3)
    return given, tuple(torch.cat([*end], dim=1) for end in ends)

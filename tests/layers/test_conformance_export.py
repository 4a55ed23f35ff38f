"""Every layer in a model file: ONNX Runtime answers as PyTorch does, at any batch, and at any length of a sequence."""

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from plait.layers import Sequence, Tokens
from tests.layers.test_conformance import CASES, Case, dimensions

OF_SEQUENCES = {name: case for name, case in CASES.items() if isinstance(case.arriving, Sequence)}


@pytest.mark.filterwarnings("ignore")
def test_exported_is_eager(tmp_path: Path) -> None:
    """All layers side by side in one file, so that PyTorch's exporter (whose warnings are its own) starts once."""
    network = SideBySide(CASES.values()).eval()
    session = exported(network, (network.examples(2),), ({0: torch.export.Dim("batch")},), tmp_path)
    for batch in (1, 5):
        compare(session, network, network.examples(batch), CASES, f"at a batch of {batch}")


def exported(
    network: nn.Module, given: tuple[Tensor, ...], dynamic: Any, folder: Path
) -> onnxruntime.InferenceSession:
    torch.onnx.export(
        network,
        given,
        folder / "layers.onnx",
        dynamo=True,
        verbose=False,
        external_data=False,
        dynamic_shapes=dynamic,
    )
    return onnxruntime.InferenceSession(folder / "layers.onnx")


def compare(
    session: onnxruntime.InferenceSession, network: nn.Module, x: Tensor, names: Iterable[str], where: str
) -> None:
    answers = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    for name, expected, answer in zip(names, network(x), answers, strict=True):
        difference = (expected - torch.from_numpy(answer)).abs().max()
        assert difference < 1e-4, f"{name}: differs by {difference} {where}"


class SideBySide(nn.Module):
    """Layers that know nothing of each other; what arrives at them lies side by side in one matrix."""

    def __init__(self, cases: Collection[Case]) -> None:
        super().__init__()
        self.cases = cases
        self.layers = nn.ModuleList(case.built() for case in cases)
        self.dimensions = [dimensions(case.arriving) for case in cases]

    def examples(self, batch: int) -> Tensor:
        return torch.cat([case.examples(batch).flatten(1) for case in self.cases], dim=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        parts = x.split([math.prod(one) for one in self.dimensions], dim=1)
        return [
            layer(part.unflatten(1, one).to(torch.int64 if isinstance(case.arriving, Tokens) else x.dtype))
            for case, layer, part, one in zip(self.cases, self.layers, parts, self.dimensions, strict=True)
        ]


@pytest.mark.filterwarnings("ignore")
def test_exported_is_eager_at_any_length(tmp_path: Path) -> None:
    """Layers of sequences side by side, exported at one length and asked at three others."""
    network = Abreast(OF_SEQUENCES.values()).eval()
    dynamic = ({0: torch.export.Dim("batch"), 1: torch.export.Dim("time", min=6)},)
    session = exported(network, (network.examples(2, 9),), dynamic, tmp_path)
    for time in (7, 63, 400):
        compare(session, network, network.examples(3, time), OF_SEQUENCES, f"at {time} steps")


class Abreast(nn.Module):
    """Layers of sequences that know nothing of each other; their channels lie side by side."""

    def __init__(self, cases: Collection[Case]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(case.built() for case in cases)
        self.channels = [dimensions(case.arriving)[1] for case in cases]

    def examples(self, batch: int, time: int) -> Tensor:
        return torch.randn(batch, time, sum(self.channels))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [layer(part) for layer, part in zip(self.layers, x.split(self.channels, dim=2), strict=True)]

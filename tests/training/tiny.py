"""A tiny job for the tests of training: pictures of noise with a brighter half, a small network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from plait.data.batches import Batch
from plait.training import Job, TrainingOptions

EXAMPLES, SIDE, SIZE = 64, 8, 16

OPTIONS: dict[str, Any] = {
    "epochs": 5,
    "steps": None,
    "minutes": None,
    "batch_size": SIZE,
    "accumulate": 1,
    "clip": 1.0,
    "optimizer": {
        "name": "adamw",
        "learning_rate": 0.01,
        "matrix_rate": 1.0,
        "momentum": 0.9,
        "weight_decay": 0.05,
        "norm_scale_rate": 1.0,
        "norm_bias_rate": 1.0,
    },
    "schedule": {"name": "cosine", "warmup": 0.1},
    "averaging": 0.99,
    "early_stopping": 0,
    "precision": "float32",
    "seed": 3,
    "freeze": 0,
    "backbone_rate": 1.0,
}


def options(**changes: Any) -> TrainingOptions:
    """The options above with some replaced; of the optimizer's only what is named."""
    changes["optimizer"] = {**OPTIONS["optimizer"], **changes.get("optimizer", {})}
    return TrainingOptions.model_validate({**OPTIONS, **changes})


def network(dropout: float = 0.3) -> nn.Module:
    """Convolution, batch norm, dropout, recurrence: everything that has a state or draws by chance."""
    torch.manual_seed(0)
    return Tiny(dropout)


class Tiny(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(dropout)
        self.recurrence = nn.GRU(8 * SIDE, 8, batch_first=True)
        self.dense = nn.Linear(8, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = self.dropout(F.relu(self.norm(self.convolution(pictures / 255))))
        steps, _ = self.recurrence(maps.permute(0, 2, 1, 3).flatten(2))
        output: Tensor = self.dense(steps[:, -1])
        return output


def examples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 200, (EXAMPLES, 3, SIDE, SIDE), generator=generator)
    targets = torch.arange(EXAMPLES) % 2
    pictures[targets == 1, :, : SIDE // 2] += 40
    return pictures.to(torch.uint8).contiguous(memory_format=torch.channels_last), targets


class Batches:
    """Batches ``start`` to ``total`` - 1, each a pure function of its number."""

    def __init__(self, start: int, total: int) -> None:
        self._numbers = range(start, total)

    def __iter__(self) -> Iterator[Batch]:
        pictures, targets = examples()
        for number in self._numbers:
            rows = torch.from_numpy(np.random.default_rng(number).permutation(EXAMPLES)[:SIZE])
            yield Batch(pictures[rows], None, targets[rows], rows)


def validate(network: nn.Module) -> dict[str, float]:
    pictures, targets = examples()
    with torch.no_grad():
        outputs = network.eval()(pictures).float()
    score = float((outputs.argmax(1) == targets).float().mean())
    return {"score": score, "loss": float(F.cross_entropy(outputs, targets))}


def job(folder: Path, resume: bool = False, checkpoint_seconds: float = 0.0, **changes: Any) -> Job:
    return Job(
        network=network(),
        loss=F.cross_entropy,
        batches=Batches,
        steps_per_epoch=EXAMPLES // SIZE,
        validate=validate,
        mix=None,
        options=options(**changes),
        folder=folder,
        fingerprint="noise",
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
    )

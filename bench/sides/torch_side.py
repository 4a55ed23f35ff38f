"""One side of the speed comparison: a plain PyTorch loop in float32, as a tutorial writes it.

Prints one JSON line.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn

STAGES = (64, 128, 256, 256)


def main() -> None:
    asked = arguments()
    torch.set_num_threads(asked.threads)
    with np.load(asked.pictures) as arrays:
        pictures = torch.from_numpy(arrays["pictures"]).permute(0, 3, 1, 2).contiguous()
        targets = torch.from_numpy(arrays["targets"])
    network = build()
    ends = train(network, pictures, targets, asked)
    trained = len(pictures) // asked.batch * asked.batch * (asked.epochs - 1)
    answer = {
        "pictures_per_second": trained / (ends[-1] - ends[0]),
        "parameters": sum(value.numel() for value in network.parameters()),
        "versions": {"torch": torch.__version__},
    }
    print(json.dumps(answer))


def build() -> nn.Module:
    """64-128-256-256 channels, two convolutions a stage."""
    layers: list[nn.Module] = []
    arriving = 3
    for channels in STAGES:
        for _ in range(2):
            layers += [
                nn.Conv2d(arriving, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            arriving = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(arriving, 10))


def train(
    network: nn.Module, pictures: torch.Tensor, targets: torch.Tensor, asked: argparse.Namespace
) -> list[float]:
    """When each epoch ended; the first one is warm-up."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    loss_of = nn.CrossEntropyLoss()
    ends = []
    network.train()
    for _ in range(asked.epochs):
        order = torch.randperm(len(pictures))
        for rows in order[: len(order) // asked.batch * asked.batch].split(asked.batch):
            values = pictures[rows].float() / 127.5 - 1
            optimizer.zero_grad()
            loss_of(network(values), targets[rows]).backward()
            optimizer.step()
        ends.append(time.perf_counter())
    return ends


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", help="an .npz of pictures (n, 32, 32, 3) uint8 and targets (n,)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

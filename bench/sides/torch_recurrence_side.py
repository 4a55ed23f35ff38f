"""One side of the recurrence comparison: plait's cells and torch.nn's, in float32 and, where it is quick, bfloat16.

Prints one JSON line: name -> {training, inference} in milliseconds.
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from plait.layers import Recurrent, Sequence
from plait.training.allocator import keep_memory
from plait.training.precision import has_bfloat16

REPEATS, WARM_UP = 7, 2
KINDS = ("lstm", "gru", "sru", "mingru")


def main() -> None:
    steps, batch, units, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    keep_memory()
    torch.manual_seed(0)
    x = torch.randn(batch, steps, units, requires_grad=True)
    lengths = (torch.rand(batch) * 0.9 * steps + 0.1 * steps).long().clamp(min=1)
    found: dict[str, dict[str, float]] = {}
    for name, module in {"LSTM": nn.LSTM, "GRU": nn.GRU}.items():
        peer = module(units, units, batch_first=True)
        found[f"torch.nn {name}"] = measured(lambda x, peer=peer: peer(x)[0], x)
    for kind in KINDS:
        layer = Recurrent(kind, units)
        layer.build(Sequence(steps, units))
        found[f"plait {kind}"] = measured(layer, x)
        if has_bfloat16():
            with torch.autocast("cpu", torch.bfloat16):
                found[f"plait {kind}, bfloat16"] = measured(layer, x)
        if kind == "mingru":
            found["plait mingru, padded"] = measured(lambda x, layer=layer: layer(x, lengths), x)
    print(json.dumps(found))


def measured(layer: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, float]:
    def train() -> None:
        layer(x).float().sum().backward()

    def infer() -> None:
        with torch.inference_mode():
            layer(x.detach())

    return {"training": least(train), "inference": least(infer)}


def least(call: Callable[[], None]) -> float:
    taken = []
    for _ in range(WARM_UP + REPEATS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return 1000 * min(taken[WARM_UP:])


if __name__ == "__main__":
    main()

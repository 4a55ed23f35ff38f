"""Training speed of detectors side by side: plait's default, and torchvision's FCOS of equal cost in float32.

python bench/detection_speed.py DATA [--turns N] [--model yolov8n.onnx]: DATA holds bccd/. Each side is a process of
its own with as many threads, in turns. plait's steps hold all that a training does: views drawn from pictures
(mosaic, scale, color), loss, optimizer, averaging; FCOS is asked for nothing but forward, backward and SGD on
tensors that lie ready, of the size at which a picture costs as many multiply-adds. Latency is that of one picture
in ONNX Runtime, beside --model where it is given. Writes bench/results/detection_speed.json.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import added, answer, machine

BATCH = 8
SECONDS = 20.0
CHANNELS = 64
BOXES = 13
"""Of a picture, as in BCCD's training part."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--multiply-adds", type=int, default=0)
    asked = parser.parse_args()
    if asked.side is not None:
        print(json.dumps(SIDES[asked.side](asked)))
        return
    command = [sys.executable, __file__, str(asked.data)]
    ours, theirs = [], []
    for _ in range(asked.turns):
        ours.append(answer(asked.threads, [*command, "--side", "plait"]))
        budget = ["--multiply-adds", str(ours[0]["multiply_adds"])]
        theirs.append(answer(asked.threads, [*command, "--side", "torchvision", *budget]))
    rates = [statistics.median(one["pictures_per_second"] for one in side) for side in (ours, theirs)]
    result = {"plait": ours, "torchvision": theirs, "ratio": rates[0] / rates[1], "machine": machine()}
    added("detection_speed", "training", result)
    latency = ["--side", "latency", *(["--model", str(asked.model)] if asked.model else [])]
    added("detection_speed", "latency", answer(asked.threads, [*command, *latency]) | {"machine": machine()})


def _plait(asked: argparse.Namespace) -> dict[str, Any]:
    from plait.layers import Map, network_table
    from plait.training.averaging import averaged_copy
    from plait.training.measure import choose_precision
    from plait.training.precision import autocast, placed
    from plait.training.stepper import Stepper, step_groups

    run, job = _job(asked.data)
    precision = choose_precision(job)
    network = placed(job.network).train()
    stepper = Stepper(job, network, averaged_copy(network), 10_000)
    groups = enumerate(step_groups(job, 0, 10_000))

    def step() -> None:
        number, group = next(groups)
        with autocast(precision):
            stepper.advance(number, group, lambda loss: loss.backward())

    body = sum(
        row["multiply_adds"]
        for row in network_table(network.body, Map(3, run.spec.input.height, run.spec.input.width))
    )
    whole = _counted(lambda: network.raw(_noise(run.spec.input.height, run.spec.input.width)))
    return {
        "pictures_per_second": BATCH * _rate(step),
        "multiply_adds": whole,
        "of_the_body": body,
        "precision": precision,
        "picture": [run.spec.input.height, run.spec.input.width],
    }


def _job(data: Path) -> tuple[Any, Any]:
    """A run of the default recipe on BCCD, created and not trained, and its job."""
    from functools import partial

    from plait import flow
    from plait.assess import Part
    from plait.data.gather import gather
    from plait.media import MEDIA
    from plait.own_parts import OwnParts
    from plait.recipe import read_recipe

    source = str(data.resolve() / "bccd")
    asking = partial(_asked, read_recipe)
    gathered = gather(source, asking().data, 0, skip_bad=True)
    recipe = MEDIA["object-detection"].settle(asking, gathered.part("train"))
    folder = Path(tempfile.mkdtemp()) / "run"
    run = flow._create(folder, recipe, gathered, {"start_from": None, "own": {}})
    train, validation = (Part.open(gathered.part(name), run) for name in ("train", "validation"))
    network = run.empty_network()
    run.medium.fit(network, train.store, train.targets, train.gathered, run.recipe)
    own = OwnParts(None, None, None)
    return run, flow._job(run, network, train, validation, None, "", own, False)


def _asked(read: Callable[..., Any], small: bool = False) -> Any:
    return read(None, [f"training.batch_size={BATCH}"], "object-detection", small=small)


def _torchvision(asked: argparse.Namespace) -> dict[str, Any]:
    import torch

    side = _side(asked.multiply_adds)
    network = _fcos(side).train()
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)
    chance = np.random.default_rng(0)
    corner = chance.uniform(0, 0.7 * side, (BATCH, BOXES, 2))
    edges = np.concatenate([corner, corner + chance.uniform(0.08 * side, 0.25 * side, (BATCH, BOXES, 2))], 2)
    pictures = list(torch.rand(BATCH, 3, side, side))
    targets = [
        {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.randint(0, 3, (BOXES,))}
        for boxes in edges
    ]

    def step() -> None:
        loss = sum(network(pictures, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return {
        "pictures_per_second": BATCH * _rate(step),
        "multiply_adds": _products(side),
        "picture": [side, side],
    }


def _side(budget: int) -> int:
    """The multiple of 32 at which a picture costs as much as is allowed, or the nearest."""
    return min(range(96, 513, 32), key=lambda side: abs(_products(side) - budget))


def _fcos(side: int) -> Any:
    """ResNet-18 with a pyramid and heads of CHANNELS, two convolutions deep, as plait's default has."""
    from torchvision.models import resnet18
    from torchvision.models.detection import FCOS
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.fcos import FCOSHead

    layers = {"layer2": "0", "layer3": "1", "layer4": "2"}
    backbone = BackboneWithFPN(resnet18(), layers, [128, 256, 512], CHANNELS)
    anchors = AnchorGenerator(((8,), (16,), (32,), (64,)), ((1.0,),) * 4)
    head = FCOSHead(CHANNELS, 1, 3, num_convs=2)
    return FCOS(backbone, 3, min_size=side, max_size=side, anchor_generator=anchors, head=head)


def _products(side: int) -> int:
    network = _fcos(side).eval()

    def asked() -> None:
        maps = network.backbone(_noise(side, side))
        network.head(list(maps.values()))

    return _counted(asked)


def _latency(asked: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of one picture that lies ready: plait's default network, and the peer's file."""
    from plait.deployment.export import export
    from plait.inference.model import OnnxModel

    run, job = _job(asked.data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export(job.network.eval(), run.spec, path)
        model = OnnxModel(path, threads=asked.threads)
        size = (1, 3, run.spec.input.height, run.spec.input.width)
        picture = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        found = {"plait_ms": 1000 / _rate(lambda: model.run(picture), 5), "picture": list(size[2:])}
    return found | ({} if asked.model is None else _of_peer(asked.model, asked.threads))


def _of_peer(path: Path, threads: int) -> dict[str, Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    picture = np.random.default_rng(0).random(taken.shape, np.float32)
    rate = _rate(lambda: session.run(None, {taken.name: picture}), 5)
    return {"peer_ms": 1000 / rate, "peer_picture": taken.shape[2:]}


def _noise(height: int, width: int) -> Any:
    import torch

    return torch.zeros(1, 3, height, width)


def _counted(work: Callable[[], Any]) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops() // 2)


def _rate(step: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Times a second, after three."""
    for _ in range(3):
        step()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        step()
        count += 1
    return count / (time.perf_counter() - started)


SIDES = {"plait": _plait, "torchvision": _torchvision, "latency": _latency}

if __name__ == "__main__":
    main()

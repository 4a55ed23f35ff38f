"""The peer: YOLOv8n of Ultralytics from nothing, on data in YOLO's format; prints what it finds in pictures as JSON.

In an environment of its own (AGPL-3.0; nothing of it is part of plait).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data.yaml")
    parser.add_argument("pictures", type=Path, help="a folder: what is to be found in it")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="also exported as ONNX, here")
    asked = parser.parse_args()
    os.environ["YOLO_OFFLINE"] = "1"
    # Everything that it prints goes to standard error: standard output is one document.
    answers = os.dup(1)
    os.dup2(2, 1)
    found = _trained(asked)
    with os.fdopen(answers, "w") as out:
        json.dump(found, out)


def _trained(asked: argparse.Namespace) -> dict[str, object]:
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as folder:
        network = YOLO("yolov8n.yaml")
        started = time.perf_counter()
        network.train(
            data=str(asked.data.resolve()),
            imgsz=asked.side,
            epochs=asked.epochs,
            batch=asked.batch,
            seed=asked.seed,
            device="cpu",
            workers=2,
            pretrained=False,
            plots=False,
            project=folder,
            name="run",
        )
        seconds = time.perf_counter() - started
        best = YOLO(Path(folder) / "run" / "weights" / "best.pt")
        paths = sorted(asked.pictures.iterdir())
        answers = {
            path.name: _boxes(best.predict(path, imgsz=asked.side, conf=0.001, max_det=100, verbose=False)[0])
            for path in paths
        }
        if asked.model is not None:
            Path(best.export(format="onnx", imgsz=asked.side, nms=True, dynamic=False)).replace(asked.model)
    return {"seconds": seconds, "found": answers}


def _boxes(result: object) -> list[list[float]]:
    """left, top, right, bottom, score, class."""
    rows: list[list[float]] = result.boxes.data.tolist()  # type: ignore[attr-defined]
    return rows


if __name__ == "__main__":
    sys.exit(main())

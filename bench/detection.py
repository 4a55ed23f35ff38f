"""Boxes on BCCD beside Ultralytics, what the recurrent context and head buy; sixteen pictures of COCO learnt by heart.

python bench/detection.py DATA [ours peer context heads overfit start] [--seeds N] [--set KEY=VALUE]: DATA holds
bccd/, coco64/ and flowers12/. ``ours`` trains and tests plait alone; ``peer`` trains YOLOv8n from nothing (320
pixels, 60 epochs, batches of 16) in an environment of its own (bench/.environments/ultralytics, made by `make
bench-detection`), one after the other with plait on the same cores, and compares AP50 on the test part over the
same resampled pictures; ``context`` and ``heads`` compare variants of the recipe; ``overfit`` trains on sixteen
pictures of coco64 and asks about them; ``start`` trains a classifier of flowers with the detector's own layers, and
starts from it, held for three epochs and not. Writes bench/results/detection.json.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import added, answer, machine

import plait
from plait.assess import Part
from plait.data.gather import gather
from plait.evaluation.detection_matches import Found
from plait.evaluation.detection_scores import detection_scores, paired_bootstrap
from plait.flow import open_run
from plait.inference.boxes import Annotation
from plait.recipe import read_recipe

HERE = Path(__file__).parent
PYTHON = HERE / ".environments" / "ultralytics" / "bin" / "python"
CELLS = HERE.parent / "recipes" / "object-detection-cells.yaml"
CONTEXT = (
    "pyramid.context=[],[{spatial_recurrent: {cell: mingru, units: 32, reading: crosswise, residual: true}}]"
)
VARIED = {"context": CONTEXT, "heads": "head.name=dense,recurrent"}
SIXTEEN = 16
BY_HEART = [
    "data.image_size=320",
    "training.epochs=200",
    "training.batch_size=4",
    "augmentation.flip=none",
    "augmentation.scale=[1, 1]",
    "augmentation.aspect=1",
    "augmentation.color=0",
    "augmentation.mosaic=0",
]
"""Nothing is drawn: what is asked is whether pictures can be learnt at all."""
PARTS = {"train": "train", "validation": "val", "test": "test"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("parts", nargs="*", default=["ours", "peer", *VARIED, "overfit", "start"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="a value of the recipe")
    parser.add_argument("--epochs", type=int, default=60, help="of the peer")
    parser.add_argument("--python", type=Path, default=PYTHON, help="the peer's")
    asked = parser.parse_args()
    source = str(asked.data.resolve() / "bccd")
    for part in asked.parts:
        if part in VARIED:
            result = _compared(source, VARIED[part], asked.seeds, asked.changes)
        elif part == "overfit":
            result = _overfit(asked.data.resolve() / "coco64", asked.changes)
        elif part == "start":
            result = _started(asked.data.resolve(), asked.seeds, asked.changes)
        else:
            peer = asked.python if part == "peer" else None
            result = {
                "runs": [_run(source, seed, asked.changes, peer, asked.epochs) for seed in range(asked.seeds)]
            }
        added("detection", part, result | {"changes": asked.changes, "machine": machine()})


def _run(source: str, seed: int, changes: Sequence[str], peer: Path | None, epochs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = plait.train(
            source, recipe=CELLS, changes=list(changes), seed=seed, skip_bad=True, out=Path(folder) / "run"
        )
        report = model.test()
        keys = ("value", "low", "high", "training_seconds")
        ours: dict[str, Any] = {key: report[key] for key in keys} | {
            "ap": report["scores"]["ap"],
            "classes": {one["name"]: one["ap50"] for one in report["scores"]["classes"]},
        }
        print(seed, json.dumps(ours), flush=True)
        if peer is None:
            return ours
        return {"plait": ours} | _beside(source, model, Path(folder), seed, peer, epochs)


def _beside(
    source: str, model: plait.Model, folder: Path, seed: int, peer: Path, epochs: int
) -> dict[str, Any]:
    """The peer's scores on the same pictures, and by how much plait's are higher."""
    run = open_run(model.folder)
    names = _as_yolo(source, folder / "yolo", run.spec.classes)
    command = [str(peer), str(HERE / "sides" / "ultralytics_side.py"), str(folder / "yolo" / "data.yaml")]
    options = ["--epochs", str(epochs), "--seed", str(seed)]
    theirs = answer(os.cpu_count() or 1, [*command, str(folder / "yolo" / "images" / "test"), *options])
    test = gather(source, run.recipe.data, run.recipe.split_seed, skip_bad=True).part("test")
    part = Part.open(test, run)
    task = run.task()
    marked, ours = task.compared(part.targets, task.answers(part.outputs(task, run.network())))
    found = [_found(theirs["found"][names[path]]) for path in test.table.frame["input"]]
    scores = detection_scores(marked, found, run.spec.classes)
    difference = paired_bootstrap(marked, ours, found, run.spec.classes)
    return {
        "peer": {key: scores[key] for key in ("value", "low", "high", "ap")}
        | {"seconds": theirs["seconds"], "classes": {one["name"]: one["ap50"] for one in scores["classes"]}},
        "difference": dict(zip(("value", "low", "high"), difference, strict=True)),
    }


def _as_yolo(source: str, folder: Path, classes: Sequence[str]) -> dict[str, str]:
    """The same pictures and boxes in YOLO's format; names of copies by path."""
    options = read_recipe(CELLS, task="object-detection").data
    table = gather(source, options, 0, skip_bad=True).table
    numbers = {name: number for number, name in enumerate(classes)}
    names = {}
    for path, target, split in zip(table.frame["input"], table.targets, table.splits, strict=True):
        assert isinstance(target, Annotation)
        assert target.size is not None
        names[path] = Path(path).name
        image = folder / "images" / PARTS[split] / names[path]
        label = folder / "labels" / PARTS[split] / f"{Path(path).stem}.txt"
        for one in (image, label):
            one.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, image)
        high, wide = target.size
        lines = [
            f"{numbers[box.label]} {(box.left + box.right) / 2 / wide} {(box.top + box.bottom) / 2 / high} "
            f"{(box.right - box.left) / wide} {(box.bottom - box.top) / high}"
            for box in target.boxes
        ]
        label.write_text("\n".join(lines) + "\n", encoding="utf-8")
    parts = "".join(f"{part}: images/{part}\n" for part in PARTS.values())
    text = f"path: {folder.resolve()}\n{parts}names: {json.dumps(list(classes))}\n"
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return names


def _found(rows: Sequence[Sequence[float]]) -> Found:
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Found(values[:, :4], values[:, 5].astype(np.int64), values[:, 4])


def _compared(source: str, vary: str, seeds: int, changes: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        comparison = plait.compare(
            source,
            [vary],
            seeds=seeds,
            changes=list(changes),
            recipe=CELLS,
            skip_bad=True,
            test=True,
            out=Path(folder) / "runs",
        )
    return {
        "variants": [
            {key: value for key, value in one.items() if key != "runs"} for one in comparison["variants"]
        ]
    }


def _overfit(coco: Path, changes: Sequence[str]) -> dict[str, Any]:
    """The first sixteen pictures that have boxes are training, validation and test at once."""
    whole = json.loads((coco / "annotations" / "instances_train2017.json").read_text(encoding="utf-8"))
    marked = {one["image_id"] for one in whole["annotations"]}
    chosen = [one for one in whole["images"] if one["id"] in marked][:SIXTEEN]
    known = {one["id"] for one in chosen}
    boxes = [one for one in whole["annotations"] if one["image_id"] in known]
    used = {one["category_id"] for one in boxes}
    categories = [one for one in whole["categories"] if one["id"] in used]
    text = json.dumps({"images": chosen, "annotations": boxes, "categories": categories})
    with tempfile.TemporaryDirectory() as folder:
        for part in ("train", "val", "test"):
            (Path(folder) / part).mkdir()
            for one in chosen:
                shutil.copyfile(
                    coco / "images" / "train2017" / one["file_name"], Path(folder) / part / one["file_name"]
                )
            (Path(folder) / part / "_annotations.coco.json").write_text(text, encoding="utf-8")
        model = plait.train(folder, changes=[*BY_HEART, *changes], skip_bad=True, out=Path(folder) / "run")
        report = model.report
    return {
        "ap50": report["splits"]["validation"]["value"],
        "ap": report["scores"]["ap"],
        "boxes": len(boxes),
        "classes": len(categories),
        "seconds": report["training_seconds"],
    }


def _started(data: Path, seeds: int, changes: Sequence[str]) -> dict[str, Any]:
    """From nothing, from the flowers' layers, and from them held at first; the same seeds."""
    network = json.dumps(read_recipe(CELLS, task="object-detection").network)
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        flowers = plait.train(
            data / "flowers12", changes=[f"network={network}"], out=Path(folder) / "flowers"
        )
        ways = {"nothing": (None, 0), "flowers": (flowers.folder, 0), "flowers, held": (flowers.folder, 3)}
        for name, (start, freeze) in ways.items():
            for seed in range(seeds):
                model = plait.train(
                    data / "bccd",
                    recipe=CELLS,
                    changes=[*changes, f"training.freeze={freeze}"],
                    seed=seed,
                    start_from=start,
                    skip_bad=True,
                    out=Path(folder) / f"{name}-{seed}",
                )
                report = model.test()
                kept = {key: report[key] for key in ("value", "low", "high", "training_seconds")}
                found.setdefault(name, []).append(kept)
                print(name, seed, kept, flush=True)
        accuracy = flowers.report["value"]
    return {"flowers_validation_accuracy": accuracy, "runs": found}


if __name__ == "__main__":
    main()

"""What was found in pictures, as files that annotation tools and plait read (VOC, YOLO, COCO), or drawn on copies."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from plait.errors import DataError, suggestion
from plait.files import write_text
from plait.inference.box_drawing import drawn
from plait.inference.detection_input import DetectionInput
from plait.inference.object_detection import Detections
from plait.inference.prediction import Prediction
from plait.inference.spec import Predictor

Found = Sequence[Detections]


def asked(
    predictor: Predictor, confidence: float | None, format: str | None, draw: str | None, out: str | None
) -> Predictor:
    """The predictor, which answers from ``confidence`` on; raises DataError for what only a detector can do, or for a
    format that does not exist or has no folder."""
    given = {"--confidence": confidence, "--format": format, "--draw": draw}
    names = [name for name, value in given.items() if value is not None]
    input = predictor.spec.input
    if not isinstance(input, DetectionInput):
        if names:
            raise DataError(
                f"{' and '.join(names)}: only for boxes, and the model is for {predictor.spec.task}"
            )
        return predictor
    if format is not None and format not in FORMATS:
        raise DataError(f"--format {format}: {suggestion(format, FORMATS)}")
    if format is not None and out is None:
        raise DataError(f"--format {format} writes files: name their folder, --out DIR")
    if confidence is not None:
        every = dict.fromkeys(predictor.spec.classes, confidence)
        predictor = copy(predictor)
        predictor.spec = replace(predictor.spec, input=replace(input, confidences=every))
    return predictor


def write_boxes(
    format: str, folder: str | Path, predictions: Iterable[Prediction], classes: Sequence[str]
) -> int:
    """Writes into the new or empty ``folder`` copies of the pictures and what was found in them, as ``format`` (one of
    FORMATS) says; gives how many pictures there are. Raises DataError."""
    into = _empty(Path(folder))
    found = [one for one in predictions if isinstance(one, Detections)]
    try:
        FORMATS[format](into, found, classes)
    except OSError as error:
        raise DataError(f"{into} cannot be written: {error.strerror or error}") from error
    return len(found)


def draw_boxes(folder: str | Path, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    """The predictions as they come, each drawn on a copy of its picture in the new or empty ``folder``."""
    into = _empty(Path(folder))
    taken: set[str] = set()
    for one in predictions:
        if isinstance(one, Detections):
            target = into / f"{_name(one, taken)}.png"
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                drawn(one).save(target)
            except OSError as error:
                raise DataError(f"{target} cannot be written: {error.strerror or error}") from error
        yield one


def _empty(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; expected the name of a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{folder} holds files already, and nothing is overwritten: name a new or empty folder"
        )
    return folder


def _voc(folder: Path, found: Found, classes: Sequence[str]) -> None:
    for one, name in _copied(folder / "JPEGImages", found):
        objects = "".join(
            f"  <object>\n    <name>{escape(box.label)}</name>\n    <difficult>0</difficult>\n"
            f"    <confidence>{box.score:.6g}</confidence>\n    <bndbox>"
            f"<xmin>{box.left:.2f}</xmin><ymin>{box.top:.2f}</ymin>"
            f"<xmax>{box.right:.2f}</xmax><ymax>{box.bottom:.2f}</ymax></bndbox>\n  </object>\n"
            for box in one.objects
        )
        size = f"<width>{one.size[1]}</width><height>{one.size[0]}</height><depth>3</depth>"
        text = (
            f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{escape(name)}</filename>\n"
            f"  <size>{size}</size>\n{objects}</annotation>\n"
        )
        _write(folder / "Annotations" / f"{Path(name).stem}.xml", text)


def _yolo(folder: Path, found: Found, classes: Sequence[str]) -> None:
    numbers = {label: number for number, label in enumerate(classes)}
    for one, name in _copied(folder / "images", found):
        high, wide = one.size
        lines = (
            f"{numbers[box.label]} {(box.left + box.right) / 2 / wide:.6f} {(box.top + box.bottom) / 2 / high:.6f} "
            f"{(box.right - box.left) / wide:.6f} {(box.bottom - box.top) / high:.6f}\n"
            for box in one.objects
        )
        _write(folder / "labels" / f"{Path(name).stem}.txt", "".join(lines))
    # No data.yaml: it would have to name parts, and what was found is not divided.
    _write(folder / "classes.txt", "".join(f"{name}\n" for name in classes))


def _coco(folder: Path, found: Found, classes: Sequence[str]) -> None:
    numbers = {label: number for number, label in enumerate(classes, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for one, name in _copied(folder / "images", found):
        picture = len(images) + 1
        images.append({"id": picture, "file_name": name, "height": one.size[0], "width": one.size[1]})
        for box in one.objects:
            sides = [box.right - box.left, box.bottom - box.top]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": numbers[box.label],
                    "bbox": [round(side, 2) for side in (box.left, box.top, *sides)],
                    "area": round(sides[0] * sides[1], 2),
                    "iscrowd": 0,
                    "score": box.score,
                }
            )
    categories = [{"id": number, "name": label} for label, number in numbers.items()]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    _write(folder / "annotations" / "instances.json", json.dumps(whole, ensure_ascii=False, indent=1))


FORMATS: dict[str, Callable[[Path, Found, Sequence[str]], None]] = {
    "voc": _voc,
    "yolo": _yolo,
    "coco": _coco,
}


def _copied(folder: Path, found: Found) -> Iterator[tuple[Detections, str]]:
    """Each with the name of its picture's copy; names that stand twice get a number."""
    taken: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        name = _name(one, taken) + Path(one.input).suffix
        shutil.copyfile(one.origin.content, folder / name)
        yield one, name


def _name(one: Detections, taken: set[str]) -> str:
    stem, number = Path(one.input).stem, 1
    name = stem
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return name


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)

"""Small pictures with colored rectangles that a detector can learn in seconds, written in every format of boxes."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"bar": (40, 70, 220), "square": (220, 50, 40)}
SIDES = {"bar": (6, 22), "square": (13, 13)}
"""Height and width, before each is made up to 4 pixels longer."""
PARTS = ("train", "val", "test")

Edges = tuple[str, int, int, int, int]
"""A class, and left, top, right and bottom."""


@dataclass(frozen=True)
class Scene:
    """A picture and what is in it."""

    name: str
    part: str
    pixels: np.ndarray
    boxes: tuple[Edges, ...]


def scene(name: str, part: str, seed: int, most: int, size: tuple[int, int]) -> Scene:
    """One to ``most`` rectangles (none where that is 0) on grey noise; none covers another."""
    chance = np.random.default_rng(seed)
    pixels = chance.normal(120, 12, (*size, 3))
    boxes: list[Edges] = []
    for _ in range(int(chance.integers(1, most + 1)) if most else 0):
        label = sorted(COLORS)[int(chance.integers(2))]
        height, width = (side + int(chance.integers(5)) for side in SIDES[label])
        top, left = int(chance.integers(size[0] - height)), int(chance.integers(size[1] - width))
        if not any(_overlap(other[1:], (left, top, left + width, top + height)) for other in boxes):
            boxes.append((label, left, top, left + width, top + height))
            pixels[top : top + height, left : left + width] = COLORS[label]
    return Scene(name, part, pixels.clip(0, 255).astype(np.uint8), tuple(boxes))


def scenes(
    each: int = 4,
    parts: Sequence[str] = ("",),
    bare: int = 0,
    most: int = 3,
    size: tuple[int, int] = (48, 64),
) -> list[Scene]:
    """``each`` pictures a part, and then ``bare`` without anything in them."""
    return [
        scene(f"{part or 'all'}{number}.png", part, 1000 * shift + number, most * (number < each), size)
        for shift, part in enumerate(parts)
        for number in range(each + bare)
    ]


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def voc(folder: Path, drawn: Sequence[Scene]) -> Path:
    """Annotations, JPEGImages, and lists where there are parts."""
    for one in drawn:
        save(folder / "JPEGImages" / one.name, one.pixels)
        written(folder / "Annotations" / f"{Path(one.name).stem}.xml", voc_xml(one))
    for part in {one.part for one in drawn} - {""}:
        names = [Path(one.name).stem for one in drawn if one.part == part]
        written(folder / "ImageSets" / "Main" / f"{part}.txt", "\n".join(names) + "\n")
    return folder


def voc_xml(one: Scene) -> str:
    """The first object is in line 4, the next in line 5."""
    height, width = one.pixels.shape[:2]
    lines = ["<annotation>", f"<filename>{one.name}</filename>"]
    lines.append(f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>")
    for label, *edges in one.boxes:
        tags = zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True)
        corners = "".join(f"<{tag}>{edge}</{tag}>" for tag, edge in tags)
        lines.append(
            f"<object><name>{label}</name><difficult>0</difficult><bndbox>{corners}</bndbox></object>"
        )
    return "\n".join([*lines, "</annotation>"]) + "\n"


def coco(folder: Path, drawn: Sequence[Scene]) -> Path:
    """annotations/instances_train.json with pictures in images/train; instances.json and images without parts."""
    for part in sorted({one.part for one in drawn}):
        chosen = [one for one in drawn if one.part == part]
        for one in chosen:
            save(folder / "images" / part / one.name, one.pixels)
        name = f"instances_{part}.json" if part else "instances.json"
        written(folder / "annotations" / name, json.dumps(coco_json(chosen)))
    return folder


def coco_json(chosen: Sequence[Scene]) -> dict[str, list[dict[str, object]]]:
    """Pictures are numbered from 1, and so are boxes."""
    numbers = {name: place for place, name in enumerate(sorted(COLORS), start=1)}
    pairs = [(number, box) for number, one in enumerate(chosen, start=1) for box in one.boxes]
    return {
        "images": [
            {"id": n, "file_name": one.name, "height": one.pixels.shape[0], "width": one.pixels.shape[1]}
            for n, one in enumerate(chosen, start=1)
        ],
        "annotations": [
            {
                "id": place,
                "image_id": number,
                "category_id": numbers[label],
                "bbox": [left, top, right - left, bottom - top],
                "iscrowd": 0,
            }
            for place, (number, (label, left, top, right, bottom)) in enumerate(pairs, start=1)
        ],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
    }


def yolo(folder: Path, drawn: Sequence[Scene]) -> Path:
    """images, labels and data.yaml; classes.txt in its place without parts."""
    names = sorted(COLORS)
    for one in drawn:
        save(folder / "images" / one.part / one.name, one.pixels)
        written(folder / "labels" / one.part / f"{Path(one.name).stem}.txt", yolo_lines(one))
    parts = sorted({one.part for one in drawn} - {""})
    if parts:
        lines = [f"names: [{', '.join(names)}]", f"nc: {len(names)}"]
        written(folder / "data.yaml", "\n".join(lines + [f"{part}: images/{part}" for part in parts]))
    else:
        written(folder / "classes.txt", "\n".join(names) + "\n")
    return folder


def yolo_lines(one: Scene) -> str:
    height, width = one.pixels.shape[:2]
    lines = [
        (
            sorted(COLORS).index(label),
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        for label, left, top, right, bottom in one.boxes
    ]
    return "".join(" ".join(map(str, line)) + "\n" for line in lines)


def table(folder: Path, drawn: Sequence[Scene]) -> Path:
    """boxes.csv beside the pictures; with a column split where there are parts."""
    divided = any(one.part for one in drawn)
    header = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
    rows: list[list[object]] = [[*header, "split"] if divided else header]
    for one in drawn:
        save(folder / one.name, one.pixels)
        sides = [one.pixels.shape[1], one.pixels.shape[0]]
        for box in one.boxes or (("", "", "", "", ""),):
            rows.append([one.name, *sides, *box, *([one.part] if divided else [])])
    with (folder / "boxes.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


FORMATS = {"pascal voc": voc, "coco": coco, "yolo": yolo, "box table": table}
"""What writes each format, by its name."""

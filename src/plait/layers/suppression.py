"""Non-maximum suppression: of boxes of a class that cover each other the surest stays; in a model file as well."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import batched_nms

from plait.layers.onnx_recurrence import exporting

Found = tuple[
    Float[Tensor, "batch most 4"],
    Float[Tensor, "batch most"],
    Int[Tensor, "batch most"],
    Int[Tensor, "batch"],
]


def suppressed(
    boxes: Float[Tensor, "batch positions 4"],
    scores: Float[Tensor, "batch positions classes"],
    overlap: float,
    least: float,
    most: int,
) -> Found:
    """Of each picture at most ``most`` boxes by falling score, with scores, classes and their count; zeros behind it.

    Greedy, class by class: a box goes where a surer one covers it by more than ``overlap`` (intersection over union).
    Scores that are not above ``least`` are left out.
    """
    if exporting():
        return _in_model_file(boxes, scores, overlap, least, most)
    found = [_of_one(*one, overlap, least, most) for one in zip(boxes, scores, strict=True)]
    kept, surest, classes, counts = zip(*found, strict=True)
    return torch.stack(kept), torch.stack(surest), torch.stack(classes), torch.stack(counts)


def _of_one(
    boxes: Tensor, scores: Tensor, overlap: float, least: float, most: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    places, classes = (scores > least).nonzero(as_tuple=True)
    candidates = boxes[places]
    kept = batched_nms(candidates, scores[places, classes], classes, overlap)[:most]
    given = boxes.new_zeros(most, 4), scores.new_zeros(most), classes.new_zeros(most)
    for into, values in zip(given, (candidates, scores[places, classes], classes), strict=True):
        into[: len(kept)] = values[kept]
    return *given, torch.tensor(len(kept), device=boxes.device)


def _in_model_file(boxes: Tensor, scores: Tensor, overlap: float, least: float, most: int) -> Found:
    """By ONNX's NonMaxSuppression, which knows batches and classes; what it chose is then sorted by score.

    Shapes that depend on what is found are given as those of other arrays: nothing in the file depends on them.
    """
    batch, positions, classes = scores.shape
    by_class = scores.transpose(1, 2).contiguous()
    numbers = [torch.tensor([number]) for number in (most, overlap, least)]
    chosen = torch.onnx.ops.symbolic(
        "NonMaxSuppression",
        [boxes, by_class, *numbers],
        dtype=torch.int64,
        shape=(positions, 3),
    )
    values = torch.onnx.ops.symbolic("GatherND", [by_class, chosen], dtype=torch.float32, shape=(positions,))
    left = torch.onnx.ops.symbolic(
        "ScatterND",
        [torch.zeros_like(by_class), chosen, values],
        dtype=torch.float32,
        shape=(batch, classes, positions),
    )
    # Small pictures have fewer candidates than there are places for answers.
    padded = torch.cat([left.transpose(1, 2).flatten(1), left.new_zeros(1, 1).expand(batch, most)], dim=1)
    surest, places = padded.topk(most, dim=1)
    real = surest > 0
    places = torch.where(real, places, torch.zeros_like(places))
    position = torch.div(places, classes, rounding_mode="floor")
    kept = boxes.gather(1, position.unsqueeze(2).expand(-1, -1, 4)) * real.unsqueeze(2)
    return kept, surest, places - position * classes, real.sum(dim=1)

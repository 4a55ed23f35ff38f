"""Text recognition: a picture of a line of text in, what is written there out.

convolution -> recurrence along the line -> CTC (Shi et al. 2015, "CRNN"). What runs without PyTorch is
inference/text_recognition.py.
"""

from collections.abc import Sequence

from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from plait.inference.line import LineInput
from plait.layers import Layer, Map, Stack
from plait.layers.masks import blank_padding
from plait.tasks.task import Task
from plait.tasks.transcription import Transcription

TYPICAL_WIDTH = 400
"""Columns of the line that networks are drawn up for; their weights serve any width."""


class TextRecognition(Transcription):
    """Places are in columns of the picture, made as high as the network takes it."""

    name = "text-recognition"


class LineNetwork(nn.Module):
    """The recipe's layers and the head, given ink as 1 and paper as 0.

    Takes uint8 pictures (batch, 1, height, width) and widths (batch,). Gives logits (batch, steps, 1 + symbols), zero
    behind a line's end, and the steps of each (batch,).
    """

    def __init__(self, body: Stack) -> None:
        super().__init__()
        self.body = body

    def forward(
        self, pictures: UInt8[Tensor, "batch 1 height width"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch steps symbols"], Int[Tensor, "batch"]]:
        ink = blank_padding(1 - pictures.float() / 255, lengths)
        logits: Tensor = self.body(ink, lengths)
        steps = self.body.output_lengths(lengths)
        return blank_padding(logits, steps), steps


def line_network(task: Task, layers: Sequence[Layer], input: LineInput) -> LineNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    return LineNetwork(task.body(layers, Map(1, input.height, TYPICAL_WIDTH)))

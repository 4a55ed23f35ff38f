"""Speech recognition: a recording in, what is said in it out.

log-mel -> convolution -> recurrence -> CTC (Amodei et al. 2016, "Deep Speech 2"). What runs without PyTorch is
inference/speech_recognition.py.
"""

from collections.abc import Sequence

from jaxtyping import Float, Int, Num
from torch import Tensor, nn

from plait.inference.sound import SoundInput
from plait.layers import Layer, Samples, Shape, Stack
from plait.layers import Sequence as SequenceShape
from plait.layers.masks import blank_padding
from plait.tasks.task import Task
from plait.tasks.transcription import Transcription

TYPICAL_SECONDS = 3.0
"""Of the recording that networks are drawn up for; their weights serve any length."""
TYPICAL_FRAMES = 300


class SpeechRecognition(Transcription):
    """Places are in seconds."""

    name = "speech-recognition"


class SoundNetwork(nn.Module):
    """The recipe's layers and the head.

    Takes int16 samples (batch, time), or features (batch, time, dimensions), and lengths (batch,). Gives logits
    (batch, steps, 1 + symbols), zero behind a recording's end, and the steps of each (batch,); where recordings are
    classified, logits (batch, classes) alone.
    """

    def __init__(self, body: Stack, transcribes: bool) -> None:
        super().__init__()
        self.body = body
        self.transcribes = transcribes

    def forward(
        self, sounds: Num[Tensor, "batch time *_"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch steps symbols"], Int[Tensor, "batch"]] | Float[Tensor, "batch classes"]:
        logits: Tensor = self.body(sounds, lengths)
        if not self.transcribes:
            return logits
        steps = self.body.output_lengths(lengths)
        return blank_padding(logits, steps), steps


def sound_network(task: Task, layers: Sequence[Layer], input: SoundInput) -> SoundNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    return SoundNetwork(task.body(layers, arriving(input)), input.writing is not None)


def arriving(input: SoundInput, share: float = 1.0) -> Shape:
    """The shape of a typical recording, or of this ``share`` of it."""
    if input.dimensions:
        return SequenceShape(max(input.least, round(share * TYPICAL_FRAMES)), input.dimensions)
    return Samples(max(input.least, round(share * TYPICAL_SECONDS * input.rate)), input.rate)

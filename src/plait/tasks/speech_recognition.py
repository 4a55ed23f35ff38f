"""Speech recognition: a recording in, what is said in it out.

log-mel -> convolution -> recurrence -> CTC (Amodei et al. 2016, "Deep Speech 2"). What runs without PyTorch is
inference/speech_recognition.py.
"""

from collections.abc import Sequence

from jaxtyping import Float, Int, Num
from torch import Tensor, nn

from plait.errors import NetworkError
from plait.inference.sound import Live, SoundInput
from plait.layers import Layer, Samples, Shape, Stack
from plait.layers import Sequence as SequenceShape
from plait.layers.live import front, grouped, read_piece, state_widths
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

    A network that is used live (``front`` is not None, see layers/live.py) also takes the first and last step (batch,)
    that are asked for of a piece, and states (batch, width), and gives the states to go on with.
    """

    def __init__(self, body: Stack, transcribes: bool, front: int | None = None) -> None:
        super().__init__()
        self.body = body
        self.transcribes = transcribes
        self.front = front
        self._widths = [] if front is None else state_widths(body)

    def forward(
        self, sounds: Num[Tensor, "batch time *_"], lengths: Int[Tensor, "batch"], *piece: Tensor
    ) -> tuple[Tensor, ...] | Float[Tensor, "batch classes"]:
        if piece:
            assert self.front is not None, "this network is not used live"
            first, last, *states = piece
            waiting = list(grouped(states, self._widths))
            logits, steps, ends = read_piece(self.body, self.front, sounds, lengths, first, last, waiting)
            return logits, steps, *(one for state in ends for one in state)
        given: Tensor = self.body(sounds, lengths)
        if not self.transcribes:
            return given
        steps = self.body.output_lengths(lengths)
        return blank_padding(given, steps), steps


def sound_network(task: Task, layers: Sequence[Layer], input: SoundInput) -> SoundNetwork:
    """The recipe's layers with the task's head, built; raises NetworkError naming the layer that cannot work."""
    body = task.body(layers, arriving(input))
    return SoundNetwork(body, input.writing is not None, front(body)[0] if input.live else None)


def live_of(stack: Stack, input: SoundInput) -> tuple[Live | None, str]:
    """How a network of these layers, which are built, is used live; or None, and why it is not."""
    if input.writing is None:
        return None, "it tells the class of whole recordings"
    if input.dimensions:
        return None, "it takes features, and what is heard live is samples"
    try:
        _, seen = front(stack)
    except NetworkError as error:
        return None, str(error)
    states = [width for widths in state_widths(stack) for width in widths]
    return Live(int(seen.left), int(seen.right), seen.trim, states), ""


def arriving(input: SoundInput, share: float = 1.0) -> Shape:
    """The shape of a typical recording, or of this ``share`` of it."""
    if input.dimensions:
        return SequenceShape(max(input.least, round(share * TYPICAL_FRAMES)), input.dimensions)
    return Samples(max(input.least, round(share * TYPICAL_SECONDS * input.rate)), input.rate)

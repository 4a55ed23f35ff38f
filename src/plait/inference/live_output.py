"""A recording that comes through standard input, and what is heard of it: line by line, as JSON lines, or as CSV."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from plait.errors import DataError
from plait.inference import outputs
from plait.inference.live import listen, live_input
from plait.inference.sound import SoundInput
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.text_sources import STANDARD_INPUT
from plait.inference.transcription import Transcript

if TYPE_CHECKING:
    from rich.console import Console

PIECE_SECONDS = 0.2
"""How much is heard at once: what is said is shown so much later at most, beside what the network looks ahead."""
PAUSE_SECONDS = 1.0
"""So long nothing is said where a line ends."""
CLEARED = "\r\x1b[K"


def is_live(sources: Sequence[str], spec: ModelSpec) -> bool:
    """Whether a recording is asked about that comes through standard input."""
    return isinstance(spec.input, SoundInput) and STANDARD_INPUT in sources


def write(predictor: Predictor, out: str | None, as_json: bool, console: "Console") -> None:
    """Transcribes standard input to its end: a line an utterance as soon as it is over, a terminal shows it while it
    lasts; with ``out`` to a CSV. Raises ModelError for a model that is not used live, DataError for what is no samples.
    """
    input, _ = live_input(predictor.spec)
    found = listen(predictor, pieces(sys.stdin.buffer, input.rate), PAUSE_SECONDS)
    if out is not None:
        outputs.write_csv(out, _utterances(found), [], predictor.spec)
        return
    shown = console.is_terminal and not as_json
    for one in found:
        if isinstance(one, Transcript):
            line = json.dumps(one.to_json(), ensure_ascii=False) if as_json else one.text
            console.file.write((CLEARED if shown else "") + line + "\n")
        elif shown:
            console.file.write(CLEARED + one[-console.width + 1 :])
        console.file.flush()


def pieces(file: BinaryIO, rate: int) -> Iterator[NDArray[np.int16]]:
    """Samples of 16 bits, the low byte first, PIECE_SECONDS at once; raises DataError for a terminal or a WAV file."""
    example = f"ffmpeg -i NAME -f s16le -ac 1 -ar {rate} - | plait predict MODEL -"
    if file.isatty():
        raise DataError(f"standard input is a terminal; samples are expected, as in {example}")
    size = 2 * max(1, round(PIECE_SECONDS * rate))
    first = True
    while content := file.read(size):
        if first and content.startswith((b"RIFF", b"fLaC", b"OggS", b"ID3")):
            raise DataError(
                "standard input is a file of sound; give its name, or samples alone (16 bits, one channel, "
                f"{rate:,} a second), as in {example}"
            )
        first = False
        yield np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.int16)


def _utterances(found: Iterable[Transcript | str]) -> Iterator[Transcript]:
    return (one for one in found if isinstance(one, Transcript))

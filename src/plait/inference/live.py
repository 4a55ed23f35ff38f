"""Live use: a recording is transcribed while it lasts, and ends in what it would give as a whole."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from plait.errors import ModelError
from plait.inference.ctc import BLANK
from plait.inference.prediction import Origin, refuse_nonsense
from plait.inference.sound import Live, SoundInput, at_least, pad_sounds
from plait.inference.spec import ModelSpec, Predictor
from plait.inference.transcription import Scribe, Transcript, moved, placed

LONGEST_SECONDS = 60.0
"""Of an utterance that no pause ends."""


class Listener:
    """Hears one recording piece after piece.

    Without a ``pause`` the recording is one utterance, whose transcript ``end`` gives; else an utterance ends after so
    many seconds in which nothing is said (or after LONGEST_SECONDS), and what follows is heard as a recording that
    begins in the middle of the pause: networks are trained on utterances, not on what lies between. Raises ModelError
    for a model that is not used live, and says why.
    """

    def __init__(self, predictor: Predictor, pause: float | None = None) -> None:
        self._input, self._live = live_input(predictor.spec)
        assert self._input.writing is not None
        self._predictor = predictor
        self._scribe = Scribe(predictor.spec.classes, self._input.writing, self._input.step_seconds)
        self._pause = None if pause is None else max(1, round(pause / self._input.step_seconds))
        self._longest = round(LONGEST_SECONDS / self._input.step_seconds)
        self._passed = 0
        """Samples that lie before the utterance."""
        self._begin(np.zeros(0, np.int16))

    def _begin(self, samples: NDArray[np.int16]) -> None:
        """An utterance, of which these samples are there."""
        self._samples = samples
        self._scores = np.zeros((0, 1 + len(self._scribe.symbols)), np.float32)
        _, _, *self._states = self._input.whole(1)

    @property
    def partial(self) -> str:
        """What is heard so far of the utterance that lasts, by the likeliest symbols."""
        return self._scribe.likeliest(self._scores)

    def hear(self, samples: NDArray[np.int16]) -> list[Transcript]:
        """Takes the next samples (time,) at the model's rate; gives the utterances that ended."""
        self._samples = np.concatenate([self._samples, samples])
        ended: list[Transcript] = []
        while self._read((len(self._samples) - 1 - self._live.right) // self._input.step + 1):
            cut, over = self._cut()
            if cut == 0:
                break
            if over:
                ended.append(self._transcript(cut))
            self._passed += cut * self._input.step
            self._begin(self._samples[cut * self._input.step :])
        return ended

    def end(self) -> list[Transcript]:
        """The recording is over: the utterance that lasted, where there is one."""
        if not len(self._samples):
            return []
        # As a recording that is read as a whole.
        self._samples = np.asarray(at_least(self._samples, self._input.least), np.int16)
        self._read((len(self._samples) - self._live.trim - 1) // self._input.step + 1)
        last = self._transcript(len(self._scores))
        silent = self._pause is not None and self._passed > 0 and not last.text
        self._passed += len(self._samples)
        self._begin(np.zeros(0, np.int16))
        return [] if silent else [last]

    def _read(self, until: int) -> bool:
        """Asks for the steps up to ``until``; False where they are there."""
        given = len(self._scores)
        if until <= given:
            return False
        begin = max(0, given - -(-self._live.left // self._input.step))
        values, lengths = pad_sounds([self._samples[begin * self._input.step :]], self._input.multiple)
        first, last = (np.array([step - begin], np.int64) for step in (given, until))
        logits, steps, *self._states = self._predictor.run(values, lengths, first, last, *self._states)
        refuse_nonsense(logits)
        self._scores = np.concatenate([self._scores, logits[0, : int(steps[0])]])
        return True

    def _cut(self) -> tuple[int, bool]:
        """After how many steps another utterance begins (0: not yet), and whether something is said in them."""
        if self._pause is None:
            return 0, False
        said = np.flatnonzero(self._scores.argmax(axis=1) != BLANK)
        length = len(self._scores)
        quiet = length - 1 - int(said[-1]) if len(said) else length
        if not len(said):
            return (quiet - self._pause // 2 if quiet > self._pause else 0), False
        if quiet >= self._pause or length >= self._longest:
            return max(1, length - quiet // 2), True
        return 0, False

    def _transcript(self, steps: int) -> Transcript:
        """Of the first ``steps`` of the utterance."""
        found = self._scribe.hear(self._scores[:steps])
        words = moved(placed(found, self._input.step_seconds), self._passed / self._input.rate)
        return Transcript(Origin("-"), found.text, found.confidence, words)


def live_input(spec: ModelSpec) -> tuple[SoundInput, Live]:
    """Raises ModelError for a model that is not used live."""
    if not isinstance(spec.input, SoundInput):
        raise ModelError(f"only recordings are heard live, and this network's task is {spec.task}")
    if spec.input.live is None:
        raise ModelError(f"this network is not used live: {spec.input.obstacle}")
    return spec.input, spec.input.live


def listen(
    predictor: Predictor, pieces: Iterable[NDArray[np.int16]], pause: float | None = None
) -> Iterator[Transcript | str]:
    """The utterances of a recording that comes in ``pieces``, and between them, as text, what is heard so far."""
    listener = Listener(predictor, pause)
    shown = ""
    for piece in pieces:
        yield from listener.hear(piece)
        if (partial := listener.partial) != shown:
            shown = partial
            yield partial
    yield from listener.end()

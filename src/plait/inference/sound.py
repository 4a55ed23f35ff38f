"""A recording to what a network takes: samples, or features computed beforehand; the same for training and after."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plait.errors import ModelError
from plait.inference.input import Array, ModelInput, Port, first_states, random_states, state_ports
from plait.inference.sound_file import FULL, Clip, SoundError, open_features, open_sound
from plait.inference.text import check_fields
from plait.inference.transcription import Writing

LEAST_SECONDS = 0.2
"""Shorter recordings are made so long, with silence behind them."""
LEAST_FRAMES = 20
LENGTHS = (3.0, 1.0, 0.2, 7.7)
"""Seconds of the random recordings that a model file is compared with its network on."""
EVERY = 2**31
"""More steps than any recording has."""
FRAMES_A_SECOND = 100
"""Of features, so far as is known."""


@dataclass(frozen=True)
class Live:
    """How a network reads a recording that lasts: a step's windows reach from ``left`` samples before its own to
    ``right`` behind (``trim`` fewer of them begin than there are samples), then ``states`` of these widths are carried
    from step to step. Raises ValueError for values that mean nothing.
    """

    left: int
    right: int
    trim: int
    states: list[int]

    def __post_init__(self) -> None:
        if min(self.left, self.right, self.trim, *self.states, 0) < 0:
            raise ValueError(f"{self} counts less than nothing")


@dataclass(frozen=True)
class SoundInput(ModelInput):
    """How a recording becomes the network's input.

    ``rate`` is samples a second; where ``dimensions`` is not 0, inputs are features (.npy files of frames of so many
    numbers) in place of samples. One step that the network gives is ``step`` samples (or frames). ``writing`` says how
    transcripts are written; None where recordings are classified. ``live`` is None where the network reads only whole
    recordings, and ``obstacle`` says why. Raises ValueError for values that mean nothing.
    """

    noun: ClassVar[str] = "recording"

    rate: int
    dimensions: int
    step: int
    column: str
    writing: Writing | None
    live: Live | None = None
    obstacle: str = ""

    def __post_init__(self) -> None:
        if self.rate < 1 or self.dimensions < 0 or self.step < 1:
            raise ValueError(f"rate {self.rate}, dimensions {self.dimensions}, step {self.step}: too small")

    @property
    def ports(self) -> tuple[Port, ...]:
        if self.dimensions:
            return Port("features", "float32", ("time", self.dimensions)), Port("lengths", "int64", ())
        sounds = Port("samples", "int16", ("time",)), Port("lengths", "int64", ())
        if self.live is None:
            return sounds
        return (
            *sounds,
            Port("first", "int64", ()),
            Port("last", "int64", ()),
            *state_ports("state", self.live.states),
        )

    @property
    def after(self) -> tuple[Port, ...]:
        """The states to go on with, which the network gives beside its scores."""
        return () if self.live is None else state_ports("after", self.live.states)

    @property
    def least(self) -> int:
        """Samples (or frames) of the shortest input that the network is given."""
        return LEAST_FRAMES if self.dimensions else round(LEAST_SECONDS * self.rate)

    @property
    def multiple(self) -> int:
        """Lengths of batches are rounded up to this, so that kernels made for one length serve many."""
        return 16 if self.dimensions else round(0.16 * self.rate)

    @property
    def step_seconds(self) -> float:
        return self.step / (FRAMES_A_SECOND if self.dimensions else self.rate)

    def open(self, clip: Clip) -> Array:
        """The recording as the network takes it: int16 (samples,), or float32 (frames, dimensions); raises
        SoundError."""
        if not self.dimensions:
            return at_least(open_sound(clip, self.rate), self.least)
        features = open_features(clip.path)
        if features.shape[1] != self.dimensions:
            raise SoundError(
                "other features",
                f"its frames have {features.shape[1]} numbers, but the network takes {self.dimensions}",
            )
        return at_least(features, self.least)

    def collate(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return *pad_sounds(inputs, self.multiple), *self.whole(len(inputs))

    def whole(self, count: int) -> tuple[Array, ...]:
        """What a live network is told of ``count`` recordings beside them: every step is asked for, from no state."""
        if self.live is None:
            return ()
        every = np.zeros(count, np.int64), np.full(count, EVERY, np.int64)
        return *every, *first_states(self.live.states, count)

    def examples(self, count: int, seed: int) -> tuple[Array, ...]:
        chance = np.random.default_rng(seed)
        seconds = LENGTHS[seed % len(LENGTHS)]
        longest = int(seconds * (FRAMES_A_SECOND if self.dimensions else self.rate))
        lengths = [max(self.least, longest - place * longest // (2 * count)) for place in range(count)]
        if self.dimensions:
            return self.collate(
                [chance.standard_normal((length, self.dimensions), np.float32) for length in lengths]
            )
        sounds = self.collate([_noise(length, self.rate, chance) for length in lengths])
        if self.live is None:
            return sounds
        first = chance.integers(0, 3, count)
        states = random_states(self.live.states, count, chance)
        return *sounds[:2], first, first + 2 + 10 * seed, *states

    def to_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in FIELDS}
        return values | {
            "writing": None if self.writing is None else self.writing.to_json(),
            "live": None if self.live is None else asdict(self.live),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SoundInput":
        """Raises ModelError for a missing or unknown key, a wrong type or a value that means nothing."""
        plain = {name: value for name, value in values.items() if name not in ("writing", "live")}
        check_fields(plain, FIELDS, "sound input")
        writing, live = values.get("writing"), values.get("live")
        if live is not None:
            check_fields(live, LIVE_FIELDS, "description of live use")
        try:
            return cls(
                **plain,
                writing=None if writing is None else Writing.from_json(writing),
                live=None if live is None else Live(**live),
            )
        except ValueError as error:
            raise ModelError(f"sound input: {error}") from error


FIELDS: dict[str, type] = {"rate": int, "dimensions": int, "step": int, "column": str, "obstacle": str}
"""Of a SoundInput, as JSON has them, beside how it is written and used live."""
LIVE_FIELDS: dict[str, type] = {"left": int, "right": int, "trim": int, "states": list}


def _noise(length: int, rate: int, chance: np.random.Generator) -> NDArray[np.int16]:
    """Noise that is loud and quiet by turns, twenty times a second, as speech is: of steady noise every band would be
    nearly constant, and normalizing would magnify what rounding left of it."""
    turn = max(1, rate // 20)
    loud = np.repeat(10 ** chance.uniform(0.5, 3.7, length // turn + 1), turn)[:length]
    drawn = np.round(loud * chance.standard_normal(length))
    return np.clip(drawn, -FULL, FULL - 1).astype(np.int16)


def at_least(values: Array, least: int) -> Array:
    """With zeros behind, where it is shorter."""
    if len(values) >= least:
        return values
    longer = np.zeros((least, *values.shape[1:]), values.dtype)
    longer[: len(values)] = values
    return longer


def pad_sounds(inputs: Sequence[Array], multiple: int) -> tuple[Array, NDArray[np.int64]]:
    """(batch, time, ...) and lengths (batch,); time is the longest, rounded up to a ``multiple``."""
    lengths = np.array([len(one) for one in inputs], np.int64)
    longest = -(-int(lengths.max(initial=1)) // multiple) * multiple
    values = np.zeros((len(inputs), longest, *inputs[0].shape[1:]), inputs[0].dtype)
    for row, one in enumerate(inputs):
        values[row, : len(one)] = one
    return values, lengths

"""The sound store: recordings as int16 samples (or features), kept in memory; how training changes them."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from plait.data.batches import Rows
from plait.data.chance import uniform
from plait.data.signal_store import SignalStore
from plait.data.table import Table
from plait.data.text_store import Draw
from plait.errors import MissingExtraError
from plait.inference.input import Array
from plait.inference.sound import SoundInput, at_least, pad_sounds
from plait.inference.sound_file import FULL, Clip
from plait.section import Section

Numbers = NDArray[np.int64]


class SoundAugmentation(Section):
    """How training recordings are changed, each by a draw of its own."""

    speed: float = Field(ge=0, lt=0.5)
    """Played up to this share faster or slower (Ko et al. 2015); the pitch follows. 0: never."""
    gain: float = Field(ge=0)
    """Louder or softer by up to so many dB."""
    noise: tuple[float, float] | None
    """White noise at a signal-to-noise ratio between these dB; None: none."""
    silence: Annotated[float, Field(ge=0)]
    """Up to so many seconds before and behind, as loud as the recording's quiet moments."""


class SoundStore(SignalStore):
    """The recordings of a table."""

    noun = "recording"
    axis = 0

    def __init__(self, table: Table, spec: SoundInput, budget_bytes: int) -> None:
        self.spec = spec
        super().__init__(table, budget_bytes)

    def read(self, input: Clip) -> Array:
        return self.spec.open(input)

    def take(self, rows: ArrayLike) -> tuple[Array, Numbers]:
        """(rows, time, ...), padded, and lengths (rows,)."""
        return pad_sounds([self.one(int(row)) for row in np.asarray(rows)], self.spec.multiple)


def changed_sounds(store: SoundStore, options: SoundAugmentation, seed: int) -> Draw:
    """Recordings as ``options`` change them, by (seed, epoch, example)."""

    def draw(rows: Rows, epoch: int) -> tuple[Array, Numbers]:
        chances = uniform(seed, epoch, rows, 6)
        changed = [
            _changed(store.one(int(row)), chance, options, store.spec)
            for row, chance in zip(rows, chances, strict=True)
        ]
        return pad_sounds(changed, store.spec.multiple)

    return draw


def _changed(
    sound: Array, chance: NDArray[np.float64], options: SoundAugmentation, spec: SoundInput
) -> Array:
    speed = 1 + options.speed * (2 * chance[0] - 1)
    if spec.dimensions:
        return at_least(_faster_frames(sound, speed), spec.least) if options.speed else sound
    values = _faster(sound, speed) if options.speed else sound.astype(np.float32)
    values = values * 10 ** (options.gain * (2 * chance[1] - 1) / 20)
    if options.noise is not None:
        low, high = options.noise
        values = values + _noise(values, low + (high - low) * chance[2], int(chance[3] * 2**53))
    before, behind = (round(options.silence * spec.rate * one) for one in chance[4:6])
    values = _between_silence(values, before, behind, spec.rate, int(chance[3] * 2**53))
    return at_least(np.clip(np.round(values), -FULL, FULL - 1).astype(np.int16), spec.least)


def _faster(sound: Array, speed: float) -> NDArray[np.float32]:
    try:
        import soxr
    except ModuleNotFoundError as error:
        raise MissingExtraError("changing the speed of recordings", "sound") from error
    changed: NDArray[np.float32] = soxr.resample(sound.astype(np.float32), speed, 1.0, quality="LQ")
    return changed


def _faster_frames(frames: Array, speed: float) -> NDArray[np.float32]:
    """Between frames by straight lines."""
    places = np.arange(0, len(frames) - 1 + 1e-9, speed)
    first = np.minimum(places.astype(np.int64), max(len(frames) - 2, 0))
    share = (places - first)[:, None].astype(np.float32)
    after = np.minimum(first + 1, len(frames) - 1)
    numbers = np.asarray(frames, np.float32)
    return np.asarray(numbers[first] * (1 - share) + numbers[after] * share)


def _between_silence(
    values: NDArray[np.float32], before: int, behind: int, rate: int, seed: int
) -> NDArray[np.float32]:
    """As loud as the recording's own quiet moments: digital silence, whose logarithm is far from all that is heard,
    would shift what the others are normalized by."""
    if not before and not behind:
        return values
    size = min(max(rate // 100, 1), len(values))
    frames = values[: len(values) // size * size].reshape(-1, size)
    quiet = np.quantile(np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)), 0.1)
    drawn = np.random.default_rng(seed).standard_normal(before + behind, np.float32) * np.float32(quiet)
    return np.concatenate([drawn[:before], values, drawn[before:]])


def _noise(values: NDArray[np.float32], ratio: float, seed: int) -> NDArray[np.float32]:
    """White noise whose power lies ``ratio`` dB under that of ``values``."""
    drawn = np.random.default_rng(seed).standard_normal(len(values), np.float32)
    loud = float(np.sqrt(np.mean(np.square(values, dtype=np.float64)) + 1e-9))
    return drawn * np.float32(loud * 10 ** (-ratio / 20))

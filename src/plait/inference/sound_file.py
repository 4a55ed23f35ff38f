"""A recording in a file, opened as one channel of int16 samples at the rate that is asked for; or features in .npy."""

import io
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plait.errors import MissingExtraError

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")
OTHERS = (".m4a", ".aac", ".wma", ".amr", ".mp4", ".webm", ".3gp")
"""Recordings too, which libsndfile does not read."""
FEATURES = ".npy"
FULL = 32768
MISSED = 0.1
"""Seconds that a sound file may hold less than its header says: some codecs count what they add at the ends."""
COMMON_RATE = 16_000
"""Samples a second: speech holds little that more would tell."""


class SoundError(Exception):
    """Why a recording cannot be used: ``kind`` in two words, ``message`` with what to do."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class Clip:
    """A recording, or the piece of it from ``start`` to ``end``, in seconds."""

    path: str
    start: float | None = None
    end: float | None = None

    def __str__(self) -> str:
        if self.start is None and self.end is None:
            return self.path
        return (
            f"{self.path} ({self.start or 0:g} s to {'its end' if self.end is None else f'{self.end:g} s'})"
        )


def is_recording(path: str) -> bool:
    """Whether the name is that of a recording, one that cannot be read included."""
    return path.lower().endswith(SUFFIXES + OTHERS)


def open_sound(clip: Clip, rate: int) -> NDArray[np.int16]:
    """The samples (time,): channels averaged, resampled to ``rate``; a file of that form comes bit for bit.

    Raises SoundError for a file that is missing, unreadable, cut short, empty or holds what is no number, and for
    times that lie outside of it.
    """
    samples, found = _read(clip)
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    if found != rate:
        mono = _resampled(mono, found, rate)
    whole: NDArray[np.int16] = np.clip(np.round(mono * FULL), -FULL, FULL - 1).astype(np.int16)
    return whole


def open_features(path: str) -> NDArray[np.float32]:
    """Features (frames, dimensions) computed beforehand; raises SoundError."""
    try:
        found = np.load(io.BytesIO(_bytes(path)), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise SoundError("unreadable", f"it is no NumPy array: {error}") from error
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        shape = f"{found.dtype} {found.shape}"
        raise SoundError("unreadable", f"it holds {shape}, but numbers (frames, dimensions) are expected")
    if not found.size:
        raise SoundError("empty recording", "it holds no frame")
    if not np.isfinite(found).all():
        raise SoundError("not a number", "some of its numbers are NaN or infinite")
    return np.ascontiguousarray(found, np.float32)


def rate_of(path: str) -> int | None:
    """Samples a second of a recording in a file; None where it cannot be read."""
    soundfile = _soundfile()
    try:
        return int(soundfile.info(path).samplerate)
    except (soundfile.SoundFileError, OSError):
        return None


def _read(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """float32 (samples, channels) in -1..1, and the rate."""
    if clip.path.lower().endswith(OTHERS):
        raise SoundError(
            "unreadable", f"this format is not read here: convert it, ffmpeg -i {clip.path} NAME.wav"
        )
    soundfile, content = _soundfile(), _bytes(clip.path)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _refuse_short(content)
            first, last = _frames(clip, file.frames, file.samplerate)
            if first:
                file.seek(first)
            samples = file.read(last - first, dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except soundfile.SoundFileError as error:
        why = getattr(error, "error_string", str(error))
        raise SoundError("unreadable", f"it cannot be decoded: {why} Copy it again, or convert it") from error
    if last - first - len(samples) > MISSED * rate:
        told = f"its header tells of {(last - first) / rate:g} s, and {len(samples) / rate:g} s can be read"
        raise SoundError("truncated", f"{told}: copy it again")
    if not len(samples):
        raise SoundError("empty recording", "it holds no sample")
    if not np.isfinite(samples).all():
        raise SoundError("not a number", "some of its samples are NaN or infinite")
    return samples, rate


def _frames(clip: Clip, frames: int, rate: int) -> tuple[int, int]:
    first = round((clip.start or 0) * rate)
    last = frames if clip.end is None else round(clip.end * rate)
    if not 0 <= first < max(last, 1) or last > frames + rate // 100:
        if not frames:
            return 0, 0
        raise SoundError("bad times", f"{clip} is asked for, and it is {frames / rate:g} s long")
    return first, min(last, frames)


def _refuse_short(content: bytes) -> None:
    """A WAV whose header promises more than there is; libsndfile gives what there is without a word."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    place = 12
    while place + 8 <= len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        if content[place : place + 4] == b"data":
            missing = place + 8 + size - len(content)
            if missing > 0 and size != 0xFFFFFFFF:
                raise SoundError(
                    "truncated", f"{missing:,} of {size:,} bytes of sound are missing: copy it again"
                )
            return
        place += 8 + size + size % 2


def _bytes(path: str) -> bytes:
    try:
        if not os.path.isfile(path):
            raise SoundError("missing", "there is no such file")
        with open(path, "rb") as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise SoundError("unreadable", f"it cannot be read: {error}") from error
    if not content:
        raise SoundError("empty recording", "the file holds nothing")
    return content


def _resampled(mono: NDArray[np.float32], found: int, rate: int) -> NDArray[np.float32]:
    try:
        import soxr
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading recordings", "sound") from error
    changed: NDArray[np.float32] = soxr.resample(mono, found, rate)
    return changed


def _soundfile() -> Any:
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading recordings", "sound") from error
    return soundfile

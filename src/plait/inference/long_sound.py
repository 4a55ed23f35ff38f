"""Long recordings: cut where they are quietest, so that they are heard in pieces of a bearable length."""

import numpy as np

from plait.inference.input import Array

LONGEST_SECONDS = 40.0
"""Longer recordings are cut; a piece has at least half of it, but for the last."""
QUIET_SECONDS = 0.3
"""So much is quiet where a recording is cut, in the middle of which."""
FRAME_SECONDS = 0.01


def cuts(samples: Array, rate: int, longest: float = LONGEST_SECONDS) -> list[int]:
    """The samples at which a recording (time,) is cut, none where it is short enough."""
    most = round(longest * rate)
    if len(samples) <= most:
        return []
    frame = max(1, round(FRAME_SECONDS * rate))
    energy = (
        np.square(samples[: len(samples) // frame * frame].astype(np.float64)).reshape(-1, frame).mean(axis=1)
    )
    around = np.ones(max(1, round(QUIET_SECONDS / FRAME_SECONDS)))
    loud = np.convolve(energy, around, mode="same")
    found: list[int] = []
    begin = 0
    while len(samples) - begin > most:
        first, last = (begin + most // 2) // frame, (begin + most) // frame
        begin = frame * (first + int(loud[first:last].argmin()))
        found.append(begin)
    return found

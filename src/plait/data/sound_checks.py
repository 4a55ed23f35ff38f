"""Looks at every recording once; lists what cannot be used (errors) and what should be known (findings)."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from plait.data.checks import Checked, check_classes, copies
from plait.data.options import SoundDataOptions, SpeechDataOptions
from plait.data.table import Place, Table
from plait.errors import Problem, counted
from plait.inference.sound_file import COMMON_RATE, FEATURES, Clip, SoundError, open_features, open_sound
from plait.inference.transcripts import tidy

SILENCE = 8
"""Of 32,768: a recording that is nowhere louder is silent."""
MANY_HOURS = 3.0
FEW_DIFFERENT = 500
REPEATS = 3
"""Transcripts that are said so often on average may be all that is ever said."""
FRAMES_A_SECOND = 100


@dataclass(frozen=True)
class _Heard:
    digest: str = ""
    milliseconds: int = 0
    dimensions: int = 0
    fault: SoundError | None = None


def check_recordings(
    table: Table,
    options: SoundDataOptions | SpeechDataOptions,
    progress: Callable[[int, int], None] | None = None,
    training: bool = True,
) -> Checked:
    """Opens every recording in threads: unreadable, cut short, empty and silent ones are errors, as are missing
    transcripts and, with ``training``, classes that cannot be learnt. ``sizes`` (rows, 1) are milliseconds, rounded
    down. Raises nothing."""
    # Faults do not depend on it, and how long a recording is neither.
    rate = COMMON_RATE if options.rate == "auto" else options.rate
    heard = _hear_all(table, rate, progress)
    errors = [problem for problem in table.problems if problem.error]
    findings = [problem for problem in table.problems if not problem.error]
    common = Counter(one.dimensions for one in heard if one.fault is None).most_common(1)
    usable: list[int] = []
    for row, (one, place) in enumerate(zip(heard, table.places, strict=True)):
        fault = one.fault or _odd(one, common[0][0]) or _unsaid(table, row, options, training)
        if fault is None:
            usable.append(row)
        else:
            errors.append(Problem(fault.kind, place[0], fault.message, place[1]))
    if training and isinstance(options, SoundDataOptions):
        table, usable, faults = check_classes(table, usable)
        errors += faults
    kept, heard = table.take(usable), [heard[row] for row in usable]
    digests = [one.digest for one in heard]
    sizes = np.array([[one.milliseconds] for one in heard], np.int64).reshape(len(heard), 1)
    findings += copies(kept, digests, "recording")
    if isinstance(options, SpeechDataOptions) and training:
        findings += _about_speech(kept, sizes, options)
    return Checked(kept, errors, findings, sizes, digests, grey=False)


def _hear_all(table: Table, rate: int, progress: Callable[[int, int], None] | None) -> list[_Heard]:
    clips = list(table.frame["input"])
    heard: list[_Heard] = []
    # Threads suffice: decoding, resampling and hashing release Python's lock.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for one in pool.map(partial(_hear, rate=rate), clips):
            heard.append(one)
            if progress is not None:
                progress(len(heard), len(clips))
    return heard


def _hear(clip: Clip, rate: int) -> _Heard:
    try:
        if clip.path.lower().endswith(FEATURES):
            frames = open_features(clip.path)
            length, dimensions = 1000 * len(frames) // FRAMES_A_SECOND, frames.shape[1]
            return _Heard(_digest(clip), length, dimensions)
        samples = open_sound(clip, rate)
    except SoundError as error:
        return _Heard(fault=error)
    if np.abs(samples.astype(np.int32)).max() <= SILENCE:
        return _Heard(fault=SoundError("silence", "nothing is heard in it: record it again, or leave it out"))
    return _Heard(_digest(clip), 1000 * len(samples) // rate)


def _digest(clip: Clip) -> str:
    """Of the file and the times, so that it does not depend on the rate."""
    digest = hashlib.sha256(Path(clip.path).read_bytes())
    digest.update(repr((clip.start, clip.end)).encode())
    return digest.hexdigest()


def _odd(one: _Heard, common: int) -> SoundError | None:
    """Of features whose frames are of another size than most."""
    if one.dimensions == common:
        return None
    found = f"frames of {one.dimensions} numbers" if one.dimensions else "a recording"
    others = f"features of {common} numbers a frame" if common else "recordings"
    return SoundError("other features", f"{found}, but the others are {others}")


def _unsaid(
    table: Table, row: int, options: SoundDataOptions | SpeechDataOptions, training: bool
) -> SoundError | None:
    if not isinstance(options, SpeechDataOptions):
        return None
    said = table.targets[row]
    if isinstance(said, str) and tidy(said, options.lowercase, options.punctuation):
        return None
    if said is None and not training:
        return None
    return SoundError("empty transcript", "nothing is said of what is heard in it")


def _about_speech(table: Table, sizes: np.ndarray, options: SpeechDataOptions) -> list[Problem]:
    """Transcripts that repeat; too little speech for an open vocabulary; characters that training lacks."""
    said = [tidy(str(one), options.lowercase, options.punctuation) for one in table.targets]
    different, hours = len(set(said)), float(sizes.sum()) / 3.6e6
    found: list[tuple[str, str]] = []
    if said and different <= min(FEW_DIFFERENT, len(said) / REPEATS):
        message = f"{different} different ones in {len(said)}: decoding.phrases=transcripts allows only these"
        found.append(("transcripts repeat", message))
    if hours < MANY_HOURS:
        message = (
            f"{hours:.2f} hours: words that training does not hold will hardly ever be recognized; expect a usable "
            "network for a small vocabulary alone"
        )
        found.append(("little speech", message))
    if any(table.frame["group"]):
        speakers = table.frame["group"].nunique()
        found.append(
            (
                "speakers",
                f"{counted(speakers, 'speaker')}; where parts are cut, a speaker is in one of them alone",
            )
        )
    problems = [Problem(kind, table.source, message, error=False) for kind, message in found]
    return problems + unknown_characters(table, said)


def unknown_characters(table: Table, said: list[str]) -> list[Problem]:
    """A finding for each character that only other parts than training have, the most frequent first: where it stands
    first, how often, and what to do."""
    trained = [split in ("", "train") for split in table.splits]
    known = {sign for text, own in zip(said, trained, strict=True) if own for sign in text}
    counts: Counter[str] = Counter()
    first: dict[str, Place] = {}
    for text, own, place in zip(said, trained, table.places, strict=True):
        foreign = [] if own else [sign for sign in text if sign not in known]
        counts.update(foreign)
        for sign in foreign:
            first.setdefault(sign, place)
    return [_unknown(sign, count, first[sign], known) for sign, count in counts.most_common()]


def _unknown(sign: str, count: int, place: Place, known: set[str]) -> Problem:
    message = (
        f"{sign!r} ({count} in all, the first here) is in no training transcript and cannot be recognized: "
        f"{_remedy(sign, known)}"
    )
    return Problem("unknown characters", place[0], message, place[1], error=False)


def _remedy(sign: str, known: set[str]) -> str:
    """How transcripts are brought to the characters that training has."""
    if sign.swapcase() in known:
        return "set data.lowercase=true"
    if sign.isdigit():
        return "write numbers as words"
    if not tidy(sign, lowercase=False, punctuation="drop"):
        return "set data.punctuation=drop, or replace it in the transcripts"
    return "replace it in the transcripts, or add training recordings that have it"

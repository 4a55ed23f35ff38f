"""What needs PyTorch: loaded when a command asks for it, its threads told beforehand how to wait for each other."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plait.errors import MissingExtraError

CPU_TIMES = Path("/proc/stat")
SIBLINGS = Path("/sys/devices/system/cpu/smt/active")
WATCHED = 0.1
"""Seconds."""
ROOM = 0.5
"""Of a core: with so much less than PyTorch's threads would take, they wait asleep."""
POLICIES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""What a user may have said; then it holds."""


def flow(what: str) -> Any:
    """The module ``plait.flow``, for ``what`` the user asked.

    Raises MissingExtraError where its packages are not installed.
    """

    def load() -> Any:
        let_threads_sleep()
        from plait import flow

        return flow

    return needing(what, load)


def needing(what: str, load: Callable[[], Any]) -> Any:
    """What ``load`` imports, or MissingExtraError."""
    try:
        return load()
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("plait"):
            raise
        raise MissingExtraError(what, "train") from error


def let_threads_sleep() -> bool:
    """Lets OpenMP's threads sleep, not spin, while they wait, where other work leaves them too few cores.

    Spinning is quicker alone, and costs most where a thread spins on the core that the one it waits for should have.
    The environment is read once, when PyTorch is loaded. Returns whether it was changed; never where PyTorch is loaded
    already, where the user chose, or where the system does not tell what its cores do.
    """
    if "torch" in sys.modules or any(name in os.environ for name in POLICIES):
        return False
    threads = _threads()
    if threads < 2 or (idle := idle_cores(WATCHED)) is None or idle > threads - ROOM:
        return False
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    return True


def idle_cores(seconds: float) -> float | None:
    """How many of this process's cores do nothing for the next ``seconds``; None where the system does not tell."""
    before = _times()
    time.sleep(seconds)
    after = _times()
    if not before or before.keys() != after.keys():
        return None
    spans = [(after[core][0] - before[core][0], after[core][1] - before[core][1]) for core in before]
    return sum(idle / total if total else 1.0 for idle, total in spans)


def _threads() -> int:
    """PyTorch takes a thread a core, siblings counted once."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal():
        return int(asked)
    return len(_cores()) // (2 if _read(SIBLINGS).strip() == "1" else 1)


def _cores() -> set[int]:
    """Those that this process may use, by number."""
    if sys.platform != "linux":
        return set()
    return os.sched_getaffinity(0)


def _times() -> dict[int, tuple[int, int]]:
    """Each core's ticks without work, and all its ticks, since the machine started (proc(5))."""
    lines = [line.split() for line in _read(CPU_TIMES).splitlines() if line.startswith("cpu")]
    ticks = {words[0]: [int(word) for word in words[1:9]] for words in lines}
    return {core: (sum(of[3:5]), sum(of)) for core in _cores() if (of := ticks.get(f"cpu{core}"))}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""

"""How many threads pay: the physical cores that this process may use."""

import math
import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """Cores without their second hardware threads, within the process's affinity and its container's quota.

    Only Linux says which threads share a core; elsewhere every processor the system counts is one.
    """
    allowed = _allowed()
    cores = {_siblings(cpu) for cpu in allowed}
    return max(1, min(len(cores), _quota()))


def _allowed() -> set[int]:
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # Windows and macOS have none.
        return set(range(os.cpu_count() or 1))


def _siblings(cpu: int) -> str:
    try:
        return (_CPUS / f"cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii")
    except (OSError, ValueError):
        return str(cpu)


def _quota() -> int:
    """Whole processors that a container's limit allows, at least one; without a limit, all there are."""
    try:
        limit, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, math.ceil(int(limit) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # "max", or no such file
        return os.cpu_count() or 1

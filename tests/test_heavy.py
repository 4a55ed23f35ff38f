"""Threads wait asleep exactly where other work leaves PyTorch too few cores, and nobody has said otherwise."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plait import heavy

Working = Callable[..., None]


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Working:
    """Two cores that work for the given shares of the next 100 ticks, with PyTorch not yet loaded."""

    def work(*shares: float) -> None:
        times = tmp_path / "stat"
        times.write_text(_told([(500, 500, 0), (500, 300, 200)]))
        (first, second) = shares
        after = _told(
            [(500 + 100 * first, 600 - 100 * first, 0), (500 + 100 * second, 300, 300 - 100 * second)]
        )
        monkeypatch.setattr(heavy, "CPU_TIMES", times)
        monkeypatch.setattr(heavy.time, "sleep", lambda _: times.write_text(after))

    for name in ("OMP_NUM_THREADS", *heavy.POLICIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(heavy, "SIBLINGS", tmp_path / "none")
    monkeypatch.setattr(heavy, "_cores", lambda: {0, 1})
    return work


@pytest.mark.parametrize(
    ("shares", "asleep"), [((0, 0), False), ((0.2, 0.2), False), ((1, 0), True), ((0.3, 0.4), True)]
)
def test_threads_sleep_beside_other_work(
    working: Working, monkeypatch: pytest.MonkeyPatch, shares: tuple[float, float], asleep: bool
) -> None:
    working(*shares)
    assert heavy.let_threads_sleep() == asleep
    assert os.environ.get("OMP_WAIT_POLICY") == ("PASSIVE" if asleep else None)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)


def test_idle_cores_are_counted(working: Working) -> None:
    working(0.25, 1)
    assert heavy.idle_cores(0) == pytest.approx(0.75)


def test_what_the_user_chose_holds(working: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    working(1, 1)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert not heavy.let_threads_sleep()
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not heavy.let_threads_sleep()


def test_nothing_is_set_where_cores_are_not_told(working: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    working(1, 1)
    monkeypatch.setattr(heavy, "CPU_TIMES", Path("nowhere"))
    assert heavy.idle_cores(0) is None
    assert not heavy.let_threads_sleep()


@pytest.mark.skipif(not heavy.CPU_TIMES.exists(), reason="this system does not tell what its cores do")
def test_a_core_that_works_is_seen() -> None:
    cores = len(os.sched_getaffinity(0))  # type: ignore[attr-defined, unused-ignore]
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        idle = heavy.idle_cores(1.0)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert idle is not None
    assert idle < 0.5 * cores


def _told(cores: list[tuple[float, float, float]]) -> str:
    """As /proc/stat: of each core the ticks of work, without work, and waiting for a disk."""
    lines = [
        f"cpu{core} {work:.0f} 0 0 {idle:.0f} {waiting:.0f} 0 0 0 0 0"
        for core, (work, idle, waiting) in enumerate(cores)
    ]
    return "\n".join(["cpu 1 1", *lines, "intr 7", ""])

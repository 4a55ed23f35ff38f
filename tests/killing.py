"""A process that is killed while it writes: what tests of resuming stand on."""

import os
from collections.abc import Callable

import pytest


class Killed(BaseException):
    """Stands for a process that ends here and now."""


def renamed(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> int:
    """How many files ``act`` puts in their places."""
    rename, count = os.replace, 0

    def counting(source: str, target: str) -> None:
        nonlocal count
        count += 1
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", counting)
        act()
    return count


def killed_after(monkeypatch: pytest.MonkeyPatch, files: int, act: Callable[[], object]) -> None:
    """Does ``act``, and is killed at the file after so many."""
    rename, left = os.replace, files

    def dying(source: str, target: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dying)
        with pytest.raises(Killed):
            act()

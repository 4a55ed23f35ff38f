"""Files that are whole or not there: written under a temporary name beside the target, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.errors import RunError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; it becomes ``target`` at the end, or vanishes on any error."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """UTF-8 with the line ends that ``text`` has."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextmanager
def full_disk_explained(folder: Path, remedy: str) -> Iterator[None]:
    """Turns the system's complaint about a full disk into a RunError that ends in what to do once there is space."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise RunError(
            f"the disk is full: {folder} could not be written ({error.strerror}); what was saved "
            f"before is whole: free some space, then {remedy}"
        ) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())

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
def unwritable_explained(folder: Path, remedy: str) -> Iterator[None]:
    """Turns the system's complaint about a full disk, or about ``folder`` that vanished, into a RunError that ends in
    what to do once that is mended."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise RunError(
                f"the disk is full: {folder} could not be written ({error.strerror}); what was saved "
                f"before is whole: free some space, then {remedy}"
            ) from error
        if isinstance(error, FileNotFoundError) and _lies_in(error.filename, folder):
            raise RunError(
                f"{folder} was removed, renamed or emptied while plait wrote to it: {os.fsdecode(error.filename)} is "
                f"gone; put the folder back as it was and {remedy}, or begin anew"
            ) from error
        raise


def _lies_in(file: str | bytes | None, folder: Path) -> bool:
    return file is not None and Path(os.fsdecode(file)).absolute().is_relative_to(folder.absolute())


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())

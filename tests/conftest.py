"""Shape annotations of layers and tasks are checked while the tests run; a disk that is full."""

import signal
from collections.abc import Callable, Iterator

import pytest
from jaxtyping import install_import_hook

import tests.shapecheck

install_import_hook(["plait.layers", "plait.tasks"], f"{tests.shapecheck.__name__}.check")


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Called, no file may grow beyond so many bytes any more, which the system reports much as it does a full disk."""
    resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)

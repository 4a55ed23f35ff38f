"""glibc's allocator told to keep large blocks: a step's maps need not be given back and faulted in anew."""

import ctypes
import platform

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
# The largest value that every glibc accepts (HEAP_MAX_SIZE / 2 on 64 bits); newer ones take more.
_MMAP_THRESHOLDS = (1 << 30, 1 << 25)


def keep_memory() -> bool:
    """Raises glibc's mmap and trim thresholds for this process; False where the C library is another one."""
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    trimmed = library.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    return bool(trimmed) and any(library.mallopt(_M_MMAP_THRESHOLD, size) for size in _MMAP_THRESHOLDS)

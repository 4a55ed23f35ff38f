"""The allocator's setting is taken by glibc, and nothing happens elsewhere."""

import platform

from plait.training.allocator import keep_memory


def test_glibc_takes_it_and_others_are_left_alone() -> None:
    assert keep_memory() == (platform.libc_ver()[0] == "glibc")

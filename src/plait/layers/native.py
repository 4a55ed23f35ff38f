"""Native: recurrence.c compiled on this machine, where a C compiler is found; everything has an equal in PyTorch.

The compiled library is kept in the user's cache folder, by source, flags, compiler and processor. PLAIT_NATIVE=0
switches it off.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("recurrence.c")
# -ffast-math is left out on purpose: it makes 1 / (1 + inf) a NaN, and linked in it flushes every subnormal to zero.
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
WIDE = "-mprefer-vector-width=512"
LIMIT_SECONDS = 60
SUFFIXES = {torch.float32: "float", torch.float64: "double", torch.bfloat16: "bfloat16"}


def usable(x: Tensor) -> bool:
    """Whether the compiled kernels serve ``x``: on the CPU, of a known kind, and nobody traces the program."""
    return (
        x.device.type == "cpu"
        and x.dtype in SUFFIXES
        and not torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and library() is not None
    )


def call(name: str, kind: torch.dtype, *arguments: Tensor | int | None) -> None:
    """Calls kernel ``name`` for numbers of ``kind``; tensors, which must be contiguous, go by their address."""
    loaded = library()
    assert loaded is not None, "usable() says whether there are kernels"
    _function(loaded, f"{name}_{SUFFIXES[kind]}", len(arguments))(*map(_word, arguments))


def described() -> str:
    """For logs: by what the kernels were compiled, or why there are none."""
    if library() is not None:
        return "with compiled kernels"
    reasons = {"switched off": _switched_off(), f"not on {sys.platform}": not _supported()}
    return f"without compiled kernels ({next((why for why, holds in reasons.items() if holds), 'no C compiler')})"


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels; None without a compiler, or where it fails. Compiles at the first call, in seconds."""
    compiler = _compiler() if _supported() and not _switched_off() else None
    if compiler is None:
        return None
    path = _cache() / f"recurrence-{_key(compiler)}.so"
    if not path.is_file() and not _compile(compiler, path):
        return None
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        return None


def _supported() -> bool:
    """On Linux PyTorch brings the OpenMP library by the name that gcc links to: one pool of threads serves both.

    Elsewhere there would be two, which slow each other down.
    """
    return sys.platform == "linux"


def _switched_off() -> bool:
    return os.environ.get("PLAIT_NATIVE", "1") == "0"


def _compiler() -> str | None:
    wanted = os.environ.get("CC")
    candidates = [wanted] if wanted else ["gcc", "cc", "clang"]
    return next((found for name in candidates if (found := shutil.which(name))), None)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plait"


def _key(compiler: str) -> str:
    """Whatever the compiled library depends on."""
    parts = [SOURCE.read_text(encoding="utf-8"), *FLAGS, compiler, _version(compiler), _processor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _version(compiler: str) -> str:
    return _run([compiler, "--version"])[1]


def _processor() -> str:
    """The processor's name and abilities, for which -march=native compiles."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(
        dict.fromkeys(line for line in lines if line.startswith(("model name", "flags", "Features")))
    )


def _compile(compiler: str, path: Path) -> bool:
    """Compiles beside ``path`` and renames, so that two programs may do it at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            for flags in ((*FLAGS, WIDE), FLAGS):
                if _run([compiler, *flags, str(SOURCE), "-o", str(made), "-lm"])[0]:
                    made.replace(path)
                    return True
    except OSError:
        pass
    return False


def _run(command: list[str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False, ""
    return done.returncode == 0, done.stdout


@functools.cache
def _function(loaded: ctypes.CDLL, name: str, arguments: int) -> Callable[..., None]:
    function: Any = getattr(loaded, name)
    function.argtypes = [ctypes.c_int64] * arguments
    function.restype = None
    kernel: Callable[..., None] = function
    return kernel


def _word(argument: Tensor | int | None) -> int:
    if argument is None:
        return 0
    if isinstance(argument, int):
        return argument
    assert argument.is_contiguous()
    return argument.data_ptr()

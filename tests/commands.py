"""plait as its users start it: in a process of its own."""

import subprocess
import sys
from pathlib import Path

Done = subprocess.CompletedProcess[str]


def plait_command(*words: str, given: str = "") -> Done:
    """``plait`` with these words, and ``given`` on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "plait", *words], input=given, capture_output=True, text=True, check=False
    )


def without_torch(code: str, folder: Path) -> Done:
    """Runs ``code`` in ``folder``, which must not load PyTorch, pandas or scikit-learn."""
    ending = "import sys\nassert not {'torch', 'pandas', 'sklearn'} & set(sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done

"""What a person sees: a bar on a terminal, lines elsewhere."""

import io

import pytest
import torch

from plait.training.progress import make_progress

ROW = {"epoch": 1.5, "step": 6, "loss": 0.25, "validation_loss": 0.5, "validation_score": 0.75}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_elsewhere() -> None:
    stream = io.StringIO()
    progress = make_progress(0, 12, "score {:.4f}".format, stream)
    progress.stepped(1, torch.tensor(1.0))
    progress.validated(ROW)
    progress.close()
    assert stream.getvalue().startswith(
        "step 6/12, epoch 1.5: loss 0.2500, validation loss 0.5000, score 0.7500; "
    )
    assert stream.getvalue().count("\n") == 1


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    progress = make_progress(0, 12, "score {:.4f}".format, stream)
    progress.say("12 steps in float32")
    progress.validated(ROW)
    progress.close()
    assert "12 steps in float32" in stream.getvalue()
    assert "6/12" in stream.getvalue()
    assert "validation score 0.7500" in stream.getvalue()

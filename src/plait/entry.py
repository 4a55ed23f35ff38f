"""The entry point of the command ``plait``: what leaves it, by which exit code, with which last word."""

import os
import signal
import sys
from pathlib import Path

from plait import console
from plait.cli import app
from plait.errors import PlaitError


def main() -> None:
    """The entry point: what the user can mend is printed in one message, without a traceback, and exits 2."""
    sys.argv[1:] = _with_optional_value(sys.argv[1:], "--pretrained")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except PlaitError as error:
        console.print_error(error)
        leaving: BaseException = SystemExit(2)
    except (KeyboardInterrupt, SystemExit) as error:
        leaving = error
        if _lies_behind(error, KeyboardInterrupt):
            leaving = _stopped()
        elif _lies_behind(error, BrokenPipeError):
            leaving = _unheard()
    # From here on there is nothing to stop: what a Ctrl-C meets now is the interpreter, tidying up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise leaving


def _lies_behind(error: BaseException | None, cause: type[BaseException]) -> bool:
    """Typer turns a Ctrl-C, and a reader that has gone, into a silent exit, as Lightning does with the first."""
    while error is not None and not isinstance(error, cause):
        error = error.__cause__ or error.__context__
    return error is not None


def _stopped() -> SystemExit:
    console.say("stopped; a training that had begun goes on with: plait train --resume RUN")
    return SystemExit(130)


def _unheard() -> SystemExit:
    """Whoever read the answer has gone, as head does: what Python would still write goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return SystemExit(0)


def _with_optional_value(words: list[str], option: str) -> list[str]:
    """``--pretrained`` may stand alone: then it means the default backbone."""
    if option not in words:
        return words
    place = words.index(option)
    following = words[place + 1 : place + 2]
    if following and not following[0].startswith("-") and not Path(following[0]).is_dir():
        return words
    return [*words[:place], f"{option}=default", *words[place + 1 :]]

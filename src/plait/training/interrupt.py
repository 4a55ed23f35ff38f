"""Ctrl-C, or being asked to terminate: training stops after the step at hand; asked twice, it stops at once."""

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within it, ``requested`` says whether a stop was asked for; outside the main thread it never is."""

    requested = False

    def __enter__(self) -> "Interrupt":
        self._before = [signal.getsignal(number) for number in SIGNALS]
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in zip(SIGNALS, self._before, strict=True):
                signal.signal(number, handler)

    def listen(self) -> None:
        """Takes the signals, from whoever has them: Lightning sets a handler of its own that gives up unsaved."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._press)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

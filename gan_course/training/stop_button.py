"""Ctrl-C, or the stop button of a notebook, without a step torn in two."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopButton:
    """While it is open, the first Ctrl-C only sets ``pressed``; a second one interrupts as usual.

    Python raises KeyboardInterrupt between any two lines, so also between D's update and G's. What
    is saved then is a state that no uninterrupted run ever has. So the loop looks at ``pressed``
    after each whole step. SIGTERM, by which a cluster asks a program to end, counts as well, and so
    does SIGHUP, which says that the terminal was closed (``nohup`` is respected).

    Args:
        patient: let a second one do nothing either. Launchers of several processes pass each
            Ctrl-C on, so that a process hears it twice.
    """

    def __init__(self, patient: bool = False) -> None:
        self.pressed = False
        self.patient = patient
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopButton:
        numbers = [signal.SIGINT, signal.SIGTERM]
        numbers += [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []  # not on Windows
        for number in numbers:
            previous = signal.getsignal(number)
            # Leave alone who ignores the signal, or handles it outside Python.
            ends = previous == signal.SIG_DFL and number != signal.SIGINT
            if callable(previous) or ends:
                try:
                    signal.signal(number, self._press)
                    self._previous[number] = previous
                except ValueError:  # not in the main thread, where no signal arrives
                    pass
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        if not self.patient:
            self._restore()

    def _restore(self) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous = {}

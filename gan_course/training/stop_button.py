"""Ctrl-C, or the stop button of a notebook, without a step torn in two."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopButton:
    """While it is open, the first Ctrl-C only sets ``pressed``; a second one interrupts as usual.

    Python raises KeyboardInterrupt between any two lines, so also between D's update and G's. What
    is saved then is a state that no uninterrupted run ever has. So the loop looks at ``pressed``
    after each whole step.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._previous = None

    def __enter__(self) -> StopButton:
        previous = signal.getsignal(signal.SIGINT)
        # Leave alone who ignores Ctrl-C, or handles it outside Python.
        if callable(previous):
            try:
                signal.signal(signal.SIGINT, self._press)
                self._previous = previous
            except ValueError:  # not in the main thread, where no Ctrl-C arrives
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
        self._restore()

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

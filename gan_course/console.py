"""What surrounds a command: streams nobody may be listening to, strict warnings, odd errors."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

NOBODY_LISTENS = (errno.EPIPE, errno.EIO)  # `| head -1` has seen enough; a terminal was closed


class Patient:
    """A stream whose listener may leave. What is said then is lost, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        with contextlib.suppress(AttributeError, ValueError, OSError):
            # a console that has no ✓ gets a question mark, and not an error
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lost(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        """From now on into nothing, what is still in the buffer too."""
        self.error = self.error or error
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Inside, no command ends because nobody reads what it says.

    At the end it exits with a sentence if words could not be written for another reason, such as a
    full disk: somebody may rely on them.
    """
    before = sys.stdout, sys.stderr
    streams = [None if stream is None else Patient(stream) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in filter(None, streams):
            stream.flush()
        sys.stdout, sys.stderr = before
    for error in (stream.error for stream in streams if stream is not None):
        if error is not None and error.errno not in NOBODY_LISTENS:
            sys.exit(f"gan-course: what it says could not be written: {error.strerror}.")


@contextlib.contextmanager
def lenient_warnings() -> Iterator[None]:
    """Each warning is one sentence; none is an error, though PYTHONWARNINGS may ask for that."""
    with warnings.catch_warnings():
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.resetwarnings()
            for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", kind)
            for kind in (ResourceWarning, EncodingWarning):
                warnings.simplefilter("ignore", kind)
        warnings.showwarning = _say
        yield


def _say(message: Warning | str, *_: object, **__: object) -> None:
    """A warning without the line of code that it comes from."""
    print(f"gan-course: {message}", file=sys.stderr)


def sentence(error: Exception) -> str | None:
    """What to say of an error that the machine is to blame for; None for all others."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "t allocate memory" in text:
        return "out of memory. Use a smaller --batch_size, --base-channels or --image-size."
    if "can't start new thread" in text:
        return (
            "this machine lets the program start no more threads. Close other programs, raise "
            "the limit (ulimit -u), or set OMP_NUM_THREADS=1."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. The files that were there before are untouched."
    return None

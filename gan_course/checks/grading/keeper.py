"""A process that runs students' code, seen from outside: start it, hear it, end it in time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import gan_course
from gan_course.errors import CourseError

COMMAND = (sys.executable, "-P", "-m", "gan_course.checks.grading.worker")
START_SECONDS = 120  # for Python to import torch, on a busy machine
GRACE_SECONDS = 3.0  # between the alarm inside the process and its end from outside
MAX_LINE = 100_000
# What a student's code may see of the teacher's environment: no tokens, no passwords.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Keeper:
    """A process that imports torch once and keeps one student's process at a time."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self.command = command
        self.process: subprocess.Popen | None = None
        self.closed = False

    def close(self) -> None:
        """For good: the teacher has stopped it, or all is done."""
        self.closed = True
        self.stop()

    def start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        self.stop()
        if self.closed:
            raise CourseError("Grading was stopped.")
        self.home = tempfile.TemporaryDirectory(prefix="gan-course-grading-")
        self.errors = (Path(self.home.name) / "errors.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            self.command,
            cwd=self.home.name,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,  # one signal ends it with all that it has started
        )
        self.lines: queue.Queue = queue.Queue()
        reader = threading.Thread(target=_read, args=(self.process, self.lines), daemon=True)
        reader.start()
        if not (self.hear(time.monotonic() + START_SECONDS) or {}).get("ready"):
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines()[-1:] or ["no word"]
            self.stop()
            raise CourseError(f"Python cannot be started for the notebooks: {said[0]}.")

    def hear(self, deadline: float) -> dict | None:
        """The next message; None when the time is over; an empty one when the process ended."""
        try:
            return self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def stop(self) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()
        self.errors.close()
        with contextlib.suppress(OSError):
            self.home.cleanup()

    def _send(self, job: dict) -> None:
        if self.process is None:
            raise CourseError("Grading was stopped.")
        self.process.stdin.write((json.dumps(job) + "\n").encode())
        self.process.stdin.flush()

    def run(self, job: dict, step: float, deadline: float) -> tuple[dict, int | None, str]:
        """(results by step, the step in which it died or None, how it died)."""
        self.start()
        try:
            self._send(job)
        except OSError:  # it has just ended: begin another
            self.stop()
            self.start()
            self._send(job)
        results: dict[int, dict] = {}
        at, whole = 0, False
        until = min(deadline, time.monotonic() + step + GRACE_SECONDS)
        while True:
            message = self.hear(until)
            if message is None or time.monotonic() > until + 1:  # also while it floods us
                self.stop()
                return results, at, "time"
            if message and message.get("secret") != job["secret"]:
                continue
            if type(message.get("begin")) is int:
                at = message["begin"]
                until = min(deadline, time.monotonic() + step + GRACE_SECONDS)
            elif type(message.get("done")) is int:
                results[message["done"]] = message
            elif message.get("end") == "whole":
                whole = True
            elif not message or "end" in message:  # told by the keeper, or the keeper's own
                if not message:
                    self.stop()
                return results, None if whole else at, _how_it_died(message.get("end"))


def _read(process: subprocess.Popen, lines: queue.Queue) -> None:
    """Pass on what the process says, line by line; what is no message of ours is dropped."""
    while line := process.stdout.readline(MAX_LINE):
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(line)
            if isinstance(message, dict) and message:
                lines.put(message)
    lines.put({})
    process.stdout.close()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    package = str(Path(gan_course.__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")]))
    return kept | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1"}


def _how_it_died(code: object) -> str:
    if type(code) is not int or code == 0:
        return "it ended the process (an exit?)"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its process was ended by {name}" + (" (memory?)" if name == "SIGKILL" else "")
    return f"it ended the process with code {code}"

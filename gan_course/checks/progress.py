"""What a learner has solved, in a small file of their own.

The file is ``progress.json`` in ``~/.gan_course``, or in the folder that the environment variable
GAN_COURSE_HOME names. It leaves the machine in no way.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gan_course.checks.course_map import Map, terminal_columns
from gan_course.errors import CourseError
from gan_course.files import course_folder, locked, one_line, write_atomically


def path() -> Path:
    """Where the progress is kept."""
    return course_folder() / "progress.json"


def load() -> dict[str, dict]:
    """Task ("01_conv2d/size_formula") -> {"passed": date or None, "attempts": count}.

    A damaged file is set aside as progress.json.damaged, and a new one begun.
    """
    try:
        return _read()
    except _NO_ACCESS:
        return {}


_NO_ACCESS = (OSError, CourseError)  # CourseError: there is no home folder, or a full disk


def _read() -> dict[str, dict]:
    """As ``load``, but an existing file that cannot be read is an error, not an empty one."""
    try:
        content = path().read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        tasks = json.loads(content.decode("utf-8"))["tasks"]
        if not all(isinstance(t["attempts"], int) and "passed" in t for t in tasks.values()):
            raise ValueError("an entry is not as it should be")
        return tasks
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        path().replace(_free_name(path().with_name("progress.json.damaged")))
        return {}


def _free_name(file: Path) -> Path:
    """The file, or file-2, file-3 ... if such files are there already."""
    names = [file, *(file.with_name(f"{file.name}-{i}") for i in range(2, 100))]
    return next((name for name in names if not name.exists()), names[-1])


def record(lesson: str, task: str, passed: bool, attempted: bool = True) -> str:
    """Note an attempt. Returns a sentence if it could not be noted, else an empty text."""
    if not attempted:
        return ""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        with _alone():
            tasks = _read()
            entry = tasks.setdefault(f"{lesson}/{task}", {"passed": None, "attempts": 0})
            entry["attempts"] += 1
            if passed and entry["passed"] is None:
                entry["passed"] = time.strftime("%Y-%m-%d")
            text = json.dumps({"tasks": tasks}, indent=1, sort_keys=True)
            write_atomically(path(), text.encode())
    except _NO_ACCESS as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        return f"(Your progress could not be saved: {one_line(cause)}.)"
    return ""


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two notebooks that check at the same moment write one after the other."""
    with _ONE_THREAD, locked(path().with_name(".progress.lock"), wait=True) as really:
        for half in path().parent.glob(".progress*.part") if really else ():
            with contextlib.suppress(OSError):
                half.unlink()  # of a process that was killed
        yield


_ONE_THREAD = threading.Lock()


def table() -> Map:
    """The map of the course, for lesson 00."""
    return Map(load)


def summary_text(columns: int | None = None) -> str:
    """The map of the course as plain text, for the command line; as wide as the terminal."""
    return table().text(columns or terminal_columns())

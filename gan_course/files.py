"""Files that are whole or not there, and folders that one process at a time works in.

Nothing here needs torch: the progress of a learner is kept by these few lines too.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from gan_course.errors import CourseError, typed_path


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside ``path``, force it onto the disk, and move it there: whole, or not at all.

    Whatever goes wrong on the way, an old file at ``path`` stays as it was.

    Raises:
        CourseError: if the disk is full or the folder cannot be written.
    """
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise CourseError(
            f"{path} could not be written: {one_line(error)}. What was there before is untouched. "
            f"Free some space, or choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Called before long work whose result goes to ``path``: better to fail now than then.

    Raises:
        CourseError: if a folder is in its place, or nothing can be written beside it.
    """
    if path.is_dir():
        raise CourseError(f"{path} is a folder, so no file of that name can be written.")
    above = next((folder for folder in path.parents if folder.exists()), Path())
    temporary = _beside(above / path.name)  # no new folder: the work may yet come to nothing
    try:
        temporary.write_bytes(b"")
        temporary.unlink()
    except OSError as error:
        raise CourseError(
            f"{path} could not be written: {one_line(error)}. Choose another folder."
        ) from error


def _beside(path: Path) -> Path:
    """Where a file is put together: hidden, and with a name that no other writer has."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")


def course_folder() -> Path:
    """Where the course keeps what is a learner's own: GAN_COURSE_HOME, or ~/.gan_course.

    Raises:
        CourseError: if there is no home folder.
    """
    given = os.environ.get("GAN_COURSE_HOME")
    if given:
        return typed_path(given)
    try:
        return Path.home() / ".gan_course"
    except RuntimeError as error:
        raise CourseError(
            "there is no home folder here. Name a folder in the environment variable "
            "GAN_COURSE_HOME"
        ) from error


class Busy(Exception):
    """Another process has the lock."""


@contextlib.contextmanager
def locked(path: Path, wait: bool) -> Iterator[bool]:
    """Hold a lock on this file, which is made if need be. It ends with the process at the latest.

    Where there are no such locks (Windows, some network folders) everybody comes in at once, and
    gets False instead of True.

    Args:
        wait: for another process that holds it.

    Raises:
        Busy: if another process holds it, and ``wait`` is False.
        OSError: if the file cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            import fcntl
        except ImportError:
            yield False
            return
        file = stack.enter_context(path.open("a"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise Busy from error
        except OSError:  # a network folder that knows no locks
            yield False
            return
        yield True


_MINE: set[Path] = set()  # folders that this process works in now


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside, no other process trains in this folder.

    Raises:
        CourseError: if one does, or if nothing can be written there.
    """
    folder = folder.resolve()
    with contextlib.ExitStack() as stack:
        if folder not in _MINE:
            try:
                (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(folder / "checkpoints" / ".lock", wait=False))
            except Busy as error:
                raise CourseError(
                    f"another process is training in {folder}, so it was not touched. Wait for "
                    f"it, or train elsewhere by --output-dir."
                ) from error
            except OSError as error:
                raise CourseError(
                    f"{folder} could not be written: {one_line(error)}. What was there before is "
                    f"untouched. Free some space, or choose another folder by --output-dir."
                ) from error
            _MINE.add(folder)
            stack.callback(_MINE.discard, folder)
        yield


def stamp(path: Path) -> tuple[int, int] | None:
    """What tells this file from those that were or will be in its place; None if there is none."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_mtime_ns
    return None


def shown(name: object) -> str:
    """A file's name as it can be printed on one line: a line break in it as ``\\n``, a byte that
    is no letter as ``\\udce9``. Names may hold anything, and printing them may not fail."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name))


def one_line(error: Exception) -> str:
    """What went wrong, on one line, in at most 300 characters."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".:")

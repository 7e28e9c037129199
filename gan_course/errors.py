"""The one exception for mistakes that a person can mend, and the commonest of them: a path."""

from __future__ import annotations

from pathlib import Path


class CourseError(ValueError):
    """Something that you can mend: a missing data set, a damaged checkpoint, a full disk.

    Its message says what was wrong, which value was seen, and what to do. The command line prints
    only that message; so does a notebook, through IPython's ``_render_traceback_`` hook.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def typed_path(text: str | Path) -> Path:
    """A path that somebody has typed, with ``~`` made their home folder. It need not exist.

    Raises:
        CourseError: if no file can ever have this name: nobody's home, too long, links in a circle.
    """
    try:
        if not isinstance(text, str | Path):
            raise TypeError("a path is text")
        path = Path(text).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return path
    except (OSError, RuntimeError, ValueError, TypeError) as error:  # no such home; a NUL inside
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise CourseError(f"{str(text)[:400]} is no path: {reason}. Name another one.") from error
    return path


def why_no_file(path: Path) -> str:
    """Why nothing can be read there: "is a folder", for example. Empty for a plain file."""
    if path.is_dir():
        return "is a folder"
    if not path.exists():
        return "does not exist"
    return "" if path.is_file() else "is a pipe or a device, not a file"  # a read may never end

"""The one exception for mistakes that a person can mend."""

from __future__ import annotations


class CourseError(ValueError):
    """Something that you can mend: a missing data set, a damaged checkpoint, a full disk.

    Its message says what was wrong, which value was seen, and what to do. The command line prints
    only that message; so does a notebook, through IPython's ``_render_traceback_`` hook.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]

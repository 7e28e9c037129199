"""The numbers of a run, one JSON object a line: easy to read, to plot and to search."""

from __future__ import annotations

import json
from pathlib import Path

from gan_course.errors import CourseError
from gan_course.models.weights import write_atomically


def write_history(path: Path, rows: list[dict]) -> None:
    """Write all lines anew each time, so that the file never ends in half a line."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_atomically(path, lines.encode())


def read_history(path: Path, last_step: int) -> list[dict]:
    """The lines up to this step; none if there is no file.

    Raises:
        CourseError: if a line is damaged. Going on would write over the lines that are not.
    """
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            if row["step"] <= last_step:
                rows.append(row)
        except (ValueError, TypeError, KeyError) as error:
            raise CourseError(
                f"line {number} of {path} is damaged, so the run was not touched. Mend the line, "
                f"or move the file away: the curves then begin anew."
            ) from error
    return rows

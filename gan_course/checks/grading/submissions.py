"""Find a class's filled-in notebooks: whose each is, and which lesson's. No torch in here."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from gan_course.checks.course import LESSONS
from gan_course.errors import CourseError

MAX_BYTES = 50_000_000  # a notebook with many pictures has 5 MB
SLUGS = tuple(lesson.slug for lesson in LESSONS if lesson.tasks)
_SLUG = re.compile("|".join(map(re.escape, SLUGS)), re.IGNORECASE)
_NOT_A_STUDENT = {"exercises", "notebooks"}  # folders that no student is named by


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in.

    Attributes:
        student: as the folder or the file is named.
        lesson: its slug, "01_conv2d", or "" if it cannot be told.
        path: of the notebook.
    """

    student: str
    lesson: str
    path: Path


def find_submissions(folder: Path) -> tuple[list[Submission], list[str]]:
    """The notebooks below a folder, by student and lesson, and a sentence for each one left out.

    Known layouts: ``ada/01_conv2d.ipynb``, ``01_conv2d/ada.ipynb``, ``ada_01_conv2d.ipynb`` and
    nbgrader's ``submitted/ada/01_conv2d/01_conv2d.ipynb``. A folder of solved notebooks without a
    student, such as the course's own ``solutions/``, counts as one student of that folder's name.

    Of a whole course folder of nbgrader's, only ``submitted/`` is looked into.

    Raises:
        CourseError: if there is no such folder, or no exercise notebook in it.
    """
    if not folder.is_dir():
        raise CourseError(
            f"{folder} is no folder. Name the one that holds the filled-in notebooks."
        )
    inside = folder / "submitted"
    folder = inside if inside.is_dir() else folder
    found, left_out = [], []
    for where, names, files in os.walk(folder):  # does not follow links to other folders
        names[:] = sorted(name for name in names if not name.startswith((".", "__")))
        for name in sorted(files):
            path = Path(where) / name
            if path.suffix.lower() != ".ipynb" or name.startswith("."):
                continue
            if path.is_symlink() or not path.is_file():
                left_out.append(f"{path.relative_to(folder)} is a link or no plain file.")
                continue
            submission = _submission(folder, path)
            if submission.lesson:
                found.append(submission)
            else:
                left_out.append(
                    f"{path.relative_to(folder)}: of which lesson? Neither its name nor what is "
                    f"in it says so. Name it like {SLUGS[0]}.ipynb."
                )
    if not found:
        told = "".join(f"\n  {line}" for line in left_out[:10])
        raise CourseError(
            f"{folder} holds no exercise notebook of this course. One is named like "
            f"ada/{SLUGS[0]}.ipynb or {SLUGS[0]}/ada.ipynb.{told}"
        )
    return sorted(found, key=lambda s: (s.student, s.lesson, str(s.path))), left_out


def _submission(folder: Path, path: Path) -> Submission:
    folders = [p for p in path.relative_to(folder).parts[:-1] if p.lower() not in _NOT_A_STUDENT]
    people = [part for part in folders if not _slug_in(part)]
    lesson = _slug_in(path.stem) or next(filter(None, map(_slug_in, folders)), "")
    lesson = lesson or _slug_inside(path)
    if people:
        student = people[0]
    else:
        student = _SLUG.sub("", path.stem).strip(" _-.()") or folder.resolve().name
    return Submission(student, lesson, path)


def _slug_in(name: str) -> str:
    match = _SLUG.search(name.replace(" ", "_"))
    return match[0].lower() if match else ""


def _slug_inside(path: Path) -> str:
    """The lesson that the builder has noted in a notebook, whatever its name is now."""
    try:
        built_from = read_notebook(path)["metadata"]["gan_course"]["built_from"]
        return _slug_in(str(built_from))
    except (CourseError, KeyError, TypeError):
        return ""


def read_notebook(path: Path) -> dict:
    """A notebook as a dict whose cells have ``cell_type``, ``source`` (one text) and ``metadata``.

    Raises:
        CourseError: if the file is no notebook of format 4, or over 50 MB.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CourseError(f"it has {size / 1e6:.0f} MB; clear its outputs and hand it in again")
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except CourseError:
        raise
    except OSError as error:
        raise CourseError(f"it cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise CourseError("it is no notebook: the file is damaged or was cut off") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise CourseError("it is no notebook of format 4; open it in JupyterLab and save it")
    document["cells"] = [_cell(c) for c in document["cells"] if isinstance(c, dict)]
    return document


def _cell(cell: dict) -> dict:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    return {
        "cell_type": cell.get("cell_type"),
        "id": cell.get("id") if isinstance(cell.get("id"), str) else "",
        "source": source if isinstance(source, str) else "",
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def attempts_of(submission: Submission, folder: Path) -> dict[str, int]:
    """Task -> how often it was checked, if the student's ``progress.json`` lies beside or above."""
    for place in submission.path.parents:
        if place == folder.parent:
            break
        try:
            tasks = json.loads((place / "progress.json").read_bytes())["tasks"]
            counts = {name: entry["attempts"] for name, entry in tasks.items()}
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            continue
        start = f"{submission.lesson}/"
        return {
            name.removeprefix(start): count
            for name, count in counts.items()
            if name.startswith(start) and type(count) is int
        }
    return {}

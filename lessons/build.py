"""Build notebooks/, exercises/ and solutions/ from lessons/, or check that they are up to date.

    python lessons/build.py              build; only lessons whose code changed are run again
    python lessons/build.py --only 01    only this lesson
    python lessons/build.py --force      run every lesson again
    python lessons/build.py --check      run nothing; exit 1 and show a diff where files differ

The same sources give the same bytes. This script imports nothing of gan_course: it must work when
the package does not.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lesson_links import links_cell
from lesson_outputs import ExecutionError, clean, execute, output_problems
from lesson_source import (
    Cell,
    LessonError,
    check_exercises,
    check_lesson,
    exercise_faces,
    read_cells,
)
from nbgrader_cells import nbgrader_marks

OUTPUT_FORMAT = 1  # raise it when stored outputs look different: every lesson is then run again
QUIZZES = "gan_course/labs/quizzes"
MAX_DIFF_LINES = 30


@dataclass(frozen=True)
class Lesson:
    slug: str  # "01_conv2d"
    cells: list[Cell]  # of lesson.py; none in a folder that holds exercises only
    exercises: tuple[list[Cell], list[Cell]] | None  # stubbed, solved
    quiz: str | None

    @property
    def fingerprint(self) -> str:
        """Of all that decides the outputs: code, tags and quiz, but not the prose around them."""
        code = [[cell.text, cell.tags] for cell in self.cells if cell.kind == "code"]
        return digest([OUTPUT_FORMAT, code, self.quiz])


def digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def read_lessons(root: Path, only: tuple[str, ...] = ("",)) -> list[Lesson]:
    """The lessons below root/lessons whose slugs begin so; all of them if not told otherwise.

    LessonError with every problem found, one a line.
    """
    folders = sorted(path for path in (root / "lessons").glob("[0-9][0-9]_*") if path.is_dir())
    if not folders:
        raise LessonError(f"lessons/: no lesson folder like 01_conv2d in {root / 'lessons'}.")
    lessons, problems = [], []
    for folder in folders:
        if not folder.name.startswith(only):
            continue
        slug, name = folder.name, f"lessons/{folder.name}"
        try:
            cells, exercises, quiz = [], None, None
            if (folder / "lesson.py").exists():
                cells = read_cells(folder / "lesson.py", f"{name}/lesson.py")
                problems += check_lesson(cells, f"{name}/lesson.py")
            elif not (folder / "exercises.py").exists():
                raise LessonError(f"{name}/: there is no lesson.py in this folder.")
            elif (folder / "quiz.yml").exists():
                raise LessonError(f"{name}/quiz.yml: no lesson.py here asks it. Delete it.")
            if (folder / "exercises.py").exists():
                exercises = read_cells(folder / "exercises.py", f"{name}/exercises.py")
                problems += check_exercises(exercises, f"{name}/exercises.py")
                last = exercises[-1]
                stubs, solved = exercise_faces(exercises)
                stubs.append(links_cell("exercise", folder, folders, last))
                solved.append(links_cell("solution", folder, folders, last))
                exercises = stubs, solved
            if (folder / "quiz.yml").exists():
                quiz = (folder / "quiz.yml").read_text(encoding="utf-8")
            lessons.append(Lesson(slug, cells, exercises, quiz))
        except LessonError as error:
            problems.append(str(error))
    if problems:
        raise LessonError("\n".join(problems))
    return lessons


def notebook(
    kind: str,
    slug: str,
    cells: list[Cell],
    outputs: list[list[dict]] | None = None,
    fingerprint: str | None = None,
) -> str:
    """The text of a notebook file. With outputs its code cells are counted as run, in order."""
    entries = []
    count = 0
    marks = {} if kind == "lesson" else nbgrader_marks(slug, cells)
    for cell in cells:
        entry = {
            "cell_type": cell.kind,
            "id": f"{kind}-{slug.replace('_', '-')}-{cell.index:03d}",
            "metadata": {"tags": list(cell.tags)} if cell.tags else {},
            "source": cell.text.splitlines(keepends=True),
        }
        if cell.index in marks:
            entry["metadata"]["nbgrader"] = marks[cell.index]
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
            if outputs is not None:
                entry["execution_count"] = count + 1
                entry["outputs"] = [_counted(output, count + 1) for output in outputs[count]]
            count += 1
        entries.append(entry)
    source = "lesson.py" if kind == "lesson" else "exercises.py"
    fingerprint = fingerprint or digest([cell.text for cell in cells])
    document = {
        "cells": entries,
        "metadata": {
            "gan_course": {"built_from": f"lessons/{slug}/{source}", "fingerprint": fingerprint},
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return to_text(document)


def to_text(document: dict) -> str:
    """As Jupyter writes it, with sorted keys."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _counted(output: dict, count: int) -> dict:
    if output["output_type"] == "execute_result":
        return {**output, "execution_count": count}
    return output


def plain_files(lesson: Lesson) -> dict[str, str]:
    """What is built without running anything: path below the root -> text."""
    files = {}
    if lesson.exercises is not None:
        stubs, solutions = lesson.exercises
        files[f"exercises/{lesson.slug}.ipynb"] = notebook("exercise", lesson.slug, stubs)
        files[f"solutions/{lesson.slug}.ipynb"] = notebook("solution", lesson.slug, solutions)
    if lesson.quiz is not None:
        first = f"# Generated by lessons/build.py from lessons/{lesson.slug}/quiz.yml; edit that.\n"
        files[f"{QUIZZES}/{lesson.slug}.yml"] = first + lesson.quiz
    return files


def stored_outputs(lesson: Lesson, path: Path) -> list[list[dict]] | None:
    """The outputs in the committed notebook, None when they come from other code."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["metadata"]["gan_course"]["fingerprint"] != lesson.fingerprint:
            return None
        cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
        if len(cells) != sum(cell.kind == "code" for cell in lesson.cells):
            return None
        return [clean(cell["outputs"]) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def bad_outputs(lesson: Lesson, outputs: list[list[dict]]) -> list[str]:
    """Why these outputs may not be stored."""
    code = [cell for cell in lesson.cells if cell.kind == "code"]
    problems = []
    for cell, cell_outputs in zip(code, outputs, strict=True):
        problems += output_problems(cell_outputs, cell.place)
    if code and not any(outputs):
        problems.append(f"{code[0].place}: no cell of this lesson shows anything.")
    return problems


def build(root: Path, lessons: list[Lesson], force: bool, timeout: int) -> None:
    for lesson in lessons:
        path = root / "notebooks" / f"{lesson.slug}.ipynb"
        path.parent.mkdir(exist_ok=True)
        for name, text in plain_files(lesson).items():  # first: a lesson reads its own quiz
            write(root, name, text)
        if not lesson.cells:
            continue
        outputs = None if force else stored_outputs(lesson, path)
        if outputs is None:
            print(f"{lesson.slug}: running", flush=True)
            start = time.monotonic()
            empty = notebook("lesson", lesson.slug, lesson.cells)
            try:
                outputs = execute(empty, path.parent, timeout)
            except ExecutionError as error:
                raise LessonError(f"{lesson.cells[error.cell].place}: {error}") from None
            print(f"{lesson.slug}: ran in {time.monotonic() - start:.0f} s")
        problems = bad_outputs(lesson, outputs)
        if problems:
            raise LessonError("\n".join(problems))
        text = notebook("lesson", lesson.slug, lesson.cells, outputs, lesson.fingerprint)
        write(root, f"notebooks/{lesson.slug}.ipynb", text)


def write(root: Path, name: str, text: str) -> None:
    """Write a file whole or not at all, and only when it changes."""
    path = root / name
    old = path.read_bytes().decode("utf-8", errors="replace") if path.exists() else None
    for left in path.parent.glob(f".{path.name}.*.part"):  # by a builder that was killed
        left.unlink(missing_ok=True)
    if old == text:
        return
    if old is not None and name.startswith("exercises/") and was_worked_in(old):
        keep(root, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")  # two builders, two names
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    print(f"wrote {name}")


def was_worked_in(text: str) -> bool:
    """True for a built notebook in which somebody has since run or changed a cell."""
    try:
        document = json.loads(text)
        sources = ["".join(cell["source"]) for cell in document["cells"]]
        ran = any(cell.get("execution_count") for cell in document["cells"])
        return ran or document["metadata"]["gan_course"]["fingerprint"] != digest(sources)
    except (ValueError, KeyError, TypeError):
        return True


def keep(root: Path, path: Path) -> None:
    """Copy a learner's exercise notebook before the builder writes over it."""
    folder = root / "build" / "kept"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    kept, number = folder / f"{name}.ipynb", 1
    while kept.exists():  # twice in a second, or after the clock was set back
        number += 1
        kept = folder / f"{name}-{number}.ipynb"
    shutil.copy2(path, kept)
    print(f"{path.parent.name}/{path.name} held somebody's work; it is kept in {kept}")


def check(root: Path, lessons: list[Lesson]) -> list[str]:
    """Every difference between what is committed and what would be built."""
    problems = []
    planned = set()
    for lesson in lessons:
        planned |= set(plain_files(lesson))
        for name, text in plain_files(lesson).items():
            problems += difference(root / name, name, text)
        if not lesson.cells:
            continue
        name = f"notebooks/{lesson.slug}.ipynb"
        outputs = stored_outputs(lesson, root / name)
        planned.add(name)
        if outputs is not None:
            problems += bad_outputs(lesson, outputs)
            text = notebook("lesson", lesson.slug, lesson.cells, outputs, lesson.fingerprint)
            problems += difference(root / name, name, text)
        else:
            # Other code: what it printed is beside the point, so only the cells are compared.
            text = notebook("lesson", lesson.slug, lesson.cells, None, lesson.fingerprint)
            unreadable = [f"{name}: its outputs cannot be read."]
            problems += difference(root / name, name, text, without_outputs) or unreadable
    for pattern in ("notebooks/*.ipynb", "exercises/*.ipynb", "solutions/*.ipynb"):
        # A learner's own copies under other names are none of our business.
        for path in sorted(root.glob(pattern)):
            name = f"{path.parent.name}/{path.name}"
            if name not in planned and re.match(r"\d\d_", path.name):
                problems.append(f"{name}: no lesson builds this file. Rename or delete it.")
    for path in sorted((root / QUIZZES).glob("*.yml")):
        if f"{QUIZZES}/{path.name}" not in planned:
            problems.append(f"{QUIZZES}/{path.name}: no lesson has this quiz. Delete it.")
    return problems


def without_outputs(text: str) -> str:
    """A notebook's text with nothing run; as it is when it cannot be read."""
    try:
        document = json.loads(text)
        for cell in document["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
    except (ValueError, KeyError, TypeError):
        return text
    return to_text(document)


def difference(path: Path, name: str, text: str, view: Callable[[str], str] = str) -> list[str]:
    """A readable diff from the committed file to what the sources say, empty when equal.

    ``view`` is applied to the committed text first.
    """
    if not path.exists():
        return [f"{name}: missing"]
    old = view(path.read_bytes().decode("utf-8", errors="replace"))
    if old == text:
        return []
    lines = difflib.unified_diff(
        old.splitlines(),
        text.splitlines(),
        f"committed {name}",
        "what lessons/ says",
        "",
        "",
        1,
        "",
    )
    short = [line if len(line) <= 150 else line[:150] + "…" for line in lines]
    if len(short) > MAX_DIFF_LINES:
        short = [*short[:MAX_DIFF_LINES], f"… and {len(short) - MAX_DIFF_LINES} more lines"]
    if not short:
        short = ["  only the line ends differ"]
    return ["\n".join([f"{name}: differs", *short])]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="run nothing; exit 1 on any drift")
    parser.add_argument("--force", action="store_true", help="run every lesson again")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only these, e.g. 01 08", metavar="NN"
    )
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one cell")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            chosen = read_lessons(options.root, tuple(options.only))
            if not chosen:
                known = ", ".join(lesson.slug for lesson in read_lessons(options.root))
                raise LessonError(
                    f"--only {' '.join(options.only)}: no such lesson. There are {known}."
                )
            build(options.root, chosen, options.force, options.timeout)
            return 0
        lessons = read_lessons(options.root)
        problems = check(options.root, lessons)
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        what = "read or written" if options.check else "written"
        print(
            f"{error.filename or 'A file'} could not be {what}: {error.strerror or error}. What "
            f"was there before is untouched.",
            file=sys.stderr,
        )
        return 1
    if problems:
        print("\n".join(problems), file=sys.stderr)
        print(
            "\nThese files are not what lessons/ says. If you changed a lesson: `make notebooks`.\n"
            "If you worked in a notebook: that is what they are for. Keep your work under a name\n"
            "like my_01_conv2d.ipynb, and put the original back with `git checkout`.",
            file=sys.stderr,
        )
        return 1
    print(f"{len(lessons)} lessons: notebooks, exercises, solutions and quizzes are up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Turn a filled-in notebook into steps: the student's cells, and our own checks between them.

What a check cell of the student says is never run. Its place in the notebook counts, the call comes
from the course's own exercise notebook. No torch in here, and nothing of the student's runs here.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_course.checks.grading.submissions import read_notebook
from gan_course.errors import CourseError

_TITLE = re.compile(r"## Task (\d+)\b")
_DOTS = re.compile(r"\*\*Difficulty\*\* ([●○]+)")

# An answer runs in one process with the checker. Who wanted to deceive it would write one of these;
# none is needed for an exercise. A teacher is told to look.
_LOOK = re.compile(
    r"\bgan_course\b|\bopen\(|\bread_text\b|\.ipynb|\boracle\b|"
    r"\b_getframe\b|\binspect\b|\bimport gc\b|\bgc\.|sys\.modules|"
    r"__globals__|__closure__|f_back|tb_frame|\bctypes\b|\bimportlib\b|\bsubprocess\b|\bos\._exit|"
    r"\bos\.(?:system|kill|write|fork)|(?<![\w.])(?:exec|eval|setattr|delattr|__import__)\(|"
    r"\bcheck\.\w+\s*=[^=]|\bVerdict\b|\baddaudithook\b|GAN_COURSE"
)


@dataclass(frozen=True)
class TaskInfo:
    """One task of the course's exercise notebook.

    Attributes:
        number: from 1.
        name: of its checker, "size_formula".
        title: as the learner reads it.
        points: the filled dots of its card.
        arguments: what the check is called with, as source: ("my_diagnosis", "prepare").
    """

    number: int
    name: str
    title: str
    points: int
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """The course's own exercise notebook of one lesson."""

    lesson: str
    tasks: tuple[TaskInfo, ...]
    numbers: dict[str, int]  # cell id or grade_id -> the task that it belongs to
    checks: dict[str, int]  # id, grade_id or source of a check cell -> its task
    answers: frozenset[str]  # ids and grade_ids of answer cells
    lines: frozenset[str]  # of code, as given


def read_exercise(folder: Path, lesson: str) -> Exercise:
    """The exercise notebook ``folder/01_conv2d.ipynb`` of the course.

    Raises:
        CourseError: if it is missing, or its checks are not as the course builds them.
    """
    path = folder / f"{lesson}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{path} is missing: the checks are taken from the course's own exercise notebooks. "
            f"Name their folder with --exercises."
        )
    tasks, numbers, checks, answers, lines = [], {}, {}, set(), set()
    number, title, points = 0, "", 0
    for cell in read_notebook(path)["cells"]:
        match = _TITLE.match(cell["source"])
        if match:
            number = int(match[1])
            title = cell["source"].split("\n")[0].partition("·")[2].strip()
            dots = _DOTS.search(cell["source"])
            points = dots[1].count("●") if dots else 1
        elif cell["cell_type"] != "code" and re.match(r"##? ", cell["source"]):
            number = len(tasks) + 1 if tasks else 0
        names = names_of(cell)
        numbers |= dict.fromkeys(names, number)
        if cell["cell_type"] != "code":
            continue
        lines |= {line.strip() for line in cell["source"].splitlines()}
        if "check" in _tags(cell):
            task, arguments = _call(cell["source"], path)
            tasks.append(TaskInfo(number, task, title, points, arguments))
            checks |= dict.fromkeys([*names, cell["source"].strip()], number)
        elif "exercise" in _tags(cell):
            answers |= set(names)
    return Exercise(lesson, tuple(tasks), numbers, checks, frozenset(answers), frozenset(lines))


def _call(source: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """("size_formula", ("size",)) from ``check.size_formula(size)``."""
    try:
        call = ast.parse(source).body[-1].value
        return call.func.attr, tuple(map(ast.unparse, call.args))
    except (SyntaxError, AttributeError, IndexError):
        raise CourseError(
            f"{path}: the check {source!r} is not as the course has it. Put the notebook back with "
            f"`git checkout exercises`, or build it with `make notebooks`."
        ) from None


def names_of(cell: dict) -> list[str]:
    """A cell's id and its nbgrader name; either may have been lost on the way."""
    mark = cell["metadata"].get("nbgrader")
    grade_id = mark.get("grade_id") if isinstance(mark, dict) else None
    return [name for name in (cell["id"], grade_id) if name and isinstance(name, str)]


def _tags(cell: dict) -> list:
    tags = cell["metadata"].get("tags")
    return tags if isinstance(tags, list) else []


def plan(exercise: Exercise, cells: list[dict]) -> list[dict[str, Any]]:
    """The steps of a filled-in notebook, in its order.

    ``{"kind": "code", "text": ..., "name": "cell 3", "task": 1, "answer": True, "forget": [...]}``
    runs a cell of the student, ``{"kind": "check", "task": 1, "name": "size_formula",
    "arguments": [...], "forget": [...], "note": ...}`` one of our checks. Each task is checked
    once: at the last of its check cells, or, if they were deleted, behind the last cell that
    belongs to it.
    """
    placed: list[tuple[int, dict | None]] = []  # (task, code step, or None for a check cell)
    edited: set[int] = set()
    number = 0
    for count, cell in enumerate(cells, start=1):
        names, source = names_of(cell), cell["source"]
        title = _TITLE.match(source)
        known = next((exercise.numbers[n] for n in names if n in exercise.numbers), None)
        if known is not None:
            number = known
        elif title:
            number = int(title[1])
        if cell["cell_type"] != "code" or not source.strip():
            continue
        check = next(
            (exercise.checks[n] for n in [*names, source.strip()] if n in exercise.checks), None
        )
        if check is not None:
            number = check
            placed.append((check, None))
            if source.strip() not in exercise.checks:
                edited.add(check)
            continue
        answer = any(name in exercise.answers for name in names)
        step = {"kind": "code", "text": source, "name": f"cell {count}", "answer": answer}
        placed.append((number, step | {"task": number}))
    return _with_our_checks(exercise, placed, edited)


def _with_our_checks(exercise: Exercise, placed: list, edited: set[int]) -> list[dict]:
    behind: dict[int, list[TaskInfo]] = {}  # index in placed -> the checks behind it
    notes = {}
    for task in exercise.tasks:
        own = [i for i, (n, step) in enumerate(placed) if n == task.number and step is None]
        near = [i for i, (n, _) in enumerate(placed) if n == task.number]
        place = own[-1] if own else near[-1] if near else len(placed) - 1
        behind.setdefault(place, []).append(task)
        if not own:
            notes[task.number] = "the check cell was deleted; ours was run"
        elif task.number in edited:
            notes[task.number] = "the check cell was changed; ours was run"
    steps, used, begun = [], set(), set()
    for index in range(-1, len(placed)):
        if index >= 0 and placed[index][1] is not None:
            number, step = placed[index]
            # A name that an earlier task has used must not answer for this one.
            task = next((t for t in exercise.tasks if t.number == number), None)
            forget = []
            if task and number not in begun:
                begun.add(number)
                forget = [name for name in task.arguments if name in used]
            steps.append(step | {"forget": forget})
        for task in behind.get(index, []):
            forget = [] if task.number in begun else [n for n in task.arguments if n in used]
            begun.add(task.number)
            used |= set(task.arguments)
            steps.append(
                {
                    "kind": "check",
                    "task": task.number,
                    "name": task.name,
                    "arguments": list(task.arguments),
                    "forget": forget,
                    "note": notes.get(task.number, ""),
                }
            )
    return steps


def worth_a_look(exercise: Exercise, cells: list[dict]) -> str:
    """Words in the student's code that no exercise needs, "cell 3: oracle; cell 7: sys.modules"."""
    found = []
    for count, cell in enumerate(cells, start=1):
        if cell["cell_type"] != "code":
            continue
        own = [x for x in cell["source"].splitlines() if x.strip() not in exercise.lines]
        words = dict.fromkeys(match[0].strip() for match in _LOOK.finditer("\n".join(own)))
        if words:
            found.append(f"cell {count}: {', '.join(words)}")
    return "; ".join(found)[:300]

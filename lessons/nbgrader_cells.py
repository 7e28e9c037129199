"""The marks by which nbgrader knows the cells of an exercise notebook (its metadata, schema 3)."""

import re

from lesson_source import TASK, Cell

DIFFICULTY = re.compile(r"^\*\*Difficulty\*\* ([●○]{5})", re.MULTILINE)


def nbgrader_marks(slug: str, cells: list[Cell]) -> dict[int, dict]:
    """nbgrader's metadata of the answer and check cells of an exercises.py, by ``Cell.index``.

    A check is worth as many points as its task's card has filled dots (``●●○○○`` is 2). If a task
    has several checks, the first carries its points. A cell's ``grade_id`` says which task it
    belongs to: ``01_conv2d-answer-3`` and ``01_conv2d-check-3``.
    """
    marks: dict[int, dict] = {}
    names: set[str] = set()
    number, points = 0, 0
    for cell in cells:
        title = TASK.match(cell.text) if cell.kind == "markdown" else None
        if title:
            card = DIFFICULTY.search(cell.text)
            number, points = int(title["number"]), card[1].count("●") if card else 0
        elif cell.kind == "code" and "exercise" in cell.tags:
            marks[cell.index] = _mark(_free(f"{slug}-answer-{number}", names), solution=True)
        elif cell.kind == "code" and "check" in cell.tags:
            mark = _mark(_free(f"{slug}-check-{number}", names), solution=False)
            marks[cell.index] = {**mark, "grade": True, "locked": True, "points": points}
            points = 0
    return marks


def _mark(grade_id: str, solution: bool) -> dict:
    return {
        "grade": False,
        "grade_id": grade_id,
        "locked": False,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


def _free(name: str, names: set[str]) -> str:
    """The name, with -2, -3 ... behind it if it is taken."""
    free, count = name, 1
    while free in names:
        count += 1
        free = f"{name}-{count}"
    names.add(free)
    return free

"""The map of the course: what is solved, what is next, how much is left. No torch in here.

Lesson 00 shows it as a table with links, `gan-course progress` as plain text; both say the same.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from gan_course.checks.course import APPENDICES, LESSONS, Lesson

SOLVED, TRIED, OPEN = "●", "◐", "○"
TASKS = tuple((lesson, task) for lesson in LESSONS for task in lesson.tasks)
KEY = f"{SOLVED} solved, {TRIED} tried, {OPEN} open."
LOOK_UP = "to look things up in, at any time"


@dataclass(frozen=True)
class Line:
    """A sentence below the map. ``link`` (a notebook) lies on ``linked``, the end of the text."""

    text: str
    linked: str = ""
    link: str = ""

    def __str__(self) -> str:
        return self.text + self.linked


class Map:
    """The lessons with what is done and what is next; the last line of a cell shows it.

    Args:
        load: gives what is remembered, task ("01_conv2d/size_formula") -> {"passed", "attempts"}.
            It is called anew each time the map is shown.
    """

    def __init__(self, load: Callable[[], dict[str, dict]]) -> None:
        self._load = load

    # ---- what is known ------------------------------------------------------------------------

    def states(self, lesson: Lesson) -> list[str]:
        """SOLVED, TRIED or OPEN for each task of a lesson, in their order."""
        return _states(lesson, self._load())

    def next_task(self) -> tuple[Lesson, str] | None:
        """The first exercise that is not solved yet, or None if all are."""
        tasks = self._load()
        return next((pair for pair in TASKS if not _is_solved(*pair, tasks)), None)

    def next_lesson(self) -> Lesson | None:
        """The first lesson of whose exercises none was tried, or None. 00 before any other."""
        tasks = self._load()
        begun = [lesson for lesson in LESSONS if set(_states(lesson, tasks)) - {OPEN}]
        if not begun:
            return LESSONS[0]
        to_read = (lesson for lesson in LESSONS if lesson.minutes and lesson.tasks)
        return next((lesson for lesson in to_read if lesson not in begun), None)

    def minutes_left(self) -> tuple[int, int]:
        """(of lessons of whose exercises none was tried, of exercises that are not solved)."""
        tasks = self._load()
        nothing_begun = self.next_lesson() is LESSONS[0]
        reading = exercises = 0.0
        for lesson in LESSONS:
            states = _states(lesson, tasks)
            # Nobody notes that a lesson was read: its exercises tell.
            if set(states) == {OPEN} or (not states and nothing_begun):
                reading += lesson.minutes
            if states:
                still = sum(state != SOLVED for state in states)
                exercises += lesson.exercise_minutes * still / len(states)
        return round(reading), round(exercises)

    def unknown(self) -> list[str]:
        """What the file remembers of tasks that the course does not have (any more)."""
        known = {f"{lesson.slug}/{task}" for lesson, task in TASKS}
        return sorted(set(self._load()) - known)

    # ---- in words -----------------------------------------------------------------------------

    def state_text(self, lesson: Lesson) -> str:
        """For example "2 of 7 solved" or "✓ all 7 solved"."""
        states = self.states(lesson)
        if not states:
            return "to read and play" if lesson in LESSONS else LOOK_UP
        solved, tried = states.count(SOLVED), states.count(TRIED)
        if solved == len(states):
            return f"✓ all {solved} solved"
        if tried:
            return f"{solved} of {len(states)}, {tried} tried"
        return f"{solved} of {len(states)} solved"

    def lines(self) -> list[Line]:
        """What stands below the map: how much is done, what is next, how much is left."""
        tasks = self._load()
        solved = sum(_is_solved(lesson, task, tasks) for lesson, task in TASKS)
        lesson, following = self.next_lesson(), self.next_task()
        if following is None:
            lines = [Line(f"Everything is solved, all {len(TASKS)} exercises. Well done!")]
        else:
            lines = [Line(f"Solved: {solved} of {len(TASKS)} exercises.")]
        if lesson is not None:
            title = f"{lesson.number} · {lesson.short_title}"
            path = f"notebooks/{lesson.slug}.ipynb"
            lines.append(Line(f"Next lesson: {title}, {lesson.minutes} minutes, in ", path, path))
        if following is not None:
            home, task = following
            at = f"{home.tasks.index(task) + 1} of {len(home.tasks)}, {task}"
            path = f"exercises/{home.slug}.ipynb"
            lines.append(Line(f"Next task: {at}, in ", path, path))
            reading, exercises = self.minutes_left()
            minutes = (
                f"{reading} minutes of lessons that you have not begun and " if reading else ""
            )
            minutes += f"{exercises} minutes of exercises"
            lines.append(Line(f"Left: about {_hours(reading + exercises)}: {minutes}."))
        unknown = self.unknown()
        if unknown:
            some = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
            lines.append(Line(f"Not counted, since no task of this course is called so: {some}."))
        return lines

    def as_dict(self) -> dict:
        """All of it for programs, with plain keys and values."""
        reading, exercises = self.minutes_left()
        lesson, following = self.next_lesson(), self.next_task()
        words = {SOLVED: "solved", TRIED: "tried", OPEN: "open"}
        return {
            "lessons": [
                {
                    "slug": each.slug,
                    "title": each.title,
                    "minutes": each.minutes,
                    "exercise_minutes": each.exercise_minutes,
                    "tasks": {
                        task: words[state]
                        for task, state in zip(each.tasks, self.states(each), strict=True)
                    },
                }
                for each in (*LESSONS, *APPENDICES)
            ],
            "next_lesson": lesson.slug if lesson else None,
            "next_task": f"{following[0].slug}/{following[1]}" if following else None,
            "minutes_left": {"lessons": reading, "exercises": exercises},
            "unknown": self.unknown(),
        }

    # ---- as text and as a table ---------------------------------------------------------------

    def text(self, columns: int = 80) -> str:
        """The map as plain text, for a terminal of so many columns (60 are enough)."""
        # A short name and the minutes stand in front; with room for it a dot for each task, too.
        room = 2 + max(len(each.short_title) + len(_minutes(each)) for each in LESSONS)
        most = max(len(lesson.tasks) for lesson in LESSONS)
        dots = columns >= 4 + room + 2 + most + 1 + len("14 of 14, 14 tried")
        lines = []
        for lesson in (*LESSONS, *APPENDICES):
            if lesson is APPENDICES[0]:
                lines += ["", f"Appendices, {LOOK_UP}:"]
            minutes = _minutes(lesson).rjust(room - len(lesson.short_title))
            cells = [lesson.number, lesson.short_title + minutes]
            if dots:
                cells.append("".join(self.states(lesson)).ljust(most))
            cells.append(self.state_text(lesson) if lesson in LESSONS else "")
            lines.append("  ".join(cells).rstrip())
        key = "Minutes are those of the lesson + those of its exercises."
        key += f" {KEY}" if dots else ""
        below = [key, "", *map(str, self.lines())]
        return "\n".join([*lines, "", *(_wrap(line, columns) for line in below)])

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A table; its links lead from notebooks/, exercises/ and solutions/ alike."""
        following = self.next_task()
        rows = []
        for lesson in (*LESSONS, *APPENDICES):
            is_next = following is not None and lesson is following[0]
            title, state = escape(lesson.title), escape(self.state_text(lesson))
            if lesson.minutes:
                title = _link(f"notebooks/{lesson.slug}.ipynb", title)
            if lesson.tasks:
                dots = "".join(self.states(lesson))
                state = _link(f"exercises/{lesson.slug}.ipynb", state)
                state = f'<span aria-hidden="true">{dots}</span> {state}'
            if is_next:
                state += " <b>◀ next</b>"
            cells = (lesson.number, title, escape(_minutes(lesson)), state)
            row = "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells)
            rows.append(f"<tr>{row}</tr>")
        names = ("no.", "lesson", "minutes: lesson+exercises", "exercises")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        below = "<br>".join(
            escape(line.text) + (_link(line.link, escape(line.linked)) if line.link else "")
            for line in self.lines()
        )
        return f"<table><tr>{head}</tr>{''.join(rows)}</table><p>{KEY}<br>{below}</p>"


def terminal_columns() -> int:
    """How wide the terminal is; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def _is_solved(lesson: Lesson, task: str, tasks: dict[str, dict]) -> bool:
    return bool(tasks.get(f"{lesson.slug}/{task}", {}).get("passed"))


def _states(lesson: Lesson, tasks: dict[str, dict]) -> list[str]:
    def state(task: str) -> str:
        if _is_solved(lesson, task, tasks):
            return SOLVED
        return TRIED if f"{lesson.slug}/{task}" in tasks else OPEN

    return [state(task) for task in lesson.tasks]


def _minutes(lesson: Lesson) -> str:
    """For example "45+85"; a dash where there is nothing to read."""
    if not lesson.tasks:
        return str(lesson.minutes)
    return f"{lesson.minutes or '–'}+{lesson.exercise_minutes}"


def _hours(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < 90 else f"{minutes / 60:.0f} hours"


def _wrap(line: str, columns: int) -> str:
    """On as many lines as it needs; a path or a name stays whole."""
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(line, columns, subsequent_indent="  ", **whole)


def _link(path: str, html: str) -> str:
    return f'<a href="../{path}">{html}</a>'

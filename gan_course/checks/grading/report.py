"""What a teacher gets: a table on the screen, a CSV of every task, a CSV of the mistakes."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections import Counter, defaultdict
from pathlib import Path

from gan_course.checks.grading.runner import Row
from gan_course.errors import CourseError

COLUMNS = tuple(field.name for field in dataclasses.fields(Row))
MISTAKE_COLUMNS = ("lesson", "task", "title", "mistake", "message", "students", "who")


def grades_csv(rows: list[Row]) -> str:
    """One line for each student and task; the columns are the fields of ``Row``."""
    return _csv(COLUMNS, [[getattr(row, name) for name in COLUMNS] for row in rows])


def mistakes_csv(rows: list[Row]) -> str:
    """One line for each mistake that was made, the most common of each lesson first."""
    return _csv(MISTAKE_COLUMNS, [list(line) for line in common_mistakes(rows)])


def common_mistakes(rows: list[Row]) -> list[tuple[str, str, str, str, str, int, str]]:
    """(lesson, task, title, mistake, message, how many students, who), most common first.

    A wrong answer to which the checker has no name is counted under "(no name)".
    """
    who: dict[tuple, list[str]] = defaultdict(list)
    messages: dict[tuple, str] = {}
    for row in rows:
        if row.state in ("solved", "not done"):
            continue
        name = row.mistake or ("(no name)" if row.state == "wrong" else f"({row.state})")
        key = (row.lesson, row.task, row.title, name)
        if row.student not in who[key]:
            who[key].append(row.student)
        messages.setdefault(key, row.message if row.mistake else f"For example: {row.message}")
    unnamed = ("(error)", "(time-out)")  # behind the mistakes that can be taught about
    ordered = sorted(who, key=lambda key: (key[0], key[3] in unnamed, -len(who[key]), key[1:]))
    return [(*key, messages[key], len(who[key]), ", ".join(sorted(who[key]))) for key in ordered]


def _csv(columns: tuple[str, ...], lines: list[list]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([_cell(value) for value in line])
    return text.getvalue()


def _cell(value: object) -> object:
    """One line of text that a spreadsheet does not take for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    text = "".join(c for c in text if c.isprintable())
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


def table(rows: list[Row]) -> str:
    """Students down, lessons across: how many tasks are solved of how many, and points."""
    lessons = sorted({row.lesson for row in rows})
    students = sorted({row.student for row in rows})
    width = min(30, max(len("student"), *(len(_plain(s)) for s in students)))
    heads = [_short(lesson, lessons) for lesson in lessons]
    lines = [f"{'student':<{width}}  " + "  ".join(f"{h:>6}" for h in heads) + "  points"]
    for student in students:
        own = [row for row in rows if row.student == student]
        cells = []
        for lesson, head in zip(lessons, heads, strict=True):
            of_lesson = [row.state for row in own if row.lesson == lesson]
            text = f"{of_lesson.count('solved')}/{len(of_lesson)}" if of_lesson else "–"
            cells.append(f"{text:>{max(6, len(head))}}")
        points = f"{sum(row.points for row in own)}/{sum(row.of for row in own)}"
        lines.append(f"{_plain(student)[:width]:<{width}}  {'  '.join(cells)}  {points:>6}")
    return "\n".join(lines)


def _plain(name: str) -> str:
    return "".join(c for c in name if c.isprintable())


def _short(lesson: str, lessons: list[str]) -> str:
    """ "01", or "09_bug" where two lessons have the same number."""
    twins = [other for other in lessons if other[:2] == lesson[:2]]
    return lesson[:2] if len(twins) == 1 else lesson[:6]


def mistakes_text(rows: list[Row], most: int = 5) -> str:
    """The most common mistakes of each lesson, for the screen."""
    lines = []
    for lesson in sorted({row.lesson for row in rows}):
        found = [line for line in common_mistakes(rows) if line[0] == lesson]
        if not found:
            continue
        lines.append(f"{lesson}, most common:")
        for _, task, _, name, message, count, _ in found[:most]:
            lines.append(f"  {count:>3} × {task}: {name}. {_one_line(message)}")
        if len(found) > most:
            lines.append(f"      and {len(found) - most} more kinds")
    return "\n".join(lines)


def _one_line(text: str, most: int = 110) -> str:
    text = _plain(" ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def summary(rows: list[Row]) -> str:
    counts = Counter(row.state for row in rows)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def check_writable(path: Path) -> None:
    """``CourseError`` now and not after an hour if a file cannot be written there."""
    if path.suffix.lower() != ".csv":
        raise CourseError(f"The table's name must end in .csv, but is {path}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _part(path)
        part.touch()
        part.unlink()
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}.") from None
    if path.is_dir():
        raise CourseError(f"{path} is a folder; name a file that ends in .csv.")


def write_csv(path: Path, text: str) -> None:
    """The whole file or nothing of it. In UTF-8 with a mark, by which spreadsheets know it."""
    part = _part(path)
    try:
        part.write_text(text, encoding="utf-8-sig", newline="")
        part.replace(path)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")

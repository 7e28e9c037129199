"""The mistakes that the checkers know, for a teacher: their names, and what to say to each."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from gan_course.checks.course import LESSONS, Lesson
from gan_course.errors import CourseError


@dataclass(frozen=True)
class KnownMistake:
    """One mistake of one task, with the sentence that a learner who makes it is told."""

    lesson: str
    task: str
    name: str
    message: str


def chosen_lessons(lesson: str | None) -> list[Lesson]:
    """The lessons with exercises, or those whose slug begins so ("01", "09_bug").

    Raises:
        CourseError: if there is none.
    """
    known = [each for each in LESSONS if each.tasks]
    chosen = [each for each in known if each.slug.startswith(lesson or "")]
    if not chosen:
        names = ", ".join(each.slug for each in known)
        raise CourseError(f"No lesson with exercises begins with {lesson!r}. There are {names}.")
    return chosen


def known_mistakes(lesson: str | None = None) -> list[KnownMistake]:
    """Every mistake that the checkers of these lessons name, in the order of the notebooks."""
    found = []
    for each in chosen_lessons(lesson):
        module = importlib.import_module(f"gan_course.checks.{each.slug[3:]}")
        for task in each.tasks:
            for mistake in getattr(module, task).mistakes:
                found.append(KnownMistake(each.slug, task, mistake.name, mistake.message))
    return found


def text(lesson: str | None = None, markdown: bool = False) -> str:
    """The list for the screen, or as a page in Markdown."""
    mistakes = known_mistakes(lesson)
    lines: list[str] = []
    for each in chosen_lessons(lesson):
        lines.append(f"## {each.slug} · {each.title}" if markdown else f"{each.slug}: {each.title}")
        for number, task in enumerate(each.tasks, start=1):
            head = f"Task {number}, `{task}`" if markdown else f"  task {number}, {task}"
            lines += ["", f"**{head}**", ""] if markdown else ["", head]
            for mistake in mistakes:
                if (mistake.lesson, mistake.task) == (each.slug, task):
                    said = " ".join(mistake.message.split())
                    if markdown:
                        said = said.replace("|", "\\|")
                        lines.append(f"- *{mistake.name}*: {said}")
                    else:
                        lines.append(f"    · {mistake.name}: {said}")
        lines.append("")
    lessons = len(chosen_lessons(lesson))
    lines.append(
        f"{len(mistakes)} known mistakes in {lessons} {'lesson' if lessons == 1 else 'lessons'}."
    )
    return "\n".join(lines)

"""``gan-course grade``: what it says before, meanwhile and afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import gan_course
from gan_course.checks.grading import guard, report
from gan_course.checks.grading.runner import Limits, Row, grade_all
from gan_course.checks.grading.submissions import Submission, find_submissions
from gan_course.errors import CourseError


def grade(
    folder: Path,
    output: Path,
    mistakes: Path | None,
    time_limit: float,
    memory: int,
    jobs: int | None,
    exercises: Path | None,
) -> bool:
    """Grade a class, print a table, write one CSV or two. False if it was stopped before its end.

    Args:
        folder: with the filled-in notebooks.
        output: the CSV of every task.
        mistakes: the CSV of the most common mistakes, or None.
        time_limit: seconds for one notebook.
        memory: megabytes for one notebook, beside what torch takes.
        jobs: notebooks at the same time; None for half the processor's cores.
        exercises: the course's own exercise notebooks; None for those beside the package.

    Raises:
        CourseError: for a value out of its range, a folder without notebooks, a file that cannot
            be written.
    """
    if not 4 <= time_limit <= 86_400:
        raise CourseError(f"--time-limit must lie in 4 to 86,400 seconds, but is {time_limit:g}.")
    jobs = max(1, (os.cpu_count() or 2) // 2) if jobs is None else jobs
    if not 1 <= jobs <= 64:
        raise CourseError(f"--jobs must lie in 1 to 64, but is {jobs}.")
    limits = Limits(time_limit, guard.check_memory(memory))
    folder = folder.expanduser()
    exercises = exercises or Path(gan_course.__file__).parent.parent / "exercises"
    submissions, left_out = find_submissions(folder)
    for path in filter(None, (output, mistakes)):
        report.check_writable(path)
    if mistakes is not None and mistakes.resolve() == output.resolve():
        raise CourseError("--mistakes and --output are the same file; nothing was written.")
    print(
        f"{len(submissions)} notebooks. This runs students' code on this machine, as you: "
        f"{guard.fences_text()}. docs/teaching.md shows how to run it in a container.",
        file=sys.stderr,
    )
    finished = []

    def told(submission: Submission, rows: list[Row]) -> None:
        finished.append(submission)
        name = f"{submission.student}, {submission.lesson}"
        print(
            f"[{len(finished)}/{len(submissions)}] {name}: {report.summary(rows)}",
            file=sys.stderr,
            flush=True,
        )

    rows = list(grade_all(submissions, folder, exercises, limits, jobs, told))
    if not rows:
        raise CourseError("Stopped before the first notebook was graded; nothing was written.")
    report.write_csv(output, report.grades_csv(rows))
    if mistakes is not None:
        report.write_csv(mistakes, report.mistakes_csv(rows))
    print(report.table(rows))
    print(f"\n{report.mistakes_text(rows)}".rstrip())
    _tell_what_to_look_at(rows, left_out)
    print(f"\nEvery task: {output}" + (f"\nThe mistakes: {mistakes}" if mistakes else ""))
    if len(finished) < len(submissions):
        print(f"Stopped: {len(submissions) - len(finished)} notebooks are missing in it.")
    return len(finished) == len(submissions)


def _tell_what_to_look_at(rows: list[Row], left_out: list[str]) -> None:
    looks = dict.fromkeys((row.file, row.look) for row in rows if row.look)
    if looks:
        print("\nLook at these yourself: their code has words that no exercise needs.")
        for file, words in looks:
            print(f"  {file}: {words}")
    twice = _handed_in_twice(rows)
    if twice:
        print("\nHanded in twice; both are in the table and in the points:")
        print("\n".join(f"  {line}" for line in twice))
    if left_out:
        print("\nLeft out:")
        print("\n".join(f"  {line}" for line in left_out))


def _handed_in_twice(rows: list[Row]) -> list[str]:
    files: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        files.setdefault((row.student, row.lesson), {})[row.file] = None
    return [f"{who}: {', '.join(names)}" for (who, _), names in files.items() if len(names) > 1]

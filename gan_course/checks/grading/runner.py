"""Hand notebooks to processes that run them, and watch the clock. No torch in this process."""

from __future__ import annotations

import queue
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from gan_course.checks.grading import steps as notebook_steps
from gan_course.checks.grading.keeper import Keeper
from gan_course.checks.grading.submissions import Submission, attempts_of, read_notebook
from gan_course.errors import CourseError


@dataclass(frozen=True)
class Row:
    """One task of one student.

    Attributes:
        state: "solved", "wrong", "not done", "error" or "time-out".
        mistake: the known mistake that the checker names, by its short name.
        message: what the student is told.
        points: reached, of the possible ``of``.
        seconds: that the check took.
        attempts: from the student's ``progress.json`` if it was handed in, else None.
        note: of the teacher's interest: a check cell deleted or changed.
        look: words in the code that no exercise needs.
    """

    student: str
    lesson: str
    task: str
    title: str
    state: str
    mistake: str
    message: str
    points: int
    of: int
    seconds: float
    attempts: int | None
    note: str
    look: str
    file: str


@dataclass(frozen=True)
class Limits:
    """``seconds`` for one notebook in all, and ``memory`` in bytes on top of what torch takes."""

    seconds: float = 120.0
    memory: int = 2_000_000_000

    @property
    def step(self) -> float:
        """Seconds for one cell or one check, so that one endless loop leaves time for the rest."""
        return self.seconds / 4


# ---- one notebook -----------------------------------------------------------------------------


def grade_notebook(
    submission: Submission,
    exercise: notebook_steps.Exercise,
    keeper: Keeper,
    limits: Limits,
    folder: Path,
) -> list[Row]:
    """Check one student's notebook in a process of its own; one row for each task of the lesson."""
    try:
        cells = read_notebook(submission.path)["cells"]
    except CourseError as error:
        return rows_of(submission, exercise, folder, str(error))
    planned = notebook_steps.plan(exercise, cells)
    results = run_planned(planned, submission.lesson, keeper, limits)
    look = notebook_steps.worth_a_look(exercise, cells)
    by_task = {
        planned[index]["name"]: {**result, "note": planned[index]["note"], "look": look}
        for index, result in results.items()
    }
    return rows_of(submission, exercise, folder, by_task)


def rows_of(
    submission: Submission,
    exercise: notebook_steps.Exercise,
    folder: Path,
    results: dict[str, dict] | str,
) -> list[Row]:
    """A row for each task, from its result; from a sentence if the notebook could not be run."""
    if isinstance(results, str):
        results = {task.name: {"state": "error", "message": results} for task in exercise.tasks}
    attempts = attempts_of(submission, folder)
    rows = []
    for task in exercise.tasks:
        result = results[task.name]
        rows.append(
            Row(
                student=submission.student,
                lesson=submission.lesson,
                task=task.name,
                title=task.title,
                state=result["state"],
                mistake=result.get("mistake", ""),
                message=result["message"],
                points=task.points if result["state"] == "solved" else 0,
                of=task.points,
                seconds=result.get("seconds", 0.0),
                attempts=attempts.get(task.name),
                note=result.get("note", ""),
                look=result.get("look", ""),
                file=str(submission.path.relative_to(folder)),
            )
        )
    return rows


def run_planned(planned: list[dict], lesson: str, keeper: Keeper, limits: Limits) -> dict:
    """The result of each check, by its step.

    When a step ends or hangs the process, the notebook is begun anew without that step, for as long
    as its time lasts: the other tasks are judged as if it were not there.
    """
    keeper.start()  # its time is not the student's
    deadline = time.monotonic() + limits.seconds
    results: dict[int, dict] = {}
    skip: dict[int, tuple[str, str]] = {}
    while time.monotonic() < deadline:
        with tempfile.TemporaryDirectory(
            prefix="gan-course-grading-", ignore_cleanup_errors=True
        ) as folder:
            job = {
                "lesson": lesson,
                "steps": planned,
                "skip": skip | dict.fromkeys(results, ("", "")),
                "seconds": limits.step,
                "memory": limits.memory,
                "folder": folder,
                "secret": secrets.token_hex(16),
            }
            new, died, how = keeper.run(job, limits.step, deadline)
        results |= new
        if died is None:
            break
        state = ("error", how)
        if how == "time":
            state = ("time-out", f"still running after {limits.step:.0f} s: an endless loop?")
        skip[died] = state
        if planned[died]["kind"] == "check":
            results[died] = {"state": state[0], "message": f"the check: {state[1]}"}
    late = {"state": "time-out", "message": f"the notebook's {limits.seconds:.0f} s were used up"}
    return {i: results.get(i, late) for i, step in enumerate(planned) if step["kind"] == "check"}


# ---- a class ----------------------------------------------------------------------------------


def grade_all(
    submissions: list[Submission],
    folder: Path,
    exercises: Path,
    limits: Limits,
    jobs: int,
    told: Callable[[Submission, list[Row]], None],
) -> Iterator[Row]:
    """Grade notebooks side by side, and yield their rows in the order of ``submissions``.

    ``told`` hears of each notebook as it is finished. Stopped by Ctrl-C, it yields what is done.
    """
    read = {s.lesson: notebook_steps.read_exercise(exercises, s.lesson) for s in submissions}
    keepers: queue.Queue = queue.Queue()
    for _ in range(jobs):
        keepers.put(Keeper())
    every = list(keepers.queue)

    def one(submission: Submission) -> list[Row]:
        keeper = keepers.get()
        exercise = read[submission.lesson]
        try:
            return grade_notebook(submission, exercise, keeper, limits, folder)
        except CourseError:
            raise
        except Exception as error:  # a mistake of ours must not cost the teacher the other rows
            said = f"the grading itself stopped with {type(error).__name__}: {error}; report it"
            return rows_of(submission, exercise, folder, said)
        finally:
            keepers.put(keeper)

    done: dict[int, list[Row]] = {}
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {pool.submit(one, s): i for i, s in enumerate(submissions)}
        for future in as_completed(waiting):
            done[waiting[future]] = future.result()
            told(submissions[waiting[future]], done[waiting[future]])
    except KeyboardInterrupt:
        pass
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for keeper in every:
            keeper.close()
        pool.shutdown()
    for index in sorted(done):
        yield from done[index]

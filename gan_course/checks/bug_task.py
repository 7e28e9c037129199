"""A task of the bug zoo: name what is wrong, then mend one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from gan_course.checks.compare import describe, plain
from gan_course.checks.framework import NOT_DONE, WRONG, Answer, Mistake, Task, Verdict

LESSON = "09_bug_zoo"


@dataclass(frozen=True)
class BugTask(Task):
    """Diagnose and mend. ``check.some_bug(my_diagnosis, mended)`` gives a ``Verdict``.

    The line is checked by ``mend``, a task of its own that looks at behaviour only. An answer that
    behaves as the line the learner was given does is "not done yet": the bug is still there.

    Attributes:
        cause: the number of the right diagnosis.
        bug: what the given line does, as a mistake of ``mend``; its message names the symptom.
        mend: how the mended line is checked.

    ``mistakes`` holds the wrong diagnoses (numbers) and the wrong mends. For tests and teachers an
    answer may also be one of the two alone, or both in a tuple.
    """

    cause: int = 0
    bug: Mistake | None = None
    mend: Task | None = None

    def __call__(
        self, diagnosis: Any = None, mended: Any = None, seed: int | None = None
    ) -> Verdict:
        """Check an answer; the diagnosis is a number, ``mended`` what the exercise asks for."""
        if mended is None:
            return super().__call__(diagnosis, seed)
        return super().__call__((diagnosis, mended), seed)

    @property
    def choices(self) -> int:
        """How many diagnoses there are to choose from."""
        return 1 + len([m for m in self.mistakes if isinstance(m.answer, int)])

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        diagnosis, mended = _parts(answer)
        diagnosed = self._diagnosed(diagnosis)
        if _open(mended):
            first = (
                "Your diagnosis is right. Now mend" if diagnosed else "Choose a diagnosis, and mend"
            )
            raise Answer(NOT_DONE, f"{first} the line.")
        try:
            with _state_of_torch_kept():
                torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
                self.mend.examine(mended, rng)
        except Answer as ending:
            if ending.verdict.message == self.bug.message:
                if diagnosed:
                    message = f"Your diagnosis is right. The bug is still there: {self.bug.message}"
                else:
                    message = f"The bug is still there. Choose 1 to {self.choices}, then mend it."
                raise Answer(NOT_DONE, message) from None
            raise
        if not diagnosed:
            raise Answer(
                NOT_DONE,
                f"The line is mended. Now say what was wrong with it: a number from 1 to "
                f"{self.choices}.",
            )

    def _diagnosed(self, diagnosis: Any) -> bool:
        """Whether there is a right diagnosis; ``Answer`` if it is a wrong one."""
        if _open(diagnosis):
            return False
        for mistake in self.mistakes:
            if not isinstance(mistake.answer, int) or not _is_number(diagnosis):
                continue
            if diagnosis == mistake.answer:
                raise Answer(WRONG, f"Diagnosis {mistake.answer} is not it: {mistake.message}")
        if not _is_number(diagnosis) or diagnosis != self.cause:
            raise Answer(
                WRONG,
                f"The diagnosis is a number from 1 to {self.choices}, but yours is "
                f"{describe(diagnosis)}.",
            )
        return True


def bug_task(
    name: str,
    *,
    mended: str,
    shipped: str,
    cause: int,
    others: dict[int, str],
    bug: Mistake,
    mend: Task,
) -> BugTask:
    """Put a task of the zoo together.

    Args:
        name: of the task.
        mended: what the mended line does now, in a sentence.
        shipped: where the bug has been, in a neutral sentence with its public reference.
        cause: the number of the right diagnosis.
        others: of each wrong diagnosis, what speaks against it.
        bug: the line as given.
        mend: checks the mended line, and knows the wrong mends as its mistakes.
    """
    wrong = tuple(Mistake(f"diagnosis {n}", text, n) for n, text in others.items())
    known = type(mend)(**{**vars(mend), "mistakes": (bug, *mend.mistakes)})
    return BugTask(
        LESSON,
        name,
        f"{mended} {shipped}",
        wrong + mend.mistakes,
        cause=cause,
        bug=bug,
        mend=known,
    )


def _parts(answer: Any) -> tuple[Any, Any]:
    """(diagnosis, mended), of which one may be missing."""
    if isinstance(answer, tuple) and len(answer) == 2:
        return plain(answer[0]), answer[1]
    if _is_number(answer):
        return answer, None
    return None, answer


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _open(value: Any) -> bool:
    return value is None or value is Ellipsis


@contextlib.contextmanager
def _state_of_torch_kept() -> Iterator[None]:
    """Random numbers and the switch for determinism are the notebook's, not the check's."""
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        now = torch.are_deterministic_algorithms_enabled()
        if (strict, warn_only) != (now, torch.is_deterministic_algorithms_warn_only_enabled()):
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)  # slow the first time

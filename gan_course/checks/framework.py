"""How an answer is checked: run it beside an oracle, and say what is wrong in a sentence.

An oracle is torch itself or a closed form. Answer and oracle get the same random inputs, small
ones first. If they differ, each known mistake, kept as a *wrong answer that makes it*, gets the
same inputs too: the one that behaves as the learner's answer does is named. If none does, the
smallest input on which the answer fails is shown, with what was expected and what came.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gan_course.checks import progress
from gan_course.checks.compare import (
    compare_text,
    describe,
    describe_case,
    kind_of,
    kind_text,
    same,
)
from gan_course.checks.running import (
    Forbidden,
    Stopped,
    numbers_new_to,
    one_line,
    unwritten,
    without,
)
from gan_course.checks.verdict import NOT_DONE, PASSED, WRONG, Answer, Mistake, Verdict

__all__ = [
    "CASES",
    "NOT_DONE",
    "PASSED",
    "WRONG",
    "Answer",
    "FunctionTask",
    "Mistake",
    "PropertyTask",
    "Task",
    "ValuesTask",
    "Verdict",
]

CASES = 12  # random inputs for one check


@dataclass(frozen=True)
class Task:
    """One exercise. Calling it with an answer gives a ``Verdict``.

    Attributes:
        lesson: slug of the lesson, "01_conv2d".
        name: name of the task, unique in its lesson.
        praise: what a right answer is told.
        mistakes: what people get wrong.
    """

    lesson: str
    name: str
    praise: str
    mistakes: tuple[Mistake, ...] = ()

    def __call__(self, answer: Any = None, seed: int | None = None) -> Verdict:
        """Check an answer.

        Args:
            answer: the learner's function or value; ``...`` and None mean "not done yet".
            seed: of the random inputs; a new one each time if None.

        Raises:
            AssertionError: if the answer is not right and GAN_COURSE_STRICT is set, as in CI, or
                nbgrader runs the notebook: by this it sees that the answer earns no points.
        """
        rng = torch.Generator()
        rng.manual_seed(seed) if seed is not None else rng.seed()
        try:
            if _untouched(answer):
                raise Answer(NOT_DONE, "Replace the dots, then run this cell again.")
            with _on_the_cpu(), torch.enable_grad():  # whatever the notebook has set
                self.examine(answer, rng)
            verdict = Verdict(PASSED, self.praise)
        except Answer as ending:
            verdict = ending.verdict
        note = progress.record(self.lesson, self.name, verdict.passed, verdict.status != NOT_DONE)
        if note:
            verdict = Verdict(verdict.status, verdict.message, f"{verdict.details}\n{note}".strip())
        if not verdict.passed and _strict():
            raise AssertionError(f"{self.lesson} {self.name}: {verdict}")
        return verdict

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        """Return if the answer is right, raise ``Answer`` if it is not."""
        raise NotImplementedError


@dataclass(frozen=True)
class FunctionTask(Task):
    """Write a function. Compared with an oracle on random inputs.

    Attributes:
        oracle: the right function.
        cases: a list of ``CASES`` inputs (dicts of named arguments) from a generator, small first.
        outcome: what to compare, made from (result, arguments); the result itself if None. For
            functions that are called for what they do to their arguments. A dict reads best: the
            entries that differ are shown by their names.
        prepare: called with the copied arguments before each run, for what a copy does not carry.
        returns: whether the function has to return something; if None, unless it has an outcome.
        forbidden: names of torch's functions that would do the whole task.
        tolerance: relative and absolute, for rounding; whole numbers must be equal.
    """

    oracle: Callable = None
    cases: Callable[[torch.Generator], list[dict]] = None
    outcome: Callable[[Any, dict], Any] | None = None
    prepare: Callable[[dict], None] | None = None
    returns: bool | None = None
    forbidden: tuple[str, ...] = ()
    tolerance: float = 1e-4

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        if not callable(answer):
            raise Answer(
                WRONG,
                f"The check wants the function itself, but got {describe(answer)}. Hand it over "
                f"without calling it: no parentheses behind its name.",
            )
        if isinstance(answer, torch.nn.Module):
            raise Answer(
                WRONG,
                f"The check wants the class or function that makes it, but got "
                f"{describe(answer)}. No parentheses behind its name: the check makes its own.",
            )
        cases = self.cases(rng)
        _check_signature(answer, cases[0])
        expected = [self._run(self.oracle, case) for case in cases]
        results = []
        for case in cases:
            results.append(self._run_learner(answer, case))
            if isinstance(results[-1], Stopped):
                break
        failed = next(
            (i for i, r in enumerate(results) if not same(r, expected[i], self.tolerance)), None
        )
        if failed is None:
            return
        self._name_the_mistake(cases, expected, results)
        if isinstance(results[-1], Stopped) and failed < len(results) - 1:
            # It went wrong before it stopped: perhaps that part has a name.
            self._name_the_mistake(cases, expected, results[:-1])
        raise self._unknown(cases, expected[failed], results[failed], failed)

    def _name_the_mistake(self, cases: list, expected: list, results: list) -> None:
        """Raise the answer to a known mistake, if these results are its results."""
        for mistake in self.mistakes:
            for answer in mistake.answers:
                if self._behaves_like(answer, cases, expected, results):
                    stopped = isinstance(results[-1], Stopped)
                    raise Answer(WRONG, mistake.message, str(results[-1]) if stopped else "")

    def _behaves_like(self, wrong: Callable, cases: list, expected: list, results: list) -> bool:
        """Whether the learner's results are those of a wrong answer, and it shows at all."""
        shows = False
        for case, right, result in zip(cases, expected, results, strict=False):
            try:
                made = self._run(wrong, case)
            except Exception as error:
                made = Stopped.by(error)
            if not same(result, made, self.tolerance):
                return False
            shows = shows or not same(made, right, self.tolerance)
        return shows

    def _unknown(self, cases: list, expected: Any, got: Any, failed: int) -> Answer:
        """The smallest input on which it fails, and what is new about it."""
        lines = [f"input:    {describe_case(cases[failed])}"]
        new = numbers_new_to(cases[failed], cases[:failed])
        if failed and new:
            lines.append(f"The {failed} before it went well; new in this one: {new}")
        if isinstance(got, Stopped):
            return Answer(
                WRONG,
                f"Your code stopped with {got.kind}: {got.message}.",
                "\n".join([*filter(None, [got.place]), *lines]),
            )
        message = kind_text(expected, got)
        message = message or "Here is an input on which it differs from what it should do."
        lines.append(compare_text(expected, got, self.tolerance))
        return Answer(WRONG, message, "\n".join(lines))

    def _fresh(self, case: dict) -> dict:
        """The arguments for one run, which may do with them what it likes."""
        arguments = copy.deepcopy(case)
        if self.prepare:
            self.prepare(arguments)
        return arguments

    def _run(self, function: Callable, case: dict) -> Any:
        arguments = self._fresh(case)
        with torch.enable_grad():  # and back afterwards, whatever the function does to it
            result = function(**arguments)
            return self.outcome(result, arguments) if self.outcome else result

    def _run_learner(self, answer: Callable, case: dict) -> Any:
        """The outcome, or how it stopped."""
        arguments = self._fresh(case)
        with torch.enable_grad():
            try:
                with without(self.forbidden):
                    result = answer(**arguments)
            except Forbidden as error:
                raise Answer(
                    WRONG,
                    f"It calls {error}, which does the whole job. The point here is to write it "
                    f"yourself.",
                ) from None
            except Exception as error:
                stub = unwritten(error) if isinstance(error, NotImplementedError) else None
                if stub is None:
                    return Stopped.by(error)
                name = "the function"
                if stub != getattr(answer, "__name__", stub):
                    name = f"{stub}, which it calls,"
                raise Answer(NOT_DONE, f"Fill in {name} and run this cell again.") from None
            must_return = self.outcome is None if self.returns is None else self.returns
            if must_return and _untouched(result):
                raise Answer(
                    NOT_DONE, "The function returns nothing yet. Is a `return` missing at its end?"
                )
            if self.outcome is None:
                if not same(arguments, case, 0.0):
                    raise Answer(
                        WRONG,
                        "It changes its arguments while it works (an operation in place, such as "
                        "`x += ...`). Work on a copy: the caller may still need them.",
                    )
                return result
            try:
                return self.outcome(result, arguments)
            except Answer:
                raise
            except Exception as error:
                raise Answer(
                    WRONG,
                    f"The check cannot work with what it leaves: {type(error).__name__}: "
                    f"{one_line(error)}.",
                    f"input: {describe_case(case)}\nit returned: {describe(result)}",
                ) from None


@dataclass(frozen=True)
class ValuesTask(Task):
    """Predict several values, in a list. Each entry is compared on its own.

    Attributes:
        questions: what each entry is about, in words.
        expected: computes the right values.
        choices: the texts to choose from, where answers are texts; capitals do not count.

    Here a mistake's ``answer`` is the list that comes of making it everywhere.
    """

    questions: tuple[str, ...] = ()
    expected: Callable[[], list] = None
    choices: tuple[str, ...] = ()

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        expected = self.expected()
        if hasattr(answer, "tolist"):  # a tensor or a NumPy array
            answer = answer.tolist()
        if isinstance(answer, str | Mapping) or not isinstance(answer, Sequence):
            raise Answer(
                WRONG, f"The check wants a list of {len(expected)}, but got {describe(answer)}."
            )
        if any(_untouched(entry) for entry in answer):
            done = sum(not _untouched(entry) for entry in answer)
            raise Answer(NOT_DONE, f"{done} of {len(expected)} filled in. Replace the other dots.")
        if len(answer) != len(expected):
            raise Answer(
                WRONG, f"There are {len(expected)} questions, but {len(answer)} values in the list."
            )
        if self.choices:
            answer = [e.strip().lower() if isinstance(e, str) else e for e in answer]
            for i, entry in enumerate(answer):
                if entry not in self.choices:
                    listed = ", ".join(f'"{choice}"' for choice in self.choices)
                    raise Answer(WRONG, f"Number {i + 1} is {entry!r}. Choose from {listed}.")
        wrong = [i for i, e in enumerate(answer) if not same(e, expected[i], 1e-6)]
        if not wrong:
            return
        right = len(expected) - len(wrong)
        score = f"{right} of {len(expected)} are right. "
        # Made everywhere, or else made wherever the answer is wrong.
        for entries, mistakes in (
            (range(len(expected)), self.mistakes),
            (wrong, [m for m in self.mistakes if not m.everywhere]),
        ):
            fitting = [
                mistake
                for mistake in mistakes
                if any(all(same(answer[i], a[i], 1e-6) for i in entries) for a in mistake.answers)
            ]
            if len(fitting) == 1:
                raise Answer(WRONG, score + fitting[0].message)
        first = wrong[0]
        message = f"{score}Look at number {first + 1} again: {self.questions[first]}"
        details = f"you have {answer[first]!r}"
        if kind_of(answer[first]) != kind_of(expected[first]):
            details += f", which is {kind_of(answer[first])}; {kind_of(expected[first])} is wanted"
        if fitting:  # several ways lead to these values
            details = "\n".join([details, "One of these?", *(f"· {m.message}" for m in fitting)])
        raise Answer(WRONG, message, details)


@dataclass(frozen=True)
class PropertyTask(Task):
    """Find something with a property; there may be many right answers.

    Attributes:
        problem: from an answer, what is wrong with it in a sentence, or None. If something is,
            the mistakes are tried first.
    """

    problem: Callable[[Any], str | None] = None

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        if _has_dots(answer):
            raise Answer(NOT_DONE, "Replace the dots, then run this cell again.")
        try:
            problem = self.problem(answer)
        except Answer:
            raise
        except Exception as error:
            raise Answer(
                WRONG,
                f"The check cannot work with {describe(answer)}: {type(error).__name__}: "
                f"{one_line(error)}.",
            ) from None
        if problem is None:
            return
        for mistake in self.mistakes:
            if _makes(mistake, answer):
                raise Answer(WRONG, mistake.message)
        raise Answer(WRONG, problem)


def _strict() -> bool:
    told = os.environ.get("GAN_COURSE_STRICT", "0") not in ("", "0")
    return told or bool(os.environ.get("NBGRADER_EXECUTION"))


def _on_the_cpu() -> contextlib.AbstractContextManager:
    """Checks are small. The context costs time, so it is entered only where it is needed."""
    on_cpu = torch.get_default_device().type == "cpu"
    return contextlib.nullcontext() if on_cpu else torch.device("cpu")


def _check_signature(function: Callable, case: dict) -> None:
    """Whether the function can be called with these arguments by name."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return
    try:
        signature.bind(**case)
    except TypeError:
        theirs = ", ".join(signature.parameters) or "none"
        raise Answer(
            WRONG,
            f"The check calls it with the arguments {', '.join(case)}, by these names. "
            f"Yours takes: {theirs}.",
        ) from None


def _makes(mistake: Mistake, answer: Any) -> bool:
    """Whether an answer to a ``PropertyTask`` makes this mistake."""
    if mistake.fits is None:
        if isinstance(answer, torch.nn.Module):
            return any(answer is wrong for wrong in mistake.answers)
        return any(same(answer, wrong, 0.0) for wrong in mistake.answers)
    if not isinstance(answer, type(mistake.answer)):
        return False
    try:
        return bool(mistake.fits(answer))
    except (LookupError, TypeError):  # entries are missing, or of another kind
        return False


def _untouched(answer: Any) -> bool:
    return answer is None or answer is Ellipsis


def _has_dots(answer: Any) -> bool:
    """Whether dots of the stub are left somewhere inside."""
    if isinstance(answer, Mapping):
        return any(map(_has_dots, answer.values()))
    if isinstance(answer, list | tuple):
        return any(map(_has_dots, answer))
    return answer is Ellipsis

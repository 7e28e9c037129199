"""How an answer is checked: run it beside an oracle, and say what is wrong in a sentence.

An oracle is torch itself or a closed form. Answer and oracle get the same random inputs, small
ones first. If they differ, each known mistake, kept as a *wrong answer that makes it*, gets the
same inputs too: the one that behaves as the learner's answer does is named. If none does, the
smallest input on which the answer fails is shown, with what was expected and what came.
"""

from __future__ import annotations

import contextlib
import copy
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor

from gan_course.checks import progress

PASSED, NOT_DONE, WRONG = "passed", "not done yet", "not right yet"
_MARKS = {PASSED: "✓", NOT_DONE: "○", WRONG: "✗"}
_COLORS = {PASSED: "#117733", NOT_DONE: "#6B6B6B", WRONG: "#D55E00"}

CASES = 12  # random inputs for one check


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many people give, and what to say to it.

    Attributes:
        name: short, for tests and teachers.
        message: what is wrong and where to look, in a sentence or two.
        answer: a function or value that makes exactly this mistake.
    """

    name: str
    message: str
    answer: Any


@dataclass(frozen=True)
class Verdict:
    """What a check says. Shown as the last line of a cell."""

    status: str
    message: str
    details: str = ""

    @property
    def passed(self) -> bool:
        return self.status == PASSED

    def __str__(self) -> str:
        text = f"{_MARKS[self.status]} {self.status.capitalize()}. {self.message}"
        return text + (f"\n{self.details}" if self.details else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        details = ""
        if self.details:
            details = f'<pre style="margin:6px 0 0">{escape(self.details)}</pre>'
        return (
            f'<div role="status" style="border-left:5px solid {_COLORS[self.status]};'
            f'padding:4px 12px"><b>{_MARKS[self.status]} {self.status.capitalize()}.</b> '
            f"{escape(self.message)}{details}</div>"
        )


class Answer(Exception):
    """Ends a check early with a verdict."""

    def __init__(self, status: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.verdict = Verdict(status, message, details)


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
            AssertionError: if the answer is not right and GAN_COURSE_STRICT is set, as in CI.
        """
        rng = torch.Generator()
        rng.manual_seed(seed) if seed is not None else rng.seed()
        try:
            if _untouched(answer):
                raise Answer(NOT_DONE, "Replace the dots, then run this cell again.")
            self.examine(answer, rng)
            verdict = Verdict(PASSED, self.praise)
        except Answer as ending:
            verdict = ending.verdict
        note = progress.record(self.lesson, self.name, verdict.passed, verdict.status != NOT_DONE)
        if note:
            verdict = Verdict(verdict.status, verdict.message, f"{verdict.details}\n{note}".strip())
        if not verdict.passed and os.environ.get("GAN_COURSE_STRICT", "0") not in ("", "0"):
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
            functions that are called for what they do to their arguments.
        prepare: called with the copied arguments before each run, for what a copy does not carry.
        forbidden: names in torch and torch.nn.functional that would do the whole task.
        tolerance: relative and absolute, for rounding.
    """

    oracle: Callable = None
    cases: Callable[[torch.Generator], list[dict]] = None
    outcome: Callable[[Any, dict], Any] | None = None
    prepare: Callable[[dict], None] | None = None
    forbidden: tuple[str, ...] = ()
    tolerance: float = 1e-4

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        if not callable(answer):
            raise Answer(
                WRONG,
                f"The check wants the function itself, but got {_describe(answer)}. Hand it over "
                f"without calling it: no parentheses behind its name.",
            )
        cases = self.cases(rng)
        expected = [self._run(self.oracle, case) for case in cases]
        results = []
        failed = None
        for i, case in enumerate(cases):
            results.append(self._run_learner(answer, case))
            if failed is None and not same(results[i], expected[i], self.tolerance):
                failed = i
        if failed is None:
            return
        for mistake in self.mistakes:
            if self._behaves_like(mistake, cases, expected, results):
                raise Answer(WRONG, mistake.message)
        raise Answer(
            WRONG,
            "Here is an input on which it differs from what it should do.",
            f"input:    {_describe_case(cases[failed])}\n"
            + compare_text(expected[failed], results[failed]),
        )

    def _fresh(self, case: dict) -> dict:
        """The arguments for one run, which may do with them what it likes."""
        arguments = copy.deepcopy(case)
        if self.prepare:
            self.prepare(arguments)
        return arguments

    def _run(self, function: Callable, case: dict) -> Any:
        arguments = self._fresh(case)
        result = function(**arguments)
        return self.outcome(result, arguments) if self.outcome else result

    def _run_learner(self, answer: Callable, case: dict) -> Any:
        arguments = self._fresh(case)
        try:
            with without(self.forbidden):
                result = answer(**arguments)
        except NotImplementedError:
            raise Answer(NOT_DONE, "Fill in the function, then run this cell again.") from None
        except Forbidden as error:
            raise Answer(
                WRONG,
                f"It calls {error}, which does the whole job. The point here is to write it "
                f"yourself.",
            ) from None
        except Exception as error:
            raise Answer(
                WRONG,
                f"Your code stopped with {type(error).__name__}: {_one_line(error)}.",
                f"{_place_of(error)}input: {_describe_case(case)}",
            ) from None
        if self.outcome is None:
            if result is None or result is Ellipsis:
                raise Answer(
                    NOT_DONE, "The function returns nothing yet. Is a `return` missing at its end?"
                )
            if not same(arguments, case, 0.0):
                raise Answer(
                    WRONG,
                    "It changes its arguments while it works (an operation in place, such as "
                    "`x += ...`). Work on a copy: the caller may still need them.",
                )
            return result
        return self.outcome(result, arguments)

    def _behaves_like(self, mistake: Mistake, cases: list, expected: list, results: list) -> bool:
        """Whether the learner's results are those of the mistake, and the mistake shows at all."""
        shows = False
        for case, right, result in zip(cases, expected, results, strict=True):
            try:
                wrong = self._run(mistake.answer, case)
            except Exception:
                return False
            if not same(result, wrong, self.tolerance):
                return False
            shows = shows or not same(wrong, right, self.tolerance)
        return shows


@dataclass(frozen=True)
class ValuesTask(Task):
    """Predict several values, in a list. Each entry is compared on its own.

    Attributes:
        questions: what each entry is about, in words.
        expected: computes the right values.

    Here a mistake's ``answer`` is the list that comes of making it everywhere.
    """

    questions: tuple[str, ...] = ()
    expected: Callable[[], list] = None

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        expected = self.expected()
        if isinstance(answer, Tensor):
            answer = answer.tolist()
        if isinstance(answer, str | Mapping) or not isinstance(answer, Sequence):
            raise Answer(
                WRONG, f"The check wants a list of {len(expected)}, but got {_describe(answer)}."
            )
        if any(_untouched(entry) for entry in answer):
            done = sum(not _untouched(entry) for entry in answer)
            raise Answer(NOT_DONE, f"{done} of {len(expected)} filled in. Replace the other dots.")
        if len(answer) != len(expected):
            raise Answer(
                WRONG, f"There are {len(expected)} questions, but {len(answer)} values in the list."
            )
        wrong = [i for i, e in enumerate(answer) if not same(e, expected[i], 1e-6)]
        if not wrong:
            return
        right = len(expected) - len(wrong)
        score = f"{right} of {len(expected)} are right. "
        # Made everywhere, or else made wherever the answer is wrong.
        for entries in (range(len(expected)), wrong):
            for mistake in self.mistakes:
                if all(same(answer[i], mistake.answer[i], 1e-6) for i in entries):
                    raise Answer(WRONG, score + mistake.message)
        first = wrong[0]
        raise Answer(
            WRONG,
            f"{score}Look at number {first + 1} again: {self.questions[first]}",
            f"you have {answer[first]!r}",
        )


@dataclass(frozen=True)
class PropertyTask(Task):
    """Find something with a property; there may be many right answers.

    Attributes:
        problem: from an answer, what is wrong with it in a sentence, or None. Mistakes are tried
            first, by equality.
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
                f"The check cannot work with {_describe(answer)}: {type(error).__name__}: "
                f"{_one_line(error)}.",
            ) from None
        if problem is None:
            return
        for mistake in self.mistakes:
            if mistake.answer == answer:
                raise Answer(WRONG, mistake.message)
        raise Answer(WRONG, problem)


class Forbidden(Exception):
    """The learner called what they were to write."""


@contextlib.contextmanager
def without(names: tuple[str, ...]) -> Iterator[None]:
    """Meanwhile these functions of torch and torch.nn.functional raise ``Forbidden``."""
    places = [(module, name) for module in (torch, torch.nn.functional) for name in names]
    places = [(module, name) for module, name in places if hasattr(module, name)]
    before = [getattr(module, name) for module, name in places]

    def refuse(name: str) -> Callable:
        def refused(*arguments: Any, **named: Any) -> None:
            raise Forbidden(name)

        return refused

    for module, name in places:
        setattr(module, name, refuse(name))
    try:
        yield
    finally:
        for (module, name), original in zip(places, before, strict=True):
            setattr(module, name, original)


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Equal up to rounding, also inside lists and dicts; tensors must have the same shape."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape:
            return False
        if not (a.is_floating_point() or b.is_floating_point()):
            return torch.equal(a, b)
        return torch.allclose(
            a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True
        )
    if isinstance(a, Tensor) and a.ndim == 0 and isinstance(b, int | float):
        return same(a.item(), b, tolerance)
    if isinstance(b, Tensor) and b.ndim == 0 and isinstance(a, int | float):
        return same(a, b.item(), tolerance)
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or abs(a - b) <= tolerance * max(1.0, abs(b)) or (a != a and b != b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.nn.Module | torch.optim.Optimizer) and type(a) is type(b):
        return True  # compared by what the task looks at
    return type(a) is type(b) and a == b


def compare_text(expected: Any, got: Any) -> str:
    """Expected beside got; for tensors of one shape also how far they are apart."""
    lines = [f"expected: {_describe(expected)}", f"got:      {_describe(got)}"]
    if isinstance(expected, Tensor) and isinstance(got, Tensor):
        if expected.shape != got.shape:
            lines.append("the shapes differ")
        else:
            difference = (expected.double() - got.double()).abs()
            lines.append(f"largest difference: {difference.max().item():.3g}")
    return "\n".join(lines)


def _untouched(answer: Any) -> bool:
    return answer is None or answer is Ellipsis


def _has_dots(answer: Any) -> bool:
    """Whether dots of the stub are left somewhere inside."""
    if isinstance(answer, Mapping):
        return any(map(_has_dots, answer.values()))
    if isinstance(answer, list | tuple):
        return any(map(_has_dots, answer))
    return answer is Ellipsis


def _describe(value: Any) -> str:
    """A value in a line: numbers as they are, small tensors with their numbers."""
    if isinstance(value, Tensor):
        text = f"tensor of shape {tuple(value.shape)}"
        if value.numel() <= 16:
            rounded = [round(v, 4) for v in value.detach().double().flatten().tolist()]
            text += f", values {rounded}" if value.ndim else f", value {rounded[0]:g}"
        return text
    if isinstance(value, torch.nn.Module):
        return f"a {type(value).__name__}"
    if callable(value):
        return f"the function {getattr(value, '__name__', value)}"
    if isinstance(value, list | tuple) and any(isinstance(v, Tensor) for v in value):
        return "(" + ", ".join(map(_describe, value)) + ")"
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def _describe_case(case: dict) -> str:
    return ", ".join(f"{name} = {_describe(value)}" for name, value in case.items())


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


def _place_of(error: Exception) -> str:
    """The line of the learner's own code that raised, if it can be told."""
    ours = os.path.dirname(__file__)  # noqa: PTH120
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(ours)]
    if not theirs:
        return ""
    # The learner's frames come first; below them may be torch's own.
    first_foreign = next(
        (i for i, f in enumerate(theirs) if "site-packages" in f.filename), len(theirs)
    )
    own = theirs[max(first_foreign - 1, 0)]
    line = f": {own.line}" if own.line else ""
    return f"in line {own.lineno} of {own.name}{line}\n"

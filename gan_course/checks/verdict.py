"""What a check says, and the mistakes it knows by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

PASSED, NOT_DONE, WRONG = "passed", "not done yet", "not right yet"
_MARKS = {PASSED: "✓", NOT_DONE: "○", WRONG: "✗"}
_COLORS = {PASSED: "#117733", NOT_DONE: "#6B6B6B", WRONG: "#D55E00"}


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many people give, and what to say to it.

    Attributes:
        name: short, for tests and teachers.
        message: what is wrong and where to look, in a sentence or two.
        answer: a function or value that makes exactly this mistake. A function may also stop with
            the error that this mistake leads to.
        also: more answers that make it, in another way.
        fits: for a ``PropertyTask``: whether an answer makes this mistake; equality if None.
        everywhere: for a ``ValuesTask``: only if all of the list is this answer, not if some
            entries are.
    """

    name: str
    message: str
    answer: Any
    also: tuple[Any, ...] = ()
    fits: Callable[[Any], bool] | None = None
    everywhere: bool = False

    @property
    def answers(self) -> tuple[Any, ...]:
        return (self.answer, *self.also)


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

    def _ipython_display_(self) -> None:
        """nbgrader takes the value of a check for points, so there it is printed instead."""
        if not os.environ.get("NBGRADER_EXECUTION"):
            raise NotImplementedError  # by this IPython knows: show it as usual
        print(self)

    def _repr_html_(self) -> str:
        details = ""
        if self.details:
            style = "margin:6px 0 0;white-space:pre-wrap"
            details = f'<pre style="{style}">{escape(self.details)}</pre>'
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

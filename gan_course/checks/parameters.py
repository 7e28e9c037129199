"""The numbers at the top of a lesson, which you, `make course` or papermill may have changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from gan_course.errors import CourseError

LARGEST_SEED = 2**32 - 1
WHAT_TO_DO = "Change it at the top of the notebook, and run the cells from there on again."


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """A parameter of a lesson, if it can be used.

    Args:
        name: what the lesson calls it, "STEPS".
        value: what it was set to. 2000.0 will do, as papermill makes it of ``-p STEPS 2e3``.
        low: the smallest number with which the cells below work.
        high: the largest that ends in a time somebody would wait.

    Raises:
        CourseError: if it is no whole number from ``low`` to ``high``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise CourseError(
            f"{name} is {_short(value)}. Here it must be a whole number from {low:,} to {high:,}. "
            f"{WHAT_TO_DO}"
        )
    return value


def seed_number(name: str, value: Any) -> int:
    """A seed: a whole number from 0 to 4,294,967,295, or a ``CourseError``."""
    return whole_number(name, value, 0, LARGEST_SEED)


def seed_numbers(name: str, values: Any, most: int) -> list[int]:
    """One to ``most`` seeds, no two alike, or a ``CourseError``."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise CourseError(
            f"{name} is {_short(values)}. It must be a list of seeds, [100, 101] for example. "
            f"{WHAT_TO_DO}"
        )
    # A range can be longer than any memory: no more of it than is needed is looked at.
    kept = [seed_number(f"a number in {name}", value) for value in islice(values, most + 1)]
    if not 1 <= len(kept) <= most or len(set(kept)) < len(kept):
        raise CourseError(
            f"{name} is {_short(values)}. It must hold 1 to {most} seeds, no two alike. "
            f"{WHAT_TO_DO}"
        )
    return kept


def _short(value: Any) -> str:
    """As a message shows it: 1,000,000,000 for a number, and no more of anything than fits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**15 else "a number of more than 15 digits"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no number of more than 4,300 digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"

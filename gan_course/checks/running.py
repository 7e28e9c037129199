"""Running a learner's code: what it may not call, and where it stopped."""

from __future__ import annotations

import os
import sysconfig
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch.overrides import TorchFunctionMode

OURS = str(Path(__file__).parent.parent)  # the package
STDLIB = sysconfig.get_paths()["stdlib"]


class Forbidden(Exception):
    """The learner called what they were to write."""


class without(TorchFunctionMode):
    """Meanwhile, functions of torch with these names raise ``Forbidden``.

    However they were imported, and also when a module calls them. Only in this thread: a training
    that runs beside the check goes on.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "").split(".")[0]  # "conv2d.default" in torch.ops
        if name in self.names:
            raise Forbidden(name)
        return function(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Stopped:
    """An error of somebody's code. Two are the same if type and message are."""

    kind: str
    message: str
    place: str = field(compare=False, default="")

    def __str__(self) -> str:
        text = f"It stopped with {self.kind}: {self.message}."
        return text + (f"\n{self.place}" if self.place else "")

    @classmethod
    def by(cls, error: Exception) -> Stopped:
        return cls(type(error).__name__, one_line(error), place_of(error))


def one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


def unwritten(error: NotImplementedError) -> str | None:
    """The function that holds an untouched stub, or None: torch raises this error as well."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if _is_theirs(last.filename) and (
        str(error).startswith("Your turn")
        or not str(error)
        or (last.line or "").startswith("raise NotImplementedError")
    ):
        return last.name
    return None


def place_of(error: Exception) -> str:
    """The deepest line of the learner's own code on the way to the error."""
    theirs = [f for f in traceback.extract_tb(error.__traceback__) if _is_theirs(f.filename)]
    if not theirs:
        return ""
    own = theirs[-1]
    return f"in line {own.lineno} of {own.name}" + (f": {own.line}" if own.line else "")


def _is_theirs(filename: str) -> bool:
    """Not Python's, not an installed package's, not this package's."""
    library = (OURS + os.sep, STDLIB + os.sep, "<frozen")
    return not filename.startswith(library) and "site-packages" not in filename


def numbers_new_to(case: dict[str, Any], before: list[dict[str, Any]]) -> str:
    """Those numbers of a case that no earlier one had: "stride = 2"."""
    new = [
        f"{name} = {value}"
        for name, value in case.items()
        if isinstance(value, int | float) and all(value != other.get(name) for other in before)
    ]
    return ", ".join(new)

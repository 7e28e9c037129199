"""Are two answers the same, and how is a value said in a line?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

EXACT = 1e-9  # how far a float may be from a whole number that was asked for


def plain(value: Any) -> Any:
    """A number out of a tensor or a NumPy array that holds just one without an axis."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Equal up to rounding, also inside lists and dicts; tensors must have the same shape.

    Whole numbers must be equal exactly: 32.0 is 32, and 32.001 is not.
    """
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _same_tensors(a, b, tolerance)
    a, b = plain(a), plain(b)
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, int | float) and isinstance(b, int | float):
        if isinstance(a, int) or isinstance(b, int):
            tolerance = min(tolerance, EXACT)
        if abs(b) == float("inf"):  # nothing else is near infinity
            return a == b
        return a == b or abs(a - b) <= tolerance * max(1.0, abs(b)) or (a != a and b != b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.nn.Module | torch.optim.Optimizer):
        return True  # compared by what the task looks at
    return bool(a == b)


def _same_tensors(a: Tensor, b: Tensor, tolerance: float) -> bool:
    if a.shape != b.shape or not (_has_numbers(a) and _has_numbers(b)):
        return False
    a, b = a.detach().cpu(), b.detach().cpu()
    if not (a.is_floating_point() or b.is_floating_point()):
        return torch.equal(a, b)
    return torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True)


def _has_numbers(x: Tensor) -> bool:
    """Not complex, and not a tensor of the meta device, which has a shape and nothing in it."""
    return not (x.is_complex() or x.is_meta)


def compare_text(expected: Any, got: Any, tolerance: float = 0.0) -> str:
    """Expected beside got; of dicts with the same names only the entries that differ."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        parts = []
        for name, right in expected.items():
            mine = got.get(name, "missing")
            if not same(mine, right, tolerance):
                parts.append(f"{name}:\n  " + compare_text(right, mine).replace("\n", "\n  "))
        others = [f"{name}: {describe(got[name])}" for name in got if name not in expected]
        return "\n".join(others or parts)  # another kind of result: say what it is
    if _are_lists(expected, got) and any(isinstance(right, Tensor) for right in expected):
        parts = [
            f"entry {i} of {len(expected)}:\n  " + compare_text(right, mine).replace("\n", "\n  ")
            for i, (right, mine) in enumerate(zip(expected, got, strict=True), 1)
            if not same(mine, right, tolerance)
        ]
        return "\n".join(parts)
    lines = [f"expected: {describe(expected)}", f"got:      {describe(got)}"]
    if isinstance(expected, Tensor) and isinstance(got, Tensor):
        if expected.shape != got.shape:
            lines.append("the shapes differ")
        elif _has_numbers(got):
            difference = (expected.detach().cpu().double() - got.detach().cpu().double()).abs()
            lines.append(f"largest difference: {difference.max().item():.3g}")
    return "\n".join(lines)


def _are_lists(a: Any, b: Any) -> bool:
    """Two lists or tuples with the same number of entries."""
    lists = isinstance(a, list | tuple) and isinstance(b, list | tuple)
    return lists and len(a) == len(b)


def kind_text(expected: Any, got: Any) -> str:
    """A sentence if it is another kind of thing than expected, or holds such; "" if not."""
    if kind_of(got) != kind_of(expected):
        return f"It gives {kind_of(got)}, but {kind_of(expected)} is asked for."
    if _are_lists(expected, got):
        for i, (right, mine) in enumerate(zip(expected, got, strict=True), 1):
            if kind_of(mine) != kind_of(right):
                mine, right = kind_of(mine), kind_of(right)
                return f"Entry {i} of what it gives is {mine}, but {right} is asked for."
    elif isinstance(expected, list | tuple):
        return f"Here it gives a list of {len(got)}, but a list of {len(expected)} is asked for."
    return ""


def describe(value: Any) -> str:
    """A value in a line: numbers as they are, small tensors with their numbers."""
    if isinstance(value, Tensor):
        text = f"tensor of shape {tuple(value.shape)}"
        if value.numel() <= 16 and _has_numbers(value):
            rounded = [round(v, 4) for v in value.detach().cpu().double().flatten().tolist()]
            text += f", values {rounded}" if value.ndim else f", value {rounded[0]:g}"
        return text
    if isinstance(value, torch.nn.Module):
        return f"a {type(value).__name__}"
    if isinstance(value, torch.optim.Optimizer):
        return f"an optimizer ({type(value).__name__})"
    if callable(value):
        return f"the function {getattr(value, '__name__', value)}"
    if isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values()):
        return "{" + ", ".join(f"{name}: {describe(v)}" for name, v in value.items()) + "}"
    if isinstance(value, list | tuple) and any(isinstance(v, Tensor) for v in value):
        return "(" + ", ".join(map(describe, value)) + ")"
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def describe_case(case: dict) -> str:
    return ", ".join(f"{name} = {describe(value)}" for name, value in case.items())


def kind_of(value: Any) -> str:
    """What sort of thing a value is, in everyday words."""
    value = plain(value)
    if value is None:
        return "nothing"
    names = {
        Tensor: "a tensor",
        bool: "True or False",
        int | float: "a number",
        str: "a text",
        list | tuple: "a list",
        Mapping: "a dict",
    }
    for types, name in names.items():
        if isinstance(value, types):
            return name
    if type(value).__module__ == "numpy":
        return "a NumPy array"
    return f"an object of type {type(value).__name__}"

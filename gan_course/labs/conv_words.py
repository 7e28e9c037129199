"""The sentences of ``ConvBench``: what happens to the chosen cell, in words and numbers."""

from __future__ import annotations

from gan_course.labs.conv_arithmetic import ConvSettings
from gan_course.labs.conv_picture import signed

MOST_TERMS = 9  # of a sum that is written out in full


def arithmetic(data: dict, settings: ConvSettings, gather: bool) -> str:
    """How the chosen cell comes about (gather), or what becomes of it (scatter)."""
    row, column = data["cell"]
    x, kernel = data["input"].int().tolist(), data["kernel"].int().tolist()
    partners = settings.read_by if gather else settings.reached_from
    pairs = [(r, a, c, b) for r, a in partners(row) for c, b in partners(column)]
    if not gather:
        start = f"Input ({row}, {column}) is {x[row][column]}."
        if not pairs:
            return f"{start} No output cell uses it."
        factors = [signed(kernel[a][b]) for _, a, _, b in pairs]
        plural = "" if len(pairs) == 1 else "s"
        return f"{start} It enters {len(pairs)} output cell{plural}, times {_listed(factors)}"
    if not pairs:
        return f"Output ({row}, {column}) = 0: no cell of the input meets the kernel there."
    terms = [f"{x[r][c]}·{_bracketed(kernel[a][b])}" for r, a, c, b in pairs]
    value = signed(int(data["output"][row, column]))
    if len(terms) > MOST_TERMS:
        left = len(terms) - MOST_TERMS + 1
        terms = [*terms[: MOST_TERMS - 1], f"… ({left} more)"]
    return f"Output ({row}, {column}) = {' + '.join(terms)} = {value}"


def left_over(settings: ConvSettings) -> list[str]:
    """A remark on cells that the formula drops or adds at the far end, if there are any."""
    unused, extra = settings.unused(), settings.output_padding
    if unused:
        rows = "row and column" if unused == 1 else f"{unused} rows and columns"
        return [f"Struck out: the last {rows} of the padded input are never read."]
    if settings.transposed and extra:
        rows = "row and column" if extra == 1 else f"{extra} rows and columns"
        return [f"output_padding adds the last {rows} of the output."]
    return []


def cells(places: set[tuple[int, int]], kind: str) -> str:
    """``9 input cells: rows 0 to 2, columns 0 to 2``."""
    if not places:
        return f"no {kind} cell"
    rows = sorted({r for r, _ in places})
    columns = sorted({c for _, c in places})
    plural = "" if len(places) == 1 else "s"
    return f"{len(places)} {kind} cell{plural}: {_span(rows, 'row')}, {_span(columns, 'column')}"


def sentence(text: str) -> str:
    """With a capital at the start, unless it starts with a name such as output_padding=2."""
    first_word = text.split(maxsplit=1)[0]
    return text[:1].upper() + text[1:] if first_word.isalpha() else text


def _span(numbers: list[int], name: str) -> str:
    if len(numbers) == 1:
        return f"{name} {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{name}s {numbers[0]} to {numbers[-1]}"
    return f"{name}s " + ", ".join(map(str, numbers))


def _listed(words: list[str]) -> str:
    if len(words) > MOST_TERMS:
        return ", ".join(words[: MOST_TERMS - 1]) + " …"
    return ", ".join(words) + "."


def _bracketed(number: int) -> str:
    return f"({signed(number)})" if number < 0 else str(number)

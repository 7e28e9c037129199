"""The drawing of ``OneByOne``: picture, matrix, picture; and below it what shuffling does."""

from __future__ import annotations

import numpy as np

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH = 820
BIG = 220
LEFT_IN, LEFT_OUT = 20, 580
TOP = 40
CELL = 62  # of the matrix
SMALL = 150
SMALL_LEFTS = (20, 230, 440, 650)
SMALL_TOP = TOP + BIG + 48
LETTERS = ("R", "G", "B")


def draw(lab, data: dict, lines: list[str], guess: str | None) -> Canvas:
    """Everything on one card; ``lines`` stand below, the first in bold, then the guess."""
    open_ = lab.revealed
    text_top = TOP + BIG + 30 if not (open_ and lab.shuffled) else SMALL_TOP + SMALL + 30
    rows = len(lines) + (guess is not None)
    canvas = Canvas(WIDTH, text_top + 20 * rows if rows else TOP + BIG + 20)
    _large(canvas, LEFT_IN, data["image"], "the picture")
    _matrix(canvas, data["weight"])
    _large(canvas, LEFT_OUT, data.get("output"), "each pixel × the matrix")
    for left in (LEFT_IN, LEFT_OUT) if open_ else (LEFT_IN,):
        cell = BIG / 32
        x, y = left + lab.column * cell, TOP + lab.row * cell
        canvas.rect(x - 2, y - 2, cell + 4, cell + 4, None, "#FFFFFF", 4)
        canvas.rect(x - 2, y - 2, cell + 4, cell + 4, None, INK, 2)
    if open_:
        _swatches(canvas, data)
        if lab.shuffled:
            _two_ways(canvas, data)
    for i, line in enumerate(lines):
        canvas.text(20, text_top + 20 * i, line, 12.5, INK, "start", bold=i == 0)
    if guess is not None:
        y = text_top + 20 * len(lines)
        canvas.line([(22, y - 8), (22, y + 8)], palette.PREDICTION, 3, dash=(3, 3))
        canvas.text(32, y, guess, 12.5, FAINT, "start")
    return canvas


def _large(canvas: Canvas, left: float, image: np.ndarray | None, title: str) -> None:
    canvas.text(left + BIG / 2, TOP - 16, title, 13, INK, bold=True)
    if image is None:
        canvas.text(left + BIG / 2, TOP + BIG / 2, "?", 48, FAINT)
    else:
        canvas.picture(left, TOP, BIG, BIG, pixels(image))
    canvas.rect(left, TOP, BIG, BIG, None, LINE, 1)


def _matrix(canvas: Canvas, weight: np.ndarray) -> None:
    """The nine weights as a table, columns in, rows out."""
    left, top = WIDTH / 2 - 1.5 * CELL + 14, TOP + 26
    canvas.text(left + 1.5 * CELL, TOP - 16, "nine weights", 13, INK, bold=True)
    for i, letter in enumerate(LETTERS):
        canvas.text(left + CELL * (i + 0.5), top - 11, f"{letter} in", 11.5, FAINT)
        canvas.text(left - 8, top + CELL * (i + 0.5) * 0.75, f"{letter} out", 11.5, FAINT, "end")
    for o in range(3):
        for c in range(3):
            x, y, height = left + CELL * c, top + CELL * 0.75 * o, CELL * 0.75
            on = abs(weight[o, c]) > 1e-9
            canvas.rect(x, y, CELL, height, "#FFF3CC" if on else "#FFFFFF", LINE, 1)
            number = f"{weight[o, c]:.2f}".replace("-", "−")
            canvas.text(x + CELL / 2, y + height / 2, number, 14, INK, bold=on)


def _swatches(canvas: Canvas, data: dict) -> None:
    """The marked pixel's colour before and after."""
    y, middle = TOP + 190, WIDTH / 2 + 14
    for x, colour in ((middle - 66, data["pixel"]), (middle + 26, data["mixed"])):
        clipped = np.clip(np.array(colour), 0, 1)
        tile = np.broadcast_to((255 * clipped).round().astype(np.uint8), (2, 2, 3)).copy()
        canvas.picture(x, y, 40, 30, tile)
        canvas.rect(x, y, 40, 30, None, INK, 1)
    canvas.text(middle, y + 15, "→", 16, INK)


def _two_ways(canvas: Canvas, data: dict) -> None:
    names = {
        "shuffled": "the pixels shuffled",
        "put_back": "1×1, then put back",
        "blurred_back": "3×3 mean, then put back",
        "blurred": "3×3 mean, not shuffled",
    }
    for left, (name, title) in zip(SMALL_LEFTS, names.items(), strict=True):
        canvas.text(left + SMALL / 2, SMALL_TOP - 14, title, 12, INK, bold=True)
        canvas.picture(left, SMALL_TOP, SMALL, SMALL, pixels(data[name]))
        canvas.rect(left, SMALL_TOP, SMALL, SMALL, None, LINE, 1)


def pixels(image: np.ndarray) -> np.ndarray:
    """(3, H, W) in [0, 1], what lies outside clipped -> uint8 (H, W, 3)."""
    return (255 * image.clip(0, 1)).round().astype(np.uint8).transpose(1, 2, 0)

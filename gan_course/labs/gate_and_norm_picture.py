"""The drawing of ``GateAndNorm``: histogram before, the curve, histogram after."""

from __future__ import annotations

import textwrap

import torch

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.gate_and_norm_marks import (
    ALIVE,
    FULL_BAR,
    Place,
    clamp,
    diamond,
    number,
    percent,
    sideways_bars,
    upright_bars,
)
from gan_course.labs.gate_and_norm_numbers import REACH, Y_AXES, activate

WIDTH = 820
SAMPLE = "#D55E00"  # the marked number: a diamond with a thin line through all panels
ERROR = "#A33F00"
GRID = "#E4E4E4"
TICKS = (-8, -4, 0, 4, 8)


ONE = Place(64, 62, 360, 190, 96, 456, 150, 644)
UPPER = Place(292, 82, 216, 110, 66, 536, 100, 664)
LOWER = Place(292, 344, 216, 110, 66, 536, 100, 664)
PLACES = {"plain": ONE, "batch": UPPER, "running": LOWER}
X_PANEL = (56, 82, 176, 110)  # left, top, width, height of the histogram of x, if BatchNorm is on


def draw(lab, data: dict, lines: list[str], guess: str | None) -> Canvas:
    """Everything on one card.

    Args:
        lab: the settings.
        data: of ``GateAndNorm.figure_data``.
        lines: what stands below the picture; the first in bold.
        guess: what was guessed, in words, or None.
    """
    foot = 4 + 20 * (len(lines) + (guess is not None))
    ground = 566 if lab.batch_norm else 398
    canvas = Canvas(WIDTH, ground + foot)
    _title(canvas, lab, data)
    if lab.batch_norm:
        _x_panel(canvas, data)
        _statistics(canvas, data)
    for name, row in data["rows"].items():
        _row(canvas, lab, data, row, PLACES[name], _row_title(lab, name))
    if data["error"]:
        _error(canvas, data["error"], lab.training)
    for i, line in enumerate(lines):
        canvas.text(16, ground + 8 + 20 * i, line, 12.5, INK, "start", bold=i == 0)
    if guess is not None:
        y = ground + 8 + 20 * len(lines)
        canvas.line([(18, y - 8), (18, y + 8)], palette.PREDICTION, 3, dash=(3, 3))
        canvas.text(28, y, guess, 12.5, FAINT, "start")
    return canvas


def _title(canvas: Canvas, lab, data: dict) -> None:
    steps = ["x", *(["nn.BatchNorm2d(1)"] * lab.batch_norm), f"nn.{class_name(lab)}", "y"]
    canvas.text(16, 18, "  →  ".join(steps), 15, INK, "start", True)
    batch, _, height, width = data["x"].shape
    odd = " (1 odd)" if data["odd"] else ""
    plural = "" if batch == 1 else "s"
    shape = f"one channel of {batch} image{plural}{odd}, {height}×{width} numbers each"
    canvas.text(WIDTH - 16, 18, shape, 12, FAINT, "end")


def class_name(lab) -> str:
    names = {"relu": "ReLU()", "tanh": "Tanh()", "sigmoid": "Sigmoid()"}
    return names.get(lab.activation, f"LeakyReLU({lab.slope:g})")


def _row_title(lab, name: str) -> str:
    if name == "plain":
        return ""
    title = "train(): normalised with the batch's statistics"
    if name == "running":
        title = "eval(): normalised with the running statistics"
    now = name == ("batch" if lab.training else "running")
    return f"▶ {title}" if now else title


# ---- one row: the curve with what goes in and what comes out -------------------------------------


def _row(canvas: Canvas, lab, data: dict, row: dict, place: Place, title: str) -> None:
    """The title begins with ▶ in the row whose mode the layer is in."""
    if title:
        canvas.text(place.left - 32, place.top - 28, title, 13, INK, "start", title[0] == "▶")
    low, high, _, ticks = Y_AXES[lab.activation]
    bottom, top, name = place.bottom, place.top, lab.activation
    canvas.text(place.left, top - 10, f"y = {name}({'u' if title else 'x'})", 11.5, INK, "start")
    # Axes first, so that all else lies above them.
    for tick in ticks:
        y = place.y(tick, name)
        for left, width in ((place.left, place.width), (place.out_left, place.out_width)):
            canvas.line([(left, y), (left + width, y)], GRID, 1)
        canvas.text(place.left - 6, y, number(tick), 11, anchor="end")
    for tick in TICKS:
        x = place.x(tick)
        canvas.line([(x, top), (x, bottom)], GRID, 1)
        canvas.text(x, bottom + 12, number(tick), 11)
    axis = f"{'u' if title else 'x'}, what goes into the activation"
    canvas.text(place.x(0), bottom + 29, axis, 11.5)
    for share in (0, 0.2, 0.4):
        y = bottom - (place.strip - 14) * share / FULL_BAR
        canvas.line([(place.left, y), (place.left + place.width, y)], GRID, 1)
        canvas.text(place.left - 6, y, percent(share), 11, anchor="end")
    hidden = lab.hides_dead
    upright_bars(canvas, row["u_bars"], place.left, bottom, place.width, place.strip - 14, hidden)
    canvas.line([(place.left, bottom), (place.left + place.width, bottom)], INK, 1)
    canvas.line([(place.left, top), (place.left, bottom)], LINE, 1)
    curve = torch.linspace(-REACH, REACH, 161)
    heights, _ = activate(curve, name, lab.slope)
    points = zip(curve.tolist(), heights.tolist(), strict=True)
    inside = [(u, y) for u, y in points if low <= y <= high]
    canvas.line([(place.x(u), place.y(y, name)) for u, y in inside], INK, 2)
    canvas.text(place.out_left, top - 10, "y, after it", 11.5, INK, "start")
    if hidden:
        middle = place.out_left + place.out_width / 2
        canvas.text(middle, top + place.height / 2, "?", 48, FAINT)
        return
    sideways_bars(canvas, row["y_bars"], place, name)
    _mark_sample(canvas, row, place, name)
    _numbers(canvas, lab, row, place)


def _mark_sample(canvas: Canvas, row: dict, place: Place, name: str) -> None:
    """One number of image 0: up from its u to the curve and across to its y."""
    if row["sample_without"] is not None:
        u, y = row["sample_without"]
        x, height = place.x(u), place.y(y, name)
        way = [(x, place.bottom), (x, height), (place.out_left, height)]
        canvas.line(way, palette.PREDICTION, 1.2, dash=(2, 3))
        diamond(canvas, x, height, palette.PREDICTION, hollow=True)
    u, y = row["sample"]
    x, height = place.x(u), place.y(y, name)
    canvas.line([(x, place.bottom), (x, height), (place.out_left, height)], SAMPLE, 1.2)
    diamond(canvas, x, place.bottom, SAMPLE)
    diamond(canvas, x, height, SAMPLE)
    diamond(canvas, place.out_left, height, SAMPLE)


def _numbers(canvas: Canvas, lab, row: dict, place: Place) -> None:
    left, y = place.words, place.top - 10
    word = "saturated" if lab.soft else "dead"
    canvas.text(left, y, f"{word}: {percent(row['dead_fraction'])}", 13, INK, "start", True)
    meaning = f"|slope| < {lab.threshold:g}" if lab.soft else "slope 0"
    canvas.text(left, y + 18, f"hollow: {meaning}", 11, FAINT, "start")
    # The share as a bar from 0 to 100 %, with the guess across it.
    width = 132
    share = width * row["dead_fraction"]
    canvas.rect(left, y + 32, width, 9, ALIVE)
    canvas.rect(left, y + 32, share, 9, "white")
    canvas.rect(left, y + 32, width, 9, None, INK, 1)
    if share:
        canvas.line([(left + share, y + 32), (left + share, y + 41)], INK, 1)
    if lab.guessed_share is not None:
        x = left + width * lab.guessed_share / 100
        canvas.line([(x, y + 26), (x, y + 47)], palette.PREDICTION, 3, dash=(3, 2))
    slope = f"mean |slope|: {row['mean_derivative']:.3f}"
    canvas.text(left, y + 60, slope, 12, INK, "start")
    canvas.text(
        left + 14, y + 86, f"marked: {'u' if lab.batch_norm else 'x'} → y", 11, INK, "start"
    )
    diamond(canvas, left + 4, y + 86, SAMPLE)
    u, value = row["sample"]
    canvas.text(left + 14, y + 103, f"{number(u, 2)} → {number(value, 2)}", 12, INK, "start")
    if row["sample_without"] is not None:
        u, value = row["sample_without"]
        diamond(canvas, left + 4, y + 128, palette.PREDICTION, hollow=True)
        canvas.text(left + 14, y + 128, "without the odd image", 11, FAINT, "start")
        text = f"{number(u, 2)} → {number(value, 2)}"
        canvas.text(left + 14, y + 145, text, 12, FAINT, "start")


def _error(canvas: Canvas, message: str, now: bool) -> None:
    """In place of the upper row: why torch refuses."""
    place = UPPER
    title = "▶ " * now + "train(): ✗ no output"
    canvas.text(place.left - 32, place.top - 28, title, 13, ERROR, "start", True)
    y = place.top
    numbers = "The batch has 1 · 1 · 1 = one number in this channel."
    canvas.text(place.left - 32, y, numbers, 13, INK, "start", True)
    for i, line in enumerate(textwrap.wrap(f"torch says: {message}", 60)):
        canvas.text(place.left - 32, y + 28 + 19 * i, line, 12.5, ERROR, "start")
    advice = "Two images, or a channel of 2×2 numbers, have a mean and a spread."
    canvas.text(place.left - 32, y + 84, advice, 12.5, INK, "start")


# ---- the left column: x, and the two kinds of statistics -----------------------------------------


def _x_panel(canvas: Canvas, data: dict) -> None:
    left, top, width, height = X_PANEL
    ground = top + height
    canvas.text(16, top - 28, "what comes in", 13, INK, "start")
    canvas.text(left, top - 10, "share of the numbers", 11.5, INK, "start")
    for share in (0, 0.2, 0.4):
        y = ground - (height - 12) * share / FULL_BAR
        canvas.line([(left, y), (left + width, y)], GRID, 1)
        canvas.text(left - 6, y, percent(share), 11, anchor="end")
    for tick in TICKS:
        canvas.text(x_at(tick), ground + 12, number(tick), 11)
    canvas.text(x_at(0), ground + 29, "x", 11.5)
    upright_bars(canvas, data["x_bars"], left, ground, width, height - 12, plain=True)
    canvas.line([(left, ground), (left + width, ground)], INK, 1)
    diamond(canvas, x_at(data["x_sample"]), ground, SAMPLE)
    if data["odd"]:
        x = x_at(float(data["x"][-1].mean()))
        end = clamp(x, left + 30, left + width - 30)
        canvas.text(end, ground - 42, "odd image", 11)
        canvas.line([(x, ground - 34), (x, ground - 14)], INK, 1.2)
        canvas.line([(x - 4, ground - 20), (x, ground - 14), (x + 4, ground - 20)], INK, 1.2)


def x_at(value: float) -> float:
    left, _, width, _ = X_PANEL
    return left + width * (clamp(value, -REACH, REACH) + REACH) / (2 * REACH)


def _statistics(canvas: Canvas, data: dict) -> None:
    """Mean ± std of both kinds, on the axis of x and as numbers."""
    top = 258
    canvas.text(16, top, "mean ± std, on the same axis", 13, INK, "start")
    for i, (name, dash) in enumerate((("batch", None), ("running", (5, 3)))):
        y = top + 44 * (i + 1)
        mean, std = data[f"{name}_mean"], data[f"{name}_std"]
        canvas.text(16, y - 18, name, 11.5, INK, "start")
        canvas.line([(x_at(mean - std), y), (x_at(mean + std), y)], INK, 2, dash)
        for end in (mean - std, mean + std):
            canvas.line([(x_at(end), y - 4), (x_at(end), y + 4)], INK, 1.5)
        canvas.line([(x_at(mean), y - 7), (x_at(mean), y + 7)], INK, 3)
        text = f"{number(mean, 3)} ± {std:.3f}"
        canvas.text(X_PANEL[0] + X_PANEL[2], y - 18, text, 11.5, INK, "end")
    y = top + 126
    seen = data["batches_taken"]
    canvas.text(16, y, f"distance: {data['distance']:.3f}", 13, INK, "start", True)
    plural = "" if seen == 1 else "es"
    canvas.text(16, y + 20, f"after {seen} batch{plural} in train()", 11.5, INK, "start")
    canvas.text(16, y + 46, "√((difference of means)²", 11, FAINT, "start")
    canvas.text(16, y + 61, "   + (difference of stds)²)", 11, FAINT, "start")

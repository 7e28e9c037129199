"""The drawings of ``SpectralKnob``: circle and ellipse, or the curve of a discriminator."""

from __future__ import annotations

import math

import numpy as np

from gan_course import palette
from gan_course.labs.dirac_picture import disc, ring, triangle
from gan_course.labs.dirac_plots import clipped
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import GHOST_DASH, Chart, key
from gan_course.labs.spectral_knob_numbers import MOST_ROUNDS
from gan_course.labs.spectral_knob_training import EVERY, REACH
from gan_course.labs.spectral_knob_words import answer_text, number

WIDTH, HEIGHT = 800, 500
PLANE = (44, 44, 340)  # left, top, side of the large square
CHART = (474, 62, 300, 160)  # left, top, width, height of the chart beside it
AXIS = "#8A6100"  # the axes of the ellipse
EIGEN = "#7A7A7A"


def _card(title: str, lines: list[str]) -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.text(16, 16, title, 14, INK, "start", True)
    for i, line in enumerate(lines):
        canvas.text(16, 436 + 21 * i, line, 13, INK, "start", bold=i == 0)
    return canvas


def _arrow(canvas: Canvas, start, end, color: str, width: float, dash=None) -> None:
    """A line with a head; none if it is too short to have a direction."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    if length < 3:
        return
    canvas.line([start, end], color, width, dash)
    ux, uy = dx / length, dy / length
    head = min(9.0, length / 2)
    one = (end[0] - head * (ux + 0.45 * uy), end[1] - head * (uy - 0.45 * ux))
    two = (end[0] - head * (ux - 0.45 * uy), end[1] - head * (uy + 0.45 * ux))
    canvas.line([one, end, two], color, width)


# ---- the matrix --------------------------------------------------------------------------------


def reach_of(data: dict, revealed: bool) -> float:
    """Half the side of the plane. Before the guess it must not tell how large the ellipse is."""
    return max(1.25, 1.15 * float(data["shown"][0])) if revealed else 1.6


def plane_xy(point, reach: float) -> tuple[float, float]:
    """Where a point of the plane is drawn, in pixels of the canvas."""
    left, top, side = PLANE
    scale = side / (2 * reach)
    return left + side / 2 + float(point[0]) * scale, top + side / 2 - float(point[1]) * scale


def draw_matrix(
    data: dict, rounds: int, revealed: bool, ghost: float | None, lines: list[str]
) -> Canvas:
    """A circle, what the matrix makes of it, and the estimate of its largest stretch.

    Args:
        data: of ``SpectralKnob.figure_data``.
        rounds: of power iteration, marked in the chart.
        revealed: whether the ellipse and all that follows from it are shown.
        ghost: a guess, drawn as a dotted line in the chart, or None.
        lines: what stands below; the first in bold.
    """
    canvas = _card("What the matrix makes of the circle", lines)
    left, top, side = PLANE
    reach = reach_of(data, revealed)
    canvas.rect(left, top, side, side, fill="white", stroke=LINE)
    middle = plane_xy((0, 0), reach)
    canvas.line([(left, middle[1]), (left + side, middle[1])], LINE, 1)
    canvas.line([(middle[0], top), (middle[0], top + side)], LINE, 1)
    for value in (-1, 1):
        x, y = plane_xy((value, value), reach)
        canvas.text(x, middle[1] + 11, number(value, 0), 11, FAINT)
        canvas.text(middle[0] - 10, y, number(value, 0), 11, FAINT)
    canvas.line([plane_xy(p, reach) for p in data["circle"]], FAINT, 1.5, (5, 4))
    v = data["v"]
    if revealed:
        points = [plane_xy(p, reach) for p in data["ellipse"]]
        canvas.line(points, palette.DISCRIMINATOR, 3)
        for length, direction in zip(data["shown"], data["left"], strict=True):
            ends = [plane_xy(sign * length * direction, reach) for sign in (-1, 1)]
            canvas.line(ends, AXIS, 1.2, (2, 3))
        image = data["matrix"] @ v / data["divisor"]
        _arrow(canvas, middle, plane_xy(image, reach), palette.DISCRIMINATOR, 2.5)
        _name(canvas, image, reach, "W v", palette.DISCRIMINATOR)
    _arrow(canvas, middle, plane_xy(v, reach), INK, 2)
    _name(canvas, v, reach, "v", INK)
    _matrix_legend(canvas, revealed)
    _draw_estimates(canvas, data, rounds, revealed, ghost)
    return canvas


def _name(canvas: Canvas, point, reach: float, text: str, color: str) -> None:
    """A name a little beyond the tip of an arrow."""
    length = math.hypot(*point)
    if length * PLANE[2] / (2 * reach) < 12:
        return
    x, y = plane_xy(np.asarray(point) * (1 + 0.09 * reach / length), reach)
    left, top, side = PLANE
    x = min(max(x, left + 14), left + side - 14)
    y = min(max(y, top + 9), top + side - 9)
    canvas.text(x, y, text, 12, color, bold=True)


def _matrix_legend(canvas: Canvas, revealed: bool) -> None:
    y = PLANE[1] + PLANE[2] + 16
    key(canvas, PLANE[0], y, "circle", FAINT, 1.5, (5, 4))
    if revealed:
        key(canvas, PLANE[0] + 92, y, "its image", palette.DISCRIMINATOR, 3, None)
        key(canvas, PLANE[0] + 206, y, "axes: σ₁, σ₂", AXIS, 1.2, (2, 3))


def _draw_estimates(
    canvas: Canvas, data: dict, rounds: int, revealed: bool, ghost: float | None
) -> None:
    left, top, width, height = CHART
    title = "Estimate of the largest stretch"
    if not revealed:
        canvas.text(left - 34, top - 14, title, 12, INK, "start", bold=True)
        canvas.rect(left, top, width, height, fill="white", stroke=LINE)
        canvas.text(left + width / 2, top + height / 2, "?", 56, FAINT)
        _write_matrix(canvas, data)
        return
    largest = float(data["singular"][0])
    high = 1.15 * max(largest, data["largest_eigenvalue"], ghost or 0.0, 0.5)
    ends = ("0", f"{MOST_ROUNDS} rounds")
    chart = Chart(canvas, CHART, title, (0.0, high), (0, MOST_ROUNDS), ends)
    steps = list(range(MOST_ROUNDS + 1))
    chart.line([0, MOST_ROUNDS], [data["largest_eigenvalue"]] * 2, EIGEN, 2, (8, 4))
    chart.line([0, MOST_ROUNDS], [largest] * 2, AXIS, 2, (2, 3))
    if ghost is not None:
        chart.line([0, MOST_ROUNDS], [ghost] * 2, palette.PREDICTION, 1.6, GHOST_DASH)
        canvas.text(left + width - 2, chart.y(ghost) - 8, "your guess", 11, FAINT, "end")
    chart.line(steps, data["sigmas"], INK, 1.5)
    for k in steps:
        disc(canvas, chart.x(k), chart.y(float(data["sigmas"][k])), 2.5, INK)
    ring(canvas, chart.x(rounds), chart.y(data["estimate"]), 7, palette.DISCRIMINATOR, 2.5)
    x, y = left - 34, top + height + 40
    key(canvas, x, y, "estimate after each round", INK, 1.5, None)
    key(canvas, x + 190, y, f"σ₁ = {number(largest)}", AXIS, 2, (2, 3))
    eigen = f"size of the larger eigenvalue = {number(data['largest_eigenvalue'])}"
    key(canvas, x, y + 20, eigen, EIGEN, 2, (8, 4))
    _write_matrix(canvas, data)


def _write_matrix(canvas: Canvas, data: dict) -> None:
    """W, or what is left of it after the division, in its two brackets."""
    x, y = CHART[0] - 34, CHART[1] + CHART[3] + 40
    matrix = data["matrix"] / data["divisor"]
    name = "W / estimate" if data["divisor"] != 1.0 else "W"
    rows = [f"{number(p):>6}  {number(q):>6}" for p, q in matrix.tolist()]
    canvas.text(x, y + 66, f"{name}  =", 14, INK, "start", bold=True)
    for i, row in enumerate(rows):
        canvas.text(x + 250, y + 56 + 20 * i, row, 14, INK, "end")
    for side, at in ((1, x + 134), (-1, x + 262)):
        corners = [(at + 6 * side, y + 44), (at, y + 44), (at, y + 88), (at + 6 * side, y + 88)]
        canvas.line(corners, INK, 1.5)


# ---- the discriminator -------------------------------------------------------------------------

LOGITS = 2.2  # the curve is drawn from -LOGITS to LOGITS


def curve_xy(x: float, logit: float) -> tuple[float, float]:
    left, top, side = PLANE
    return left + side * (x + REACH) / (2 * REACH), top + side * (LOGITS - logit) / (2 * LOGITS)


def draw_discriminator(
    data: dict, held: bool, revealed: bool, ghost: float | None, lines: list[str], most: int
) -> Canvas:
    """D's curve over the line on which its points lie, and its steepest slope so far.

    Args:
        data: of ``SpectralKnob.figure_data``.
        held: whether spectral norm is on.
        revealed: whether the curve is shown.
        ghost: a guess at the largest slope, or None.
        lines: what stands below; the first in bold.
        most: steps of the whole training.
    """
    canvas = _card("D on a line, with the hinge loss", lines)
    left, top, side = PLANE
    canvas.rect(left, top, side, side, fill="white", stroke=LINE)
    for logit in (-2, -1, 0, 1, 2):
        _, y = curve_xy(0, logit)
        if abs(logit) == 1:
            canvas.line([(left, y), (left + side, y)], FAINT, 1, (2, 3))
        canvas.text(left - 6, y, number(logit, 0), 11, INK, "end")
    for x in (-1.5, -1, -0.5, 0, 0.5, 1, 1.5):
        canvas.text(curve_xy(x, 0)[0], top + side + 12, f"{x:g}".replace("-", "−"), 11)
    canvas.text(left + 4, top + 10, "D's logit", 11, FAINT, "start")
    canvas.text(left + side - 4, top + side - 10, "x", 11, FAINT, "end")
    canvas.text(left + side - 4, curve_xy(0, 1)[1] - 9, "margin for real", 11, FAINT, "end")
    canvas.text(left + 4, curve_xy(0, -1)[1] + 9, "margin for fakes", 11, FAINT, "start")
    if revealed:
        curve = list(zip(data["x"] / REACH, data["logits"] / LOGITS, strict=True))
        for piece in clipped(curve, 1):
            points = [curve_xy(x * REACH, logit * LOGITS) for x, logit in piece]
            canvas.line(points, palette.DISCRIMINATOR, 3)
    _, y = curve_xy(0, 0)
    disc(canvas, *curve_xy(data["gap"] / 2, 0), 6, palette.REAL)
    triangle(canvas, *curve_xy(-data["gap"] / 2, 0), palette.FAKE)
    y = top + side + 32
    disc(canvas, left + 6, y, 5, palette.REAL)
    canvas.text(left + 16, y, "real", 11, INK, "start")
    triangle(canvas, left + 66, y, palette.FAKE)
    canvas.text(left + 77, y, "fake", 11, INK, "start")
    if revealed:
        key(canvas, left + 124, y, "D", palette.DISCRIMINATOR, 3, None)
    _draw_slopes(canvas, data, held, revealed, ghost, most)
    return canvas


def _draw_slopes(
    canvas: Canvas, data: dict, held: bool, revealed: bool, ghost: float | None, most: int
) -> None:
    left, top, width, height = CHART
    title = "Steepest slope of D (log axis)"
    if not revealed:
        canvas.text(left - 34, top - 14, title, 12, INK, "start", bold=True)
        canvas.rect(left, top, width, height, fill="white", stroke=LINE)
        canvas.text(left + width / 2, top + height / 2, "?", 56, FAINT)
        return
    ticks = (0.1, 1.0, 10.0)
    chart = Chart(canvas, CHART, title, (0.1, 32.0), (0, most), ("0", f"{most} steps"), True, ticks)
    chart.line([0, most], [data["wanted"]] * 2, EIGEN, 2, (8, 4))
    if ghost is not None:
        chart.line([0, most], [ghost] * 2, palette.PREDICTION, 1.6, GHOST_DASH)
        text = f"your guess: {answer_text(ghost)}"
        canvas.text(left + 4, chart.y(ghost) - 8, text, 11, FAINT, "start")
    steps = [EVERY * k for k in range(len(data["steepest"]))]
    chart.line(steps, data["steepest"], palette.DISCRIMINATOR, 3)
    at = (chart.x(data["steps"]), chart.y(data["steepest_now"]))
    ring(canvas, *at, 7, palette.DISCRIMINATOR, 2.5)
    x, y = left - 34, top + height + 40
    key(canvas, x, y, "steepest slope", palette.DISCRIMINATOR, 3, None)
    key(canvas, x + 140, y, f"2 / gap = {number(data['wanted'], 0)}", EIGEN, 2, (8, 4))
    state = "on: every layer divided by its σ₁" if held else "off"
    canvas.text(x, y + 36, f"spectral norm {state}", 13, INK, "start", bold=True)
    rows = (
        ("steepest slope", number(data["steepest_now"])),
        ("slope at the fakes: what G gets", number(data["slope_at_fakes"])),
        ("D's loss", number(data["loss"], 3)),
    )
    for i, (name, value) in enumerate(rows):
        canvas.text(x, y + 62 + 20 * i, name, 12, INK, "start")
        canvas.text(x + 300, y + 62 + 20 * i, value, 12, INK, "end")

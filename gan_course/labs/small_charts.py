"""Small charts and planes for labs that show several of them side by side."""

from __future__ import annotations

import math

import numpy as np

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.toy_gan_picture import (
    CONTOUR,
    EDGE,
    SIDE,
    contour,
    heat_map,
    mark,
    paint_lines,
    pixels,
    stamp,
)

PERFECT = "#DDDDDD"
GHOST_DASH = (2, 4)


class Chart:
    """One chart in a box of a canvas: its frame is drawn at once, then bands and lines.

    Args:
        canvas: to draw on.
        box: left, top, width and height of the plot itself. Labels lie around it: 34 pixels to the
            left, 22 above and 18 below.
        title: above it.
        limits: of the vertical axis. What lies beyond is drawn at the edge.
        steps: of the horizontal axis, first and last.
        ends: what stands below the axis, left and right.
        log: whether the vertical axis counts in powers of ten; then the limits are above 0.
        ticks: values with a line and a number; by default both limits and the middle.
    """

    def __init__(
        self,
        canvas: Canvas,
        box: tuple[float, float, float, float],
        title: str,
        limits: tuple[float, float],
        steps: tuple[float, float],
        ends: tuple[str, str],
        log: bool = False,
        ticks: tuple[float, ...] | None = None,
    ) -> None:
        self.canvas, self.limits, self.steps, self.log = canvas, limits, steps, log
        self.left, self.top, self.width, self.height = box
        canvas.text(self.left - 34, self.top - 14, title, 12, INK, "start", bold=True)
        low, high = limits
        if ticks is None:
            ticks = (low, math.sqrt(low * high) if log else (low + high) / 2, high)
        for value in ticks:
            y = self.y(value)
            canvas.line([(self.left, y), (self.left + self.width, y)], LINE, 1)
            canvas.text(self.left - 6, y, tick_text(value), 11, FAINT, "end")
        bottom = self.top + self.height
        canvas.text(self.left, bottom + 11, ends[0], 11, FAINT, "start")
        canvas.text(self.left + self.width, bottom + 11, ends[1], 11, FAINT, "end")

    def x(self, step: float) -> float:
        first, last = self.steps
        share = (step - first) / max(last - first, 1e-9)
        return self.left + self.width * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        low, high = self.limits
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.top + self.height * (high - value) / max(high - low, 1e-9)

    def line(self, steps, values, color: str, width: float, dash=None) -> None:
        """A curve; values that are no numbers are left out."""
        points = [
            (self.x(step), self.y(value))
            for step, value in zip(
                np.asarray(steps).tolist(), np.asarray(values, dtype=float).tolist(), strict=True
            )
            if math.isfinite(value)
        ]
        if len(points) > 1:
            self.canvas.line(points, color, width, dash)

    def band(self, low: float, high: float) -> None:
        """Where a perfect generator comes to; draw it before the lines."""
        top, bottom = self.y(high) - 3, self.y(low) + 3
        self.canvas.rect(self.left, top, self.width, bottom - top, fill=PERFECT)

    def upright(self, step: float, text: str = "") -> None:
        """A dashed line at one step."""
        x = self.x(step)
        self.canvas.line([(x, self.top), (x, self.top + self.height)], FAINT, 1, (4, 3))
        if text:
            self.canvas.text(x + 4, self.top + 8, text, 11, FAINT, "start")

    def ghost(self, start: float, step: float, value: float) -> None:
        """A prediction: a dotted line from ``start`` to a small square at its step."""
        x, y, grey = self.x(step), self.y(value), palette.PREDICTION
        self.canvas.line([(self.x(start), y), (x, y)], grey, 1.6, GHOST_DASH)
        self.canvas.rect(x - 4, y - 4, 8, 8, fill="white", stroke=grey, width=1.6)


def tick_text(value: float) -> str:
    """A number beside an axis."""
    if value and abs(value) < 1e-3:
        # 10 to the power of -4 as 1e−4: there are no raised digits in every font.
        return f"{value:.0e}".replace("e-0", "e−").replace("e-", "e−")
    return f"{value:.3g}".replace("-", "−")


def key(canvas: Canvas, x: float, y: float, text: str, color: str, width: float, dash) -> None:
    """An entry of a legend: a short line, and what it means."""
    canvas.line([(x, y), (x + 26, y)], color, width, dash)
    canvas.text(x + 31, y, text, 11, INK, "start")


def perfect_key(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y - 5, 14, 10, fill=PERFECT, stroke=LINE)
    canvas.text(x + 19, y, "band = perfect", 11, INK, "start")


def plane(
    points_real: np.ndarray,
    points_fake: np.ndarray,
    heat: np.ndarray | None,
    logits: np.ndarray | None,
    undecided: float,
    side: int,
    scale: int,
) -> np.ndarray:
    """The plane [-3, 3]² as pixels, uint8 (side * scale, side * scale, 3).

    Args:
        points_real, points_fake: (N, 2), discs and triangles.
        heat: D's opinion (n, n) in [0, 1], the first row at the top; None for a white plane.
        logits, undecided: D's logits (n, n), and the one where it is undecided, for the grey line.
        side: in CSS pixels.
        scale: pixels for each of them.
    """
    k = side * scale / SIDE  # ``pixels`` counts in planes of its own size
    picture = heat_map(heat, side * scale)
    if logits is not None:
        lines = pixels(contour(logits, undecided), 1) * k
        paint_lines(picture, lines, CONTOUR, 1.3 * scale)
    stamp(picture, pixels(points_real, 1) * k, mark("real", scale))
    stamp(picture, pixels(points_fake, 1) * k, mark("fake", scale))
    for edge in (slice(0, scale), slice(-scale, None)):
        picture[edge] = picture[:, edge] = EDGE
    return picture

"""The charts and the legend of ``ToyGAN``."""

from __future__ import annotations

import numpy as np

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.toy_gan_picture import (
    CONTOUR,
    PIXELS_PER_DECADE,
    SIDE,
    SMALLEST_FORCE,
    draw_cloud,
    heat_colors,
)

WIDTH = 370
CHART_LEFT, CHART_WIDTH, CHART_HEIGHT = 42, 318, 96
PERFECT = "#DDDDDD"
MOST_POINTS = 160  # of a line; more would not be seen
LOSS_LIMIT = 10.0  # larger losses are drawn at the top
DISTANCE_LIMIT = 5.0  # and larger distances


# ---- charts ----------------------------------------------------------------------------------


def draw_charts(data: dict) -> Canvas:
    """Losses, modes covered (if there are modes) and distance, over the steps."""
    has_modes = data["all_modes"] is not None
    canvas = Canvas(WIDTH, 482 if has_modes else 324)
    end = max(data["last_step"], 1)
    _losses(canvas, 0, data, end)
    if has_modes:
        _modes(canvas, 158, data, end)
    _distance(canvas, 316 if has_modes else 158, data, end)
    return canvas


def _losses(canvas: Canvas, top: int, data: dict, end: int) -> None:
    lines = {}
    for name in ("loss_d", "loss_g"):
        lines[name] = decimate(data[name])
    seen = np.concatenate([y for _, y in lines.values()])
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 2.0)
    low, high = np.floor(min(0.0, low)), np.ceil(max(2.0, high))
    low, high = max(-LOSS_LIMIT, float(low)), min(LOSS_LIMIT, float(high))
    chart = _Chart(canvas, top, "Losses", (low, high), data, end)
    for name, label, color, width, dash, x in (
        ("loss_d", "of D", palette.DISCRIMINATOR, 2.6, None, 200),
        ("loss_g", "of G", palette.GENERATOR, 1.8, (9, 3, 2, 3), 290),
    ):
        canvas.line([(x, top + 10), (x + 34, top + 10)], color, width, dash)
        canvas.text(x + 40, top + 10, label, 11, INK, "start")
        chart.line(*lines[name], color, width, dash)
    chart.cursor()


def _modes(canvas: Canvas, top: int, data: dict, end: int) -> None:
    number = data["all_modes"]
    chart = _Chart(canvas, top, "Modes covered", (0, number), data, end)
    chart.band(data["floors"]["modes_covered"].worst - 0.1, number + 0.1)
    moments = data["moments"]
    chart.line(moments["step"], moments["modes"], INK, 1.8, None)
    if data["guess"] is not None:
        step, guess = data["guess"]
        _ghost(chart, step, guess)
    chart.cursor()


def _distance(canvas: Canvas, top: int, data: dict, end: int) -> None:
    moments, floor = data["moments"], data["floors"]["sliced_wasserstein"]
    high = min(max(1.0, np.ceil(2 * moments["distance"].max()) / 2), DISTANCE_LIMIT)
    chart = _Chart(canvas, top, "Sliced Wasserstein distance", (0, high), data, end)
    chart.band(0, floor.worst)
    chart.line(moments["step"], moments["distance"], INK, 1.8, None)
    chart.cursor()


def _ghost(chart: _Chart, step: int, guess: float) -> None:
    """The prediction: a dotted line to a ring, at the edge while its step is still to come."""
    x, y = min(chart.x(step), CHART_LEFT + CHART_WIDTH), chart.y(guess)
    grey = palette.PREDICTION
    chart.canvas.line([(CHART_LEFT, y), (x, y)], grey, 1.6, (2, 4))
    chart.canvas.rect(x - 4, y - 4, 8, 8, fill="white", stroke=grey, width=1.6)
    chart.canvas.text(CHART_LEFT + 6, y - 8, "your guess", 11, FAINT, "start")


class _Chart:
    """One small chart: its frame is drawn at once, then lines, over steps 0 to ``end``."""

    def __init__(
        self,
        canvas: Canvas,
        top: int,
        title: str,
        limits: tuple[float, float],
        data: dict,
        end: int,
    ) -> None:
        self.canvas, self.limits, self.end, self.now = canvas, limits, end, data["step"]
        self.top, self.bottom = top + 28, top + 28 + CHART_HEIGHT
        canvas.text(0, top + 10, title, 12.5, INK, "start", bold=True)
        low, high = limits
        for value in (low, 0.0 if low < 0 else high / 2, high):
            y = self.y(value)
            canvas.line([(CHART_LEFT, y), (CHART_LEFT + CHART_WIDTH, y)], LINE, 1)
            canvas.text(CHART_LEFT - 6, y, f"{value:.3g}".replace("-", "−"), 11, FAINT, "end")
        canvas.text(CHART_LEFT, self.bottom + 13, "0", 11, FAINT)
        middle = CHART_LEFT + CHART_WIDTH / 2
        canvas.text(middle, self.bottom + 13, f"{end // 2:,}", 11, FAINT)
        canvas.text(CHART_LEFT + CHART_WIDTH, self.bottom + 13, f"{end:,} steps", 11, FAINT, "end")

    def x(self, step: float) -> float:
        return CHART_LEFT + CHART_WIDTH * step / self.end

    def y(self, value: float) -> float:
        low, high = self.limits
        value = min(max(value, low), high)
        return self.bottom - CHART_HEIGHT * (value - low) / (high - low)

    def line(self, steps, values, color: str, width: float, dash) -> None:
        points = [
            (self.x(s), self.y(v))
            for s, v in zip(np.asarray(steps).tolist(), np.asarray(values).tolist(), strict=True)
        ]
        if len(points) > 1:
            self.canvas.line(points, color, width, dash)

    def band(self, low: float, high: float) -> None:
        """Where a perfect generator comes to."""
        y0, y1 = self.y(high) - 3, self.y(low) + 3
        self.canvas.rect(CHART_LEFT, y0, CHART_WIDTH, y1 - y0, fill=PERFECT)
        right = CHART_LEFT + CHART_WIDTH
        top = self.top - 18
        self.canvas.rect(right - 104, top - 5, 14, 10, fill=PERFECT, stroke=LINE)
        self.canvas.text(right, top, "band = perfect", 11, INK, "end")

    def cursor(self) -> None:
        """Where the game stands, if that is not the end."""
        if self.now < self.end:
            x = self.x(self.now)
            self.canvas.line([(x, self.top), (x, self.bottom)], FAINT, 1, (4, 3))


def decimate(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve of many steps as at most 160 means of steps in a row: (steps, means).

    Steps without a value (NaN) are left out.
    """
    count = len(values)
    width = max(1, -(-count // MOST_POINTS))
    padded = np.full(-(-count // width) * width, np.nan)
    padded[:count] = values
    rows = padded.reshape(-1, width)
    known = np.isfinite(rows)
    number = known.sum(axis=1)
    means = np.where(known, rows, 0).sum(axis=1) / np.maximum(number, 1)
    steps = np.minimum((np.arange(len(rows)) + 1) * width, count)
    return steps[number > 0], means[number > 0]


# ---- legend ----------------------------------------------------------------------------------


def draw_title(text: str) -> Canvas:
    """Over the plane."""
    canvas = Canvas(SIDE, 26)
    canvas.text(0, 10, text, 13.5, INK, "start", bold=True)
    return canvas


def draw_legend(data: dict, heat_name: tuple[str, str, str], lines: list[str]) -> Canvas:
    """Below the plane: what the marks and colours mean.

    Args:
        data: of ``ToyGAN.figure_data``.
        heat_name: what the colours of the plane stand for, and what both ends mean.
        lines: what else has to be said, in small print.
    """
    rows = 1 + (data["heat"] is not None) + (data["force"] is not None) + len(lines)
    canvas = Canvas(SIDE, 4 + 22 * rows)
    y = 12
    canvas.text(2, y, "●", 13, palette.REAL, "start")
    canvas.text(16, y, "real", 12, INK, "start")
    canvas.text(66, y, "▲", 13, palette.FAKE, "start")
    canvas.text(80, y, "fake, always from the same z", 12, INK, "start")
    if data["heat"] is not None:
        canvas.line([(288, y), (312, y)], CONTOUR, 1.4)
        canvas.text(318, y, "D is undecided", 12, INK, "start")
    if data["heat"] is not None:
        y += 22
        _color_bar(canvas, y, heat_name)
    if data["force"] is not None:
        y += 22
        _force_scale(canvas, y)
    for line in lines:
        y += 22
        canvas.text(2, y, line, 12, INK, "start")
    return canvas


def _color_bar(canvas: Canvas, y: int, names: tuple[str, str, str]) -> None:
    name, low, high = names
    bar = np.repeat(heat_colors()[None, ::4], 2, axis=0)  # (2, 64, 3)
    canvas.text(2, y, name, 12, INK, "start")
    canvas.text(232, y, low, 11, INK, "end")
    canvas.picture(238, y - 6, 150, 12, np.ascontiguousarray(bar))
    canvas.rect(238, y - 6, 150, 12, stroke=LINE)
    canvas.line([(313, y - 6), (313, y + 6)], CONTOUR, 1.4)
    canvas.text(394, y, high, 11, INK, "start")


def _force_scale(canvas: Canvas, y: int) -> None:
    canvas.text(2, y, "force on a fake, −∂L_G/∂x:", 12, INK, "start")
    x = 190
    for force in (0.001, 0.1, 10.0):
        length = PIXELS_PER_DECADE * float(np.log10(force / SMALLEST_FORCE))
        tip = (x + length, y)
        head = min(5.0, 0.6 * length)
        one, two = (x + length - head, y - head / 2), (x + length - head, y + head / 2)
        canvas.line([(x, y), tip, one, two, tip], INK, 1.3)
        canvas.text(x + length + 5, y, f"{force:g}", 11, INK, "start")
        x += length + 48


# ---- twelve games ----------------------------------------------------------------------------

THUMB = 124


def draw_luck(result: dict) -> Canvas:
    """The last fakes of every game, six in a row, each with its verdict."""
    count = len(result["seeds"])
    rows = -(-count // 6)
    canvas = Canvas(840, 54 + rows * (THUMB + 26))
    held = sum(result["holds"])
    title = f"Is it luck? {held} of {count} seeds after {result['steps']:,} steps"
    canvas.text(0, 12, title, 13.5, INK, "start", bold=True)
    canvas.text(0, 34, f"✓ means: {result['rule_text']}", 12, INK, "start")
    for i, seed in enumerate(result["seeds"]):
        x, y = (i % 6) * (THUMB + 16), 50 + (i // 6) * (THUMB + 26)
        cloud = draw_cloud(result["points_real"], result["samples"][i], 2 * THUMB)
        canvas.picture(x, y, THUMB, THUMB, cloud)
        canvas.rect(x, y, THUMB, THUMB, stroke=LINE)
        sign = "✓" if result["holds"][i] else "✗"
        canvas.text(x, y + THUMB + 11, f"{sign} seed {seed}", 12, INK, "start", bold=True)
    return canvas

"""The drawing of ``ForkAndRace``: two planes, three charts, and the twelve seeds."""

from __future__ import annotations

import math
import textwrap

import numpy as np

from gan_course import palette
from gan_course.labs import fork_and_race_words as words
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.fork_and_race_luck import HEALTHY_TEXT, RULE_TEXT
from gan_course.labs.small_charts import Chart, key, perfect_key, plane
from gan_course.labs.toy_gan_picture import CONTOUR, draw_cloud

WIDTH = 840
SIDE = 264
PLANES_TOP = 66
CHART_LEFT, CHART_WIDTH, CHART_HEIGHT = 2 * SIDE + 64, 242, 72
THUMB = 124
# A and B are told apart by their lines alone: both have real and fake points.
LINE_A = {"color": FAINT, "width": 1.6, "dash": (6, 3)}
LINE_B = {"color": INK, "width": 2.2, "dash": None}


def draw(data: dict, title: str, change: dict, lines: list[str], scale: int) -> Canvas:
    """Everything on one card.

    Args:
        data: of ``ForkAndRace.figure_data``.
        title: above it.
        change: B's.
        lines: what else has to be said, below the planes.
        scale: pixels of the planes for each CSS pixel.
    """
    small = [part for line in lines for part in textwrap.wrap(line, 118)]
    bottom = PLANES_TOP + SIDE + 90
    luck = data["luck"]
    height = bottom + 20 * len(small) + (_luck_height(luck) if luck else 0)
    canvas = Canvas(WIDTH, height)
    canvas.text(0, 14, title, 14, INK, "start", bold=True)
    for i, name in enumerate("ab"):
        left = i * (SIDE + 14)
        label = words.heading(name.upper(), {} if name == "a" else change)
        label = textwrap.shorten(label, 32, placeholder=" …")  # the caption has all of it
        canvas.text(left, 40, label, 12.5, INK, "start", bold=True)
        canvas.text(left, 56, words.score(data[name]), 11.5, INK, "start")
        one = data[name]
        pixels = plane(
            data["points_real"],
            one["points_fake"],
            one["heat"],
            one["logits"],
            one["undecided"],
            SIDE,
            scale,
        )
        canvas.picture(left, PLANES_TOP, SIDE, SIDE, pixels, smooth=True)
    _legend(canvas, PLANES_TOP + SIDE + 18)
    _charts(canvas, data)
    y = bottom
    for line in small:
        canvas.text(0, y, line, 12, INK, "start")
        y += 20
    if luck:
        _luck(canvas, y, luck)
    return canvas


def _legend(canvas: Canvas, y: float) -> None:
    canvas.text(0, y, "●", 13, palette.REAL, "start")
    canvas.text(15, y, "real", 11.5, INK, "start")
    canvas.text(60, y, "▲", 13, palette.FAKE, "start")
    canvas.text(75, y, "fake, in A and B from the same z", 11.5, INK, "start")
    canvas.text(0, y + 20, "D(x): blue = real, orange = fake,", 11.5, INK, "start")
    canvas.line([(203, y + 20), (227, y + 20)], CONTOUR, 1.4)
    canvas.text(233, y + 20, "undecided", 11.5, INK, "start")


def _charts(canvas: Canvas, data: dict) -> None:
    """Modes covered, distance to the real points, distance of the weights."""
    left = CHART_LEFT - 34
    key(canvas, left, 40, "A", **LINE_A)
    key(canvas, left + 56, 40, "B", **LINE_B)
    perfect_key(canvas, left + 130, 40)
    forked_at, floors = data["forked_at"], data["floors"]
    last = forked_at + max(data["asked_steps"], data["last_step"])
    steps, ends = (0, last), ("0", f"{last:,} steps")
    pitch = CHART_HEIGHT + 50
    boxes = [(CHART_LEFT, 80 + i * pitch, CHART_WIDTH, CHART_HEIGHT) for i in range(3)]
    chart = Chart(canvas, boxes[0], "Modes covered", (0, 8), steps, ends)
    chart.band(floors["modes_covered"].worst, 8)
    chart.upright(forked_at, "fork")
    _both(chart, data, "modes")
    if data["guess"] is not None:
        chart.ghost(forked_at, forked_at + data["asked_steps"], data["guess"])
    highest = max(_highest(data[name]["distances"], 1.0) for name in ("a", "b", "before"))
    high = min(math.ceil(2 * highest) / 2, 5.0)
    chart = Chart(canvas, boxes[1], "Sliced Wasserstein distance", (0, high), steps, ends)
    chart.band(0, floors["sliced_wasserstein"].worst)
    chart.upright(forked_at)
    _both(chart, data, "distances")
    apart = data["apart"]
    high = _round_above(_highest(apart, 0.1))
    chart = Chart(canvas, boxes[2], "Distance of A's weights from B's", (0, high), steps, ends)
    chart.upright(forked_at)
    chart.line(data["apart_steps"], apart, **LINE_B)
    x = CHART_LEFT + CHART_WIDTH
    canvas.text(x, boxes[2][1] + 10, words.apart_text(data), 11, INK, "end")


def _both(chart: Chart, data: dict, name: str) -> None:
    """The way up to the fork, then B, and A above it: a dashed line lets the other show."""
    before = data["before"]
    chart.line(before["steps"], before[name], **LINE_B)
    chart.line(data["b"]["steps"], data["b"][name], **LINE_B)
    chart.line(data["a"]["steps"], data["a"][name], **LINE_A)


def _highest(values: np.ndarray, least: float) -> float:
    """The largest number, at least so much. A game that is about to break also brings others."""
    return float(np.max(values, where=np.abs(values) < 1e9, initial=least))


def _round_above(value: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))


def _luck_height(result: dict) -> int:
    return 20 * len(_luck_title(result)) + 60 + -(-len(result["seeds"]) // 6) * (THUMB + 44)


def _luck_title(result: dict) -> list[str]:
    return textwrap.wrap(words.luck_title(result), 90)


def _luck(canvas: Canvas, top: float, result: dict) -> None:
    """The last fakes of every seed, six in a row, each with its verdict."""
    for line in _luck_title(result):
        canvas.text(0, top + 14, line, 14, INK, "start", bold=True)
        top += 20
    canvas.text(0, top + 16, f"✓ spread again: {RULE_TEXT}", 11.5, INK, "start")
    canvas.text(0, top + 34, f"★ healthy: {HEALTHY_TEXT}", 11.5, INK, "start")
    for i, seed in enumerate(result["seeds"]):
        x, y = (i % 6) * (THUMB + 16), top + 52 + (i // 6) * (THUMB + 44)
        cloud = draw_cloud(result["points_real"], result["samples"][i], 2 * THUMB)
        canvas.picture(x, y, THUMB, THUMB, cloud, smooth=True)
        canvas.rect(x, y, THUMB, THUMB, stroke=LINE)
        sign = "✓" if result["holds"][i] else "✗"
        star = " ★" if result["healthy"][i] else ""
        canvas.text(x, y + THUMB + 11, f"{sign} seed {seed}{star}", 12, INK, "start", bold=True)
        numbers = f"{result['modes'][i]} modes, {result['distance'][i]:.2f}"
        if math.isnan(result["distance"][i]):
            numbers = "it broke"
        canvas.text(x, y + THUMB + 27, numbers, 11, INK, "start")

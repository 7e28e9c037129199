"""The drawing of ``FrechetBench``: both clouds with their ellipses, the parts, the floor."""

from __future__ import annotations

import math

import numpy as np

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import Chart, plane

WIDTH, HEIGHT = 780, 440
SIDE = 340
LEFT, TOP = 16, 44
REACH = 3.0  # the plane shows [-3, 3] in both directions
FAKE_DASH = (7, 3)


def draw_bench(lab, data: dict) -> Canvas:
    """Everything on one card; before the guess the distances are hidden."""
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.text(LEFT, 14, "Two clouds and their ellipses", 14, INK, "start", True)
    canvas.text(
        LEFT,
        32,
        "the first two of the dimensions; ellipse: two standard deviations",
        11,
        FAINT,
        "start",
    )
    shown = [data[name][:300, :2] for name in ("real", "fake")]
    picture = plane(*shown, None, None, 0.0, SIDE, 2)
    canvas.picture(LEFT, TOP, SIDE, SIDE, picture, smooth=True)
    looks = ((palette.REAL, None), (palette.FAKE, FAKE_DASH))
    for (mean, cov), (color, dash) in zip(data["ellipses"], looks, strict=True):
        for piece in inside(ellipse(mean, cov)):
            canvas.line([place(x, y) for x, y in piece], color, 2.5, dash)
    y = TOP + SIDE + 16
    canvas.line([(LEFT, y), (LEFT + 26, y)], palette.REAL, 2.5)
    canvas.text(LEFT + 32, y, "●", 12, palette.REAL, "start")
    canvas.text(LEFT + 46, y, "real", 12, INK, "start")
    canvas.line([(LEFT + 100, y), (LEFT + 126, y)], palette.FAKE, 2.5, FAKE_DASH)
    canvas.text(LEFT + 132, y, "▲", 12, palette.FAKE, "start")
    canvas.text(LEFT + 146, y, "fake", 12, INK, "start")
    if data["singular"]:
        words = "N is not above F: the covariances lack directions."
        canvas.text(LEFT, y + 22, words, 12, INK, "start", bold=True)
    if not lab.revealed:
        canvas.text(400, 200, "Make a guess: then the distances show.", 13, FAINT, "start")
        return canvas
    draw_parts(canvas, data)
    draw_floor(canvas, lab, data)
    return canvas


def place(x: float, y: float) -> tuple[float, float]:
    scale = SIDE / (2 * REACH)
    return LEFT + SIDE / 2 + x * scale, TOP + SIDE / 2 - y * scale


def ellipse(mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """61 points (61, 2) two standard deviations away from the mean."""
    values, vectors = np.linalg.eigh(cov)
    angle = np.linspace(0, 2 * math.pi, 61)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return mean + (2 * vectors * np.sqrt(np.clip(values, 0, None)) @ circle).T


def inside(points: np.ndarray) -> list[list[tuple[float, float]]]:
    """The pieces of a line that lie within the plane."""
    pieces: list[list] = [[]]
    for x, y in points:
        if max(abs(x), abs(y)) <= REACH:
            pieces[-1].append((float(x), float(y)))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if len(piece) > 1]


def draw_parts(canvas: Canvas, data: dict) -> None:
    """The distance as one bar of two parts, and the true one below it."""
    left, width = 400, 360
    canvas.text(left, 14, f"Fréchet distance {data['distance']:.3f}", 14, INK, "start", True)
    longest = max(data["distance"], data["true_distance"], 1e-9)
    means = width * data["mean_part"] / longest
    covs = width * data["cov_part"] / longest
    canvas.rect(left, 34, means, 22, fill=palette.GENERATOR)
    canvas.rect(left + means, 34, covs, 22, fill="#DDAA33", stroke="#8A6100")
    canvas.rect(left, 64, width * data["true_distance"] / longest, 12, fill="white", stroke=INK)
    parts = (
        f"means {data['mean_part']:.3f} (left) + covariances {data['cov_part']:.3f} (right, framed)"
    )
    canvas.text(left, 92, parts, 12, INK, "start")
    truth = f"white bar: {data['true_distance']:.3f} with endless samples"
    canvas.text(left, 110, truth, 12, INK, "start")


def draw_floor(canvas: Canvas, lab, data: dict) -> None:
    """The distance against the number of points: a perfect generator, and this one."""
    values = [*data["low"], *data["high"], max(data["distance"], 1e-4)]
    low = 10 ** math.floor(math.log10(max(min(values), 1e-5)))
    high = 10 ** math.ceil(math.log10(max(values)))
    logs = np.log10(data["sizes"])
    box = (444, 168, 316, 190)
    title = "What a perfect generator gets: never 0"
    ticks = tuple(10.0**p for p in range(round(math.log10(low)), round(math.log10(high)) + 1))
    ends = (f"{data['sizes'][0]}", f"{data['sizes'][-1]:,}")
    chart = Chart(canvas, box, title, (low, high), (logs[0], logs[-1]), ends, log=True, ticks=ticks)
    upper = [(chart.x(s), chart.y(v)) for s, v in zip(logs, data["high"], strict=True)]
    lower = [(chart.x(s), chart.y(v)) for s, v in zip(logs, data["low"], strict=True)]
    canvas.line(upper, LINE, 2)
    canvas.line(lower, LINE, 2)
    chart.line(logs, data["floor"], palette.REAL, 2.5)
    at = math.log10(lab.count)
    x, y = chart.x(at), chart.y(max(data["distance"], low))
    canvas.line([(x, y - 7), (x + 7, y + 5), (x - 7, y + 5), (x, y - 7)], palette.FAKE, 3)
    canvas.text(600, 384, "points N, from 50 to 5,000 in a logarithmic scale", 11, FAINT)
    legend = f"thick: mean of {lab.repeats} samples; thin: least, greatest; ▲ yours"
    canvas.text(400, 404, legend, 11, INK, "start")
    if not logs[0] <= at <= logs[-1]:
        canvas.text(400, 422, "(yours lies left of the chart)", 11, FAINT, "start")

"""The picture of a ``Flipbook``, and the curves that it shares with ``TimeMachine``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from gan_course import palette
from gan_course.data import image_grid
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import Chart, key
from gan_course.training.plots import running_mean

GRID = 412  # pixels: side of the grid of images
HEIGHT = 106  # of one chart
BETWEEN = 172  # from the top of one chart to the top of the next
DASH_G, DASH_FAKE = (9, 3, 2, 3), (6, 4)


class TimeAxis:
    """Where a number of images seen lies along an axis: evenly, or by powers of ten."""

    def __init__(self, last: float, log: bool = False, least: float = 64.0) -> None:
        self.last, self.log, self.least = max(last, 1.0), log, least

    def __call__(self, seen: float) -> float:
        """0 at the start, 1 at the end."""
        if not self.log:
            return seen / self.last
        # The start has no logarithm: everything before ``least`` images lies at the left end.
        return math.log(max(seen, self.least) / self.least) / math.log(self.last / self.least)


def draw_curves(
    canvas: Canvas,
    left: float,
    top: float,
    width: float,
    history: Sequence[dict],
    axis: TimeAxis,
    ends: tuple[str, str],
) -> list[Chart]:
    """Both losses, and below them what D thinks; running means of the logged values."""
    xs = [axis(row["images_seen"]) for row in history]
    losses = [("loss of D", "loss_d", palette.DISCRIMINATOR, 3.0, None)]
    losses += [("loss of G", "loss_g", palette.GENERATOR, 2.0, DASH_G)]
    opinions = [("● D(x), real", "mean_d_real", palette.REAL, 2.0, None)]
    opinions += [("▲ D(G(z)), fake", "mean_d_fake", palette.FAKE, 2.0, DASH_FAKE)]
    values = np.array([[row["loss_d"], row["loss_g"]] for row in history] or [[0.0, 0.0]])
    values = values[np.isfinite(values)]
    highest = float(np.ceil(max(2.0, np.quantile(values, 0.98) if len(values) else 0.0)))
    charts = []
    for number, (title, lines, limit) in enumerate(
        [("Losses", losses, highest), ("What D thinks: mean probability “real”", opinions, 1.0)]
    ):
        box = (left, top + number * BETWEEN, width, HEIGHT)
        chart = Chart(canvas, box, title, (0.0, limit), (0.0, 1.0), ends)
        legend(canvas, left, box[1] + HEIGHT + 27, [(name, c, w, d) for name, _, c, w, d in lines])
        for _, name, color, thick, dash in lines:
            chart.line(xs, running_mean([row[name] for row in history]), color, thick, dash)
        charts.append(chart)
    if not history:
        canvas.text(left + width / 2, top + HEIGHT / 2, "no history was kept", 12, FAINT)
    return charts


def legend(canvas: Canvas, left: float, y: float, entries: list[tuple]) -> None:
    """(name, colour, width, dash) side by side below a chart."""
    for number, (name, color, thick, dash) in enumerate(entries):
        key(canvas, left + 150 * number, y, name, color, thick, dash)


def mark_now(charts: list[Chart], x: float, stops: Sequence[float]) -> None:
    """An upright line through all charts, and a short tick where each stored moment is."""
    for chart in charts:
        bottom = chart.top + chart.height
        for stop in stops:
            at = chart.x(stop)
            chart.canvas.line([(at, bottom), (at, bottom + 5)], FAINT, 1.2)
        at = chart.x(x)
        chart.canvas.line([(at, chart.top - 4), (at, bottom + 5)], INK, 2)


def images_box(
    canvas: Canvas, left: float, top: float, side: float, images: Tensor, columns: int
) -> None:
    """A grid of images in a square of this side."""
    pixels = image_grid(images, columns=columns)
    scale = side / max(pixels.shape[:2])
    # Square pixels where there is room for them; a grid larger than its place is made smaller.
    canvas.picture(
        left, top, scale * pixels.shape[1], scale * pixels.shape[0], pixels, smooth=scale < 1
    )


def draw(lab, data: dict) -> Canvas:
    """The frame, and the curves with a marker."""
    canvas = Canvas(800, GRID + 58)
    film = lab.film
    canvas.text(0, 12, f"▲ Fakes after {data['label']}, from the same z", 14, INK, "start", True)
    images_box(canvas, 0, 30, GRID, data["images"], data["columns"])

    log = film.counts_images and is_uneven(film.seen)
    axis = TimeAxis(film.seen[-1], log)
    unit = "real images seen" if film.counts_images else "frames"
    ends = (
        "start" if log else "0",
        f"{film.seen[-1]:,.0f} {unit}{', log axis' if log else ''}",
    )
    charts = draw_curves(
        canvas, 478, 38, 312, film.history if film.counts_images else (), axis, ends
    )
    mark_now(charts, axis(film.seen[lab.frame]), [axis(seen) for seen in film.seen])

    # A strip of all frames, to see where in the film we are.
    count = len(film)
    width = min(24.0, 346 / count)
    canvas.text(444, 392, f"frame {lab.frame + 1} of {count}", 12, INK, "start", True)
    for number in range(count):
        now = number == lab.frame
        canvas.rect(
            444 + number * width,
            406,
            width - 2,
            14,
            INK if now else "#FFFFFF",
            INK if now else LINE,
        )
    canvas.text(444, 434, film.title, 11, FAINT, "start")
    return canvas


def is_uneven(seen: Sequence[float]) -> bool:
    """Whether the moments crowd at the start, so that they need an axis of powers of ten."""
    return len(seen) > 3 and seen[-1] > 0 and seen[len(seen) // 2] < 0.25 * seen[-1]

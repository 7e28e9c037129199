"""The picture of a ``TimeMachine``: the images of a moment, the curves, and a film below."""

from __future__ import annotations

from textwrap import wrap

from gan_course import palette
from gan_course.data import image_grid
from gan_course.doctor import Diagnosis
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.flipbook_picture import (
    TimeAxis,
    draw_curves,
    images_box,
    legend,
    mark_now,
)
from gan_course.labs.small_charts import Chart

GRID = 344  # pixels: side of the grid of images
CURVES = (430, 38, 360)  # left, top and width of the charts
FILM_TOP = 440
FILM_SCALE = 1.4  # size of one of its pixels
HIDDEN = "#F4F4F4"


def draw(lab, data: dict) -> Canvas:
    """Everything if the run is open; before that the curves alone."""
    canvas = Canvas(800, 612)
    _images(canvas, lab, data)
    left, top, width = CURVES
    axis = TimeAxis(data["seen"][-1], log=True)
    ends = ("start", f"{data['seen'][-1]:,} real images seen, log axis")
    charts = draw_curves(canvas, left, top, width, data["history"], axis, ends)
    charts.append(_diversity(canvas, data, axis, ends))
    mark_now(charts, axis(data["seen"][lab.moment]), [axis(seen) for seen in data["seen"]])
    _film(canvas, lab, data)
    if data["open"]:
        _doctor(canvas, data["diagnosis"])
    return canvas


def _doctor(canvas: Canvas, diagnosis: Diagnosis) -> None:
    left, top = CURVES[0] - 34, 516
    title = f"The doctor, at this moment ({diagnosis.sure})"
    canvas.text(left, top, title, 12, INK, "start", True)
    for number, line in enumerate(wrap(diagnosis.sentence, 62)):
        canvas.text(left, top + 18 + 15 * number, line, 11.5, INK, "start")


def _images(canvas: Canvas, lab, data: dict) -> None:
    seen = data["seen"][lab.moment]
    title = f"Run {lab.run}" + (f": {data['title']}" if data["open"] else "")
    canvas.text(0, 12, f"{title}, after {seen:,} images", 14, INK, "start", True)
    if data["open"]:
        images_box(canvas, 0, 30, GRID, data["images"], 5)
        canvas.text(0, 30 + GRID + 14, "▲ 25 fakes of this moment", 12, FAINT, "start")
    else:
        canvas.rect(0, 30, GRID, GRID, HIDDEN, LINE)
        canvas.text(GRID / 2, 30 + GRID / 2 - 20, "?", 56, FAINT)
        canvas.text(GRID / 2, 30 + GRID / 2 + 30, "Which run is it?", 14, INK)
        canvas.text(GRID / 2, 30 + GRID / 2 + 52, "The images show after your guess.", 12, FAINT)


def _diversity(canvas: Canvas, data: dict, axis: TimeAxis, ends: tuple[str, str]) -> Chart:
    """How different the fakes are, hidden until the guess: it is a measurement of the images."""
    left, top, width = CURVES
    box = (left, top + 344, width, 60)
    chart = Chart(
        canvas, box, "Diversity of the fakes (1: as real ones)", (0.0, 2.0), (0.0, 1.0), ends
    )
    if not data["open"]:
        canvas.text(left + width / 2, box[1] + 45, "after your guess", 12, FAINT)
        return chart
    xs = [axis(row["images_seen"]) for row in data["history"]]
    values = [row["diversity"] for row in data["history"]]
    chart.line(xs, values, palette.FAKE, 1.4, (6, 4))
    at = chart.x(axis(data["seen"][data["moment"]]))
    y = chart.y(data["diversity"])
    canvas.text(at, y, "▲", 13, palette.FAKE)
    legend(canvas, left, box[1] + 60 + 27, [("▲ while training", palette.FAKE, 1.4, (6, 4))])
    canvas.text(
        left + 205, box[1] + 60 + 27, f"▲ now, of 25: {data['diversity']:.2f}", 11, INK, "start"
    )
    return chart


def _film(canvas: Canvas, lab, data: dict) -> None:
    """A few of the z at all eight moments."""
    title = "The same three z at every moment"
    canvas.text(0, FILM_TOP - 26, title, 12, INK, "start", True)
    count = len(data["seen"])
    step = 34 * FILM_SCALE  # an image of 32 pixels, and 2 between it and the next
    height = 3 * step + 2 * FILM_SCALE
    if data["open"]:
        # Moments lie side by side: the first line holds the first z of each.
        pixels = image_grid(data["film"].transpose(0, 1).flatten(0, 1), columns=count)
        canvas.picture(0, FILM_TOP, count * step + 2 * FILM_SCALE, height, pixels)
    else:
        canvas.rect(0, FILM_TOP, count * step, height, HIDDEN, LINE)
    for column, seen in enumerate(data["seen"]):
        now = column == lab.moment
        middle = step * (column + 0.5) + FILM_SCALE
        canvas.text(middle, FILM_TOP - 8, short(seen), 11, INK if now else FAINT, bold=now)
        if now:
            canvas.rect(step * column + 1, FILM_TOP + 1, step, height - 2, None, INK, 2)


def short(number: int) -> str:
    """A count over a narrow column: 950, 3.8k, 64k."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 10_000 else f"{number / 1000:.0f}k"

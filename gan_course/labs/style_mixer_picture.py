"""The drawing of ``StyleMixer``: three pictures, the losses, the layers, the strip."""

from __future__ import annotations

import math

from torch import Tensor

from gan_course.data import image_grid
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import Chart, key

WIDTH = 760
HEIGHT, STRIP_HEIGHT = 590, 130
# Content and style have no role colours of their own: line styles and names tell them apart.
LOOKS = {
    "content": ("#222222", 2.5, None),
    "style": ("#8A6100", 2.5, (7, 3)),
    "tv": ("#6B6B6B", 1.6, (2, 4)),
}
NAMES = {"content": "content", "style": "style", "tv": "total variation"}
BAR = "#DDAA33"


def draw_mixer(lab, data: dict) -> Canvas:
    """Before the guess the losses are hidden."""
    strip = data["strip"]
    canvas = Canvas(WIDTH, HEIGHT + (STRIP_HEIGHT if strip is not None else 0))
    canvas.text(16, 16, f"content: {short(lab.content)}", 12, INK, "start", True)
    place(canvas, data["content"], 16, 28, 150, 100)
    canvas.text(16, 150, f"style: {short(lab.style)}", 12, INK, "start", True)
    place(canvas, data["style"], 16, 162, 150, 100)
    canvas.text(190, 16, f"the picture after step {lab.step}", 12, INK, "start", True)
    place(canvas, data["image"], 190, 28, 554, 330)
    if not lab.revealed:
        canvas.text(380, 470, "Make a guess: then the losses show.", 13, FAINT)
        return canvas
    draw_losses(canvas, data["history"])
    draw_layers(canvas, data["layers"])
    if strip is not None:
        draw_strip(canvas, strip, data["strip_weights"])
    return canvas


def short(name: str) -> str:
    """The end of a path."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return name if len(name) <= 18 else name[:17] + "…"


def place(canvas: Canvas, image: Tensor, x: float, y: float, width: float, height: float) -> None:
    """A picture (1, 3, H, W) as large as the box allows, at its upper left."""
    h, w = image.shape[2:]
    scale = min(width / w, height / h)
    canvas.picture(x, y, w * scale, h * scale, image_grid(image, padding=0), smooth=True)


def draw_losses(canvas: Canvas, history: list) -> None:
    """The three weighted parts, in powers of ten."""
    box = (58, 408, 420, 130)
    values = [v for row in history for v in (row.content, row.style, row.tv) if v > 0]
    low = 10 ** math.floor(math.log10(max(1e-4, min(values, default=0.1))))
    high = 10 ** math.ceil(math.log10(max(values, default=1.0) + 1e-9))
    high = max(high, 10 * low)
    steps = (0, max(1, len(history) - 1))
    ticks = tuple(10.0**p for p in range(round(math.log10(low)), round(math.log10(high)) + 1))
    title = "The losses, each with its weight (powers of ten)"
    chart = Chart(canvas, box, title, (low, high), steps, ("step 0", f"{steps[1]}"), True, ticks)
    for i, (name, (color, width, dash)) in enumerate(LOOKS.items()):
        shown = [getattr(row, name) or math.nan for row in history]
        chart.line(range(len(history)), shown, color, width, dash)
        key(canvas, 58 + 120 * i, 572, NAMES[name], color, width, dash)


def draw_layers(canvas: Canvas, layers: dict[str, float]) -> None:
    """The parts of the style loss, a bar each."""
    left, top = 600, 408
    canvas.text(530, top - 14, "Style loss by layer", 12, INK, "start", True)
    longest = max(layers.values(), default=0.0) or 1.0
    for i, (name, value) in enumerate(layers.items()):
        y = top + 4 + 24 * i
        canvas.text(left - 8, y + 8, name, 11, INK, "end")
        canvas.rect(left, y, 90 * value / longest, 16, fill=BAR, stroke="#8A6100")
        canvas.text(left + 90 * value / longest + 6, y + 8, f"{value:.2g}", 11, FAINT, "start")
    if not layers:
        canvas.text(530, top + 12, "no step done yet", 11, FAINT, "start")


def draw_strip(canvas: Canvas, strip: Tensor, weights: list[float]) -> None:
    y = HEIGHT + 20
    canvas.line([(16, HEIGHT), (WIDTH - 16, HEIGHT)], LINE, 1)
    for i, weight in enumerate(weights):
        x = 16 + 147 * i
        words = f"style weight {float(f'{weight:.3g}'):,.7g}"
        canvas.text(x, y, words, 11, INK, "start")
        place(canvas, strip[i : i + 1], x, y + 10, 140, 96)

"""The picture of a ``LatentPad``: the pad, the image, its neighbours, and the way from A to B."""

from __future__ import annotations

import math
from textwrap import wrap

from torch import Tensor

from gan_course import palette
from gan_course.data import image_grid, to_uint8
from gan_course.labs import latent_pad_words
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import Chart, key

PAD = (0, 32, 300)  # left, top and side of the pad
IMAGE = (330, 32, 160)  # of the image under the marker
NEAR = (512, 32, 88)  # of the first of its neighbours
STRIPS = (0, 392, 52)  # left and top of the strips, side of one image
NORM = (560, 408, 230, 100)  # the chart of lengths


def draw(lab, data: dict) -> Canvas:
    canvas = Canvas(800, 560)
    _pad(canvas, lab, data)
    _image(canvas, data)
    _neighbours(canvas, lab, data)
    _strips(canvas, lab, data)
    _lengths(canvas, lab, data)
    return canvas


def place(x: float, y: float) -> tuple[float, float]:
    """Where a point of the pad is drawn, in pixels."""
    left, top, side = PAD
    return left + side * (x + 1) / 2, top + side * (1 - y) / 2


def _pad(canvas: Canvas, lab, data: dict) -> None:
    left, top, side = PAD
    what = "through three seeds" if lab.plane == "seeds" else "along two directions"
    canvas.text(left, 12, f"A plane of z, {what}", 14, INK, "start", True)
    pixels = image_grid(data["map"], columns=7, padding=0)
    canvas.picture(left, top, side, side, pixels, smooth=pixels.shape[0] >= side)
    canvas.rect(left, top, side, side, None, LINE)
    if lab.plane == "seeds":
        corner = 0.6
        seeds = [("A", -corner, -corner), ("B", corner, -corner), ("C", -corner, corner)]
    else:
        seeds = [("A", 0.0, 0.0)]
    for name, x, y in seeds:
        at_x, at_y = place(x, y)
        canvas.rect(at_x - 9, at_y - 9, 18, 18, "#FFFFFF", INK, 1.2)
        canvas.text(at_x, at_y, name, 13, INK, bold=True)
    # The marker: a cross in a ring of white, to be seen on black and on white images alike.
    x, y = place(lab.x, lab.y)
    for color, width in (("#FFFFFF", 5.0), (palette.FAKE, 2.4)):
        canvas.line([(x - 14, y), (x + 14, y)], color, width)
        canvas.line([(x, y - 14), (x, y + 14)], color, width)
    canvas.text(left, top + side + 14, f"x {lab.x:.2f}, y {lab.y:.2f}", 12, INK, "start")


def _image(canvas: Canvas, data: dict) -> None:
    left, top, side = IMAGE
    canvas.text(left, 12, "▲ The image at +", 14, INK, "start", True)
    canvas.picture(left, top, side, side, _pixels(data["image"]))
    canvas.rect(left - 2, top - 2, side + 4, side + 4, None, palette.FAKE, 2.4)
    ordinary = math.sqrt(len(data["z"]))
    canvas.text(left, top + side + 18, f"length of z  {data['norm']:.2f}", 12, INK, "start")
    canvas.text(left, top + side + 36, f"random z have about {ordinary:.1f}", 11, FAINT, "start")


def _neighbours(canvas: Canvas, lab, data: dict) -> None:
    left, top, side = NEAR
    canvas.text(left, 12, "● Nearest training images", 14, INK, "start", True)
    if data["nearest"] is None:
        canvas.text(left, top + 12, "No training images were given,", 12, FAINT, "start")
        canvas.text(left, top + 30, "so nothing is compared.", 12, FAINT, "start")
        return
    some = lab.neighbours.what_images
    if some:  # too many to compare with all of them
        canvas.text(left + 284, top - 8, some, 11, FAINT, "end")
    for number, image in enumerate(data["nearest"]):
        x = left + number * (side + 10)
        canvas.picture(x, top, side, side, _pixels(image))
        canvas.rect(x - 1, top - 1, side + 2, side + 2, None, palette.REAL, 1.4)
        distance = f"{float(data['distances'][number]):.1f} away"
        canvas.text(x + side / 2, top + side + 14, distance, 11, INK)
    _distances(canvas, lab, data, left, top + side + 46)
    lines = wrap(latent_pad_words.near_text(lab, data), 46)
    lines += ["", *wrap(latent_pad_words.copies_text(lab), 46)]
    lines += [latent_pad_words.medians_text(lab)]
    for number, line in enumerate(lines):
        canvas.text(left, top + side + 148 + 16 * number, line, 11.5, INK, "start")


def _distances(canvas: Canvas, lab, data: dict, left: float, top: float) -> None:
    """How far real images are from their nearest one, as bars, and where this image is."""
    real = lab.neighbours.real_distances
    width, height, bars = 284, 56, 24
    most = 1.15 * max(float(real.quantile(0.995)), float(data["distances"][0]), 1e-6)
    counts = real.clamp_max(most).histc(bars, 0, most)
    step = width / bars
    for number, count in enumerate((counts / counts.max()).tolist()):
        tall = height * count
        if tall > 0:
            x = left + number * step
            canvas.rect(x, top + height - tall, step - 1, tall, palette.REAL)
    canvas.line([(left, top + height), (left + width, top + height)], INK, 1)
    x = left + width * float(data["distances"][0]) / most
    canvas.line([(x, top - 4), (x, top + height)], palette.FAKE, 2.4, (6, 4))
    canvas.text(x, top - 10, "▲", 13, palette.FAKE)
    canvas.text(left, top + height + 11, "0", 11, FAINT, "start")
    canvas.text(left + width, top + height + 11, f"{most:.1f}", 11, FAINT, "end")
    middle = left + width / 2
    canvas.text(middle, top + height + 11, "bars: distance of real images", 11, FAINT)
    canvas.text(left, top + height + 26, f"({lab.neighbours.what_real})", 11, FAINT, "start")


def _strips(canvas: Canvas, lab, data: dict) -> None:
    left, top, side = STRIPS
    title = f"From A (seed {lab.seed_a}) to B (seed {lab.seed_b}), two ways"
    canvas.text(left, top - 18, title, 14, INK, "start", True)
    for number, name in enumerate(("lerp", "slerp")):
        y = top + number * (side + 28)
        words = "lerp: straight" if name == "lerp" else "slerp: along the sphere"
        for i, image in enumerate(data[name]):
            canvas.picture(left + i * (side + 4), y, side, side, _pixels(image))
        canvas.text(left, y + side + 11, words, 11, INK, "start")


def _lengths(canvas: Canvas, lab, data: dict) -> None:
    left, top, width, height = NORM
    ends = float(data["slerp_norm"].max())
    limits = (0.0, 1.15 * ends)
    chart = Chart(
        canvas, NORM, "Length of z on the way", limits, (0, 1), ("A", "B"), ticks=(0, ends)
    )
    if not lab.revealed:
        canvas.text(left + width / 2, top + height / 2, "? after your guess", 13, FAINT)
        return
    chart.line(data["t"], data["lerp_norm"], palette.FAKE, 2.4, (6, 4))
    chart.line(data["t"], data["slerp_norm"], INK, 2.0)
    if lab.guess() is not None:
        chart.ghost(0, 0.5, float(lab.guess()) * ends)
    key(canvas, left, top + height + 30, "lerp", palette.FAKE, 2.4, (6, 4))
    key(canvas, left + 70, top + height + 30, "slerp", INK, 2.0, None)
    if lab.guess() is not None:
        key(canvas, left + 145, top + height + 30, "your guess", palette.PREDICTION, 1.6, (2, 4))


def _pixels(image: Tensor):
    """(C, H, W) in [-1, 1] -> uint8 (H, W) or (H, W, 3)."""
    pixels = to_uint8(image).cpu()
    return (pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).numpy()

"""The drawing of ``FadeIn``: two branches and their blend, their spectra, what a level costs."""

from __future__ import annotations

import math

import torch

from gan_course import palette
from gan_course.data import image_grid
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.fade_in_numbers import RATE
from gan_course.labs.small_charts import Chart, key

WIDTH, HEIGHT = 720, 500
SIDE = 190
LEFTS = (16, 264, 512)
TOP = 50
DASHES = {"old": (7, 3), "new": (9, 3, 2, 3), "blend": None}
COLORS = {"old": palette.PREDICTION, "new": palette.GENERATOR, "blend": INK}
FLOOR = 1e-6  # of the chart: shares of the energy below it lie on its edge


def draw_fade(lab, data: dict) -> Canvas:
    """Everything on one card; before the guess the blend and the charts are hidden."""
    canvas = Canvas(WIDTH, HEIGHT if lab.revealed else TOP + SIDE + 40)
    half, size = lab.size // 2, lab.size
    titles = (
        ("old", f"old: {half}×{half}, enlarged"),
        ("new", f"new block: {size}×{size}"),
        ("blend", f"what G shows, α = {lab.alpha:.2f}"),
    )
    for left, (name, title) in zip(LEFTS, titles, strict=True):
        canvas.text(left, 16, title, 13, INK, "start", bold=True)
        if name == "blend" and not lab.revealed:
            canvas.text(left + SIDE / 2, TOP + SIDE / 2, "?", 48, FAINT)
        else:
            pixels = image_grid(torch.from_numpy(data[name])[None], padding=0)
            canvas.picture(left, TOP, SIDE, SIDE, pixels)
        canvas.rect(left, TOP, SIDE, SIDE, None, LINE)
    if lab.revealed:  # before, they would give the answer away
        canvas.text(LEFTS[0], 34, f"weight 1 − α = {1 - lab.alpha:.2f}", 11, FAINT, "start")
        canvas.text(LEFTS[1], 34, f"weight α = {lab.alpha:.2f}", 11, FAINT, "start")
    canvas.text(LEFTS[2], 34, "both, blended by α", 11, FAINT, "start")
    for x, sign in ((235, "+"), (483, "=")):
        canvas.text(x, TOP + SIDE / 2, sign, 26, INK)
    if not lab.revealed:
        words = "Make a guess: then the sum shows."
        canvas.text(WIDTH / 2, TOP + SIDE + 22, words, 13, FAINT)
        return canvas
    draw_spectrum(canvas, lab, data)
    draw_costs(canvas, lab, data)
    draw_first_step(canvas, lab, data)
    return canvas


def draw_spectrum(canvas: Canvas, lab, data: dict) -> None:
    """Energy over the frequency, for the old, the new and the blended image."""
    rings = len(data["energy"]["old"])
    box = (56, 296, 280, 130)
    chart = Chart(
        canvas,
        box,
        "Energy of the image by frequency (share)",
        (FLOOR, 1.0),
        (1, rings),
        ("1", f"{rings}"),
        log=True,
        ticks=(1.0, 1e-2, 1e-4, 1e-6),
    )
    chart.upright(rings / 2, "old size ends here")
    for name in ("old", "new", "blend"):
        values = [max(value, FLOOR) for value in data["energy"][name]]
        width = 3 if name == "blend" else 2
        chart.line(range(1, rings + 1), values, COLORS[name], width, DASHES[name])
    canvas.text(196, 437, "periods per image", 11, FAINT)
    for i, name in enumerate(("old", "new", "blend")):
        key(canvas, 24 + 106 * i, 458, name, COLORS[name], 2, DASHES[name])
    above = data["above"]
    text = f"right of the line: old {above['old']:.1%}, new {above['new']:.1%}"
    canvas.text(24, 480, f"{text}, blend {above['blend']:.1%}", 11, INK, "start")


def draw_costs(canvas: Canvas, lab, data: dict) -> None:
    """The share of the multiplications in each level's block."""
    canvas.text(368, 274, "Work per image", 12, INK, "start", bold=True)
    for k, share in enumerate(data["costs"]):
        y = 298 + 26 * k
        new = k == lab.level
        canvas.text(412, y, f"{4 * 2**k}×{4 * 2**k}", 11, INK, "end", bold=new)
        fill = palette.GENERATOR if new else LINE
        canvas.rect(418, y - 8, max(76 * share, 1), 16, fill, INK if new else None)
        canvas.text(424 + 76 * share, y, f"{share:.0%}", 11, INK, "start", bold=new)


def draw_first_step(canvas: Canvas, lab, data: dict) -> None:
    """By which share Adam's first step changes the weights of each level."""
    which = "equalised" if lab.equalized else "not equalised"
    canvas.text(546, 274, "Adam's first step", 12, INK, "start", bold=True)
    most = 0.03
    for k, share in enumerate(data["first_step"]):
        y = 298 + 26 * k
        length = 76 * min(1.0, share / most)
        canvas.rect(546, y - 8, max(length, 1), 16, LINE, FAINT)
        canvas.text(552 + length, y, f"{share:.1%}", 11, INK, "start")
    bottom = 304 + 26 * len(data["first_step"])
    canvas.text(368, bottom, "multiplications by level", 11, FAINT, "start")
    canvas.text(546, bottom, f"share of {which}", 11, FAINT, "start")
    canvas.text(546, bottom + 16, f"weights, at a rate of {RATE:g}", 11, FAINT, "start")
    detail = data["detail"]
    if math.isclose(detail["blend"], 0, abs_tol=1e-12):
        words = "No detail that the old size could not show."
    else:
        words = f"New detail in the blend: {detail['blend']:.4f} (mean square)."
    canvas.text(368, 480, words, 11, INK, "start", bold=True)

"""The drawing of ``GradientLadder``: G's blocks, the images that D sees, and what comes back."""

from __future__ import annotations

import math

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH = 720
ROW = 76
TOP = 84
BLOCK, IMAGE, D = 16, 150, 246  # left edges of the columns
BARS, BAR_WIDTH = 372, 270
DECADES = 6  # of the logarithmic scale
WAY_DASHES = ((7, 3), (2, 3), (9, 3, 2, 3), (4, 4), (1, 2))


def draw_ladder(lab, data: dict) -> Canvas:
    """Everything on one card; before the guess the gradients are hidden."""
    sizes = data["sizes"]
    height = TOP + ROW * len(sizes) + 56
    canvas = Canvas(WIDTH, height)
    canvas.text(BLOCK, 16, "G's blocks", 13, INK, "start", bold=True)
    canvas.text(IMAGE, 16, "images", 13, INK, "start", bold=True)
    canvas.text(D, 16, "D", 13, INK, "start", bold=True)
    canvas.text(BARS, 16, "gradient that reaches the block", 13, INK, "start", bold=True)
    canvas.text(BARS, 34, "root mean square over its weights, powers of ten", 11, FAINT, "start")
    draw_network(canvas, lab, data)
    if not lab.revealed:
        middle = TOP + ROW * len(sizes) / 2
        canvas.text(BARS, middle, "Make a guess: then the gradients show.", 13, FAINT, "start")
        return canvas
    draw_bars(canvas, lab, data)
    return canvas


def row_of(data: dict, size: int) -> float:
    """The middle of a block's row: the largest at the top."""
    index = data["sizes"].index(size)
    return TOP + ROW * (len(data["sizes"]) - 1 - index) + 22


def draw_network(canvas: Canvas, lab, data: dict) -> None:
    """The blocks as a ladder, z below; the images that are handed out; D at their side."""
    shown = data["images"]
    seen_top = row_of(data, shown[-1])
    seen_bottom = row_of(data, shown[0])
    canvas.rect(
        D, seen_top - 20, 60, seen_bottom - seen_top + 40, "white", palette.DISCRIMINATOR, 3
    )
    canvas.text(D + 30, (seen_top + seen_bottom) / 2, "D", 16, palette.DISCRIMINATOR, bold=True)
    for size in data["sizes"]:
        y = row_of(data, size)
        there = size <= shown[-1]
        color = palette.GENERATOR if there else LINE
        canvas.rect(BLOCK, y - 18, 92, 36, "white", color, 2.5)
        canvas.text(BLOCK + 46, y, f"{size}×{size}", 13, INK if there else FAINT, bold=there)
        if size < data["sizes"][-1]:
            canvas.line([(BLOCK + 46, y - 18), (BLOCK + 46, y - ROW + 18)], color, 2)
        if size in shown:
            cut = lab.cut and size == shown[-1]
            canvas.line([(BLOCK + 92, y), (IMAGE, y)], palette.GENERATOR, 2)
            canvas.rect(IMAGE, y - 14, 28, 28, "white", palette.FAKE, 2)
            canvas.text(IMAGE + 14, y, "▲", 12, palette.FAKE)
            end = IMAGE + 42 if cut else D
            canvas.line([(IMAGE + 28, y), (end, y)], palette.FAKE, 2, (7, 3))
            if cut:
                canvas.text(IMAGE + 48, y, "✕ cut", 12, INK, "start", bold=True)
        elif not there:
            canvas.text(IMAGE, y, "not there yet", 11, FAINT, "start")
    y = row_of(data, data["sizes"][0])
    canvas.text(BLOCK + 46, y + 34, "z", 13, INK)
    canvas.line([(BLOCK + 46, y + 27), (BLOCK + 46, y + 18)], palette.GENERATOR, 2)


def draw_bars(canvas: Canvas, lab, data: dict) -> None:
    """For each block a bar for the whole gradient, and below it a tick for each way."""
    largest = max([*data["total"].values(), *data["paths"].values()])
    if data["dead"]:
        for i, words in enumerate(("All zero" + lab.why_dead() + ".").split(": ")):
            y = TOP + 40 + 22 * i
            canvas.text(BARS, y, words, 14 - 2 * i, INK, "start", bold=i == 0)
        return
    high = math.ceil(math.log10(largest))
    for power in range(high - DECADES, high + 1, 2):
        x = BARS + BAR_WIDTH * (power - high + DECADES) / DECADES
        bottom = TOP + ROW * len(data["sizes"])
        canvas.line([(x, TOP - 14), (x, bottom)], LINE, 1)
        label = f"1e{power}".replace("-", "−")
        canvas.text(x, TOP - 24, label, 11, FAINT)

    def place(value: float) -> float:
        share = (math.log10(max(value, 1e-30)) - high + DECADES) / DECADES
        return BARS + BAR_WIDTH * min(max(share, 0.0), 1.0)

    for size in data["sizes"]:
        y = row_of(data, size)
        total = data["total"][size]
        if total == 0:
            canvas.text(BARS + 4, y, "0: nothing arrives", 12, INK, "start", bold=True)
            continue
        canvas.rect(BARS, y - 16, place(total) - BARS, 14, palette.GENERATOR)
        canvas.text(place(total) + 5, y - 9, f"{total:.1e}".replace("-", "−"), 11, INK, "start")
        ways = [(k, v) for (block, k), v in data["paths"].items() if block == size and v > 0]
        for i, (image, value) in enumerate(sorted(ways)):
            level = y + 6 + 11 * i
            canvas.line([(BARS, level), (place(value), level)], palette.FAKE, 2, WAY_DASHES[i % 5])
            canvas.text(place(value) + 4, level, f"{image}", 11, INK, "start")
    y = TOP + ROW * len(data["sizes"]) + 22
    canvas.rect(BARS, y - 6, 22, 12, palette.GENERATOR)
    canvas.text(BARS + 28, y, "all of it", 11, INK, "start")
    canvas.line([(BARS + 96, y), (BARS + 122, y)], palette.FAKE, 2, (7, 3))
    canvas.text(BARS + 128, y, "▲ through one image alone; its pixels", 11, INK, "start")

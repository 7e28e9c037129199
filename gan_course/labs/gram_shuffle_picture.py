"""The drawing of ``GramShuffle``: picture, one channel, Gram matrix; before and after the move."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gan_course.data import image_grid
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH, HEIGHT = 760, 500
WIDE, HIGH = 216, 144  # of a picture and of a map
SIDE = 144  # of a Gram matrix
COLUMNS = (56, 292, 528)
ROWS = (44, 224)
DARK = np.array([68.0, 1.0, 84.0])  # sequential, from white over orange to a dark purple
MIDDLE = np.array([222.0, 128.0, 60.0])
BAR = "#8A6100"


def draw_shuffle(lab, data: dict) -> Canvas:
    """Before the guess, what comes after the move is hidden."""
    canvas = Canvas(WIDTH, HEIGHT)
    channels = data["gram"].shape[1]
    channel = lab.channel % channels
    titles = (
        f"the picture ({lab.picture})",
        f"{lab.layer}, channel {channel} of {channels}",
        f"Gram matrix, {channels} × {channels}",
    )
    for x, title in zip(COLUMNS, titles, strict=True):
        canvas.text(x, 16, title, 12, INK, "start", True)
    brightest = max(data["maps"][0, channel].max().item(), 1e-9)
    largest = max(data["gram"].max().item(), 1e-9)
    draw_row(
        canvas, ROWS[0], data["image"], data["maps"][0, channel], data["gram"], brightest, largest
    )
    canvas.text(16, ROWS[0] + HIGH / 2, "before", 11, FAINT, "start")
    if not lab.revealed:
        canvas.text(380, 300, "Make a guess: then the shuffled side shows.", 13, FAINT)
        return canvas
    y = ROWS[1]
    canvas.text(16, y + HIGH / 2, "after", 11, FAINT, "start")
    canvas.text(COLUMNS[0], y - 16, lab.move_in_words, 12, INK, "start", True)
    draw_row(
        canvas,
        y,
        data["new_image"],
        data["new_maps"][0, channel],
        data["new_gram"],
        brightest,
        largest,
    )
    draw_distances(canvas, data)
    return canvas


def draw_row(
    canvas: Canvas,
    y: float,
    image: Tensor | None,
    maps: Tensor,
    gram: Tensor,
    brightest: float,
    largest: float,
) -> None:
    """A picture (1, 3, H, W) or None, one map (h, w), a Gram matrix (1, C, C)."""
    if image is None:
        canvas.rect(COLUMNS[0], y, WIDE, HIGH, stroke=LINE)
        lines = ("no picture is known", "that has these features")
        for i, line in enumerate(lines):
            middle = COLUMNS[0] + WIDE / 2
            canvas.text(middle, y + HIGH / 2 - 9 + 18 * i, line, 12, FAINT)
    else:
        canvas.picture(COLUMNS[0], y, WIDE, HIGH, image_grid(image, padding=0))
    canvas.picture(COLUMNS[1], y, WIDE, HIGH, shades(maps.numpy() / brightest))
    # Roots: a few entries are far larger than the others, which would all look white.
    canvas.picture(
        COLUMNS[2], y, SIDE, SIDE, shades(np.sqrt(gram[0].clamp(min=0).numpy() / largest))
    )
    canvas.rect(COLUMNS[2], y, SIDE, SIDE, stroke=LINE)
    canvas.text(COLUMNS[2] + SIDE + 8, y + 10, "channel i", 11, FAINT, "start")
    canvas.text(COLUMNS[2] + SIDE + 8, y + 24, "by channel j", 11, FAINT, "start")


def shades(values: np.ndarray) -> np.ndarray:
    """Values 0..1 (H, W) -> uint8 (H, W, 3): white, orange, dark purple."""
    v = np.clip(values, 0, 1)[..., None]
    low = 255 + (MIDDLE - 255) * np.minimum(2 * v, 1)
    high = MIDDLE + (DARK - MIDDLE) * np.maximum(2 * v - 1, 0)
    return np.where(v < 0.5, low, high).round().astype(np.uint8)


def draw_distances(canvas: Canvas, data: dict) -> None:
    """Two bars; the longest possible stands for a distance of 2."""
    left, y, full = 176, 398, 480
    canvas.text(COLUMNS[0], y, "Distance to the features before", 12, INK, "start", True)
    rows = (("content", data["content"]), ("style", data["style"]))
    for i, (name, value) in enumerate(rows):
        top = y + 16 + 30 * i
        canvas.text(left - 10, top + 10, name, 12, INK, "end")
        canvas.rect(left, top, full, 20, stroke=LINE)
        if value is None:
            canvas.text(left + 8, top + 10, "cannot be taken: the sizes differ", 11, FAINT, "start")
            continue
        canvas.rect(left, top, full * min(value / 2, 1), 20, fill=BAR)
        text = "0" if value < 1e-9 else f"{value:.3f}" if value >= 1e-3 else f"{value:.1e}"
        canvas.text(left + full + 10, top + 10, text.replace("-", "−"), 12, INK, "start")
    for value in (0, 1, 2):
        canvas.text(left + full * value / 2, y + 88, str(value), 11, FAINT)
    said = "1 = as far as from features that are all 0"
    canvas.text(left + full, y, said, 11, FAINT, "end")

"""The drawing of ``AttentionProbe``: who asks, where it looks, the test of ones, the result."""

from __future__ import annotations

import numpy as np

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.gen_xray_picture import signed

WIDTH = 820
BIG = 180
LEFTS = (20, 220, 420, 620)
TOP = 58
TEXT_TOP = TOP + BIG + 64


def draw(lab, data: dict, lines: list[str], guess: str | None) -> Canvas:
    """Everything on one card; ``lines`` stand below, the first in bold, then the guess."""
    height = TEXT_TOP + 20 * (len(lines) + (guess is not None)) + 4
    canvas = Canvas(WIDTH, height if lab.revealed else TEXT_TOP - 16)
    titles = (
        "the picture",
        "its row of the map",
        "sum of each row",
        f"x + {lab.gamma:g} · attention",
    )
    for left, title in zip(LEFTS, titles, strict=True):
        canvas.text(left + BIG / 2, TOP - 16, title, 13, INK, bold=True)
    canvas.text(WIDTH / 2, 16, _setting(lab), 12.5, FAINT)
    canvas.picture(LEFTS[0], TOP, BIG, BIG, pixels(data["image"]))
    if lab.revealed:
        top_weight = max(float(data["weights"].max()), 1e-12)
        canvas.picture(LEFTS[1], TOP, BIG, BIG, ink(data["weights"] / top_weight))
        # Doubled or halved has the full colour: sums are compared by their ratio to 1.
        ratios = np.log2(np.maximum(data["row_sums"], 1e-6))
        canvas.picture(LEFTS[2], TOP, BIG, BIG, signed(np.where(abs(ratios) < 1e-4, 0, ratios), 1))
        if abs(ratios).max() < 1e-3:
            canvas.text(LEFTS[2] + BIG / 2, TOP + BIG / 2, "1 everywhere", 13, FAINT)
        canvas.picture(LEFTS[3], TOP, BIG, BIG, pixels(data["output"]))
        _legends(canvas, data, top_weight)
    else:
        for left in LEFTS[1:]:
            canvas.text(left + BIG / 2, TOP + BIG / 2, "?", 48, FAINT)
    for left in LEFTS:
        canvas.rect(left, TOP, BIG, BIG, None, LINE, 1)
    _mark(canvas, lab, data["asking"])
    for i, line in enumerate(lines):
        canvas.text(20, TEXT_TOP + 20 * i, line, 12.5, INK, "start", bold=i == 0)
    if guess is not None:
        y = TEXT_TOP + 20 * len(lines)
        canvas.line([(22, y - 8), (22, y + 8)], palette.PREDICTION, 3, dash=(3, 3))
        canvas.text(32, y, guess, 12.5, FAINT, "start")
    return canvas


def _setting(lab) -> str:
    pooled = ", key and value pooled 2×2" if lab.pool else ""
    over = "looked at" if lab.axis == "attended" else "that ask"
    return (
        f"query and key: {lab.features}{pooled}; softmax(scores / {lab.temperature:g}) over the "
        f"pixels {over}"
    )


def _mark(canvas: Canvas, lab, asking: tuple[int, int]) -> None:
    """The pixel that asks, in the first two pictures, and the 3x3 pixels around it, dashed."""
    cell = BIG / lab.size
    row, column = asking
    for left in LEFTS[: 2 if lab.revealed else 1]:
        x, y = left + column * cell, TOP + row * cell
        canvas.rect(x - 1, y - 1, cell + 2, cell + 2, None, "#FFFFFF", 4)
        canvas.rect(x - 1, y - 1, cell + 2, cell + 2, None, palette.FAKE, 2.2)
        x0, y0 = max(left, x - cell), max(TOP, y - cell)
        x1, y1 = min(left + BIG, x + 2 * cell), min(TOP + BIG, y + 2 * cell)
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        canvas.line(corners, "#FFFFFF", 2.6)
        canvas.line(corners, INK, 1.2, dash=(4, 3))


def _legends(canvas: Canvas, data: dict, top_weight: float) -> None:
    y = TOP + BIG + 15
    even = data["row_sum"] / data["weights"].size
    canvas.text(LEFTS[0], y, "framed: asks; dashed: 3×3", 11, FAINT, "start")
    canvas.text(LEFTS[1], y, f"white 0, black {top_weight:.3g}", 11, FAINT, "start")
    times = f"black: {top_weight / max(even, 1e-12):.3g} × the even share"
    canvas.text(LEFTS[1], y + 16, times, 11, FAINT, "start")
    low, _, high = palette.OPINION
    canvas.rect(LEFTS[2], y - 6, 12, 12, low)
    canvas.text(LEFTS[2] + 17, y, "− below 1", 11, INK, "start")
    canvas.rect(LEFTS[2] + 84, y - 6, 12, 12, high)
    canvas.text(LEFTS[2] + 101, y, "+ above 1", 11, INK, "start")
    sums = data["row_sums"]
    canvas.text(LEFTS[2], y + 16, f"from {sums.min():.2f} to {sums.max():.2f}", 11, FAINT, "start")
    canvas.text(LEFTS[3], y, f"pixels clipped: {data['clipped']}", 11, FAINT, "start")


def pixels(image: np.ndarray) -> np.ndarray:
    """(3, H, W) in [-1, 1], what lies outside clipped -> uint8 (H, W, 3)."""
    return ((image.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0)


def ink(share: np.ndarray) -> np.ndarray:
    """(h, w) in [0, 1] -> uint8 grey, 0 white and 1 black."""
    return (255 * (1 - share.clip(0, 1))).round().astype(np.uint8)

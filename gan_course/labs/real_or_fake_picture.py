"""The drawing of ``RealOrFake``: one image, and at the end all of them with who was right."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_course import palette
from gan_course.data import to_uint8
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH, HEIGHT = 620, 470
YOU = "#222222"


def draw_one(image: Tensor | None, data: dict, count: int) -> Canvas:
    """The image (1, 32, 32) that is asked for, or an empty frame before the start."""
    canvas = Canvas(WIDTH, HEIGHT)
    title = (
        f"{count} images are waiting"
        if image is None
        else f"Real or fake? Image {data['shown'] + 1} of {count}"
    )
    canvas.text(16, 16, title, 14, INK, "start", bold=True)
    if image is None:
        canvas.rect(130, 40, 352, 352, fill="#F2F2F2", stroke=LINE)
    else:
        canvas.picture(130, 40, 352, 352, to_uint8(image[0]).numpy())
    text = "From 10 answers on, an interval for your share stands here."
    if data["interval"] is not None:
        low, high = data["interval"]
        share = data["right"] / data["answers"]
        draw_interval(canvas, 425, "you so far", share, (low, high), YOU, None)
    else:
        canvas.text(16, 425, text, 12, FAINT, "start")
    return canvas


def draw_gallery(images: Tensor, real: Tensor, data: dict) -> Canvas:
    """All images: those that only you or only D got stand first; then both intervals."""
    canvas = Canvas(WIDTH, HEIGHT)
    you, d = data["you_right"], data["d_right"]
    groups = (
        ("right: only you", you & ~d),
        ("right: only D", ~you & d),
        ("right: both", you & d),
        ("right: neither", ~you & ~d),
    )
    canvas.text(16, 16, "Who got which image? ● real, ▲ fake", 14, INK, "start", bold=True)
    y = 38
    for name, members in groups:
        rows = torch.nonzero(members).flatten().tolist()
        canvas.text(16, y + 20, f"{name}: {len(rows)}", 12, INK, "start")
        for place, i in enumerate(rows[:24]):
            x, top = 150 + 38 * (place % 12), y + 46 * (place // 12)
            canvas.picture(x, top, 34, 34, to_uint8(images[i, 0]).numpy())
            mark, color = ("●", palette.REAL) if real[i] else ("▲", palette.FAKE)
            canvas.text(x + 17, top + 40, mark, 11, color)
        if len(rows) > 24:
            canvas.text(16, y + 38, f"24 of {len(rows)} shown", 11, FAINT, "start")
        y += 92
    count = len(images)
    draw_interval(canvas, 424, "you", data["right"] / count, data["interval"], YOU, None)
    share = d.double().mean().item()
    draw_interval(canvas, 448, "D", share, data["d_interval"], palette.DISCRIMINATOR, (7, 3))
    return canvas


def draw_interval(
    canvas: Canvas, y: float, name: str, share: float, interval: tuple, color: str, dash
) -> None:
    """A share as a mark on a line from 0 to 100 %, with its 95 % interval."""
    left, width = 110, 330
    canvas.text(16, y, name, 12, INK, "start", bold=True)
    canvas.line([(left, y), (left + width, y)], LINE, 1)
    canvas.line([(left + width / 2, y - 9), (left + width / 2, y + 9)], FAINT, 1)
    low, high = (left + width * v for v in interval)
    canvas.line([(low, y), (high, y)], color, 3, dash)
    x = left + width * share
    canvas.rect(x - 4, y - 7, 8, 14, fill=color)
    words = f"{share:.0%}, {interval[0]:.0%} to {interval[1]:.0%}"
    canvas.text(left + width + 12, y, words, 12, INK, "start")

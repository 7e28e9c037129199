"""The drawing of ``GenXray``: the way of z, one map, the image before and after, all effects."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

from gan_course import palette
from gan_course.data import image_grid
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH = 820
BIG = 176  # side of the four large pictures
LEFTS = (24, 222, 420, 618)
BIG_TOP = 122
SMALL = 56
STRIP_TOP = 368
BARS_TOP, BARS_HEIGHT = 540, 92
GROUND = BARS_TOP + BARS_HEIGHT
PALE = "#D9B3D3"  # G's purple, for the channels that are not chosen


def draw(lab, data: dict, lines: list[str], guess: str | None) -> Canvas:
    """Everything on one card.

    Args:
        lab: the settings.
        data: of ``GenXray.figure_data``.
        lines: what stands below the picture; the first in bold.
        guess: what was guessed, in words, or None.
    """
    height = GROUND + 40 + 20 * (len(lines) + (guess is not None))
    canvas = Canvas(WIDTH, height if lab.revealed else BARS_TOP + 26)
    _way(canvas, lab, data)
    _four(canvas, lab, data)
    _strip(canvas, lab, data)
    _bars(canvas, lab, data)
    for i, line in enumerate(lines):
        canvas.text(24, GROUND + 36 + 20 * i, line, 12.5, INK, "start", bold=i == 0)
    if guess is not None:
        y = GROUND + 36 + 20 * len(lines)
        canvas.line([(26, y - 8), (26, y + 8)], palette.PREDICTION, 3, dash=(3, 3))
        canvas.text(36, y, guess, 12.5, FAINT, "start")
    return canvas


def _way(canvas: Canvas, lab, data: dict) -> None:
    """z -> layer -> layer -> image, with the chosen layer framed."""
    names = ["z"]
    for channels, size in zip(data["channels"], data["sizes"], strict=True):
        names.append(f"{channels} maps of {size}×{size}")
    names.append("image")
    widths = [26 + 7.2 * len(name) for name in names]
    gap = 26
    x = (WIDTH - sum(widths) - gap * (len(names) - 1)) / 2
    for i, (name, width) in enumerate(zip(names, widths, strict=True)):
        chosen = i == lab.layer + 1
        edge = palette.GENERATOR if chosen else LINE
        canvas.rect(x, 20, width, 30, "white", edge, 3 if chosen else 1)
        canvas.text(x + width / 2, 35, name, 12.5, INK, bold=chosen)
        if chosen:
            canvas.text(x + width / 2, 64, f"▲ channel {lab.channel}", 12, INK, bold=True)
        if i < len(names) - 1:
            canvas.text(x + width + gap / 2, 35, "→", 14, FAINT)
        x += width + gap


def _four(canvas: Canvas, lab, data: dict) -> None:
    size = data["map"].shape[0]
    titles = (
        f"channel {lab.channel}, {size}×{size}",
        "the image as it is",
        f"channel × {lab.factor:g}",
        "what changed",
    )
    for left, title in zip(LEFTS, titles, strict=True):
        canvas.text(left + BIG / 2, BIG_TOP - 16, title, 13, INK, bold=True)
    pictures = [heat(data["map"]), grey(data["image"]), None, None]
    if lab.revealed:
        pictures[2:] = [grey(data["changed"]), signed(data["difference"], data["scale"])]
    for left, pixels in zip(LEFTS, pictures, strict=True):
        if pixels is None:
            canvas.text(left + BIG / 2, BIG_TOP + BIG / 2, "?", 48, FAINT)
        else:
            canvas.picture(left, BIG_TOP, BIG, BIG, pixels)
        canvas.rect(left, BIG_TOP, BIG, BIG, None, LINE, 1)
    y = BIG_TOP + BIG + 16
    canvas.text(LEFTS[0], y, f"white 0, purple {data['map'].max():.2f}", 11, FAINT, "start")
    if lab.revealed:
        low, _, high = palette.OPINION
        canvas.rect(LEFTS[3], y - 6, 12, 12, low)
        canvas.text(LEFTS[3] + 17, y, "− darker", 11, INK, "start")
        canvas.rect(LEFTS[3] + 84, y - 6, 12, 12, high)
        canvas.text(LEFTS[3] + 101, y, "+ brighter", 11, INK, "start")
        scale = f"full colour: {data['scale']:.2f}"
        canvas.text(LEFTS[3], y + 17, scale, 11, FAINT, "start")


def _strip(canvas: Canvas, lab, data: dict) -> None:
    """The same change on other images."""
    canvas.text(24, STRIP_TOP - 16, "other z: before, and below it after", 12, INK, "start", True)
    before, after = data["others"], data["others_changed"]
    step = (WIDTH - 48 - SMALL) / (len(before) - 1)
    for i in range(len(before)):
        x = 24 + step * i
        canvas.picture(x, STRIP_TOP, SMALL, SMALL, grey(before[i]))
        if lab.revealed:
            canvas.picture(x, STRIP_TOP + SMALL + 6, SMALL, SMALL, grey(after[i]))
        else:
            canvas.text(x + SMALL / 2, STRIP_TOP + 1.5 * SMALL + 6, "?", 24, FAINT)


def _bars(canvas: Canvas, lab, data: dict) -> None:
    """One bar for each channel of the layer, the strongest first."""
    if not lab.revealed:
        canvas.text(WIDTH / 2, BARS_TOP, "Make the guess first: then everything opens.", 14)
        return
    effects, order = data["effects"], data["order"]
    title = (
        f"one channel switched off: mean change of a pixel over 64 images, for each of the "
        f"{len(effects)} channels, strongest first"
    )
    canvas.text(24, BARS_TOP - 20, title, 12, INK, "start", bold=True)
    left, width = 64, WIDTH - 88
    top = max(float(effects.max()), 1e-6)
    for share in (0, 0.5, 1):
        y = GROUND - BARS_HEIGHT * share
        canvas.line([(left, y), (left + width, y)], LINE, 1)
        canvas.text(left - 6, y, f"{top * share:.3f}", 11, FAINT, "end")
    step = width / len(order)
    for i, channel in enumerate(order):
        height = BARS_HEIGHT * float(effects[channel]) / top
        chosen = channel == lab.channel
        color = palette.GENERATOR if chosen else PALE
        canvas.rect(left + step * i, GROUND - height, max(step - 1, 1), height, color)
        if chosen:
            x = left + step * (i + 0.5)
            canvas.text(min(max(x, left + 8), left + width - 8), GROUND + 10, "▲", 11)


# ---- from numbers to pixels --------------------------------------------------------------------


def grey(image: np.ndarray) -> np.ndarray:
    """(C, H, W) in [-1, 1] -> uint8 picture."""
    import torch

    return image_grid(torch.from_numpy(image)[None], padding=0)


def heat(values: np.ndarray) -> np.ndarray:
    """(H, W), 0 or more -> white to purple. The ReLU before it lets nothing below 0 through."""
    share = np.clip(values / max(float(values.max()), 1e-6), 0, 1)
    return _mix(share, "#FFFFFF", palette.GENERATOR)


def signed(values: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) -> vermilion below 0, white at 0, blue above."""
    low, middle, high = palette.OPINION
    share = np.clip(values / max(scale, 1e-6), -1, 1)
    up, down = _mix(share.clip(0), middle, high), _mix(-share.clip(max=0), middle, low)
    return np.where((share >= 0)[..., None], up, down)


def _mix(share: np.ndarray, start: str, end: str) -> np.ndarray:
    a, b = (np.array(ImageColor.getrgb(c), dtype=float) for c in (start, end))
    return (a + share[..., None] * (b - a)).round().astype(np.uint8)

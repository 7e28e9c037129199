"""The drawing of ``OneStep``: the plane with its points, the code, and the tensors there are."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import torch
from torch import Tensor

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

REACH = 3.0  # the plane shows [-3, 3] in both directions
GRID = 40
LEFT, TOP, SIDE = 12, 64, 336
STRIP_TOP = TOP + SIDE + 34
CODE_LEFT, CODE_ROW = LEFT + SIDE + 26, 18
WIDTH = 812
HERE = "#FFE08A"
LOW, HIGH = np.array([0xE6, 0x7A, 0x32]), np.array([0x3D, 0x8F, 0xC9])  # fake, real
ROWS = ("real", "z", "fake", "logits_real", "logits_fake", "loss_d", "loss_g")


def draw(data: dict, title: str, lines: list[str]) -> Canvas:
    """Everything on one card. data: see ``OneStep.figure_data``."""
    words = [part for line in lines for part in textwrap.wrap(line, 100)]
    canvas = Canvas(WIDTH, STRIP_TOP + 86 + 20 * len(words))
    name = f"stage {data['stage']}: {title}"
    canvas.text(LEFT, 18, name, size=15, anchor="start", bold=True)
    _plane(canvas, data)
    _strip(canvas, data)
    bottom = _code(canvas, data)
    _tensors(canvas, data, bottom + 30)
    for i, line in enumerate(words):
        canvas.text(LEFT, STRIP_TOP + 92 + 20 * i, line, anchor="start")
    return canvas


def heat_colours(logits: Tensor) -> np.ndarray:
    """D's opinion as colours, uint8 (H, W, 3): blue is real, white undecided, orange fake."""
    strength = 2 * torch.sigmoid(logits).numpy()[..., None] - 1  # -1 ... 1
    end = np.where(strength > 0, HIGH, LOW)
    mixed = 255 + (end - 255) * np.abs(strength) * 0.75  # pale, so that the points stand out
    return mixed.round().astype(np.uint8)


def place(point: Tensor) -> tuple[float, float]:
    """Pixel of a point of the plane; what lies outside is put on the edge."""
    x, y = (max(-REACH, min(REACH, float(v))) for v in point)
    return LEFT + (x + REACH) / (2 * REACH) * SIDE, TOP + (REACH - y) / (2 * REACH) * SIDE


def _plane(canvas: Canvas, data: dict) -> None:
    canvas.text(
        LEFT, TOP - 16, "● real   ▲ fake   D says: blue real, orange fake", 12, anchor="start"
    )
    surface = data["surface"]
    canvas.picture(LEFT, TOP, SIDE, SIDE, heat_colours(surface))
    canvas.rect(LEFT, TOP, SIDE, SIDE, stroke=INK, width=1.2)
    for tick in (-2, 0, 2):
        x, _ = place(torch.tensor([tick, 0.0]))
        _, y = place(torch.tensor([0.0, tick]))
        canvas.text(x, TOP + SIDE + 11, _signed(tick), size=11, color=FAINT)
        canvas.text(LEFT + 12, y, _signed(tick), size=11, color=FAINT)
    values, moved = data["values"], data["moved_to"]
    for point in values.get("real", ()):
        dot(canvas, *place(point))
    fakes = values.get("fake", ())
    if data["push"] is not None and moved is None:
        _arrows(canvas, fakes, data["push"])
    for i, point in enumerate(fakes):
        if moved is None:
            triangle(canvas, *place(point), filled=True)
            continue
        triangle(canvas, *place(point), filled=False)
        canvas.line([place(point), place(moved[i])], color=palette.GENERATOR, width=2)
        triangle(canvas, *place(moved[i]), filled=True)


def _arrows(canvas: Canvas, fakes: Tensor, push: Tensor) -> None:
    """The direction of each push; the longest is 46 pixels, and its length is printed."""
    longest = float(push.norm(dim=1).max())
    if longest == 0:
        canvas.text(LEFT + SIDE - 6, TOP + 14, "no push at all", 12, anchor="end")
        return
    for point, force in zip(fakes, push, strict=True):
        x, y = place(point)
        dx, dy = (46 * float(v) / longest for v in force)
        arrow(canvas, x, y, x + dx, y - dy)
    scale = f"longest arrow: {longest:.2g}"
    canvas.rect(LEFT + SIDE - 150, TOP + 4, 146, 20, fill="white")
    canvas.text(LEFT + SIDE - 8, TOP + 14, scale, 12, anchor="end")


def dot(canvas: Canvas, x: float, y: float, radius: float = 4.5) -> None:
    """A filled circle for a real point."""
    points = [
        (x + radius * math.cos(a), y + radius * math.sin(a))
        for a in np.linspace(0, 2 * math.pi, 13)
    ]
    canvas.line(points, color="white", width=3.5)
    for shrink in (1.0, 0.6, 0.25):
        inner = [(x + (px - x) * shrink, y + (py - y) * shrink) for px, py in points]
        canvas.line(inner, color=palette.REAL, width=2.4)


def triangle(canvas: Canvas, x: float, y: float, filled: bool, size: float = 6) -> None:
    """A triangle for a fake one; hollow where it was before."""
    corners = [(x, y - size), (x + size, y + 0.8 * size), (x - size, y + 0.8 * size), (x, y - size)]
    canvas.line(corners, color="white", width=4)
    canvas.line(corners, color=palette.FAKE, width=2 if filled else 1.4)
    if filled:
        for shrink in (0.62, 0.25):
            inner = [(x + (a - x) * shrink, y + (b - y) * shrink) for a, b in corners]
            canvas.line(inner, color=palette.FAKE, width=3)


def arrow(canvas: Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
    """In G's colour: it is G's loss that pushes."""
    canvas.line([(x0, y0), (x1, y1)], color=palette.GENERATOR, width=2)
    length = math.hypot(x1 - x0, y1 - y0)
    if length < 4:
        return
    angle = math.atan2(y1 - y0, x1 - x0)
    for turn in (2.6, -2.6):
        end = (x1 + 7 * math.cos(angle + turn), y1 + 7 * math.sin(angle + turn))
        canvas.line([(x1, y1), end], color=palette.GENERATOR, width=2)


def _strip(canvas: Canvas, data: dict) -> None:
    """What D says: the logits on a line, real above it and fake below."""
    values = data["values"]
    middle, half = STRIP_TOP + 36, SIDE / 2 - 14
    canvas.text(LEFT, STRIP_TOP, "D's logits", 12, anchor="start", bold=True)
    if "logits_real" not in values:
        canvas.text(LEFT + 84, STRIP_TOP, "(not asked yet)", 12, FAINT, "start")
    old = data["fake_logits_before"]
    rows = [values.get("logits_real"), values.get("logits_fake"), old]
    largest = max([4.0, *(float(r.abs().max()) for r in rows if r is not None)])
    centre = LEFT + SIDE / 2
    canvas.line([(LEFT, middle), (LEFT + SIDE, middle)], color=LINE, width=1.2)
    canvas.line([(centre, middle - 18), (centre, middle + 18)], color=LINE, width=1.2)
    for share in (-1, 0, 1):
        label = f"{share * largest:.1f}".replace("-", "−") if share else "0"
        canvas.text(centre + share * half, middle + 32, label, 11, FAINT)
    if rows[0] is None:
        return
    for value in rows[0]:
        dot(canvas, centre + half * float(value) / largest, middle - 10, 3.5)
    for value in old if old is not None else ():
        triangle(canvas, centre + half * float(value) / largest, middle + 12, False, 4)
    for value in rows[1]:
        triangle(canvas, centre + half * float(value) / largest, middle + 12, True, 4)


def _code(canvas: Canvas, data: dict) -> int:
    """The lines of the iteration, those of this stage marked. Returns where they end."""
    canvas.text(CODE_LEFT, 42, "the code that runs", 12, anchor="start", bold=True)
    y = 62
    for stage, line in data["lines"]:
        if stage == data["stage"]:
            canvas.rect(CODE_LEFT - 4, y - 9, WIDTH - CODE_LEFT - 4, CODE_ROW, fill=HERE)
        color = INK if stage <= data["stage"] else FAINT
        mark = "▶" if stage == data["stage"] else " "
        canvas.text(CODE_LEFT, y, mark, 11, INK, "start")
        canvas.text(CODE_LEFT + 16, y, str(stage), 12, FAINT, "start")
        canvas.text(CODE_LEFT + 42, y, line, 12.5, color, "start")
        y += CODE_ROW
    return y


def _tensors(canvas: Canvas, data: dict, top: int) -> None:
    """Every tensor there is: its shape, and whether a gradient can flow back through it."""
    columns = (CODE_LEFT, CODE_LEFT + 130, CODE_LEFT + 230)
    heads = ("tensor", "shape", "requires_grad / gradient")
    for x, head in zip(columns, heads, strict=True):
        canvas.text(x, top, head, 12, anchor="start", bold=True)
    y = top + 20
    for name in ROWS:
        value = data["values"].get(name)
        color = FAINT if value is None else INK
        shape = "—" if value is None else str(tuple(value.shape))
        flows = "—" if value is None else ("yes" if data["requires_grad"][name] else "no")
        for x, text in zip(columns, (name, shape, flows), strict=True):
            canvas.text(x, y, text, 12, color, "start")
        y += 17
    y += 4
    for name, colour, key in (
        ("discriminator", palette.DISCRIMINATOR, "grad_d"),
        ("generator", palette.GENERATOR, "grad_g"),
    ):
        length = data[key]
        text = "none" if length is None else f"gradient of length {length:.2f}"
        canvas.rect(columns[0], y - 5, 8, 10, fill=colour)
        canvas.text(columns[0] + 14, y, name, 12, INK, "start", bold=True)
        canvas.text(columns[2], y, text, 12, INK, "start")
        y += 18


def _signed(number: int) -> str:
    return str(number).replace("-", "−")

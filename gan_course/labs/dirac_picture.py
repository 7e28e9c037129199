"""The drawing of ``DiracOrbit``: the plane of both players, the radius, the eigenvalues."""

from __future__ import annotations

import math

from gan_course import palette
from gan_course.labs.dirac_plots import clipped, draw_circle, draw_radius, number_text
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH, HEIGHT = 800, 532
PLANE = (56, 44, 344)  # left, top, side of the square with the trajectory
ARROW = "#8C8C8C"
FLAT = "#EFEFEF"


def draw(data: dict, revealed: bool, guess: str | None, lines: list[str], settings: str) -> Canvas:
    """Everything on one card.

    Args:
        data: of ``DiracOrbit.figure_data``.
        revealed: whether the path and what follows from it are shown.
        guess: "in", "circle" or "out", drawn as a ghost beside the radius, or None.
        lines: what stands below the picture, three at most; the first in bold.
        settings: what is being run, small at the foot.
    """
    canvas = Canvas(WIDTH, HEIGHT)
    draw_plane(canvas, data, revealed)
    draw_radius(canvas, data, revealed, guess)
    draw_circle(canvas, data, revealed)
    for i, line in enumerate(lines):
        canvas.text(16, 460 + 20 * i, line, 13, INK, "start", bold=i == 0)
    canvas.text(16, HEIGHT - 12, settings, 11, FAINT, "start")
    return canvas


# ---- the plane -----------------------------------------------------------------------------------


def plane_xy(data: dict, theta: float, psi: float) -> tuple[float, float]:
    """Where a point of the plane is drawn, in pixels of the canvas."""
    left, top, side = PLANE
    scale = side / (2 * data["limit"])
    return left + side / 2 + theta * scale, top + side / 2 - psi * scale


def draw_plane(canvas: Canvas, data: dict, revealed: bool) -> None:
    left, top, side = PLANE
    limit = data["limit"]
    canvas.text(16, 13, "Both players in one plane", 14, INK, "start", True)
    canvas.rect(left, top, side, side, fill="white", stroke=LINE)
    for x, y, w, h in data["flat"]:
        (x0, y0), (x1, y1) = plane_xy(data, x, y + h), plane_xy(data, x + w, y)
        canvas.rect(x0, y0, x1 - x0, y1 - y0, fill=FLAT)
    middle_x, middle_y = plane_xy(data, 0, 0)
    canvas.line([(left, middle_y), (left + side, middle_y)], LINE, 1)
    canvas.line([(middle_x, top), (middle_x, top + side)], LINE, 1)
    _arrows(canvas, data)
    for value in (-data["tick"], 0, data["tick"]):
        x, y = plane_xy(data, value, value)
        canvas.line([(x, top + side), (x, top + side + 4)], INK, 1)
        canvas.line([(left - 4, y), (left, y)], INK, 1)
        canvas.text(x, top + side + 13, number_text(value), 11)
        canvas.text(left - 8, y, number_text(value), 11, anchor="end")
    canvas.text(16, top - 11, "ψ, slope of D", 12, INK, "start")
    canvas.text(left + side, top + side + 30, "θ, place of the fakes", 12, INK, "end")
    if revealed:
        path = list(zip(data["theta"].tolist(), data["psi"].tolist(), strict=True))
        for piece in clipped(path, limit):
            canvas.line([plane_xy(data, *point) for point in piece], INK, 1.5)
        inside = [point for point in path if max(map(abs, point)) <= limit]
        if len(inside) <= 80:  # few enough to tell one step from the next
            for point in inside:
                x, y = plane_xy(data, *point)
                canvas.rect(x - 2, y - 2, 4, 4, fill=INK)
    disc(canvas, *plane_xy(data, 0, 0), 5, palette.REAL)
    end = data["theta"][-1], data["psi"][-1]
    end_shown = revealed and max(map(abs, end)) <= limit
    if end_shown:
        triangle(canvas, *plane_xy(data, *end), palette.FAKE)
    ring(canvas, *plane_xy(data, data["theta"][0], data["psi"][0]), 6, INK)
    _legend(canvas, end_shown)


def _legend(canvas: Canvas, end_shown: bool) -> None:
    y = PLANE[1] + PLANE[2] + 30
    ring(canvas, 62, y, 5, INK)
    canvas.text(72, y, "start", 12, INK, "start")
    x = 116
    if end_shown:
        triangle(canvas, x, y, palette.FAKE)
        canvas.text(x + 10, y, "end", 12, INK, "start")
        x += 52
    disc(canvas, x, y, 4.5, palette.REAL)
    canvas.text(x + 10, y, "equilibrium", 12, INK, "start")


def _arrows(canvas: Canvas, data: dict) -> None:
    """Short arrows along the vector field; their length grows with the root of the speed."""
    thetas, psis, right, up = (data[k] for k in ("grid", "grid", "field_theta", "field_psi"))
    fastest = max(float((right**2 + up**2).max()) ** 0.5, 1e-12)
    cell = PLANE[2] / len(thetas)
    for i, psi in enumerate(psis):
        for j, theta in enumerate(thetas):
            dx, dy = float(right[i, j]), -float(up[i, j])
            speed = math.hypot(dx, dy)
            if speed < 1e-9 * fastest:
                continue
            x, y = plane_xy(data, theta, psi)
            length = 0.8 * cell * math.sqrt(speed / fastest)
            ux, uy = dx / speed, dy / speed
            tip = (x + ux * length / 2, y + uy * length / 2)
            head = min(4.0, length / 2)
            one = (tip[0] - head * (ux + 0.5 * uy), tip[1] - head * (uy - 0.5 * ux))
            two = (tip[0] - head * (ux - 0.5 * uy), tip[1] - head * (uy + 0.5 * ux))
            tail = (x - ux * length / 2, y - uy * length / 2)
            canvas.line([tail, tip, one, tip, two], ARROW, 1)


# ---- marks ---------------------------------------------------------------------------------------


def disc(canvas: Canvas, x: float, y: float, r: float, color: str) -> None:
    """A filled circle: a ring as thick as its radius."""
    ring(canvas, x, y, r / 2, color, width=r)


def ring(canvas: Canvas, x: float, y: float, r: float, color: str, width: float = 2) -> None:
    angles = [2 * math.pi * k / 20 for k in range(22)]  # a bit more than once round: no notch
    points = [(x + r * math.cos(a), y + r * math.sin(a)) for a in angles]
    canvas.line(points, color, width)


def triangle(canvas: Canvas, x: float, y: float, color: str) -> None:
    """A filled triangle: two outlines, one inside the other."""
    for r, width in ((5.0, 2.5), (2.0, 3.0)):
        corners = [(x, y - r), (x + 0.87 * r, y + 0.5 * r), (x - 0.87 * r, y + 0.5 * r)]
        canvas.line([*corners, corners[0], corners[1]], color, width)

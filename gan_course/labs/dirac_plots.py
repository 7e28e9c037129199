"""The two plots of ``DiracOrbit`` beside the plane: radius against step, and the eigenvalues."""

from __future__ import annotations

import math
from itertools import pairwise

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

RADIUS = (484, 44, 292, 150)  # left, top, width, height of the plot against the step
CIRCLE = (440, 256, 164)  # left, top, side of the square with the unit circle
ZOOM = (632, 276, 144)  # the same for what is magnified
BAND = "#CFCFCF"  # what the eigenvalues say, wide and pale behind the run
SMALLEST, LARGEST = 1e-6, 1e6  # ends of the logarithmic axis, if the radius needs that much
GHOSTS = {"in": 0.5, "circle": 1.0, "out": 2.0}  # where a guess's dotted line ends, as a factor


# ---- the radius ----------------------------------------------------------------------------------


def radius_range(data: dict, guess: str | None = None) -> tuple[float, float]:
    """Lower and upper end of the logarithmic axis."""
    shown = [r for r in data["radius"].tolist() if r > 0]
    start = shown[0] if shown else 1.0
    ends = [*shown, start / 2, start * 2]
    if guess is not None:
        ends.append(start * GHOSTS[guess])
    low, high = max(min(ends), SMALLEST), min(max(ends), LARGEST)
    return low / 1.2, high * 1.2


def radius_xy(data: dict, step: float, radius: float, ends: tuple[float, float]):
    """Where a radius at a step is drawn, in pixels; beyond the axis it stays at the axis' end."""
    left, top, width, height = RADIUS
    low, high = (math.log(end) for end in ends)
    share = (math.log(min(max(radius, ends[0]), ends[1])) - low) / (high - low)
    return left + width * step / max(data["steps"], 1), top + height * (1 - share)


def draw_radius(canvas: Canvas, data: dict, revealed: bool, guess: str | None) -> None:
    left, top, width, height = RADIUS
    canvas.text(CIRCLE[0], 13, "Radius at each step", 14, INK, "start", True)
    canvas.text(left + width, 14, "log axis", 11, FAINT, "end")
    canvas.rect(left, top, width, height, fill="white", stroke=LINE)
    if not revealed:
        canvas.text(left + width / 2, top + height / 2, "?", 56, FAINT)
        return
    if data["radius"][0] == 0:
        canvas.text(left + width / 2, top + height / 2, "The radius stays 0.", 13, INK)
        return
    ends = radius_range(data, guess)
    for value in log_ticks(*ends):
        _, y = radius_xy(data, 0, value, ends)
        canvas.line([(left, y), (left + width, y)], "#E4E4E4", 1)
        canvas.text(left - 6, y, number_text(value), 11, anchor="end")
    for step in (0, data["steps"] // 2, data["steps"]):
        x, _ = radius_xy(data, step, 1, ends)
        canvas.line([(x, top + height), (x, top + height + 4)], INK, 1)
        canvas.text(x, top + height + 13, str(step), 11)
    canvas.text(left + width, top + height + 28, "step", 11, FAINT, "end")
    start, steps = data["radius"][0], data["steps"]
    if data["factor"] > 0:
        far = _until_the_edge(start, data["factor"], steps, ends)
        line = [radius_xy(data, k, start * data["factor"] ** k, ends) for k in (0, far)]
        canvas.line(line, BAND, 6)
    if guess is not None:
        ghost = [(0, start), (steps, start * GHOSTS[guess])]
        points = [radius_xy(data, *point, ends) for point in ghost]
        canvas.line(points, palette.PREDICTION, 3, dash=(3, 5))
    # Below the axis' end nothing is drawn: a line along the edge would look like a radius.
    radii = data["radius"].tolist()
    shown = next((k for k, r in enumerate(radii) if not ends[0] <= r <= ends[1]), len(radii))
    points = [radius_xy(data, k, r, ends) for k, r in enumerate(radii[: shown + 1])]
    canvas.line(points, INK, 2)
    _radius_legend(canvas, guess)


def _radius_legend(canvas: Canvas, guess: str | None) -> None:
    left, top, _, height = RADIUS
    y = top + height + 28
    canvas.line([(left, y), (left + 22, y)], INK, 2)
    canvas.text(left + 27, y, "this run", 11, INK, "start")
    canvas.line([(left + 84, y), (left + 108, y)], BAND, 6)
    canvas.text(left + 113, y, "× |λ| a step", 11, INK, "start")
    if guess is not None:
        canvas.line([(left + 194, y), (left + 216, y)], palette.PREDICTION, 3, dash=(3, 5))
        canvas.text(left + 221, y, "guess", 11, INK, "start")


def _until_the_edge(start: float, factor: float, steps: int, ends: tuple[float, float]) -> float:
    """The step at which start · factor^step leaves the axis, or the last one."""
    rate = math.log(factor)
    edge = ends[1] if rate > 0 else ends[0]
    return steps if rate == 0 else min(steps, max(0.0, math.log(edge / start) / rate))


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between the ends: 1-2-5 for a short axis, else powers of ten."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,)
    if high / low < 200:
        steps = (1, 2, 5) if high / low > 15 else (1, 1.5, 2, 3, 5, 7)
    ticks = [m * 10.0**d for d in decades for m in steps if low <= m * 10.0**d <= high]
    return ticks[:: max(1, math.ceil(len(ticks) / 7))]


# ---- the eigenvalues -----------------------------------------------------------------------------


def circle_xy(data: dict, value: complex) -> tuple[float, float]:
    """Where a complex number is drawn beside the unit circle, in pixels."""
    left, top, side = CIRCLE
    reach = 1.2 * max(1.0, *(abs(v) for v in data["eigenvalues"]))
    scale = side / (2 * reach)
    return left + side / 2 + value.real * scale, top + side / 2 - value.imag * scale


def zoom_width(data: dict) -> float:
    """Half the side of the magnified square, or 0 if nothing needs to be magnified."""
    gap = abs(abs(data["eigenvalues"][0]) - 1)
    return 0.0 if gap > 0.12 else max(3.6 * gap, 0.003)


def zoom_xy(data: dict, value: complex) -> tuple[float, float]:
    """Where a complex number is drawn in the magnified square, in pixels."""
    left, top, side = ZOOM
    middle = data["eigenvalues"][0]
    scale = side / (2 * zoom_width(data))
    x, y = (value.real - middle.real) * scale, (value.imag - middle.imag) * scale
    return left + side / 2 + x, top + side / 2 - y


def draw_circle(canvas: Canvas, data: dict, revealed: bool) -> None:
    left, top, side = CIRCLE
    canvas.text(left, top - 14, "Eigenvalues λ of one step", 14, INK, "start", True)
    if not revealed:
        canvas.text(left + side / 2, top + side / 2, "?", 56, FAINT)
        return
    x0, y0 = circle_xy(data, 0)
    canvas.text(left + side + 3, y0, "real", 11, FAINT, "start")
    canvas.text(x0 + 4, top + 4, "imaginary", 11, FAINT, "start")
    canvas.line([(left, y0), (left + side, y0)], LINE, 1)
    canvas.line([(x0, top), (x0, top + side)], LINE, 1)
    turn = [2 * math.pi * k / 90 for k in range(91)]
    around = [complex(math.cos(a), math.sin(a)) for a in turn]
    canvas.line([circle_xy(data, value) for value in around], FAINT, 1.5)
    for value in data["eigenvalues"]:
        cross(canvas, *circle_xy(data, value))
    if zoom_width(data):
        _draw_zoom(canvas, data)
    said = "inside: small radii shrink" if data["factor"] < 1 else "outside: small radii grow"
    if abs(data["factor"] - 1) < 1e-12:
        said = "on the circle"
    text = f"λ = {data['eigenvalue_text']}, {said}"
    canvas.text(left, top + side + 12, text, 12, INK, "start")


def _draw_zoom(canvas: Canvas, data: dict) -> None:
    left, top, side = ZOOM
    half, middle = zoom_width(data), data["eigenvalues"][0]
    times = (side / (2 * half)) / (CIRCLE[2] / (2 * 1.2 * max(1.0, abs(middle))))
    canvas.text(left + side, top - 12, f"one of them, {times:,.0f} times larger", 11, FAINT, "end")
    canvas.rect(left, top, side, side, fill="white", stroke=LINE)
    angle = math.atan2(middle.imag, middle.real)
    arc = [angle + half * 3 * (k / 60 - 0.5) for k in range(61)]
    points = []
    for a in arc:
        # On a square around 0 of half side 1, so that the same cut serves both squares.
        z = (complex(math.cos(a), math.sin(a)) - middle) / half
        points.append((z.real, z.imag))
    for piece in clipped(points, 1.0):
        canvas.line([zoom_xy(data, middle + half * complex(*p)) for p in piece], FAINT, 1.5)
    cross(canvas, *zoom_xy(data, middle))
    inward = middle - middle / abs(middle) * 0.66 * half
    canvas.text(*zoom_xy(data, inward), "inside", 11, FAINT)
    outward = middle + middle / abs(middle) * 0.66 * half
    canvas.text(*zoom_xy(data, outward), "outside", 11, FAINT)


# ---- marks and cuts ------------------------------------------------------------------------------


def cross(canvas: Canvas, x: float, y: float) -> None:
    canvas.line([(x - 5, y - 5), (x + 5, y + 5)], INK, 2.5)
    canvas.line([(x - 5, y + 5), (x + 5, y - 5)], INK, 2.5)


def clipped(points: list[tuple[float, float]], limit: float) -> list[list[tuple[float, float]]]:
    """The pieces of a polyline that lie in the square |x|, |y| <= limit."""
    pieces: list[list[tuple[float, float]]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        first, last = 0.0, 1.0  # the part of this stroke that is inside
        for start, change in ((x0, dx), (y0, dy)):
            if change == 0:
                if abs(start) > limit:
                    last = -1.0
                continue
            a, b = sorted(((-limit - start) / change, (limit - start) / change))
            first, last = max(first, a), min(last, b)
        if first > last:
            continue
        begin, end = (x0 + first * dx, y0 + first * dy), (x0 + last * dx, y0 + last * dy)
        if pieces and first == 0 and pieces[-1][-1] == begin:
            pieces[-1].append(end)
        else:
            pieces.append([begin, end])
    return pieces


def number_text(value: float) -> str:
    """Short, with a real minus sign."""
    text = f"{value:g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.0e}"
    if "e" in text:
        mantissa, power = text.split("e")
        digits = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"10{digits}" if mantissa == "1" else f"{mantissa}·10{digits}"
    return text.replace("-", "−")

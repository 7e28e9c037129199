"""The drawing of ``Diagnose``: seven places for evidence, empty until it is asked for."""

from __future__ import annotations

import math
import textwrap

import numpy as np

from gan_course import palette
from gan_course.labs.diagnose_cases import STEPS
from gan_course.labs.diagnose_record import MOMENTS
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.small_charts import Chart, key, plane
from gan_course.labs.toy_gan_picture import CONTOUR

WIDTH = 840
TOP = 52  # of the first row's boxes
CHART_WIDTH, CHART_HEIGHT = 162, 110
PITCH = 212  # from one chart to the next
PLANES_TOP = TOP + CHART_HEIGHT + 84
SIDE, SMALL = 198, 130  # of the large planes and of the three small ones
D = {"color": palette.DISCRIMINATOR, "width": 2.2, "dash": None}
G = {"color": palette.GENERATOR, "width": 2.0, "dash": (9, 3, 2, 3)}
REAL = {"color": palette.REAL, "width": 2.0, "dash": None}
FAKE = {"color": palette.FAKE, "width": 2.0, "dash": (6, 3)}
OWN = {"color": INK, "width": 2.0, "dash": None}  # what belongs to no role
AS_REAL = {"color": FAINT, "width": 1.4, "dash": (4, 3)}
EMPTY = "#F4F4F4"
GRADIENTS = (1e-5, 1e2)
WRAP = 128

CHARTS = ("losses", "logits", "gradients", "diversity")
TITLES = {
    "losses": "Losses",
    "logits": "D's logits, mean",
    "gradients": "Length of the gradient",
    "diversity": "Diversity of the fakes",
    "samples": f"Samples at step {STEPS:,}",
    "map": f"D's map at step {STEPS:,}",
    "moments": "Samples at three moments",
}


def draw(data: dict, title: str, lines: list[str], scale: int) -> Canvas:
    """Everything on one card.

    Args:
        data: of ``Diagnose.figure_data``: only what is in it can be drawn.
        title: above it.
        lines: paragraphs below it.
        scale: pixels of the planes for each CSS pixel.
    """
    small = [part for line in lines for part in textwrap.wrap(line, WRAP)]
    bottom = PLANES_TOP + SIDE + 48
    canvas = Canvas(WIDTH, bottom + 20 * len(small))
    canvas.text(0, 14, title, 14, INK, "start", bold=True)
    for i, piece in enumerate(CHARTS):
        box = (i * PITCH + 34, TOP, CHART_WIDTH, CHART_HEIGHT)
        if piece in data:
            _CHART[piece](canvas, box, data[piece])
        else:
            canvas.text(box[0] - 34, TOP - 14, TITLES[piece], 12, INK, "start", bold=True)
            _empty(canvas, *box)
    _keys(canvas, TOP + CHART_HEIGHT + 34, data)
    _planes(canvas, data, scale)
    _legend(canvas, PLANES_TOP + SIDE + 20)
    y = bottom
    for line in small:
        canvas.text(0, y, line, 12, INK, "start")
        y += 20
    return canvas


def _empty(canvas: Canvas, x: float, y: float, w: float, h: float) -> None:
    """A place for evidence that nobody has asked for."""
    canvas.rect(x, y, w, h, fill=EMPTY, stroke=LINE)
    canvas.text(x + w / 2, y + h / 2, "not asked for", 11.5, FAINT)


# ---- charts -----------------------------------------------------------------------------------


def _chart(canvas, box, piece, limits, **more) -> Chart:
    return Chart(canvas, box, TITLES[piece], limits, (0, STEPS), ("0", f"{STEPS:,} steps"), **more)


def _losses(canvas: Canvas, box: tuple, data: dict) -> None:
    ends = limits(data["loss_d"], data["loss_g"], least=(0, 2))
    chart = _chart(canvas, box, "losses", ends, ticks=_with_zero(ends))
    chart.line(data["steps"], data["loss_d"], **D)
    chart.line(data["steps"], data["loss_g"], **G)


def _logits(canvas: Canvas, box: tuple, data: dict) -> None:
    ends = limits(data["real"], data["fake"], least=(-0.2, 0.2))
    chart = _chart(canvas, box, "logits", ends, ticks=_with_zero(ends))
    chart.line(data["steps"], data["real"], **REAL)
    chart.line(data["steps"], data["fake"], **FAKE)


def _gradients(canvas: Canvas, box: tuple, data: dict) -> None:
    ticks = (1e-4, 1e-2, 1.0, 100.0)
    chart = _chart(canvas, box, "gradients", GRADIENTS, log=True, ticks=ticks)
    chart.line(data["steps"], np.maximum(data["d"], GRADIENTS[0]), **D)
    chart.line(data["steps"], np.maximum(data["g"], GRADIENTS[0]), **G)


def _diversity(canvas: Canvas, box: tuple, data: dict) -> None:
    high = 2.0 if np.max(data["fakes"]) > 1.25 else 1.25
    chart = _chart(canvas, box, "diversity", (0.0, high), ticks=(0.0, 0.5, 1.0, high))
    y = chart.y(1.0)
    canvas.line([(box[0], y), (box[0] + box[2], y)], **AS_REAL)
    chart.line(data["steps"], data["fakes"], **OWN)


_CHART = {
    "losses": _losses,
    "logits": _logits,
    "gradients": _gradients,
    "diversity": _diversity,
}


def limits(*curves: np.ndarray, least: tuple[float, float]) -> tuple[float, float]:
    """Ends of an axis on which all of a curve shows but for its rarest jumps.

    They reach at least from ``least[0]`` to ``least[1]``; else to 1, 2 or 5 times a power of ten.
    """
    both = np.concatenate([np.asarray(curve, dtype=float) for curve in curves])
    low, high = np.percentile(both, (2, 98))
    if low < least[0] and least[0] - low < 0.02 * (max(high, least[1]) - least[0]):
        low = least[0]  # a hair below is not worth an axis of its own
    return -_round_above(-low, -least[0]), _round_above(high, least[1])


def _round_above(value: float, least: float) -> float:
    if value <= least:
        return least
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))


def _with_zero(ends: tuple[float, float]) -> tuple[float, ...]:
    """Where an axis gets numbers: at both ends, and at 0 or else in the middle.

    An end so close to 0 that the numbers would touch gets none.
    """
    low, high = ends
    if not low < 0 < high:
        return (low, (low + high) / 2, high)
    near = 0.12 * (high - low)
    return tuple(tick for tick in (low, 0.0, high) if tick == 0 or abs(tick) > near)


def _keys(canvas: Canvas, y: float, data: dict) -> None:
    """Below the charts: what their lines are."""
    networks = (("D", D), ("G", G))
    keys = {
        "losses": networks,
        "logits": (("real", REAL), ("fake", FAKE)),
        "gradients": networks,
        "diversity": (("fakes", OWN), ("real points", AS_REAL)),
    }
    for i, piece in enumerate(CHARTS):
        if piece in data:
            for j, (name, style) in enumerate(keys[piece]):
                key(canvas, i * PITCH + 34 + 80 * j, y, name, **style)


# ---- planes -----------------------------------------------------------------------------------


def _planes(canvas: Canvas, data: dict, scale: int) -> None:
    places = [("samples", 0, SIDE), ("map", SIDE + 16, SIDE)]
    for piece, x, side in places:
        canvas.text(x, PLANES_TOP - 14, TITLES[piece], 12, INK, "start", bold=True)
        if piece in data:
            _plane(canvas, x, PLANES_TOP, side, data[piece], scale)
        else:
            _empty(canvas, x, PLANES_TOP, side, side)
    left = 2 * (SIDE + 16)
    canvas.text(left, PLANES_TOP - 14, TITLES["moments"], 12, INK, "start", bold=True)
    for i, step in enumerate(MOMENTS):
        x = left + i * (SMALL + 10)
        if "moments" in data:
            moment = {"real": data["moments"]["real"], "fake": data["moments"]["fake"][i]}
            _plane(canvas, x, PLANES_TOP, SMALL, moment, scale)
        else:
            _empty(canvas, x, PLANES_TOP, SMALL, SMALL)
        canvas.text(x + SMALL / 2, PLANES_TOP + SMALL + 12, f"step {step:,}", 11, FAINT)


def _plane(canvas: Canvas, x: float, y: float, side: int, data: dict, scale: int) -> None:
    """Points, or D's map, on the square from −3 to 3."""
    nobody = np.zeros((0, 2))
    pixels = plane(
        data.get("real", nobody),
        data.get("fake", nobody),
        data.get("heat"),
        data.get("logits"),
        data.get("undecided", 0.0),
        side,
        scale,
    )
    canvas.picture(x, y, side, side, pixels)


def _legend(canvas: Canvas, y: float) -> None:
    canvas.text(0, y, "●", 13, palette.REAL, "start")
    canvas.text(15, y, "real", 11.5, INK, "start")
    canvas.text(56, y, "▲", 13, palette.FAKE, "start")
    canvas.text(71, y, "fake", 11.5, INK, "start")
    x = SIDE + 16
    canvas.text(x, y, "D says: blue real, orange fake,", 11.5, INK, "start")
    canvas.line([(x + 190, y), (x + 212, y)], CONTOUR, 1.4)
    canvas.text(x + 218, y, "undecided", 11.5, INK, "start")
    canvas.text(WIDTH, y, "each plane reaches from −3 to 3", 11.5, FAINT, "end")

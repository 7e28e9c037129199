"""Pieces of ``GateAndNorm``'s drawing: where a row lies, histograms, marks, numbers as text."""

from __future__ import annotations

from dataclasses import dataclass

from gan_course.labs.drawing import FAINT, INK, Canvas
from gan_course.labs.gate_and_norm_numbers import REACH, Y_AXES

ALIVE = "#8FA3B5"  # bars that pass a gradient are filled, dead ones hollow
FULL_BAR = 0.4  # the share of the batch that fills a histogram; longer bars are cut and labelled


@dataclass(frozen=True)
class Place:
    """Where a row's panels lie, in pixels of the canvas."""

    left: int  # the curve, with the histogram of u in the strip below it
    top: int
    width: int
    height: int
    strip: int
    out_left: int  # the histogram of y, beside the curve and at the same heights
    out_width: int
    words: int  # left end of the numbers

    @property
    def bottom(self) -> int:
        """The ground on which the bars of u stand."""
        return self.top + self.height + self.strip

    def x(self, u: float) -> float:
        return self.left + self.width * (clamp(u, -REACH, REACH) + REACH) / (2 * REACH)

    def y(self, value: float, activation: str) -> float:
        low, high, _, _ = Y_AXES[activation]
        return self.top + self.height * (high - clamp(value, low, high)) / (high - low)


def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def upright_bars(canvas, bars: dict, left, ground, width, height, plain=False) -> None:
    """A histogram that stands on ``ground``: living values filled, dead ones hollow on top."""
    cell = width / len(bars["alive"])
    totals = bars["alive"] + bars["dead"]
    for i, (alive, dead) in enumerate(
        zip(bars["alive"].tolist(), bars["dead"].tolist(), strict=True)
    ):
        if plain:
            alive, dead = alive + dead, 0.0
        x, scale = left + i * cell, height / FULL_BAR
        filled = scale * min(alive, FULL_BAR)
        hollow = scale * min(alive + dead, FULL_BAR) - filled
        if filled:
            canvas.rect(x, ground - filled, cell - 0.8, filled, ALIVE)
        if hollow > 0:
            canvas.rect(x, ground - filled - hollow, cell, hollow, "white", INK, 1)
        if alive + dead > FULL_BAR:
            # What is cut off is the part on top. Beside the bar: a line may go through it.
            last = i + 1 == len(totals) or totals[i + 1] > FULL_BAR or x > left + 0.8 * width
            side, anchor = (x - 4, "end") if last else (x + cell + 4, "start")
            canvas.text(side, ground - height + 7, percent(dead or alive), 11, INK, anchor)
    for side, x, anchor in (("below", left + 2, "start"), ("above", left + width - 2, "end")):
        if bars[side] > 0:
            text = f"◂ {percent(bars[side])}" if side == "below" else f"{percent(bars[side])} ▸"
            canvas.text(x, ground - 0.6 * height, text, 11, INK, anchor)


def sideways_bars(canvas: Canvas, bars: dict, place: Place, name: str) -> None:
    low, _, bin_width, _ = Y_AXES[name]
    cell = place.height / len(bars["alive"])
    totals = bars["alive"] + bars["dead"]
    for i, (alive, dead) in enumerate(
        zip(bars["alive"].tolist(), bars["dead"].tolist(), strict=True)
    ):
        y = place.y(low + (i + 1) * bin_width, name)
        scale = place.out_width / FULL_BAR
        filled = scale * min(alive, FULL_BAR)
        hollow = scale * min(alive + dead, FULL_BAR) - filled
        if filled:
            canvas.rect(place.out_left, y, filled, cell - 0.8, ALIVE)
        if hollow > 0:
            canvas.rect(place.out_left + filled, y, hollow, cell, "white", INK, 1)
        if alive + dead > FULL_BAR:
            x = place.out_left + place.out_width
            crowded = i + 1 < len(totals) and totals[i + 1] > FULL_BAR  # the bar above is cut too
            beside = y + cell + 8 if crowded else y - 8
            canvas.text(x, beside, f"{percent(dead or alive)} ▸", 11, INK, "end")
    for side, y in (("above", place.top + 7), ("below", place.top + place.height - 7)):
        if bars[side] > 0:
            arrow = "▴" if side == "above" else "▾"
            x = place.out_left + place.out_width
            canvas.text(x, y, f"{arrow} {percent(bars[side])}", 11, INK, "end")
    ground = place.top + place.height
    canvas.line([(place.out_left, place.top), (place.out_left, ground)], INK, 1)
    canvas.text(place.out_left, ground + 12, "0 %", 11)
    canvas.text(place.out_left + place.out_width, ground + 12, percent(FULL_BAR), 11)
    canvas.text(place.out_left + place.out_width / 2, ground + 12, "share", 11, FAINT)


def diamond(canvas: Canvas, x: float, y: float, color: str, hollow: bool = False) -> None:
    sizes = ((5.0, 1.5),) if hollow else ((4.5, 2.0), (2.2, 2.6))
    for r, width in sizes:
        corners = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        canvas.line([*corners, corners[0], corners[1]], color, width)


def number(value: float, digits: int | None = None) -> str:
    """With a real minus sign."""
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def percent(share: float) -> str:
    text = f"{100 * share:.0f}"
    if share > 0 and text == "0":
        text = "<1"
    elif share < 1 and text == "100":
        text = ">99"
    return f"{text} %"

"""The drawing of ``AttentionMicroscope``: image, map, what attention changes, and gamma's way."""

from __future__ import annotations

import math

import numpy as np

from gan_course import palette
from gan_course.data import image_grid, to_uint8
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.gen_xray_picture import signed
from gan_course.labs.small_charts import Chart, key

WIDTH = 820
BIG = 192
LEFTS = (6, 212, 418, 624)
TOP = 62
TEXT_TOP = TOP + BIG + 56
CHART_HEIGHT = 96
DASH_G = (9, 3, 2, 3)
STRONGEST = 3  # places framed in the image


def draw(lab, data: dict, lines: list[str], guess: str | None) -> Canvas:
    """Everything on one card; ``lines`` stand below the four pictures, then the guess."""
    shown = [*lines, *([guess] if guess else [])]
    chart_top = TEXT_TOP + 20 * len(shown) + 34
    canvas = Canvas(WIDTH, chart_top + CHART_HEIGHT + 46)
    canvas.text(6, 16, _setting(lab, data), 12.5, FAINT, "start")
    # Which of the two images stands first is what the switch decides.
    switch = "on" if lab.enabled else "off"
    titles = (
        f"▲ image, attention {switch}",
        f"where {lab.network}'s pixel looks",
        "what G's attention changes",
        f"strength in {lab.network}",
    )
    for left, title in zip(LEFTS, titles, strict=True):
        canvas.text(left + BIG / 2, TOP - 16, title, 12.5, INK, bold=True)
    image = data["image"] if lab.enabled else data["image_off"]
    canvas.picture(LEFTS[0], TOP, BIG, BIG, as_pixels(image))
    weights = data["weights"]
    # Black is the largest weight, but at least twice the even share: an even row is a calm grey.
    top_weight = max(float(weights.max()), 2 / weights.size)
    canvas.picture(LEFTS[1], TOP, BIG, BIG, ink(weights / top_weight))
    change = data["change"]
    largest = max(float(np.abs(change).max()), 1e-12)
    # Differences of less than a thousandth of the range can't be seen: then nothing is coloured.
    canvas.picture(LEFTS[2], TOP, BIG, BIG, signed(change, max(largest, 2e-3)))
    canvas.picture(LEFTS[3], TOP, BIG, BIG, ink(data["added"] / max(float(data["added"].max()), 1)))
    for left in LEFTS:
        canvas.rect(left, TOP, BIG, BIG, None, LINE, 1)
    _frames(canvas, data)
    _legends(canvas, data, top_weight, largest)
    for i, line in enumerate(lines):
        canvas.text(6, TEXT_TOP + 20 * i, line, 12.5, INK, "start", bold=i == 0)
    if guess:
        y = TEXT_TOP + 20 * len(lines)
        canvas.line([(8, y - 8), (8, y + 8)], palette.PREDICTION, 3, dash=(3, 3))
        canvas.text(18, y, guess, 12.5, FAINT, "start")
    _gammas(canvas, lab, data, chart_top)
    return canvas


def _setting(lab, data: dict) -> str:
    return (
        f"digit {lab.digit} from seed {lab.seed}, after {data['moment']['images_seen']:,} real "
        f"images; pixel (row {data['asking'][0]}, column {data['asking'][1]}) of a "
        f"{data['size']}×{data['size']} map asks"
    )


def _frames(canvas: Canvas, data: dict) -> None:
    """Who asks, in the first two pictures; and in the image the places that it looks at most."""
    row, column = data["asking"]
    cell = BIG / data["size"]
    weights = data["weights"]
    big = BIG / len(weights)
    order = np.argsort(weights, axis=None)[::-1][:STRONGEST]
    for number, index in enumerate(order):
        r, c = divmod(int(index), len(weights))
        x, y = LEFTS[0] + c * big, TOP + r * big
        canvas.rect(x, y, big, big, None, "#FFFFFF", 3)
        canvas.rect(x, y, big, big, None, palette.DISCRIMINATOR, 1.6)
        canvas.rect(x + big / 2 - 7, y + big / 2 - 8, 14, 16, "#FFFFFF")
        canvas.text(x + big / 2, y + big / 2, str(number + 1), 12, palette.DISCRIMINATOR, bold=True)
    for left in LEFTS[:2]:
        x, y = left + column * cell, TOP + row * cell
        canvas.rect(x - 1, y - 1, cell + 2, cell + 2, None, "#FFFFFF", 4)
        canvas.rect(x - 1, y - 1, cell + 2, cell + 2, None, palette.FAKE, 2.2)


def _legends(canvas: Canvas, data: dict, top_weight: float, largest: float) -> None:
    y = TOP + BIG + 14
    canvas.text(LEFTS[0], y, "orange frame: asks", 11, FAINT, "start")
    canvas.text(LEFTS[0], y + 15, f"1 to {STRONGEST}: looks there most", 11, FAINT, "start")
    even = 1 / data["weights"].size
    canvas.text(LEFTS[1], y, f"white 0, black {top_weight:.3g},", 11, FAINT, "start")
    canvas.text(LEFTS[1], y + 15, f"{top_weight / even:.3g} × the even share", 11, FAINT, "start")
    low, _, high = palette.OPINION
    canvas.rect(LEFTS[2], y - 6, 11, 11, low)
    canvas.text(LEFTS[2] + 15, y, "− darker", 11, INK, "start")
    canvas.rect(LEFTS[2] + 80, y - 6, 11, 11, high)
    canvas.text(LEFTS[2] + 95, y, "+ brighter", 11, INK, "start")
    most = f"at most {largest:.2g} of 2" if largest >= 1e-3 else "nothing that one could see"
    canvas.text(LEFTS[2], y + 15, most, 11, FAINT, "start")
    canvas.text(LEFTS[3], y, "attention's share, by length:", 11, FAINT, "start")
    text = f"white 0, black 1; most {float(data['added'].max()):.2g}"
    canvas.text(LEFTS[3], y + 15, text, 11, FAINT, "start")


def _gammas(canvas: Canvas, lab, data: dict, top: float) -> None:
    """Both gammas over the training, up to now if the question is still open."""
    history, moments = data["history"], data["moments"]
    last = moments[-1]["images_seen"]
    values = [row[name] for row in data["history_of_all"] for name in ("gamma_g", "gamma_d")]
    reach = max(0.05, *(abs(value) for value in values))
    reach = math.ceil(reach * 20) / 20
    chart = Chart(
        canvas,
        (52, top, WIDTH - 66, CHART_HEIGHT),
        "gamma over the training",
        (-reach, reach),
        (0, last),
        ("0", f"{last:,} real images seen"),
    )
    seen = [row["images_seen"] for row in history]
    chart.line(seen, [row["gamma_g"] for row in history], palette.GENERATOR, 2.2, DASH_G)
    chart.line(seen, [row["gamma_d"] for row in history], palette.DISCRIMINATOR, 2.8)
    for moment in moments:
        x = chart.x(moment["images_seen"])
        canvas.line([(x, top + CHART_HEIGHT), (x, top + CHART_HEIGHT + 5)], FAINT, 1.2)
    x = chart.x(data["moment"]["images_seen"])
    canvas.line([(x, top - 4), (x, top + CHART_HEIGHT + 5)], INK, 2)
    key(canvas, 260, top - 14, "G", palette.GENERATOR, 2.2, DASH_G)
    key(canvas, 330, top - 14, "D", palette.DISCRIMINATOR, 2.8, None)
    if not lab.revealed:
        canvas.text(WIDTH / 2, top + CHART_HEIGHT / 2 - 18, "?", 30, FAINT)
    text = "upright line: now; small ticks: the stored moments"
    canvas.text(WIDTH - 14, top - 14, text, 11, FAINT, "end")


def as_pixels(image: np.ndarray) -> np.ndarray:
    """(C, H, W) in [-1, 1] -> what a canvas takes, without a border."""
    import torch

    return image_grid(to_uint8(torch.from_numpy(image)[None]), columns=1, padding=0)


def ink(share: np.ndarray) -> np.ndarray:
    """(h, w) in [0, 1] -> uint8 grey, 0 white and 1 black."""
    return (255 * (1 - share.clip(0, 1))).round().astype(np.uint8)

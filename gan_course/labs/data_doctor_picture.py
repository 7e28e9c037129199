"""The drawing of ``DataDoctor``: counts, spreads, bad files by name, crops and augmented crops."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gan_course import palette
from gan_course.data import to_uint8
from gan_course.files import shown
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH = 780
ROWS = 8  # bad files that are named in the picture
WARN = "#8A6100"
PARTS = (
    ("left", "left to train on", palette.REAL),
    ("copies", "near-duplicates", "#DDAA33"),
    ("bad", "bad files", palette.FAKE),
)


def draw_report(lab, data: dict) -> Canvas:
    """Everything on one card; before the guess the counts are hidden."""
    top = 326 if lab.revealed and data["looked"] else 128  # of the images
    canvas = Canvas(WIDTH, top + (234 if lab.leak_warning() else 190))
    name = shorten(shown(lab.doctor.folder.name), 40)
    canvas.text(16, 14, f"Folder “{name}”", 14, INK, "start", bold=True)
    canvas.text(
        16, 34, f"{data['looked']:,} of {data['files']:,} files looked at", 12, INK, "start"
    )
    canvas.rect(220, 27, 200, 12, fill="white", stroke=LINE)
    canvas.rect(220, 27, 200 * data["looked"] / max(1, data["files"]), 12, fill=FAINT)
    if data["total"] > data["files"]:
        canvas.text(430, 34, f"a sample of {data['total']:,}", 12, FAINT, "start")
    draw_images(canvas, lab, data, top)
    if not data["looked"] and data["files"]:
        canvas.text(16, 80, "Press Look, or call look().", 13, FAINT, "start")
        return canvas
    if not lab.revealed:
        canvas.text(16, 80, "Make a guess: then the counts show.", 13, FAINT, "start")
        return canvas
    draw_counts(canvas, data)
    histogram(canvas, 16, 188, data["sides"], "shorter side, pixels", data["looked"])
    histogram(canvas, 216, 188, data["brightness"], "mean brightness", data["looked"], (0, 1))
    draw_problems(canvas, data)
    return canvas


def draw_counts(canvas: Canvas, data: dict) -> None:
    """One bar of three parts, with their numbers below it."""
    counts = {"left": data["left"], "bad": data["bad"]}
    counts["copies"] = data["good"] - data["left"]
    x, whole = 16.0, max(1, data["looked"])
    for name, _, color in PARTS:
        width = 380 * counts[name] / whole
        canvas.rect(x, 62, width, 20, fill=color)
        x += width
    canvas.rect(16, 62, 380, 20, stroke=LINE)
    x = 16
    for name, words, color in PARTS:
        canvas.rect(x, 94, 10, 10, fill=color)
        words = f"{counts[name]} {words}"
        canvas.text(x + 15, 99, words, 12, INK, "start")
        x += 140
    said = f"{data['copies']} near-duplicates, kept" if counts["copies"] < data["copies"] else ""
    canvas.text(16, 118, said, 12, FAINT, "start")
    kinds = ", ".join(f"{count} {kind}" for kind, count in data["kinds"].most_common(3))
    canvas.text(16, 136, shorten(f"kinds: {kinds}", 62), 12, INK, "start")
    if data["classes"]:
        classes = ", ".join(f"{count} {name}" for name, count in data["classes"].most_common(5))
        canvas.text(16, 154, shorten(f"classes: {classes}", 62), 12, INK, "start")


def histogram(
    canvas: Canvas, x: float, y: float, values: list, title: str, count: int, limits=None
) -> None:
    """Ten bars, 180 x 80 pixels."""
    canvas.text(x, y - 10, title, 12, INK, "start", bold=True)
    canvas.line([(x, y + 80), (x + 180, y + 80)], LINE, 1)
    if not values:
        return
    low, high = limits or (min(values), max(values))
    if low == high:
        high = low + 1
    bars, _ = np.histogram(values, bins=10, range=(low, high))
    for i, number in enumerate(bars):
        height = 72 * number / bars.max()
        if number:
            canvas.rect(x + 18 * i + 1, y + 80 - height, 16, height, fill=palette.REAL)
    canvas.text(x, y + 92, f"{low:g}", 11, FAINT, "start")
    canvas.text(x + 180, y + 92, f"{high:g}", 11, FAINT, "end")
    canvas.text(x + 90, y + 92, f"most: {bars.max()}", 11, FAINT)


def draw_problems(canvas: Canvas, data: dict) -> None:
    """The bad files, each with its reason, then what was noted of the good ones."""
    left, y = 430, 66
    canvas.text(left, y, f"Bad files: {data['bad']}", 12, INK, "start", bold=True)
    for path, problem in data["problems"][:ROWS]:
        y += 16
        canvas.text(left, y, shorten(f"{shorten(path, 18)}: {problem}", 54), 11, INK, "start")
    if data["bad"] > ROWS:
        y += 16
        words = f"... and {data['bad'] - ROWS} more: report().text() names all"
        canvas.text(left, y, words, 11, FAINT, "start")
    y += 22
    if data["notes"] and y < 270:
        canvas.text(left, y, "Odd, and used all the same", 12, INK, "start", bold=True)
        for note, count in data["notes"].most_common(4):
            y += 16
            if y < 300:
                canvas.text(left, y, shorten(f"{count} × {note}", 54), 11, INK, "start")


def draw_images(canvas: Canvas, lab, data: dict, top: float) -> None:
    """Two rows: the squares as they are cut, and the same as D would see them."""
    size = lab.preview_size
    titles = (
        f"Cut to squares, {size}x{size}",
        f"The same as D would see them: {lab.augment}, {lab.share} % changed",
    )
    for row, (title, images) in enumerate(zip(titles, images_of(data), strict=True)):
        y = top + 108 * row
        canvas.text(16, y - 12, title, 12, INK, "start", bold=True)
        for i, image in enumerate(images):
            pixels = to_uint8(image).permute(1, 2, 0).contiguous().numpy()
            canvas.picture(16 + 75 * i, y, 70, 70, pixels)
    warning = lab.leak_warning()
    if warning:
        cut = warning.index(". ") + 1
        canvas.text(16, top + 198, "⚠ " + warning[:cut], 12, WARN, "start", bold=True)
        canvas.text(16, top + 216, warning[cut + 1 :], 12, WARN, "start")


def images_of(data: dict) -> tuple[Tensor, Tensor]:
    return data["previews"], data["augmented"]


def shorten(text: str, length: int) -> str:
    """At most so many letters; the end is cut off."""
    return text if len(text) <= length else text[: length - 1] + "…"

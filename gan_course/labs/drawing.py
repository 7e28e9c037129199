"""Draw a diagram once; show it live as SVG and store it as a PNG.

A ``Canvas`` only remembers what was drawn. As SVG it costs a few milliseconds, is sharp at any zoom
and carries its own alt text, so it is what a moving lab sends to the browser. As a PIL image it is
the still picture in a stored notebook, where JupyterLab does not show SVG it has not made itself.
"""

from __future__ import annotations

import functools
from html import escape
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

INK = "#222222"
FAINT = "#6B6B6B"
LINE = "#C4C4C4"


class Canvas:
    """Rectangles, lines and text on a white card; coordinates in CSS pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.shapes: list[tuple[str, dict]] = []

    def rect(self, x, y, w, h, fill=None, stroke=None, width=1.0, dash=False) -> None:
        self.shapes.append(("rect", locals() | {"self": None}))

    def line(self, points, color=INK, width=1.5, dash=None) -> None:
        """A line through (x, y) points; ``dash`` is a pair (on, off) in pixels."""
        self.shapes.append(("line", locals() | {"self": None}))

    def text(self, x, y, text, size=13, color=INK, anchor="middle", bold=False) -> None:
        """One line of text, centred vertically on y; anchor is start, middle or end."""
        self.shapes.append(("text", locals() | {"self": None}))

    def circle(self, x, y, radius, fill) -> None:
        self.shapes.append(("circle", locals() | {"self": None}))

    def svg(self, alt: str) -> str:
        """The drawing as an SVG element that shrinks with a narrow window."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
            f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'style="max-width:100%;height:auto;background:#fff" '
            f'font-family="DejaVu Sans, Verdana, sans-serif">'
        ]
        parts += [_SVG[kind](s) for kind, s in self.shapes]
        return "".join(parts) + "</svg>"

    def image(self, scale: int = 2) -> Image.Image:
        """The drawing as a picture, ``scale`` times as large, for sharp print."""
        image = Image.new("RGB", (self.width * scale, self.height * scale), "white")
        draw = ImageDraw.Draw(image)
        for kind, shape in self.shapes:
            _PIL[kind](draw, shape, scale)
        return image


def _rect_svg(s: dict) -> str:
    dash = ' stroke-dasharray="4 3"' if s["dash"] else ""
    return (
        f'<rect x="{s["x"]:g}" y="{s["y"]:g}" width="{s["w"]:g}" height="{s["h"]:g}" '
        f'fill="{s["fill"] or "none"}" stroke="{s["stroke"] or "none"}" '
        f'stroke-width="{s["width"]:g}"{dash}/>'
    )


def _line_svg(s: dict) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in s["points"])
    dash = f' stroke-dasharray="{s["dash"][0]} {s["dash"][1]}"' if s["dash"] else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{s["color"]}" '
        f'stroke-width="{s["width"]:g}"{dash}/>'
    )


def _text_svg(s: dict) -> str:
    weight = ' font-weight="bold"' if s["bold"] else ""
    return (
        f'<text x="{s["x"]:g}" y="{s["y"]:g}" font-size="{s["size"]:g}" fill="{s["color"]}" '
        f'text-anchor="{s["anchor"]}" dominant-baseline="central"{weight}>'
        f"{escape(s['text'])}</text>"
    )


def _circle_svg(s: dict) -> str:
    return f'<circle cx="{s["x"]:g}" cy="{s["y"]:g}" r="{s["radius"]:g}" fill="{s["fill"]}"/>'


def _rect_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    x0, y0, x1, y1 = s["x"] * k, s["y"] * k, (s["x"] + s["w"]) * k, (s["y"] + s["h"]) * k
    if s["fill"]:
        draw.rectangle((x0, y0, x1, y1), fill=s["fill"])
    if s["stroke"]:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        _stroke(draw, corners, s["stroke"], s["width"] * k, (4 * k, 3 * k) if s["dash"] else None)


def _line_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    dash = (s["dash"][0] * k, s["dash"][1] * k) if s["dash"] else None
    _stroke(draw, [(x * k, y * k) for x, y in s["points"]], s["color"], s["width"] * k, dash)


def _text_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    anchor = {"start": "lm", "middle": "mm", "end": "rm"}[s["anchor"]]
    font = font_of_size(round(s["size"] * k), s["bold"])
    draw.text((s["x"] * k, s["y"] * k), s["text"], fill=s["color"], font=font, anchor=anchor)


def _circle_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    x, y, r = s["x"] * k, s["y"] * k, s["radius"] * k
    draw.ellipse((x - r, y - r, x + r, y + r), fill=s["fill"])


_SVG = {"rect": _rect_svg, "line": _line_svg, "text": _text_svg, "circle": _circle_svg}
_PIL = {"rect": _rect_pil, "line": _line_pil, "text": _text_pil, "circle": _circle_pil}


def _stroke(draw, points, color, width, dash) -> None:
    """A polyline, dashed if asked: PIL itself knows only solid ones."""
    width = max(1, round(width))
    if dash is None:
        draw.line(points, fill=color, width=width, joint="curve")
        return
    on, off = dash
    travelled = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        position = 0.0
        while position < length:
            phase = (travelled + position) % (on + off)
            step = min((on if phase < on else on + off) - phase, length - position)
            step = max(step, 0.5)
            if phase < on:
                a, b = position / length, min(1.0, (position + step) / length)
                draw.line(
                    (
                        x0 + (x1 - x0) * a,
                        y0 + (y1 - y0) * a,
                        x0 + (x1 - x0) * b,
                        y0 + (y1 - y0) * b,
                    ),
                    fill=color,
                    width=width,
                )
            position += step
        travelled += length


@functools.cache
def font_of_size(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has the signs of mathematics."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)

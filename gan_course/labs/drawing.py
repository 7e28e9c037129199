"""Draw a diagram once; show it live as SVG and store it as a PNG.

A ``Canvas`` only remembers what was drawn. As SVG it costs a few milliseconds, is sharp at any zoom
and carries its own alt text, so it is what a moving lab sends to the browser. As a PIL image it is
the still picture in a stored notebook, where JupyterLab does not show SVG it has not made itself.
"""

from __future__ import annotations

import base64
import functools
import io
import math
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

    def rect(self, x, y, w, h, fill=None, stroke=None, width=1.0) -> None:
        shape = {"x": x, "y": y, "w": w, "h": h, "fill": fill, "stroke": stroke, "width": width}
        self.shapes.append(("rect", shape))

    def line(self, points, color=INK, width=1.5, dash=None) -> None:
        """A line through (x, y) points; ``dash`` lists the lengths of strokes and gaps in pixels,
        (7, 3) for dashes, (9, 3, 2, 3) for dash and dot."""
        shape = {"points": points, "color": color, "width": width, "dash": dash}
        self.shapes.append(("line", shape))

    def text(self, x, y, text, size=13, color=INK, anchor="middle", bold=False) -> None:
        """One line of text, centred vertically on y; anchor is start, middle or end."""
        shape = {"x": x, "y": y, "text": text, "size": size, "color": color, "anchor": anchor}
        self.shapes.append(("text", shape | {"bold": bold}))

    def picture(self, x, y, w, h, pixels, smooth=False) -> None:
        """A uint8 array (H, W) or (H, W, 3), enlarged to w x h with square pixels; ``smooth`` is
        for a picture of lines and marks that has as many pixels as the screen, or more."""
        shape = {"x": x, "y": y, "w": w, "h": h, "pixels": pixels, "smooth": smooth}
        self.shapes.append(("picture", shape))

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
            if kind == "picture":
                _paste(image, shape, scale)
            else:
                _PIL[kind](draw, shape, scale)
        return image


def _rect_svg(s: dict) -> str:
    return (
        f'<rect x="{s["x"]:g}" y="{s["y"]:g}" width="{s["w"]:g}" height="{s["h"]:g}" '
        f'fill="{s["fill"] or "none"}" stroke="{s["stroke"] or "none"}" '
        f'stroke-width="{s["width"]:g}"/>'
    )


def _line_svg(s: dict) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in s["points"])
    dash = f' stroke-dasharray="{" ".join(map(str, s["dash"]))}"' if s["dash"] else ""
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


def _picture_svg(s: dict) -> str:
    buffer = io.BytesIO()
    Image.fromarray(s["pixels"]).save(buffer, "PNG", compress_level=1)
    data = base64.b64encode(buffer.getvalue()).decode()
    style = "" if s["smooth"] else 'style="image-rendering:pixelated" '
    return (
        f'<image x="{s["x"]:g}" y="{s["y"]:g}" width="{s["w"]:g}" height="{s["h"]:g}" '
        f'{style}href="data:image/png;base64,{data}"/>'
    )


def _paste(image: Image.Image, s: dict, k: int) -> None:
    size = (round(s["w"] * k), round(s["h"] * k))
    method = Image.Resampling.LANCZOS if s["smooth"] else Image.Resampling.NEAREST
    pixels = Image.fromarray(s["pixels"]).resize(size, method)
    image.paste(pixels, (round(s["x"] * k), round(s["y"] * k)))


def _rect_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    x0, y0, x1, y1 = s["x"] * k, s["y"] * k, (s["x"] + s["w"]) * k, (s["y"] + s["h"]) * k
    if s["fill"]:
        draw.rectangle((x0, y0, x1, y1), fill=s["fill"])
    if s["stroke"]:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        _stroke(draw, corners, s["stroke"], s["width"] * k, None)


def _line_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    dash = [k * length for length in s["dash"]] if s["dash"] else None
    _stroke(draw, [(x * k, y * k) for x, y in s["points"]], s["color"], s["width"] * k, dash)


def _text_pil(draw: ImageDraw.ImageDraw, s: dict, k: int) -> None:
    anchor = {"start": "lm", "middle": "mm", "end": "rm"}[s["anchor"]]
    font = font_of_size(round(s["size"] * k), s["bold"])
    draw.text((s["x"] * k, s["y"] * k), s["text"], fill=s["color"], font=font, anchor=anchor)


_SVG = {
    "rect": _rect_svg,
    "line": _line_svg,
    "text": _text_svg,
    "picture": _picture_svg,
}
_PIL = {"rect": _rect_pil, "line": _line_pil, "text": _text_pil}


def _stroke(draw, points, color, width, dash) -> None:
    """A polyline, dashed if asked: PIL itself knows only solid ones."""
    width = max(1, round(width))
    if dash is None:
        draw.line(points, fill=color, width=width, joint="curve")
        return
    # Walk along the line; the pattern goes on round the corners.
    part, left = 0, dash[0]  # the stroke or gap we are in, and how much of it is left
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        position = 0.0
        while position < length:
            step = min(left, length - position)
            if part % 2 == 0:  # strokes and gaps take turns
                a, b = position / length, (position + step) / length
                start = (x0 + (x1 - x0) * a, y0 + (y1 - y0) * a)
                end = (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)
                draw.line((start, end), fill=color, width=width)
            position += step
            left -= step
            if left <= 1e-9:
                part = (part + 1) % len(dash)
                left = dash[part]


@functools.cache
def font_of_size(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has the signs of mathematics."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)

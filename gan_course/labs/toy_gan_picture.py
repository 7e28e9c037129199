"""The plane of ``ToyGAN`` as a picture: heat map, sheet, points, arrows."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from html import escape

import numpy as np
from PIL import Image, ImageDraw

from gan_course import palette
from gan_course.toy.distributions import LIMIT

SIDE = 440  # CSS pixels
SHARPEN = 2  # lines are drawn so many times larger, then shrunk, which makes them smooth
NOBODY = "#E2E2E2"  # where neither real nor fake points are
CONTOUR = "#4A4A4A"
EDGE = 140
ARROW = "#222222"
PIXELS_PER_DECADE = 7  # each ten times of force makes an arrow so much longer
SMALLEST_FORCE = 1e-4  # nothing smaller gets an arrow
LONGEST = 6 * PIXELS_PER_DECADE
APART = 16  # side of the squares that get one arrow each


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


@lru_cache(maxsize=1)
def heat_colors() -> np.ndarray:
    """256 colours, (256, 3): orange for 0 by way of white for 0.5 to blue for 1.

    The hues are those of fake and real, lightened so that the points stand out against them.
    """
    fake, real, white = (
        0.62 * rgb(c) + 0.38 * 255 for c in (palette.FAKE, palette.REAL, "#FFFFFF")
    )
    t = np.linspace(-1, 1, 256)[:, None]
    colors = np.where(t < 0, white + (fake - white) * -t, white + (real - white) * t)
    return colors.round().astype(np.uint8)


def draw_plane(data: dict, scale: int = 1) -> Image.Image:
    """The plane, ``SIDE * scale`` pixels wide.

    Args:
        data: of ``ToyGAN.figure_data``.
        scale: pixels for each CSS pixel.
    """
    picture = heat_map(data["heat"], SIDE * scale)
    if data["heat"] is not None:
        lines = contour(data["logits"], data["undecided"])
        paint_lines(picture, pixels(lines, scale), CONTOUR, 1.4 * scale)
    if data["sheet"] is not None:
        draw_sheet(picture, pixels(data["sheet"], scale), data["folded"], scale)
    stamp(picture, pixels(data["points_real"], scale), mark("real", scale))
    stamp(picture, pixels(data["points_fake"], scale), mark("fake", scale))
    if data["force"] is not None:
        arrows = arrow_lines(pixels(data["force_points"], 1), data["force"]) * scale
        paint_lines(picture, arrows, ARROW, 1.3 * scale)
    for edge in (slice(0, scale), slice(-scale, None)):
        picture[edge] = picture[:, edge] = EDGE
    return Image.fromarray(picture)


def plane_html(data: dict, sharp: bool, alt: str) -> str:
    """The plane for the browser, as a JPEG. At rest it is sharp; on the move it has to be quick."""
    buffer = io.BytesIO()
    draw_plane(data, 2 if sharp else 1).save(buffer, "JPEG", quality=90)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    # decoding="sync": the browser shows no frame without the picture.
    return (
        f'<img alt="{escape(alt)}" src="data:image/jpeg;base64,{encoded}" width="{SIDE}" '
        f'height="{SIDE}" decoding="sync" style="max-width:100%;height:auto">'
    )


def pixels(points: np.ndarray, scale: int) -> np.ndarray:
    """From places in the plane to pixels; y points down in a picture. Kept near the picture."""
    flipped = np.nan_to_num(points) * np.array([1, -1])
    return np.clip((flipped + LIMIT) / (2 * LIMIT), -20, 20) * SIDE * scale


# ---- the surface -----------------------------------------------------------------------------


def heat_map(heat: np.ndarray | None, side: int) -> np.ndarray:
    """A surface (n, n) of numbers in [0, 1], NaN where nobody is, as colours (side, side, 3); None
    is plain white."""
    if heat is None:
        return np.full((side, side, 3), 255, dtype=np.uint8)
    levels = Image.fromarray(enlarge(np.nan_to_num(heat, nan=0.5), side))
    levels.putpalette(heat_colors().tobytes())  # much faster than looking the colours up in NumPy
    picture = np.array(levels.convert("RGB"))
    nobody = np.isnan(heat)
    if nobody.any():
        blend(picture, enlarge(nobody, side), NOBODY)
    return picture


def enlarge(surface: np.ndarray, side: int) -> np.ndarray:
    """Numbers in [0, 1], (n, n), as smooth levels 0 to 255, (side, side)."""
    levels = Image.fromarray((surface * 255.0).round().astype(np.uint8))
    return np.asarray(levels.resize((side, side), Image.Resampling.BILINEAR))


def blend(picture: np.ndarray, cover: np.ndarray, color: str) -> None:
    """Lay a colour over a picture (H, W, 3), as thick as ``cover`` (H, W) says, 0 to 255."""
    touched = np.flatnonzero(cover.ravel() != 0)
    thick = cover.ravel()[touched, None] / np.float32(255)
    flat = picture.reshape(-1, 3)
    under = flat[touched]
    flat[touched] = under + (rgb(color).astype(np.float32) - under) * thick + 0.5


def contour(surface: np.ndarray, level: float) -> np.ndarray:
    """Where a surface (n, n) over the plane crosses a level: short lines (S, 2, 2), x and y.

    Each cell between four values is cut in two triangles; a line crosses exactly two sides of a
    triangle, or none.
    """
    n = len(surface)
    x = (np.arange(n) + 0.5) * (2 * LIMIT / n) - LIMIT
    places = np.stack(np.meshgrid(x, -x), axis=-1)  # the first row is at the top
    # A game that is about to break says infinity.
    above = np.nan_to_num(np.asarray(surface, dtype=float) - level, posinf=1e30, neginf=-1e30)
    corners = [(slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None))]
    corners += [(slice(1, None), slice(1, None)), (slice(1, None), slice(None, -1))]
    value = [above[c].ravel() for c in corners]
    place = [places[c].reshape(-1, 2) for c in corners]
    pieces = []
    for triangle in ((0, 1, 2), (0, 2, 3)):
        a, b, c = triangle
        crossings, crossed = [], []
        for i, j in ((a, b), (b, c), (c, a)):
            crossed.append((value[i] > 0) != (value[j] > 0))
            gap = np.where(crossed[-1], value[i] - value[j], 1.0)
            crossings.append(place[i] + (value[i] / gap)[:, None] * (place[j] - place[i]))
        for i, j in ((0, 1), (1, 2), (0, 2)):
            both = crossed[i] & crossed[j]
            pieces.append(np.stack([crossings[i][both], crossings[j][both]], axis=1))
    return np.concatenate(pieces)


# ---- lines -----------------------------------------------------------------------------------


def paint_lines(picture: np.ndarray, lines: np.ndarray, color: str, width: float) -> None:
    """Smooth polylines (L, points, 2) in pixels; there may be none."""
    if len(lines) == 0:
        return
    side = len(picture) * SHARPEN
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    thick = max(1, round(width * SHARPEN))
    for line in (lines * SHARPEN).reshape(len(lines), -1).tolist():
        draw.line(line, fill=255, width=thick)
    blend(picture, np.asarray(mask.reduce(SHARPEN)), color)


def draw_sheet(picture: np.ndarray, points: np.ndarray, folded: np.ndarray, scale: int) -> None:
    """G's sheet (n, n, 2) as a net; cells that lie turned over are hatched."""
    if len(points) == 1:  # a thread
        paint_lines(picture, points, palette.GENERATOR, 2.0 * scale)
        return
    if folded.any():
        rows, columns = np.nonzero(folded)
        corners = [points[rows + i, columns + j] for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
        shade = Image.new("L", (len(picture), len(picture)))
        draw = ImageDraw.Draw(shade)
        for cell in np.stack(corners, axis=1).reshape(-1, 8).tolist():
            draw.polygon(cell, fill=255)
        y, x = np.indices((len(picture), len(picture)), sparse=True)
        hatch = np.where((x + y) % (6 * scale) < 2 * scale, 150, 40).astype(np.uint8)
        blend(picture, np.minimum(np.asarray(shade), hatch), palette.GENERATOR)
    lines = np.concatenate([points, points.swapaxes(0, 1)])
    paint_lines(picture, lines, palette.GENERATOR, 1.0 * scale)


def arrow_length(force: np.ndarray) -> np.ndarray:
    """CSS pixels for a force: 7 more for each ten times, 0 below 0.0001, 42 at most."""
    decades = np.log10(np.maximum(force, 1e-30) / SMALLEST_FORCE)
    return np.clip(decades * PIXELS_PER_DECADE, 0, LONGEST)


def arrow_lines(start: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Arrows from points (N, 2) in pixels along forces (N, 2): polylines (M, 5, 2)."""
    force = np.clip(np.nan_to_num(force), -1e15, 1e15).astype(float)
    size = np.linalg.norm(force, axis=1)
    length = arrow_length(size)
    seen = length >= 1
    # Of arrows from almost the same place, one is enough: the points have to stay in sight.
    cells = np.floor(start[seen] / APART).astype(int)
    first = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    seen = np.nonzero(seen)[0][first]
    start, length = start[seen], length[seen, None]
    along = force[seen] / size[seen, None] * np.array([1, -1])
    across = along[:, ::-1] * np.array([-1, 1])
    tip = start + length * along
    head = np.minimum(5.0, 0.6 * length)
    left, right = tip - head * along + 0.5 * head * across, tip - head * along - 0.5 * head * across
    return np.stack([start, tip, left, right, tip], axis=1)


# ---- points ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def mark(kind: str, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """A blue disc or a vermilion triangle with a white rim.

    Returns:
        Its pixels as offsets (P, 2) from the middle, x and y; and their colours (P, 3).
    """
    fine, k = 8, 11 * scale
    color = Image.new("RGB", (k * fine, k * fine), "white")
    cover = Image.new("L", color.size)
    unit, middle = fine * scale, k * fine / 2
    for rim, image, fill in ((0.7, cover, 255), (0.0, color, None)):
        draw = ImageDraw.Draw(image)
        if kind == "real":
            r = (2.4 + rim) * unit
            box = (middle - r, middle - r, middle + r, middle + r)
            draw.ellipse(box, fill=fill or palette.REAL)
        else:
            r = (3.3 + 1.6 * rim) * unit
            corners = [(0, -r), (0.87 * r, 0.5 * r), (-0.87 * r, 0.5 * r)]
            places = [(middle + x, middle + y) for x, y in corners]
            draw.polygon(places, fill=fill or palette.FAKE)
    y, x = np.nonzero(np.asarray(cover.reduce(fine)) > 127)
    return np.stack([x, y], axis=1) - k // 2, np.asarray(color.reduce(fine))[y, x]


def stamp(picture: np.ndarray, centres: np.ndarray, mark: tuple[np.ndarray, np.ndarray]) -> None:
    """Put a mark on each centre (N, 2), in pixels; later ones lie above earlier ones."""
    offsets, colors = mark
    reach = int(np.abs(offsets).max()) + 1
    # On a wider picture, no mark has to be cut at the edge.
    wide = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)))
    places = np.round(centres).astype(int) + reach
    places = places[((places >= reach) & (places < len(wide) - reach)).all(axis=1)]
    flat = (places[:, 1] * len(wide) + places[:, 0])[:, None]
    flat = flat + (offsets[:, 1] * len(wide) + offsets[:, 0])
    wide.reshape(-1, 3)[flat.ravel()] = np.tile(colors, (len(places), 1))
    picture[:] = wide[reach:-reach, reach:-reach]


def draw_cloud(points_real: np.ndarray, points_fake: np.ndarray, side: int) -> np.ndarray:
    """Only the points, on white: a small plane (side, side, 3)."""
    picture = np.full((side, side, 3), 255, dtype=np.uint8)
    for kind, points in (("real", points_real), ("fake", points_fake)):
        stamp(picture, pixels(points, 1) * (side / SIDE), mark(kind, 1))
    return picture

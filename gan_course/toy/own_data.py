"""The learner's own data for the toy laboratory: a table of two columns, or a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan_course.data.pictures import open_picture
from gan_course.errors import CourseError, typed_path

FILL = 2.5  # own data is scaled so that its longer side reaches from -FILL to FILL
MIN_ROWS = 10
MAX_ROWS = 1_000_000
MAX_SIDE = 64  # a picture is reduced to this many pixels on its longer side
LEAST_DARKNESS = 0.3  # 0 is white, 1 is black; lighter pixels count as paper


def read_table(data: np.ndarray | str | Path, columns: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Two columns of numbers as points (N, 2), centred and scaled into the plane.

    Both columns are scaled by the same factor, so that a circle stays a circle.

    Args:
        data: an array (N, at least 2), or the path of a text file with one row a line, separated
            by commas, semicolons, tabs or blanks. A first line of column names is skipped.
        columns: which two columns, counted from 0.

    Raises:
        CourseError: for a file that is missing or is no text, and for a table with fewer than two
            columns, fewer than ten rows, values that are no numbers, or no spread.
    """
    if isinstance(data, str | Path):
        where, table = f"{data}", _read_csv(Path(data))
    else:
        where = "the table"
        try:
            table = np.asarray(data, dtype=float)
        except (TypeError, ValueError) as error:
            raise CourseError(
                "data must be an array of numbers with two columns, or the path of a CSV file."
            ) from error
    if table.ndim != 2 or table.shape[1] < 2:
        raise CourseError(
            f"{where} has the shape {table.shape}; it needs one row for each point and at least "
            f"two columns."
        )
    if len(columns) != 2 or not all(0 <= column < table.shape[1] for column in columns):
        raise CourseError(
            f"columns={columns} cannot be taken from {where}, whose columns are numbered 0 to "
            f"{table.shape[1] - 1}."
        )
    points = table[:, list(columns)]
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise CourseError(
            f"row {bad[0] + 1} of {where} holds {points[bad[0]].tolist()}: every value must be a "
            f"finite number. Remove such rows first ({len(bad)} of {len(points)})."
        )
    if not MIN_ROWS <= len(points) <= MAX_ROWS:
        raise CourseError(
            f"{where} has {len(points)} rows; between {MIN_ROWS} and {MAX_ROWS:,} are needed."
        )
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high / 2 - low / 2).max()  # halved first: high - low could be too large for a float
    if half == 0:
        raise CourseError(f"all {len(points)} rows of {where} are the same point.")
    return ((points - low) / half - (high - low) / (2 * half)) * FILL


def _read_csv(path: Path) -> np.ndarray:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{path} is no text file. Save the table as CSV (comma-separated, UTF-8)."
        ) from error
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror or error}.") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        cells = _cells(line)
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError as error:
            if number == 1:
                continue  # the names of the columns
            raise CourseError(
                f"row {number} of {path} is {line.strip()[:60]!r}: every value must be a number."
            ) from error
        if len(rows[-1]) != len(rows[0]):
            raise CourseError(
                f"row {number} of {path} has {len(rows[-1])} values, but the rows before it have "
                f"{len(rows[0])}."
            )
    if not rows:
        raise CourseError(f"{path} holds no rows of numbers.")
    return np.array(rows)


def _cells(line: str) -> list[str]:
    """Semicolons first: where they separate, a comma is a decimal comma."""
    if ";" in line:
        return [cell.strip().replace(",", ".") for cell in line.split(";")]
    if "," in line:
        return [cell.strip() for cell in line.split(",")]
    return line.split()


def read_picture(image: object, invert: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """A picture as blobs: one for each dark pixel, weighted by how dark it is.

    Args:
        image: the path of an image file, a PIL image, or an array (H, W) or (H, W, 3 or 4) with
            values 0 to 255; floats of at most 1 count as 0 to 1. Transparent parts count as white.
        invert: take the light pixels instead.

    Returns:
        centres (K, 2) in the plane, weights (K,), and the side of a pixel in the plane.

    Raises:
        CourseError: for a file that is missing or is no image, an array of another shape, and a
            picture without dark pixels.
    """
    from PIL import Image, ImageOps

    picture = _open(image)
    picture = ImageOps.exif_transpose(picture).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    grey = Image.alpha_composite(paper, picture).convert("L")
    grey.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    darkness = 1 - np.asarray(grey, dtype=float) / 255
    if invert:
        darkness = 1 - darkness
    ink = np.where(darkness >= LEAST_DARKNESS, darkness, 0.0)
    rows, columns = np.nonzero(ink)
    if len(rows) == 0:
        other = "invert=False" if invert else "invert=True"
        raise CourseError(
            f"the picture has no {'light' if invert else 'dark'} pixels, so there is nothing to "
            f"learn. Take one with a dark drawing on a light ground, or try {other}."
        )
    height, width = ink.shape
    pixel = 2 * FILL / max(height, width)
    x = (columns + 0.5 - width / 2) * pixel
    y = (height / 2 - rows - 0.5) * pixel  # row 0 is the top
    return np.stack([x, y], axis=1), ink[rows, columns], pixel


def _open(image: object):
    from PIL import Image, UnidentifiedImageError

    if isinstance(image, Image.Image):
        return image
    if isinstance(image, str | Path):
        try:
            picture = open_picture(typed_path(image))
            picture.load()
        except UnidentifiedImageError as error:
            raise CourseError(f"{image} is no image that can be read.") from error
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            why = getattr(error, "strerror", None) or error
            raise CourseError(f"the picture {str(image)!r} cannot be read: {why}.") from error
        return picture
    try:
        array = np.asarray(image)
        shades = np.nan_to_num(array.astype(float))
        if array.dtype.kind in "fb" and array.size and shades.max() <= 1:
            shades = shades * 255
        array = np.clip(shades, 0, 255).astype(np.uint8)
    except (TypeError, ValueError) as error:
        raise CourseError("image must be a path, a PIL image or an array.") from error
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not fits or array.size == 0:
        raise CourseError(
            f"an array of shape {array.shape} is no picture: it must be (H, W), (H, W, 3) or "
            f"(H, W, 4)."
        )
    return Image.fromarray(array)

"""From a picture file to the square of pixels that a network takes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

SMALLEST = 4  # pixels; what is smaller is an icon or a mistake
THUMBNAIL = 64  # pixels: what duplicates are looked for at


def open_picture(source: str | Path | BinaryIO) -> Image.Image:
    """Not PostScript, which is a program: Pillow would have Ghostscript run it."""
    Image.init()
    return Image.open(source, formats=[name for name in Image.ID if name != "EPS"])


def read_picture(path: Path, size: int = THUMBNAIL) -> Tensor:
    """Decode a file: uint8 (3, size, size), turned as its camera says, what is clear made white.

    Raises:
        ValueError, or whatever Pillow does, if the file is no picture or a broken one.
    """
    try:
        with warnings.catch_warnings(action="ignore"), open_picture(path) as image:
            image.load()
            if min(image.size) < SMALLEST:
                raise ValueError(f"only {image.width}x{image.height} pixels")
            return to_square(upright(image), size, channels=3)
    except UnidentifiedImageError:
        raise ValueError("not an image") from None


def to_square(image: Image.Image, size: int, channels: int) -> Tensor:
    """Crop the middle square, resample it smoothly, and return uint8 (C, size, size)."""
    if channels == 3:
        image = to_rgb(image)
    else:
        image = _eight_bits(image).convert("L")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if image.width != size:
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, dtype=np.uint8)
    if channels == 1:
        return torch.tensor(pixels[None])
    return torch.tensor(pixels.transpose(2, 0, 1).copy())


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB. What is transparent becomes white, not the black that a plain
    conversion would give."""
    image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def upright(image: Image.Image) -> Image.Image:
    """Turned as the camera noted in the EXIF block."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged note says nothing about the picture: take it as it lies
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey with 16 bits, 0..65535, or with floats, 0..1, as 0..255: Pillow alone would clip it.
    Any other picture stays as it is."""
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    values = np.array(image, dtype=np.float32)
    if image.mode != "F":
        values /= 257
    elif values.max() <= 1:
        values *= 255
    np.nan_to_num(values, copy=False)  # in place, each: a large picture has many megabytes
    return Image.fromarray(values.round(out=values).clip(0, 255, out=values).astype(np.uint8))

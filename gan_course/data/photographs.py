"""One picture, large and whole: not cropped to a square, as those of a training set are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from gan_course.data.images import to_floats
from gan_course.data.pictures import SMALLEST, open_picture, to_rgb, upright
from gan_course.data.sources import one_line
from gan_course.errors import CourseError, typed_path, why_no_file

SAMPLES = ("china", "flower")  # photographs that come with scikit-learn
SHORTEST = 32  # pixels: a smaller picture is enlarged
MOST_LONGEST = 2048
NARROWEST = 8  # times as long as wide


def load_photograph(source: str | Path | BinaryIO, longest: int = 256) -> Tensor:
    """A picture for style transfer.

    Args:
        source: ``china`` or ``flower``, two photographs that come with scikit-learn; or a file of
            your own: any mode, turned as its camera says, what is transparent made white.
        longest: pixels of the longer side at most; a larger picture is made smaller. One with a
            side below 32 is enlarged.

    Returns:
        (1, 3, H, W) floats in [-1, 1].

    Raises:
        CourseError: if it cannot be read, or is too narrow; the message says which and why.
    """
    if not isinstance(longest, int) or not SHORTEST <= longest <= MOST_LONGEST:
        raise CourseError(
            f"the longer side must have {SHORTEST} to {MOST_LONGEST:,} pixels, not {longest!r}."
        )
    if source in SAMPLES:
        image, name = _sample(source), source
    else:
        name = getattr(source, "name", "the picture") if hasattr(source, "read") else str(source)
        if not hasattr(source, "read"):
            source = typed_path(source)
            if source.exists() and why_no_file(source):
                raise CourseError(f"the picture {name} cannot be read: it {why_no_file(source)}.")
        image = _open(source, name)
    width, height = image.size
    short, long = sorted(image.size)
    scale = max(min(1.0, longest / long), SHORTEST / short)
    if scale != 1:
        size = (max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1).copy())
    return to_floats(pixels[None])


def _open(source: str | Path | BinaryIO, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings(action="ignore"), open_picture(source) as image:
            width, height = image.size  # before a pixel is decoded: there may be millions
            if min(width, height) < SMALLEST or max(width, height) > NARROWEST * min(width, height):
                raise CourseError(
                    f"{name} has {width}x{height} pixels. It must have {SMALLEST} a side or more, "
                    f"and be no more than {NARROWEST} times as long as wide."
                )
            image.load()
            return to_rgb(upright(image))
    except CourseError:
        raise
    except FileNotFoundError:
        raise CourseError(
            f"there is no picture {name}. Give the path of a file, or one of {', '.join(SAMPLES)}, "
            f"which come with scikit-learn."
        ) from None
    except UnidentifiedImageError:
        raise CourseError(f"{name} is not a picture that Pillow can read. Take another.") from None
    except Exception as error:  # a damaged file can fail anywhere in Pillow
        raise CourseError(f"{name} cannot be read: {one_line(error)}.") from error


def _sample(name: str) -> Image.Image:
    """Photographs by danielbuechele (china) and vultilion (flower) on Flickr, CC BY 2.0."""
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image(f"{name}.jpg"))

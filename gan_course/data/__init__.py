"""Where images come from. Whatever the source, a model sees (N, C, H, W) floats in [-1, 1]."""

from gan_course.data.grid import image_grid, picture_bytes, to_uint8
from gan_course.data.images import ImageSet
from gan_course.data.photographs import load_photograph
from gan_course.data.sources import DATASETS, default_image_size, load_images

__all__ = [
    "DATASETS",
    "ImageSet",
    "default_image_size",
    "image_grid",
    "load_images",
    "load_photograph",
    "picture_bytes",
    "to_uint8",
]

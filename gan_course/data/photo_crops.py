"""Colour images for training that come with scikit-learn: pieces of two photographs."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from gan_course.data.grid import to_uint8
from gan_course.data.images import ImageSet, to_floats

SIDES = (128, 256)  # pixels of a piece before it is shrunk: least and largest


def photo_crops(image_size: int, count: int = 2000, seed: int = 0) -> ImageSet:
    """``count`` random squares of ``china.jpg`` and ``flower.jpg``, half of them mirrored.

    A temple and a dahlia, 640x427 pixels each; the labels say which, 0 or 1. The same seed cuts the
    same pieces for every image size up to 128, so that sizes can be compared.

    Source: ``sklearn.datasets.load_sample_images``; the photographs are CC BY 2.0, their authors
    are named in scikit-learn's ``datasets/images/README.txt``.
    """
    from sklearn.datasets import load_sample_images

    # (3, 427, 640) each, in [-1, 1]
    photographs = [
        to_floats(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        for image in load_sample_images().images
    ]
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.empty((count, 3, image_size, image_size), dtype=torch.uint8)
    labels = torch.randint(0, len(photographs), (count,), generator=rng)
    for i in range(count):
        photograph = photographs[labels[i]]
        side, top, left, mirror = torch.rand(4, generator=rng).tolist()
        side = round(SIDES[0] + side * (SIDES[1] - SIDES[0]))
        top = round(top * (photograph.shape[1] - side))
        left = round(left * (photograph.shape[2] - side))
        piece = photograph[:, top : top + side, left : left + side]
        # Each new pixel is the mean of those that it covers: nothing is skipped over.
        piece = to_uint8(F.adaptive_avg_pool2d(piece, image_size))
        pixels[i] = piece.flip(2) if mirror < 0.5 else piece
    shape = (3, image_size, image_size)
    return ImageSet("photo-crops", shape, count, pixels, labels=labels)

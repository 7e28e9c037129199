"""Images that are nearly the same: copies, other sizes, other formats, a little lighter.

A *difference hash* (dHash) says of each pixel of a very small grey copy whether it is brighter than
its right neighbour. Saving again, resizing or brightening changes hardly any of these answers. But
drawings on an even ground may agree in nearly all of them by chance; so two small copies must also
correlate, pixel by pixel, before one is called a duplicate of the other.

Source: Neal Krawetz 2013, "Kind of Like That" (hackerfactor.com), there with a grid of 8x8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

GRID = 16  # answers in a row, and rows
REACH = 26  # of 256 answers may differ in near-duplicates: a tenth
ALIKE = 0.995  # correlation of the two small copies, at least
LEAST = 2  # grey levels by which a neighbour must be brighter: flat areas are noise otherwise


def small_copy(picture: Tensor) -> np.ndarray:
    """uint8 (C, H, W) -> uint8 (16, 17), grey."""
    grey = picture.float().mean(dim=0).round().numpy().astype(np.uint8)
    return np.asarray(Image.fromarray(grey).resize((GRID + 1, GRID), Image.Resampling.BOX))


def difference_hash(copy: np.ndarray) -> np.ndarray:
    """uint8 (16, 17) -> bool (256,): is each pixel brighter than its right neighbour?"""
    levels = copy.astype(np.int16)  # uint8 has no minus
    return (levels[:, :-1] >= levels[:, 1:] + LEAST).flatten()


def first_of_each(copies: Sequence[np.ndarray]) -> list[int]:
    """For each image the number of the first kept one that it is nearly the same as.

    An image that is like none before it is kept, and stands for itself: ``result[i] == i``.

    Args:
        copies: from ``small_copy``.
    """
    if not len(copies):
        return []
    signs = np.stack([difference_hash(copy) for copy in copies]) * np.float32(2) - 1  # (N, 256)
    levels = np.stack([copy.flatten() for copy in copies]).astype(np.float32)
    levels -= levels.mean(axis=1, keepdims=True)
    levels /= np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), 1e-6)
    first = list(range(len(signs)))
    kept: list[int] = []
    kept_signs, kept_levels = np.empty_like(signs), np.empty_like(levels)
    for i in range(len(signs)):
        # Of 256 answers, (256 - product) / 2 differ: one product for all the kept ones.
        count = len(kept)
        apart = (signs.shape[1] - kept_signs[:count] @ signs[i]) / 2
        near = np.flatnonzero((apart <= REACH) & (kept_levels[:count] @ levels[i] >= ALIKE))
        if len(near):
            first[i] = kept[near[0]]
        else:
            kept_signs[count], kept_levels[count] = signs[i], levels[i]
            kept.append(i)
    return first

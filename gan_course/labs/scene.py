"""A small colour picture that is drawn by rule: two houses far apart, a sun, grass and sky.

For lessons that look at single pixels: its colours are few and exact, and things that look alike
stand far from each other.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

COLOURS = {  # red, green, blue in [0, 1]
    "sky": (0.55, 0.75, 0.95),
    "grass": (0.35, 0.62, 0.25),
    "sun": (1.0, 0.85, 0.2),
    "wall": (0.95, 0.9, 0.78),
    "roof": (0.8, 0.2, 0.15),
    "door": (0.35, 0.2, 0.1),
}
HOUSES = (0.22, 0.78)  # where their middles stand


def scene(size: int = 32) -> Tensor:
    """The picture as (3, size, size) in [-1, 1].

    Raises:
        ValueError: if size is not between 8 and 128.
    """
    if not 8 <= size <= 128:
        raise ValueError(f"a scene has 8 to 128 pixels along a side, not {size}.")
    labels = scene_labels(size)
    colours = torch.tensor(list(COLOURS.values()))  # (6, 3)
    return colours[labels].permute(2, 0, 1) * 2 - 1


def scene_labels(size: int) -> Tensor:
    """(size, size) whole numbers: which of ``COLOURS`` each pixel has, counted from 0."""
    names = list(COLOURS)
    middles = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    labels = torch.full((size, size), names.index("sky"))
    labels[y > 0.7] = names.index("grass")
    labels[(x - 0.5) ** 2 + (y - 0.1875) ** 2 < 0.11**2] = names.index("sun")
    for middle in HOUSES:
        away = (x - middle).abs()
        labels[(away < 0.13) & (y > 0.5) & (y < 0.82)] = names.index("wall")
        labels[(away < 0.045) & (y > 0.64) & (y < 0.82)] = names.index("door")
        labels[(y > 0.3) & (y < 0.52) & (away < (y - 0.3) * 0.9 + 0.01)] = names.index("roof")
    return labels


@functools.cache
def painted(size: int) -> tuple[Tensor, Tensor]:
    """The scene and what stands where; painted once for each size."""
    return scene(size), scene_labels(size)

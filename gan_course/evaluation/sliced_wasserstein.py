"""The sliced Wasserstein distance of small patches, at several scales: no classifier is needed.

Where images fall into no classes, as pieces of photographs do, there are no features of a
classifier to compare. Patches can be compared without one: do those of the fakes have the colours,
edges and textures of the real ones?

Source: Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs", section 5; Burt &
Adelson 1983 for the Laplacian pyramid; Rabin et al. 2011 for the sliced distance.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.errors import CourseError

PATCH = 7  # pixels: height and width of a patch
PATCHES = 32  # from each image, at each scale
DIRECTIONS = 256
SMALLEST = 16  # pixels: the coarsest scale


def sliced_wasserstein(images_a: Tensor, images_b: Tensor, seed: int = 0) -> dict[int, float]:
    """How far the patches of two sets of images are apart, for each size of a Laplacian pyramid.

    The pyramid splits an image: the smallest size holds what is left when all is averaged, each
    larger one the detail that is new at this size. Patches of 7x7 pixels are cut from each level,
    at random places, and measured in units of the standard deviation of ``images_a``'s patches,
    channel by channel. Then along each of 256 random directions both sets are sorted, and paired in
    that order; the mean distance of the pairs, over all directions, is the result.

    (The authors measure each set in units of its own, which hides wrong colours and contrasts.
    Here both have the units of the first, so give the real images first.)

    Args:
        images_a, images_b: (N, C, s, s) each, as many of both, in [-1, 1]; s is 16, 32, 64 or 128.
        seed: of the places and the directions.

    Returns:
        size -> distance, smallest size first. Never negative, and 0 only for equal sets. With few
        images it is above 0 for a perfect generator, too: compare with what real images get.

    Raises:
        CourseError: if the two sets have not one shape, or their size is not in the list.
    """
    if images_a.shape != images_b.shape or images_a.ndim != 4 or len(images_a) < 2:
        raise CourseError(
            f"both sets must have one shape (N, C, s, s), with N of 2 or more; they have "
            f"{tuple(images_a.shape)} and {tuple(images_b.shape)}."
        )
    size = images_a.shape[-1]
    if size not in (16, 32, 64, 128) or images_a.shape[-2] != size:
        raise CourseError(
            f"the images have {images_a.shape[-2]}x{size} pixels, but must be squares of 16, 32, "
            f"64 or 128."
        )
    rng = torch.Generator().manual_seed(seed)
    found = {}
    for level_a, level_b in zip(*map(laplacian_pyramid, (images_a, images_b)), strict=True):
        # Places of their own for each set: shared ones would tie images of the same row together.
        patches = [random_patches(level, rng) for level in (level_a, level_b)]
        mean = patches[0].mean(dim=(0, 2), keepdim=True)
        std = patches[0].std(dim=(0, 2), keepdim=True) + 1e-8
        a, b = (((p - mean) / std).flatten(1) for p in patches)
        directions = F.normalize(torch.randn(a.shape[1], DIRECTIONS, generator=rng), dim=0)
        a, b = (a @ directions).sort(dim=0).values, (b @ directions).sort(dim=0).values
        found[level_a.shape[-1]] = (a - b).abs().mean().item()
    return found


def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """(N, C, s, s) -> the image at 16 pixels, then the new detail at 32, ..., at s."""
    levels = []
    while images.shape[-1] > SMALLEST:
        smaller = F.avg_pool2d(images, 2)
        coarse = F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        levels.insert(0, images - coarse)
        images = smaller
    return [images, *levels]


def random_patches(images: Tensor, rng: torch.Generator) -> Tensor:
    """(N, C, s, s) -> (N * PATCHES, C, PATCH * PATCH), from random places of each image."""
    windows = images.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # a view: (N, C, rows, columns, 7, 7)
    rows, columns = windows.shape[2:4]
    n = torch.arange(len(images)).repeat_interleave(PATCHES)
    y = torch.randint(0, rows, n.shape, generator=rng)
    x = torch.randint(0, columns, n.shape, generator=rng)
    return windows[n, :, y, x].flatten(2)

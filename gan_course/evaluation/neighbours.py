"""Is a generated image a copy? Its nearest training images, and how near is near."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gan_course.data import ImageSet
from gan_course.errors import CourseError

MOST = 20_000  # training images that are compared with; of a larger set, this many at random
MOST_NUMBERS = 2**26  # that they may hold together: 256 MB, so fewer of them if they are large
SAMPLE = 2_000  # real images whose own distances are measured
PART = 500  # of them at a time: their distances to all others fill a table


class Neighbours:
    """Training images to compare with, pixel by pixel or by their features.

    How near is near? A real image that was left out of the training images has a nearest one too.
    Where such held-out images are given they are the measure; otherwise each of the training images
    in turn is left out and compared with all the others.

    Args:
        images: the training images: an ``ImageSet``, or floats (N, C, H, W) in [-1, 1].
        held_out: real images that were not trained on, as floats (M, C, H, W), or None.
        measure: images (n, C, H, W) -> rows (n, F) that distances are taken of, for example an
            ``Extractor``; the pixels themselves if None.

    Attributes:
        images: (N, C, H, W), at most ``MOST`` of them.
        what_images: how many these are, in words; empty if they are all.
        real_distances: sorted (M,): of each held-out image to its nearest training image.
        what_real: what these distances are, in words.

    Raises:
        CourseError: if there are fewer than 4 images, if they are no images, or if the shapes do
            not fit.
    """

    def __init__(
        self,
        images: ImageSet | Tensor,
        held_out: Tensor | None = None,
        measure: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        for name, given, kinds in (
            ("images", images, ImageSet | Tensor),
            ("held_out", held_out, Tensor | None),
        ):
            if not isinstance(given, kinds):
                raise CourseError(
                    f"{name} must be images, floats (N, C, H, W), but is {type(given).__name__}. "
                    f"load_images of gan_course.data gives those of a data set."
                )
        rng = torch.Generator().manual_seed(0)
        total = len(images)
        if total < 4:
            raise CourseError(f"at least 4 training images are needed, but there are {total}.")
        size = math.prod(images.shape if isinstance(images, ImageSet) else images.shape[1:])
        most = max(4, min(MOST, MOST_NUMBERS // max(size, 1)))
        chosen, self.what_images = torch.arange(total), ""
        if total > most:
            chosen = torch.randperm(total, generator=rng)[:most].sort().values
            self.what_images = f"of {most:,} out of {total:,}"
        if isinstance(images, ImageSet):
            self.images = images.take(chosen).float().cpu()
        else:
            self.images = images[chosen].detach().float().cpu()
        if self.images.ndim != 4:
            raise CourseError(
                f"the training images must have shape (N, C, H, W), not {tuple(images.shape)}."
            )
        self._measure = measure or (lambda images: images.flatten(1))
        self._rows = self._measure(self.images)
        self._squares = self._rows.square().sum(1)
        if held_out is not None:
            if len(held_out) < 1 or held_out.shape[1:] != self.images.shape[1:]:
                raise CourseError(
                    f"the held-out images have shape {tuple(held_out.shape)}, and the training "
                    f"images {tuple(self.images.shape)}: all but the number must be the same."
                )
            rows = self._measure(held_out.detach().float().cpu()[:SAMPLE])
            distances = torch.cat([self._distances(r).min(1).values for r in rows.split(PART)])
            self.what_real = f"{len(distances):,} held-out real images"
        else:
            left_out = torch.randperm(len(self._rows), generator=rng)[:SAMPLE]
            parts = []
            for part in left_out.split(PART):
                table = self._distances(self._rows[part])
                table[torch.arange(len(part)), part] = torch.inf  # an image is not its neighbour
                parts.append(table.min(1).values)
            distances = torch.cat(parts)
            self.what_real = f"{len(distances):,} real images, each left out in turn"
        self.real_distances = distances.sort().values

    def _distances(self, rows: Tensor) -> Tensor:
        """Euclidean distances of rows (n, F) to all training images: (n, N)."""
        # |a - b|² = |a|² + |b|² - 2 a·b: one matrix product instead of n · N differences.
        squares = rows.square().sum(1, keepdim=True) + self._squares - 2 * rows @ self._rows.T
        return squares.clamp_min(0).sqrt()

    def nearest(self, images: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Distances (n, count), nearest first, and which training images they are (n, count)."""
        table = self._distances(self._measure(images))
        near = table.topk(min(count, table.shape[1]), largest=False)
        return near.values, near.indices

    def share_nearer(self, distance: float | Tensor) -> float | Tensor:
        """The share of real images that are nearer to their neighbour than this: 0 for a copy."""
        distance = torch.as_tensor(distance)
        below = torch.searchsorted(self.real_distances, distance)
        share = below / len(self.real_distances)
        return float(share) if share.ndim == 0 else share

"""A set of training images, and the batches that training takes from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_course.errors import CourseError

EVERY_ROW = slice(None)


@dataclass
class ImageSet:
    """Images for training: all in memory if they fit, read one by one if they don't.

    Attributes:
        name: what was asked for, for example ``"digits"``.
        shape: (C, H, W) of every image.
        pixels: uint8 tensor (N, C, H, W) on the training device, or None if it would not fit.
            uint8 and not float: a quarter of the memory, and faster to copy.
        read: for images that stay on disk, a function from an index to one uint8 (C, H, W).
        count: number of images.
        labels: int64 (N,) on the CPU where the source has them, else None. Only a conditional GAN
            uses them, and the course's own measurements.
        skipped: one line for each file that could not be read.
    """

    name: str
    shape: tuple[int, int, int]
    count: int
    pixels: Tensor | None = None
    read: Callable[[int], Tensor] | None = None
    labels: Tensor | None = None
    skipped: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count

    @property
    def num_classes(self) -> int:
        """How many classes the labels count, from 0.

        Raises:
            CourseError: if there are no labels.
        """
        return int(self._known_labels().max()) + 1

    def _known_labels(self) -> Tensor:
        if self.labels is None:
            raise CourseError(
                f"{self.name} has no labels, so nothing can be trained on its classes. Leave "
                f"--conditional out, or take digits, mnist, fashion-mnist, cifar10, or a folder in "
                f"which each class has a subfolder and no image lies beside them."
            )
        return self.labels

    def batches_per_epoch(self, batch_size: int) -> int:
        """Full batches only: a last batch of three images would upset BatchNorm."""
        if batch_size < 2:
            raise CourseError(f"batch_size={batch_size} is too small: BatchNorm needs at least 2.")
        if self.count < batch_size:
            raise CourseError(
                f"batch_size={batch_size} is larger than the data set: {self.name} has "
                f"{self.count} images. Use --batch_size {max(2, self.count)} or less."
            )
        return self.count // batch_size

    def batches(
        self,
        batch_size: int,
        seed: int,
        epoch: int,
        start: int = 0,
        rows: slice | Tensor = EVERY_ROW,
    ) -> Iterator[Tensor]:
        """The batches of one epoch, from batch number ``start`` on; of each only these ``rows``.

        The order depends on (seed, epoch) alone, so that a run which was stopped in the middle of
        an epoch can go on at the same image.

        Yields:
            floats (batch_size, C, H, W) in [-1, 1], on the device of the images.
        """
        for indices in self._order(batch_size, seed, epoch, start, rows):
            yield self.take(indices)

    def labelled_batches(
        self,
        batch_size: int,
        seed: int,
        epoch: int,
        start: int = 0,
        rows: slice | Tensor = EVERY_ROW,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches, each with the labels of its images: int64 (batch_size,), beside them.

        Raises:
            CourseError: if there are no labels.
        """
        labels = self._known_labels()
        if self.pixels is not None:
            labels = labels.to(self.pixels.device)  # once an epoch, not once a batch
        for indices in self._order(batch_size, seed, epoch, start, rows):
            images = self.take(indices)
            yield images, labels[indices].to(images.device)

    def _order(
        self, batch_size: int, seed: int, epoch: int, start: int, rows: slice | Tensor
    ) -> Iterator[Tensor]:
        """The indices of each batch, beside the pixels where these are in memory."""
        number = self.batches_per_epoch(batch_size)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(self.count, generator=generator)[: number * batch_size]
        order = order.view(number, batch_size)[:, rows]
        if self.pixels is not None:
            order = order.to(self.pixels.device)
        yield from order[start:]

    def take(self, indices: Tensor) -> Tensor:
        """The images with these indices: floats (N, C, H, W) in [-1, 1]."""
        if self.pixels is not None:
            pixels = self.pixels[indices.to(self.pixels.device)]
        else:
            pixels = torch.stack([self.read(int(i)) for i in indices])
        return to_floats(pixels)


def to_floats(pixels: Tensor) -> Tensor:
    """uint8 0..255 -> floats in [-1, 1], the range of the generator's tanh."""
    return pixels.float() / 127.5 - 1

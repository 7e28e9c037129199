"""MSG-GAN: G gives an image at every size, and D takes all of them at once.

Source: Karnewar & Wang 2020, "MSG-GAN: Multi-Scale Gradients for Generative Adversarial Networks",
and the authors' code, github.com/akanimax/BMSG-GAN.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_course.models.progan import ProGANGenerator
from gan_course.models.progressive_layers import (
    EqualizedConv2d,
    channels_at,
    check_arguments,
    down_block,
    enlarge,
    last_block,
)


class MSGGANGenerator(ProGANGenerator):
    """G: turns a latent vector ``z`` into images of all sizes, from one and the same pass.

    The layers are those of ``ProGANGenerator``, and so are the names of its weights. But nothing
    is faded in: all blocks are there from the start, and each map hands out its image.
    """

    def forward(self, z: Tensor) -> list[Tensor]:
        """z (N, latent_dim) -> images (N, C, 4, 4), (N, C, 8, 8), ..., the largest last."""
        x = self.stem(self._as_rows(z))
        images = [self.to_images[0](x)]
        for block, to_image in zip(self.blocks, self.to_images[1:], strict=True):
            x = block(enlarge(x, self.upsampling))
            images.append(to_image(x))
        return images


class MSGGANDiscriminator(nn.Module):
    """D: turns the images of all sizes into one logit.

    It reads the largest image. Whenever its map has shrunk to the size of the next one, that image
    is laid beside the map as further channels. So D's opinion hangs on each image *directly*, and
    each block of G gets a gradient that need not come through all blocks after it.

    (The paper tries three ways to join image and map. This is the simplest of them; the authors'
    code leads the image through a 1x1 convolution first.)

    Args:
        image_size, image_channels, base_channels, group_size: as for ``ProGANDiscriminator``.

    Raises:
        ValueError: for an image size that is not in the list, or a count below 1.
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        base_channels: int = 16,
        group_size: int = 4,
    ) -> None:
        super().__init__()
        check_arguments(image_size, image_channels, 1, base_channels)
        self.image_size = image_size
        self.image_channels = image_channels
        self.base_channels = base_channels
        self.sizes = tuple(4 * 2**k for k in range((image_size // 4).bit_length()))

        widths = [channels_at(size, image_size, base_channels) for size in self.sizes]
        self.from_image = nn.Sequential(
            EqualizedConv2d(image_channels, widths[-1], 1), nn.LeakyReLU(0.2)
        )
        # blocks[k] leads from sizes[k + 1] to sizes[k]; the largest has no image beside its map.
        top = len(widths) - 2
        self.blocks = nn.ModuleList(
            down_block(before, after, extra=0 if k == top else image_channels)
            for k, (after, before) in enumerate(pairwise(widths))
        )
        beside = image_channels if self.blocks else 0
        self.to_logit = last_block(widths[0], extra=beside, group_size=group_size)

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        """Images (N, C, 4, 4), (N, C, 8, 8), ..., the largest last -> logits (N,).

        Raises:
            ValueError: if a size is missing or wrong, or if the batch does not fall into groups.
        """
        shapes = [tuple(image.shape[1:]) for image in images]
        if shapes != [(self.image_channels, size, size) for size in self.sizes]:
            raise ValueError(
                f"this discriminator takes a list of images with {self.image_channels} channels "
                f"and {', '.join(map(str, self.sizes))} pixels, but the shapes are {shapes}."
            )
        x = self.from_image(images[-1])
        for block, smaller in zip(reversed(self.blocks), reversed(images[:-1]), strict=True):
            x = block(x)
            x = torch.cat([x, smaller], dim=1)
        return self.to_logit(x).squeeze(1)

"""ProGAN: two networks that begin with images of 4x4 pixels and grow while they are trained.

Source: Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", and the authors' code, github.com/tkarras/progressive_growing_of_gans.

``level`` counts the doublings: level 0 has images of 4x4 pixels, level 4 of 64x64. ``alpha`` says
how far the newest block is faded in: 0 without it, 1 with all of its weight. In the authors' code
it runs the other way round: ``lod`` counts down, and its fraction is the *old* branch's share.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.models.progressive_layers import (
    EqualizedConv2d,
    channels_at,
    check_arguments,
    down_block,
    enlarge,
    first_block,
    last_block,
    up_block,
)


class ProGANGenerator(nn.Module):
    """G: turns a latent vector ``z`` into an image of any of its sizes.

    For the default 64x64 image::

        z (N, 128) -> (N, 256, 4, 4) -> (N, 128, 8, 8) -> (N, 64, 16, 16)
                   -> (N, 32, 32, 32) -> (N, 16, 64, 64)

    and from each of these maps a 1x1 convolution makes an image. There is no tanh behind it, as in
    the authors' code: an image may lie a little outside of [-1, 1].

    Args:
        image_size: height and width of the largest image: 4, 8, 16, 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of ``z``.
        base_channels: channels of the largest map; each smaller one has twice as many, at most 512.
        upsampling: "nearest", as in the paper, or "bilinear".

    Raises:
        ValueError: for an image size that is not in the list, or a count below 1.
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        latent_dim: int = 128,
        base_channels: int = 16,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        check_arguments(image_size, image_channels, latent_dim, base_channels)
        if upsampling not in ("nearest", "bilinear"):
            raise ValueError(f'upsampling must be "nearest" or "bilinear", but is {upsampling!r}.')
        self.image_size = image_size
        self.image_channels = image_channels
        self.latent_dim = latent_dim
        self.base_channels = base_channels
        self.upsampling = upsampling
        self.top_level = (image_size // 4).bit_length() - 1

        widths = [channels_at(4 * 2**k, image_size, base_channels) for k in range(self.levels)]
        self.stem = first_block(latent_dim, widths[0])
        self.blocks = nn.ModuleList(up_block(before, after) for before, after in pairwise(widths))
        self.to_images = nn.ModuleList(
            EqualizedConv2d(width, image_channels, 1, gain=1.0) for width in widths
        )

    @property
    def levels(self) -> int:
        """How many sizes of image there are."""
        return self.top_level + 1

    def forward(self, z: Tensor, level: int | None = None, alpha: float = 1.0) -> Tensor:
        """z (N, latent_dim) -> images (N, C, s, s) with s = 4 * 2**level; the top level if None.

        Raises:
            ValueError: for a z of another shape, a level that there is not, or an alpha outside of
                [0, 1].
        """
        level = check_growth(self.top_level, level, alpha)
        x = self.stem(self._as_rows(z))
        for block in self.blocks[: max(0, level - 1)]:
            x = block(enlarge(x, self.upsampling))
        if level == 0:
            return self.to_images[0](x)
        new = self.to_images[level](self.blocks[level - 1](enlarge(x, self.upsampling)))
        if alpha == 1:
            return new
        old = enlarge(self.to_images[level - 1](x), self.upsampling)
        return torch.lerp(old, new, alpha)  # old + alpha * (new - old)

    @torch.no_grad()
    def generate(
        self,
        num_images: int,
        generator: torch.Generator | None = None,
        truncation: float = 1.0,
        level: int | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """Draw ``num_images`` new images, clipped to [-1, 1]: (num_images, C, s, s).

        ``truncation`` multiplies z as in the other generators. But here the first layer puts z on
        a sphere, whatever its length, so that it changes nothing.
        """
        if num_images < 1:
            raise ValueError(f"num_images must be at least 1, but is {num_images}.")
        z = truncation * torch.randn(num_images, self.latent_dim, generator=generator)
        z = z.to(next(self.parameters()).device)
        return ProGANGenerator.forward(self, z, level, alpha).clamp(-1, 1)

    def _as_rows(self, z: Tensor) -> Tensor:
        if z.ndim == 4 and z.shape[1:] == (self.latent_dim, 1, 1):
            return z.flatten(1)
        if z.ndim == 2 and z.shape[1] == self.latent_dim:
            return z
        raise ValueError(
            f"z has shape {tuple(z.shape)}, but this generator takes (N, {self.latent_dim}) "
            f"or (N, {self.latent_dim}, 1, 1)."
        )


class ProGANDiscriminator(nn.Module):
    """D: turns an image of any of its sizes into one logit. The mirror of the generator.

    Args:
        image_size, image_channels, base_channels: as for the generator.
        group_size: images that the minibatch standard deviation compares.

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
        self.top_level = (image_size // 4).bit_length() - 1

        levels = range(self.top_level + 1)
        widths = [channels_at(4 * 2**k, image_size, base_channels) for k in levels]
        self.from_images = nn.ModuleList(
            nn.Sequential(EqualizedConv2d(image_channels, width, 1), nn.LeakyReLU(0.2))
            for width in widths
        )
        # blocks[k] leads from level k + 1 down to level k.
        self.blocks = nn.ModuleList(down_block(before, after) for after, before in pairwise(widths))
        self.to_logit = last_block(widths[0], group_size=group_size)

    def forward(self, images: Tensor, level: int | None = None, alpha: float = 1.0) -> Tensor:
        """Images (N, C, s, s) with s = 4 * 2**level -> logits (N,); the top level if None.

        Raises:
            ValueError: for images of another size, a level that there is not, an alpha outside of
                [0, 1], or a batch that does not fall into groups.
        """
        level = check_growth(self.top_level, level, alpha)
        size = 4 * 2**level
        if images.ndim != 4 or images.shape[1:] != (self.image_channels, size, size):
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but at level {level} this "
                f"discriminator takes (N, {self.image_channels}, {size}, {size})."
            )
        x = self.from_images[level](images)
        if level > 0:
            x = self.blocks[level - 1](x)
            if alpha < 1:  # the way past the new block: shrink the image, and read that
                old = self.from_images[level - 1](F.avg_pool2d(images, 2))
                x = torch.lerp(old, x, alpha)
        for block in reversed(self.blocks[: max(0, level - 1)]):
            x = block(x)
        return self.to_logit(x).squeeze(1)


def check_growth(top_level: int, level: int | None, alpha: float) -> int:
    """The level, ``top_level`` for None. Raises ValueError for one that there is not."""
    if level is None:
        level = top_level
    if level not in range(top_level + 1):
        raise ValueError(
            f"level must be a whole number from 0 (4x4 pixels) to {top_level}, but is {level!r}."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie between 0 (old) and 1 (new), but is {alpha!r}.")
    return level

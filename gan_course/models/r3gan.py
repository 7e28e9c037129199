"""A modern small pair after R3GAN: residual blocks, and none of the tricks of the older GANs.

No BatchNorm, no spectral norm, no transposed convolution. What keeps training steady is in the
loss: relativistic pairs with the penalties R1 and R2 (``gan_course.losses``). Without BatchNorm
each image goes its own way through both networks, which the penalties need.

Source: Huang, Gokaslan, Kuleshov & Tompkin 2024, "The GAN is dead; long live the GAN! A Modern
GAN Baseline". Ours is smaller: at each size one block of two 3x3 convolutions, not two of 1x1,
grouped 3x3 and 1x1; linear layers at G's beginning and D's end; of Fix-up's initialisation the
zeros only; a constant gamma and step size; a tanh, so that its images stay in [-1, 1].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.models.dcgan import DCGANGenerator, _check_arguments

SLOPE = 0.2


class R3GANGenerator(nn.Module):
    """G: turns a latent vector ``z`` into an image. For the default 32x32 image::

        z (N, 64) -> (N, 128, 4, 4) -> (N, 64, 8, 8) -> (N, 32, 16, 16) -> (N, 3, 32, 32)

    At each size a residual block works on the map; then it is enlarged smoothly, and a 1x1
    convolution halves its channels.

    Args:
        image_size: height and width of the image in pixels: 16, 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of ``z``.
        base_channels: channels of the map that is half as high as the image; each smaller one has
            twice as many.

    Raises:
        ValueError: for an image size that is not in the list, or a count below 1.
    """

    def __init__(
        self,
        image_size: int = 32,
        image_channels: int = 3,
        latent_dim: int = 64,
        base_channels: int = 32,
    ) -> None:
        super().__init__()
        _check_arguments(image_size, image_channels, latent_dim, base_channels)
        self.image_size = image_size
        self.image_channels = image_channels
        self.latent_dim = latent_dim
        self.base_channels = base_channels

        channels = base_channels * image_size // 8
        self.stem = nn.Sequential(
            nn.Linear(latent_dim, channels * 4 * 4), nn.Unflatten(1, (channels, 4, 4))
        )
        blocks = [ResidualBlock(channels)]
        for _ in range(int(math.log2(image_size // 8))):
            blocks += [Resize(channels, channels // 2, 2.0), ResidualBlock(channels // 2)]
            channels = channels // 2
        self.blocks = nn.Sequential(*blocks)
        self.to_image = nn.Conv2d(channels, image_channels, kernel_size=3, padding=1)
        _init_weights(self)

    def forward(self, z: Tensor) -> Tensor:
        """z of shape (N, latent_dim) or (N, latent_dim, 1, 1) -> images (N, C, H, W) in [-1, 1]."""
        x = self.blocks(self.stem(self._as_rows(z)))
        return torch.tanh(self.to_image(resize(F.leaky_relu(x, SLOPE), 2.0)))

    generate = DCGANGenerator.generate
    _as_rows = DCGANGenerator._as_rows


class R3GANDiscriminator(nn.Module):
    """D: turns an image into one logit, by the way of the generator backwards.

    (N, 3, 32, 32) -> (N, 32, 16, 16) -> (N, 64, 8, 8) -> (N, 128, 4, 4) -> logits (N,)

    Args:
        image_size, image_channels, base_channels: as in ``R3GANGenerator``.

    Raises:
        ValueError: for an image size that is not in the list, or a count below 1.
    """

    def __init__(
        self, image_size: int = 32, image_channels: int = 3, base_channels: int = 32
    ) -> None:
        super().__init__()
        _check_arguments(image_size, image_channels, 1, base_channels)
        self.image_size = image_size
        self.image_channels = image_channels
        self.base_channels = base_channels

        channels = base_channels
        self.from_image = nn.Conv2d(image_channels, channels, kernel_size=3, padding=1)
        blocks = [ResidualBlock(channels)]
        for _ in range(int(math.log2(image_size // 8))):
            blocks += [Resize(channels, channels * 2, 0.5), ResidualBlock(channels * 2)]
            channels = channels * 2
        self.blocks = nn.Sequential(*blocks)
        self.to_logit = nn.Sequential(
            nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(channels * 4 * 4, 1)
        )
        _init_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] -> logits (N,)."""
        expected = (self.image_channels, self.image_size, self.image_size)
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but this discriminator takes "
                f"(N, {expected[0]}, {expected[1]}, {expected[2]})."
            )
        x = resize(self.from_image(images), 0.5)
        return self.to_logit(self.blocks(x)).squeeze(1)


class ResidualBlock(nn.Module):
    """What comes in, plus what two convolutions make of it: (N, C, H, W) -> the same shape.

    The second convolution starts at 0, so that a fresh block passes everything on unchanged, and
    signals neither grow nor die on a long way: that is what BatchNorm was for.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(F.leaky_relu(x, SLOPE))
        return x + self.second(F.leaky_relu(inner, SLOPE))


class Resize(nn.Module):
    """(N, in, H, W) -> (N, out, 2H, 2W) with factor 2, half of each with 0.5."""

    def __init__(self, in_channels: int, out_channels: int, factor: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        # The convolution goes where the map is small: the order changes nothing but the work.
        if self.factor > 1:
            return resize(self.conv(x), self.factor)
        return self.conv(resize(x, self.factor))


def resize(x: Tensor, factor: float) -> Tensor:
    """Twice or half as high and wide, smoothly: no checkerboards, and no pixel is skipped."""
    if factor < 1:
        return F.avg_pool2d(x, 2)
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _init_weights(model: nn.Module) -> None:
    """He's rule, in place: weights of N(0, gain² / inputs), so that each layer's output is as
    large as its input. Biases, and each residual block's last convolution, start at 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.first.weight.data.mul_(math.sqrt(2 / (1 + SLOPE**2)))  # a LeakyReLU before it
            nn.init.zeros_(module.second.weight)

"""The small layers of ProGAN and MSG-GAN, and the blocks that both build their networks of.

Source: Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", section 3 (minibatch standard deviation) and 4 (the two others).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE_SIZES = (4, 8, 16, 32, 64, 128)
MAX_CHANNELS = 512


class EqualizedConv2d(nn.Conv2d):
    """A convolution whose weights are stored as N(0, 1) and multiplied at each use, in float32.

    The factor is ``gain / sqrt(fan_in)``, which is what He's rule would have drawn them with: the
    output begins the same. But Adam's step is as long for small weights as for large ones. With all
    weights stored at the same size, each layer learns at the same pace: *equalised learning rate*.

    Args:
        gain: sqrt(2) before a LeakyReLU, 1 before nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: int = 0,
        gain: float = math.sqrt(2),
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=padding)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.scale = gain / math.sqrt(in_channels * kernel_size**2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqualizedLinear(nn.Linear):
    """The same for a linear layer: (N, in) -> (N, out)."""

    def __init__(self, in_features: int, out_features: int, gain: float = math.sqrt(2)) -> None:
        super().__init__(in_features, out_features)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.scale = gain / math.sqrt(in_features)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class PixelNorm(nn.Module):
    """Divide the channels of each pixel by their root mean square: (N, C, ...) -> the same.

    Nothing is learned, and no image knows of another, as in BatchNorm. In G it keeps the signal
    from growing from layer to layer when G and D drive each other up.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class MinibatchStdDev(nn.Module):
    """One more channel that says how different the images of a group are: (N, C, H, W) -> C + 1.

    A D that sees one image at a time can't know that all images are alike. So: the standard
    deviation of each number over a group of images, averaged over channels and places to one
    number a group, laid beside the channels of each of its images as a constant map.

    The paper takes the whole batch for one group; its code, like this, four images at a time.

    Args:
        group_size: images in a group. The batch must be smaller, or a multiple of it.
    """

    def __init__(self, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        size = min(self.group_size, count)
        if count % size:
            raise ValueError(
                f"a batch of {count} images does not fall into groups of {size}, over which the "
                f"minibatch standard deviation is taken. Choose a multiple of {size}."
            )
        groups = x.view(-1, size, channels, height, width)
        # Divided by the size, not by the size minus 1; 1e-8, for the root has no slope at 0.
        spread = (groups.var(dim=1, correction=0) + 1e-8).sqrt()  # (groups, C, H, W)
        spread = spread.mean(dim=(1, 2, 3)).repeat_interleave(size)  # (N,)
        return torch.cat([x, spread.view(-1, 1, 1, 1).expand(-1, 1, height, width)], dim=1)


def channels_at(size: int, image_size: int, base_channels: int) -> int:
    """Channels of a map of ``size`` pixels: half as high, twice as many; at most 512."""
    return min(base_channels * image_size // size, MAX_CHANNELS)


def first_block(latent_dim: int, channels: int) -> nn.Sequential:
    """Where G begins: z (N, latent_dim) -> (N, channels, 4, 4)."""
    return nn.Sequential(
        PixelNorm(),  # z on a sphere
        # The authors' gain, sqrt(2) / 4: as if fan_in counted the 4x4 places, too
        EqualizedLinear(latent_dim, channels * 4 * 4, gain=math.sqrt(2) / 4),
        nn.Unflatten(1, (channels, 4, 4)),
        nn.LeakyReLU(0.2),
        PixelNorm(),
        EqualizedConv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        PixelNorm(),
    )


def up_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """In G, after the map was enlarged: (N, in, H, W) -> (N, out, H, W)."""
    return nn.Sequential(
        EqualizedConv2d(in_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        PixelNorm(),
        EqualizedConv2d(out_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        PixelNorm(),
    )


def down_block(in_channels: int, out_channels: int, extra: int = 0) -> nn.Sequential:
    """In D: (N, in + extra, H, W) -> (N, out, H / 2, W / 2)."""
    return nn.Sequential(
        EqualizedConv2d(in_channels + extra, in_channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        EqualizedConv2d(in_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.AvgPool2d(2),
    )


def last_block(channels: int, extra: int = 0, group_size: int = 4) -> nn.Sequential:
    """Where D ends: (N, channels + extra, 4, 4) -> (N, 1)."""
    return nn.Sequential(
        MinibatchStdDev(group_size),
        EqualizedConv2d(channels + extra + 1, channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        EqualizedConv2d(channels, channels, 4),  # (N, channels, 1, 1)
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        EqualizedLinear(channels, 1, gain=1.0),
    )


def enlarge(x: Tensor, mode: str = "nearest") -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W); "nearest" makes four pixels of each, "bilinear" blends."""
    if mode == "nearest":
        return F.interpolate(x, scale_factor=2, mode="nearest")
    return F.interpolate(x, scale_factor=2, mode=mode, align_corners=False)


def image_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """The same images at every size, smallest first: each is the mean of 2x2 pixels of the next.

    Args:
        images: (N, C, H, W).
        levels: how many sizes. The last one is ``images`` itself.
    """
    pyramid = [images]
    for _ in range(levels - 1):
        pyramid.insert(0, F.avg_pool2d(pyramid[0], 2))
    return pyramid


def check_arguments(
    image_size: int, image_channels: int, latent_dim: int, base_channels: int
) -> None:
    """Raise ValueError, with a sentence, for sizes that these networks do not have."""
    if image_size not in IMAGE_SIZES:
        raise ValueError(
            f"image_size must be one of {', '.join(map(str, IMAGE_SIZES))}, but is {image_size!r}: "
            f"each block doubles the size, starting from 4."
        )
    for name, value in (
        ("image_channels", image_channels),
        ("latent_dim", latent_dim),
        ("base_channels", base_channels),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, but is {value}.")

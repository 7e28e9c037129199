"""The numbers of ``FadeIn``: both branches, their spectra, what each level costs, Adam's steps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.models import ProGANGenerator
from gan_course.models.progressive_layers import EqualizedConv2d, enlarge

RATE = 0.001  # of Adam, for the chart of its first step


@torch.no_grad()
def branches(generator: ProGANGenerator, z: Tensor, level: int, alpha: float) -> dict[str, Tensor]:
    """old, the image of the level below, enlarged; new, of the new block; blend: (C, s, s) each."""
    old = generator(z, level, 0.0) if level else generator(z, 0)
    return {
        "old": old[0],
        "new": generator(z, level, 1.0)[0],
        "blend": generator(z, level, alpha)[0],
    }


def detail(image: Tensor) -> float:
    """Mean square of what is lost if 2x2 pixels become one: the detail that the new size adds."""
    small = F.avg_pool2d(image[None], 2)
    return (image[None] - enlarge(small)).square().mean().item()


def energy_by_ring(image: Tensor) -> list[float]:
    """The share of an image's energy at each frequency, from 1 to s / 2 periods per image.

    Args:
        image: (C, s, s).

    Returns:
        s / 2 numbers; what lies in the corners beyond the last ring is added to it. All are 0 for a
        plain image, which has no energy besides its mean.
    """
    size = image.shape[-1]
    spectrum = torch.fft.fft2(image.double()).abs().square().sum(dim=0)  # (s, s)
    frequency = torch.fft.fftfreq(size, d=1 / size, dtype=torch.float64)
    ring = (frequency[:, None] ** 2 + frequency[None] ** 2).sqrt().round().long()
    energy = torch.zeros(size // 2 + 1, dtype=torch.float64)
    energy.index_add_(0, ring.clamp(max=size // 2).flatten(), spectrum.flatten())
    energy = energy[1:]
    return (energy / energy.sum().clamp(min=1e-12)).tolist()


def costs(generator: ProGANGenerator) -> list[int]:
    """Multiplications for one image in the block of each level, its 1x1 convolution included."""
    counts = []
    for level in range(generator.levels):
        block = generator.stem if level == 0 else generator.blocks[level - 1]
        layers = [*block, generator.to_images[level]]
        size = 4 * 2**level
        total = 0
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                total += layer.weight.numel() * size**2
            elif isinstance(layer, nn.Linear):
                total += layer.weight.numel()
        counts.append(total)
    return counts


def first_step(generator: ProGANGenerator, equalized: bool) -> list[float]:
    """By which share Adam's first step changes the first convolution of each level's block.

    That step is as long as the learning rate for each weight that has a gradient, however large the
    weight is. So the share is the rate over the weights' root mean square: about 1 for equalised
    weights, and what He's rule would have drawn for others.
    """
    blocks = [generator.stem, *generator.blocks]
    shares = []
    for block in blocks:
        layer = next(m for m in block if isinstance(m, EqualizedConv2d))
        size = layer.weight.detach().square().mean().sqrt().item()
        shares.append(RATE / (size if equalized else size * layer.scale))
    return shares


def rings_above(energy: list[float]) -> float:
    """The share above the frequency that an image of half the size could show at most."""
    return math.fsum(energy[len(energy) // 2 :])

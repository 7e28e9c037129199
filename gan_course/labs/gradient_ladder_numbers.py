"""The numbers of ``GradientLadder``: how much of G's gradient reaches each block, and which way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_course.losses import generator_loss
from gan_course.models import (
    MSGGANDiscriminator,
    MSGGANGenerator,
    ProGANDiscriminator,
    ProGANGenerator,
)

MODES = ("single loss", "growing", "multi-scale")
BATCH, LATENT_DIM, BASE_CHANNELS = 4, 32, 4


@dataclass
class Ladder:
    """What reaches each block of G.

    Attributes:
        sizes: of the blocks' maps, 4 first.
        total: size -> root mean square of the loss's gradient on the block's weights; 0 for a block
            that is not reached.
        paths: (size of a block, size of an image) -> the same, through that image alone.
        images: the sizes of the images that D sees.
    """

    sizes: list[int]
    total: dict[int, float]
    paths: dict[tuple[int, int], float]
    images: list[int]


def networks(mode: str, image_size: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """G and D as they are before training; G has the same weights in every mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if mode == "multi-scale":
            generator = MSGGANGenerator(image_size, 3, LATENT_DIM, BASE_CHANNELS)
            return generator, MSGGANDiscriminator(image_size, 3, BASE_CHANNELS)
        generator = ProGANGenerator(image_size, 3, LATENT_DIM, BASE_CHANNELS)
        return generator, ProGANDiscriminator(image_size, 3, BASE_CHANNELS)


def climb(mode: str, depth: int, level: int, strength: float, cut: bool, seed: int = 0) -> Ladder:
    """Measure the gradient of G's non-saturating loss.

    Args:
        mode: one of ``MODES``.
        depth: doublings of the whole network: 2 for 16x16 pixels, 4 for 64x64.
        level: in the mode "growing", how far it has grown.
        strength: D's logits are multiplied by it. At 0 it says the same of every image.
        cut: whether the largest image is cut off: no gradient flows through it.
        seed: of weights and z.
    """
    generator, discriminator = networks(mode, 4 * 2**depth, seed)
    z = torch.randn(BATCH, LATENT_DIM, generator=torch.Generator().manual_seed(seed + 1))
    top = level if mode == "growing" else depth
    sizes = [4 * 2**k for k in range(depth + 1)]
    if mode == "multi-scale":
        images = generator(z)
        shown = sizes
    else:
        images = [generator(z, top)]
        shown = [sizes[top]]
    leaves = [image.detach().requires_grad_(True) for image in images]
    inputs = leaves if mode == "multi-scale" else leaves[0]
    logits = discriminator(inputs) if mode == "multi-scale" else discriminator(inputs, top)
    loss = generator_loss("non-saturating", strength * logits)
    wanted = list(torch.autograd.grad(loss, leaves))  # how D wants each image changed
    if cut:
        wanted[-1] = torch.zeros_like(wanted[-1])

    blocks = [generator.stem, *generator.blocks]
    weights = [[p for p in block.parameters() if p.ndim > 1] for block in blocks]
    flat = [p for group in weights for p in group]
    together: list[Tensor] = [torch.zeros_like(p) for p in flat]
    paths = {}
    for size, image, wish in zip(shown, images, wanted, strict=True):
        # The way back from this image alone. The gradient is a sum over these ways.
        gradients = torch.autograd.grad(image, flat, wish, retain_graph=True, allow_unused=True)
        gradients = [
            torch.zeros_like(p) if g is None else g for p, g in zip(flat, gradients, strict=True)
        ]
        together = [a + b for a, b in zip(together, gradients, strict=True)]
        for block_size, value in zip(sizes, _by_block(gradients, weights), strict=True):
            if block_size <= size:
                paths[block_size, size] = value
    total = dict(zip(sizes, _by_block(together, weights), strict=True))
    return Ladder(sizes, total, paths, shown)


def _by_block(gradients: list[Tensor], weights: list[list[Tensor]]) -> list[float]:
    """The root mean square over each block's weights."""
    values, start = [], 0
    for group in weights:
        part = gradients[start : start + len(group)]
        start += len(group)
        squares = sum(g.square().sum().item() for g in part)
        values.append((squares / sum(g.numel() for g in part)) ** 0.5)
    return values

"""What ``AttentionMicroscope`` shows: an image with attention and without, and one pixel's map."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_course.labs.sampler import noise
from gan_course.models import SAGANDiscriminator, SAGANGenerator, SelfAttention2d


@dataclass(frozen=True)
class Seen:
    """One image under the microscope.

    Attributes:
        image, image_off: (C, H, W) in [-1, 1], drawn with G's attention and without.
        logit, logit_off: what D says of ``image``, with D's attention and without.
        map: (positions, attended), of the network that is looked into.
        size, attended_size: height of its feature map, and of the one that is attended to.
        added: (size, size), how much attention adds at each position: the length of gamma times
            attention, divided by the mean length of the features.
        gamma: of the network that is looked into.
    """

    image: Tensor
    image_off: Tensor
    logit: float
    logit_off: float
    map: Tensor
    size: int
    attended_size: int
    added: Tensor
    gamma: float


@contextlib.contextmanager
def switched_off(attention: SelfAttention2d) -> Iterator[None]:
    """Without this attention, for a while."""
    before = attention.enabled
    attention.enabled = False
    try:
        yield
    finally:
        attention.enabled = before


@contextlib.contextmanager
def overheard(attention: SelfAttention2d) -> Iterator[list[Tensor]]:
    """A list that gets what comes into the block at each pass."""
    heard: list[Tensor] = []
    hook = attention.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0]))
    try:
        yield heard
    finally:
        hook.remove()


@torch.no_grad()
def look(
    generator: SAGANGenerator,
    discriminator: SAGANDiscriminator,
    network: str,
    digit: int,
    seed: int,
) -> Seen:
    """Draw one image and look into one of the two networks; both must be in eval mode.

    Args:
        network: "G" or "D".
        digit: the class that is asked for; without classes it has no effect.
        seed: of z.
    """
    z = noise(seed, 1, generator.latent_dim)
    labels = torch.tensor([digit])
    for_g = (labels,) if generator.num_classes else ()
    for_d = (labels,) if discriminator.num_classes else ()
    attention = (generator if network == "G" else discriminator).attention
    with overheard(attention) as heard:
        image = generator(z, *for_g)
        logit = discriminator(image, *for_d)
    with switched_off(generator.attention):
        image_off = generator(z, *for_g)
    with switched_off(discriminator.attention):
        logit_off = discriminator(image, *for_d)
    x = heard[0]  # (1, C, size, size)
    output, weights = attention.forward_with_map(x)
    size = x.shape[2]
    return Seen(
        image[0],
        image_off[0],
        float(logit),
        float(logit_off),
        weights[0],
        size,
        size // 2 if attention.pool else size,
        (output - x)[0].norm(dim=0) / x[0].norm(dim=0).mean().clamp(min=1e-12),
        float(attention.gamma),
    )


def spread(row: Tensor) -> float:
    """Over how many places a row of the map spreads: 1 for a single one, all for an even row."""
    return float(torch.special.entr(row.double()).sum().exp())


def beyond(row: Tensor, attended_size: int, size: int, asking: tuple[int, int]) -> float:
    """Share of a row that goes beyond what a 3x3 convolution at the asking position reads.

    A pooled cell counts as within if any of its positions is.
    """
    cells = row.reshape(attended_size, attended_size)
    scale = size // attended_size
    first = [max(0, place - 1) // scale for place in asking]
    last = [min(size - 1, place + 1) // scale for place in asking]
    near = cells[first[0] : last[0] + 1, first[1] : last[1] + 1].sum()
    return max(0.0, 1.0 - float(near / cells.sum()))

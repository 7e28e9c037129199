"""From z to images, and ways through the space of z. Several labs share them."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan_course.errors import CourseError
from gan_course.models import DCGANGenerator
from gan_course.models.weights import load_generator
from gan_course.pretrained import load_pretrained


def dcgan_from(generator: DCGANGenerator | str | Path | None) -> DCGANGenerator:
    """The one that ships with the course (None), that of a checkpoint (its path), or the one given.

    Raises:
        CourseError: if it is something else, or the checkpoint holds another architecture.
    """
    if generator is None:
        return load_pretrained("digits")
    if isinstance(generator, str | Path):
        generator = load_generator(generator)
    if not isinstance(generator, DCGANGenerator):
        raise CourseError(
            f"generator must be a DCGANGenerator or the path of a checkpoint of one, but is "
            f"{type(generator).__name__}. This lab knows no other architecture."
        )
    return generator


@torch.no_grad()
def draw_images(generator: nn.Module, z: Tensor, labels: Tensor | None = None) -> Tensor:
    """z (N, latent_dim) -> images (N, C, H, W) in [-1, 1] on the CPU, in eval mode.

    A conditional generator gets ``labels`` (N,) too.

    The generator is left as it was: one that is being trained goes on in train mode.
    """
    parameter = next(generator.parameters())
    was_training = generator.training
    generator.eval()
    given = () if labels is None else (labels.to(parameter.device),)
    images = generator(z.to(parameter.device, parameter.dtype), *given).float().cpu()
    generator.train(was_training)
    return images


def noise(seed: int, count: int, latent_dim: int) -> Tensor:
    """(count, latent_dim) standard normal numbers that depend on the seed alone."""
    return torch.randn(count, latent_dim, generator=torch.Generator().manual_seed(seed))


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Go from a to b along the sphere instead of straight through it.

    Nearly all of a Gaussian in many dimensions lies at the same distance from 0. The middle of a
    straight line is too close to 0, at about 0.7 of that distance, where G was never trained.

    Args:
        a, b: (N, latent_dim).
        t: 0 gives a, 1 gives b.

    Source: Shoemake 1985; for latent spaces White 2016.
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)
    angle = torch.arccos(cosine).unsqueeze(1)
    nearly_straight = angle.abs() < 1e-4
    safe = angle.masked_fill(nearly_straight, math.pi / 2)
    way = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(nearly_straight, (1 - t) * a + t * b, way)


def strongest_directions(generator: nn.Module, count: int) -> Tensor:
    """The directions of z that the first layer reacts to most: (count, latent_dim), unit length.

    They are the first right singular vectors of the stem's weight; their sign is fixed so that
    the same generator always gives the same sliders.

    Source: Shen & Zhou 2021 (SeFa), on the first layer alone.
    """
    layer = generator.stem[0]
    if parametrize.is_parametrized(layer, "weight"):
        # Spectral norm divides the weight by a number, which turns no direction. To read the
        # divided one would move its power iteration, and with it a training that is going on.
        weight = layer.parametrizations.weight.original.detach().float().cpu()
    else:
        weight = layer.weight.detach().float().cpu()
    directions = torch.linalg.svd(weight, full_matrices=False).Vh[:count]
    if len(directions) < count:  # fewer dimensions than sliders
        empty = torch.zeros(count - len(directions), weight.shape[1])
        directions = torch.cat([directions, empty])
    largest = directions.abs().argmax(dim=1, keepdim=True)
    sign = directions.gather(1, largest).sign()
    return directions * torch.where(sign == 0, torch.ones_like(sign), sign)

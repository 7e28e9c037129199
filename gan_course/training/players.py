"""The two players of a run, and their optimisers, as a ``TrainConfig`` asks for them."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Adam

from gan_course.data import ImageSet
from gan_course.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_course.models.r3gan import R3GANDiscriminator, R3GANGenerator
from gan_course.models.sagan import SAGANDiscriminator, SAGANGenerator
from gan_course.training.config import TrainConfig


def make_networks(
    config: TrainConfig, images: ImageSet, device: torch.device
) -> tuple[nn.Module, nn.Module]:
    """G and D for these images, with fresh weights from torch's global random numbers.

    Raises:
        CourseError: for a conditional run on images without labels.
    """
    size, channels = config.image_size, images.shape[0]
    if config.model == "dcgan":
        generator = DCGANGenerator(
            size, channels, config.latent_dim, config.base_channels, config.stem
        )
        discriminator = DCGANDiscriminator(
            size, channels, config.base_channels, config.spectral_norm
        )
    elif config.model == "r3gan":
        generator = R3GANGenerator(size, channels, config.latent_dim, config.base_channels)
        discriminator = R3GANDiscriminator(size, channels, config.base_channels)
    else:
        choices = {
            "attention_at": config.attention_at or None,
            "spectral_norm": config.spectral_norm,
            "num_classes": images.num_classes if config.conditional else 0,
        }
        generator = SAGANGenerator(
            size, channels, config.latent_dim, config.base_channels, **choices
        )
        discriminator = SAGANDiscriminator(size, channels, config.base_channels, **choices)
    place = {"device": device, "memory_format": torch.channels_last}
    return generator.to(**place), discriminator.to(**place)


def make_optimizers(
    config: TrainConfig, generator: nn.Module, discriminator: nn.Module
) -> tuple[Adam, Adam]:
    """An Adam for each network, with a step size of its own."""
    device = next(generator.parameters()).device
    adam = {
        "betas": (config.beta1, config.beta2),
        "fused": device.type in ("cpu", "cuda"),  # one loop over all weights; mps has none
    }
    return (
        Adam(generator.parameters(), lr=config.learning_rate, **adam),
        Adam(discriminator.parameters(), lr=config.learning_rate_d, **adam),
    )

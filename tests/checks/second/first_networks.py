"""Right answers to the exercises of lesson 05, written another way than the solutions."""

import math
from itertools import accumulate

import torch
from torch import nn


def another_discriminator():
    """Nested, with the layers' defaults written out."""
    body = nn.Sequential(
        nn.Conv2d(3, 32, (4, 4), (2, 2), (1, 1)),
        nn.LeakyReLU(negative_slope=0.2, inplace=True),
        nn.Conv2d(32, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
    )
    return nn.Sequential(body, nn.Flatten(1), nn.Linear(4096, 1))


def another_generator():
    """Other channels, BatchNorm, other kernels that double."""
    return nn.Sequential(
        nn.Linear(100, 16 * 8 * 8),
        nn.Unflatten(1, (16, 8, 8)),
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.1),
        nn.ConvTranspose2d(16, 12, kernel_size=3, stride=2, padding=1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 3, kernel_size=2, stride=2),
        nn.Tanh(),
    )


SECOND = {
    "count_parameters": (4096 * 101, 49 * 32, torch.tensor(32800), 18432.0, 128, 0),
    "flat_features": lambda channels, image_size, halvings: (
        channels * math.floor(image_size / 2**halvings) ** 2
    ),
    "repair_discriminator": another_discriminator(),
    "build_generator": another_generator(),
    "spot_the_errors": (2, 3, 1, 2.0, torch.tensor(2)),
    "trace": lambda model, x: [
        output.shape for output in accumulate(model, lambda a, layer: layer(a), initial=x)
    ][1:],
}

"""The simple pair fits together, and is the pair of the source document but for the one number."""

import pytest
import torch
from torch import nn

from gan_course.models import SimpleDiscriminator, SimpleGenerator


@pytest.mark.parametrize("image_size", [4, 8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_pair_fits(image_size, channels):
    images = SimpleGenerator(10, channels, image_size)(torch.randn(2, 10))
    assert images.shape == (2, channels, image_size, image_size)
    assert images.abs().max() <= 1
    assert SimpleDiscriminator(channels, image_size)(images).shape == (2, 1)


def test_layers_are_those_of_the_source_document():
    generator, discriminator = SimpleGenerator(), SimpleDiscriminator(image_size=64)
    assert repr(generator.net[0]) == repr(nn.Linear(100, 64 * 8 * 8))
    assert repr(generator.net[3]) == repr(nn.ConvTranspose2d(64, 32, 4, 2, 1))
    assert repr(generator.net[5]) == repr(nn.ConvTranspose2d(32, 3, 4, 2, 1))
    assert repr(discriminator.net[0]) == repr(nn.Conv2d(3, 32, 4, 2, 1))
    assert repr(discriminator.net[5]) == repr(nn.Linear(64 * 16 * 16, 1))
    assert sum(isinstance(m, nn.Tanh) for m in generator.modules()) == 1


def test_parameters_counted_by_hand():
    def count(model):
        return sum(p.numel() for p in model.parameters())

    linear = 100 * 4096 + 4096
    assert count(SimpleGenerator()) == linear + (64 * 32 * 16 + 32) + (32 * 3 * 16 + 3)
    assert count(SimpleDiscriminator()) == (3 * 32 * 16 + 32) + (32 * 64 * 16 + 64) + 4096 + 1


@pytest.mark.parametrize("image_size", [0, 2, 30, -4])
def test_sizes_that_two_doublings_cannot_reach_are_refused(image_size):
    for model in (SimpleGenerator, SimpleDiscriminator):
        with pytest.raises(ValueError, match=f"multiple of 4, but is {image_size}"):
            model(image_size=image_size)

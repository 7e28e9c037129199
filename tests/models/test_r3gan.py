"""The R3GAN pair: shapes, a fresh block that passes everything on, and images that stay apart."""

import pytest
import torch

from gan_course.errors import CourseError
from gan_course.models import R3GANDiscriminator, R3GANGenerator
from gan_course.models.r3gan import ResidualBlock, Resize
from gan_course.models.weights import load_generator, save_generator


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_a_saved_generator_comes_back(size, channels, tmp_path):
    torch.manual_seed(0)
    generator = R3GANGenerator(size, channels, 5, 2).eval()
    z = torch.randn(3, 5)
    images = generator(z)
    assert images.shape == (3, channels, size, size) and images.abs().max() <= 1
    assert torch.equal(generator(z[:, :, None, None]), images)
    assert R3GANDiscriminator(size, channels, 2)(images).shape == (3,)
    for ending in ("pth", "safetensors"):
        save_generator(generator, tmp_path / f"g.{ending}")
        again = load_generator(tmp_path / f"g.{ending}")
        assert isinstance(again, R3GANGenerator) and again.image_size == size
        assert torch.equal(again(z), images)
    assert generator.generate(2, torch.Generator().manual_seed(0)).shape == images[:2].shape


def test_weights_that_fit_nothing_are_refused(tmp_path):
    generator = R3GANGenerator(16, 1, 5, 2)
    del generator.blocks[1]
    save_generator(generator, tmp_path / "g.pth")
    with pytest.raises(CourseError, match=r"of another architecture than .*so it was not loaded"):
        load_generator(tmp_path / "g.pth")


def test_a_fresh_block_is_the_identity_and_resizing_keeps_the_mean():
    discriminator = R3GANDiscriminator(32, 1, 4)
    x = torch.randn(2, 4, 16, 16)
    assert torch.equal(discriminator.blocks[0](x), x)
    assert not torch.equal(ResidualBlock(4)(x), x)  # only the networks set it to 0
    for factor, size in ((2.0, 32), (0.5, 8)):
        layer = Resize(4, 3, factor)
        with torch.no_grad():
            layer.conv.weight.fill_(0.25)  # the mean of the channels
        out = layer(x)
        assert out.shape == (2, 3, size, size)
        torch.testing.assert_close(out.mean(), x.mean(), rtol=0.2, atol=0.02)


def test_signals_neither_grow_nor_die():
    torch.manual_seed(0)
    generator, discriminator = R3GANGenerator(64, 3, 64, 16), R3GANDiscriminator(64, 3, 16)
    images = generator(torch.randn(64, 64))
    assert 0.2 < images.std() < 0.9
    logits = discriminator(torch.rand(64, 3, 64, 64) * 2 - 1)
    assert 0.02 < logits.std() < 5


@pytest.mark.parametrize("player", ["G", "D"])
def test_each_image_goes_its_own_way_in_train_mode(player):
    """No BatchNorm: the batch mates change nothing. R1 needs that."""
    torch.manual_seed(0)
    if player == "G":
        network, x = R3GANGenerator(16, 1, 8, 4), torch.randn(6, 8)
    else:
        network, x = R3GANDiscriminator(16, 1, 4), torch.randn(6, 1, 16, 16)
    network.train()
    torch.testing.assert_close(network(x)[:2], network(x[:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: R3GANGenerator(48), "image_size must be one of 16, 32, 64, 128, but is 48"),
        (lambda: R3GANGenerator(32, latent_dim=0), "latent_dim must be at least 1"),
        (lambda: R3GANGenerator(16)(torch.zeros(2, 3)), r"z has shape \(2, 3\)"),
        (lambda: R3GANDiscriminator(32)(torch.zeros(2, 1, 32, 32)), "this discriminator takes"),
    ],
)
def test_what_does_not_fit_is_said(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()

"""ProGAN and MSG-GAN: shapes, the four parts of the paper, the fade-in, and the gradients' ways."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.models import (
    MSGGANDiscriminator,
    MSGGANGenerator,
    ProGANDiscriminator,
    ProGANGenerator,
)
from gan_course.models.progressive_layers import (
    EqualizedConv2d,
    EqualizedLinear,
    MinibatchStdDev,
    PixelNorm,
    enlarge,
    image_pyramid,
)
from gan_course.models.weights import load_generator, save_generator

SMALL = {"image_size": 16, "image_channels": 3, "base_channels": 4}


def pair(multi_scale=False, **changes):
    torch.manual_seed(0)
    settings = SMALL | changes
    if multi_scale:
        return MSGGANGenerator(latent_dim=6, **settings), MSGGANDiscriminator(**settings)
    return ProGANGenerator(latent_dim=6, **settings), ProGANDiscriminator(**settings)


# ---- the four parts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: EqualizedConv2d(48, 64, 3), lambda: EqualizedLinear(432, 256)]
)
def test_equalised_layers_store_ordinary_numbers_and_begin_as_he_would(make):
    torch.manual_seed(0)
    layer = make()
    assert layer.weight.std().item() == pytest.approx(1, rel=0.02) and not layer.bias.any()
    assert layer.scale == pytest.approx(math.sqrt(2 / 432))
    x = torch.randn(2000, 432) if isinstance(layer, nn.Linear) else torch.randn(60, 48, 8, 8)
    assert layer(x).std().item() == pytest.approx(math.sqrt(2), rel=0.03)


def test_equalised_layers_change_by_the_same_share_in_a_step_of_adam():
    """Without it, the wide layer would change by ten times the share of the narrow one."""
    shares = []
    for channels in (2, 200):
        layer = EqualizedConv2d(channels, 8, 3, padding=1)
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(4, channels, 5, 5)).square().mean().backward()
        optimizer.step()
        shares.append(((layer.weight - before).norm() / before.norm()).item())
    assert shares[0] == pytest.approx(shares[1], rel=0.1) and shares[0] == pytest.approx(0.01, 0.1)


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 4, 4)])
def test_pixel_norm_gives_each_pixel_a_mean_square_of_one(shape):
    x = 7 * torch.randn(shape) + 3
    normed = PixelNorm()(x)
    assert torch.allclose(normed.square().mean(dim=1), torch.ones(shape[:1] + shape[2:]), atol=1e-5)
    assert torch.allclose(F.normalize(normed, dim=1), F.normalize(x, dim=1), atol=1e-5)
    assert torch.isfinite(PixelNorm()(torch.zeros(shape))).all()


def test_minibatch_stddev_in_numbers():
    """Two groups: one of equal images, one whose every number is -1 or 1."""
    x = torch.full((4, 2, 3, 3), 5.0)
    x[2], x[3] = -1.0, 1.0
    y = MinibatchStdDev(group_size=2)(x)
    assert y.shape == (4, 3, 3, 3) and torch.equal(y[:, :2], x)
    assert y[:, 2].flatten(1).mean(1).tolist() == pytest.approx([1e-4, 1e-4, 1, 1])
    x.requires_grad_(True)
    MinibatchStdDev(2)(x)[:, 2].sum().backward()
    assert torch.isfinite(x.grad).all()
    assert MinibatchStdDev(4)(torch.randn(3, 1, 2, 2)).shape == (3, 2, 2, 2)  # one small group
    with pytest.raises(ValueError, match="a batch of 6 images does not fall into groups of 4"):
        MinibatchStdDev(4)(torch.randn(6, 1, 2, 2))


# ---- ProGAN --------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_size", [4, 8, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_at_every_level(image_size, channels):
    generator, discriminator = pair(image_size=image_size, image_channels=channels, base_channels=2)
    for level in range(generator.levels):
        for alpha in (0.0, 0.4, 1.0):
            images = generator(torch.randn(2, 6), level, alpha)
            assert images.shape == (2, channels, 4 * 2**level, 4 * 2**level)
            assert discriminator(images, level, alpha).shape == (2,)
    assert generator(torch.randn(2, 6)).shape[-1] == image_size
    assert discriminator(generator(torch.randn(2, 6))).shape == (2,)


def test_the_maps_have_the_shapes_that_the_docstring_says():
    generator, shapes = ProGANGenerator(), []
    for stage in (generator.stem, *generator.blocks):
        stage.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    generator(torch.randn(1, 128))
    assert shapes == [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (16, 64, 64)]


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_alpha_zero_is_the_old_image_enlarged_and_one_the_new_branch(upsampling):
    generator = ProGANGenerator(16, 3, 6, 4, upsampling)
    z = torch.randn(3, 6)
    for level in (1, 2):
        old = generator(z, level - 1)
        assert torch.equal(generator(z, level, 0.0), enlarge(old, upsampling))
        new = generator(z, level, 1.0)
        half = generator(z, level, 0.5)
        assert torch.allclose(half, (enlarge(old, upsampling) + new) / 2, atol=1e-6)
        with torch.no_grad():  # at alpha 1 the old way is not looked at
            generator.to_images[level - 1].weight.fill_(torch.nan)
        assert torch.equal(generator(z, level, 1.0), new)
        generator = ProGANGenerator(16, 3, 6, 4, upsampling)


def test_in_d_alpha_zero_is_d_of_the_shrunk_image():
    _, discriminator = pair()
    images = torch.randn(4, 3, 16, 16)
    small = discriminator(F.avg_pool2d(images, 2), 1)
    torch.testing.assert_close(discriminator(images, 2, 0.0), small)
    assert not torch.allclose(discriminator(images, 2, 0.5), small)


def test_what_is_not_there_yet_learns_nothing():
    generator, discriminator = pair()
    discriminator(generator(torch.randn(4, 6), 1), 1).sum().backward()
    assert generator.stem[1].weight.grad.abs().sum() > 0
    assert generator.blocks[0][0].weight.grad.abs().sum() > 0
    assert generator.blocks[1][0].weight.grad is None
    assert (
        generator.to_images[2].weight.grad is None
        and discriminator.blocks[1][0].weight.grad is None
    )


def test_all_alike_is_seen_by_d():
    """The logits of a batch of copies differ from those of the same image among others."""
    _, discriminator = pair()
    images = torch.randn(4, 3, 16, 16)
    assert not torch.allclose(
        discriminator(images)[0], discriminator(images[:1].expand(4, -1, -1, -1))[0]
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda g, d: g(torch.zeros(2, 7)), r"takes \(N, 6\) or \(N, 6, 1, 1\)"),
        (lambda g, d: g(torch.zeros(2, 6), 3), "from 0 .* to 2, but is 3"),
        (lambda g, d: g(torch.zeros(2, 6), 1, 1.5), "alpha must lie between 0 .* but is 1.5"),
        (lambda g, d: d(torch.zeros(2, 3, 16, 16), 1), r"at level 1 .* takes \(N, 3, 8, 8\)"),
        (lambda g, d: g.generate(0), "num_images must be at least 1"),
        (lambda g, d: ProGANGenerator(48), "4, 8, 16, 32, 64, 128, but is 48"),
        (lambda g, d: ProGANDiscriminator(base_channels=0), "base_channels must be at least 1"),
        (lambda g, d: ProGANGenerator(upsampling="cubic"), "upsampling must be"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call(*pair())


# ---- MSG-GAN -------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_size", [4, 8, 32, 128])
def test_every_size_goes_out_and_in(image_size):
    generator, discriminator = pair(True, image_size=image_size, base_channels=2)
    images = generator(torch.randn(2, 6))
    assert [tuple(image.shape) for image in images] == [(2, 3, s, s) for s in discriminator.sizes]
    assert images[-1].shape[-1] == image_size and discriminator(images).shape == (2,)


def test_one_block_may_have_as_many_channels_as_the_next():
    """At 512 channels the doubling ends; the images still lie beside all maps but the largest."""
    discriminator = MSGGANDiscriminator(16, 3, base_channels=512)
    assert [block[0].in_channels for block in discriminator.blocks] == [515, 512]


def test_the_small_blocks_get_gradient_without_the_top_one():
    """Two ways: through the blocks after it, and straight through its own image."""
    generator, discriminator = pair(True)
    images = generator(torch.randn(4, 6))
    images[-1], images[1] = images[-1].detach(), images[1].detach()
    discriminator(images).sum().backward()
    assert generator.stem[1].weight.grad.abs().sum() > 0
    assert generator.blocks[0][0].weight.grad is None


def test_a_list_of_other_sizes_is_refused():
    generator, discriminator = pair(True)
    images = generator(torch.randn(2, 6))
    for wrong in (images[1:], images[::-1], [images[-1]] * 3, []):
        with pytest.raises(ValueError, match="4, 8, 16 pixels, but the shapes are"):
            discriminator(wrong)


def test_the_pyramid_is_made_of_means():
    images = torch.randn(2, 3, 16, 16)
    pyramid = image_pyramid(images, 3)
    assert [p.shape[-1] for p in pyramid] == [4, 8, 16] and pyramid[-1] is images
    torch.testing.assert_close(pyramid[0], F.avg_pool2d(images, 4))


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("multi_scale", [False, True])
@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_saved_and_loaded_it_draws_the_same(multi_scale, ending, tmp_path):
    generator, _ = pair(multi_scale, image_size=32)
    path = tmp_path / f"generator.{ending}"
    save_generator(generator, path)
    loaded = load_generator(path)
    assert type(loaded) is ProGANGenerator and loaded.image_size == 32
    drawn = [g.generate(3, torch.Generator().manual_seed(0)) for g in (generator, loaded)]
    assert torch.equal(*drawn) and drawn[0].shape == (3, 3, 32, 32) and drawn[0].abs().max() <= 1

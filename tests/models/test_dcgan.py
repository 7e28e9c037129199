"""DCGAN: shapes, the initialisation of the built model, and the rules of the paper."""

import pytest
import torch
from torch import nn

from gan_course.models import DCGANDiscriminator, DCGANGenerator, init_weights
from gan_course.models.init import add_spectral_norm
from gan_course.models.weights import load_generator, save_generator


@pytest.mark.parametrize("image_size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(image_size, channels):
    generator = DCGANGenerator(image_size, channels, latent_dim=10, base_channels=4)
    discriminator = DCGANDiscriminator(image_size, channels, base_channels=4)
    images = generator(torch.randn(2, 10))
    assert images.shape == (2, channels, image_size, image_size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2,)


def test_defaults_are_the_source_documents_architecture():
    """100 numbers -> 4x4x512 -> ... -> 64x64x3, and back again."""
    generator, discriminator = DCGANGenerator().eval(), DCGANDiscriminator().eval()
    shapes = []
    stages = [generator.stem, *generator.blocks, generator.to_image]
    stages += [discriminator.from_image, *discriminator.blocks, discriminator.to_logit]
    for stage in stages:
        stage.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    discriminator(generator(torch.randn(1, 100)))
    assert shapes == [
        (512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64),
        (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (1,),
    ]  # fmt: skip


def test_z_may_be_rows_or_one_by_one_maps():
    generator = DCGANGenerator(16, 1, latent_dim=10, base_channels=4).eval()
    z = torch.randn(3, 10)
    assert torch.equal(generator(z), generator(z[:, :, None, None]))


@pytest.mark.parametrize("shape", [(3, 11), (10,), (3, 10, 2, 2), (3, 10, 1)])
def test_other_shapes_of_z_are_refused_with_both_right_ones(shape):
    generator = DCGANGenerator(16, 1, latent_dim=10, base_channels=4)
    with pytest.raises(ValueError, match=r"takes \(N, 10\) or \(N, 10, 1, 1\)"):
        generator(torch.zeros(shape))


def test_discriminator_refuses_images_of_another_size():
    discriminator = DCGANDiscriminator(32, 1, base_channels=4)
    with pytest.raises(ValueError, match=r"takes \(N, 1, 32, 32\)"):
        discriminator(torch.zeros(2, 1, 64, 64))


@pytest.mark.parametrize("image_size", [0, 8, 28, 48, 256])
def test_odd_image_sizes_are_refused(image_size):
    with pytest.raises(ValueError, match=f"16, 32, 64, 128, but is {image_size}"):
        DCGANGenerator(image_size)


def test_the_built_models_carry_the_initialisation():
    """On the built model: an initialisation that is tested but never called is a famous bug."""
    torch.manual_seed(0)
    for model in (DCGANGenerator(), DCGANDiscriminator()):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
                assert module.bias is None or not module.bias.any()
            if isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1.0, abs=0.02)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.5)
                assert not module.bias.any()


def test_first_images_are_not_flat():
    """With gamma ~ N(0, 0.02), as some courses have it, this is below 0.01."""
    torch.manual_seed(0)
    assert DCGANGenerator()(torch.randn(16, 100)).std() > 0.05


def test_init_weights_reaches_linear_layers_and_returns_the_model():
    model = nn.Sequential(nn.Linear(50, 50), nn.Conv2d(3, 3, 3))
    assert init_weights(model) is model
    assert model[0].weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_rules_of_the_paper():
    generator, discriminator = DCGANGenerator(), DCGANDiscriminator()
    modules_g, modules_d = list(generator.modules()), list(discriminator.modules())
    # strides instead of pooling
    assert not any("Pool" in type(m).__name__ for m in modules_g + modules_d)
    # no BatchNorm at G's output and D's input
    assert [type(m) for m in generator.to_image] == [nn.ConvTranspose2d, nn.Tanh]
    assert [type(m) for m in discriminator.from_image] == [nn.Conv2d, nn.LeakyReLU]
    # no useless bias before a BatchNorm
    for block in [generator.stem, *generator.blocks, *discriminator.blocks]:
        assert block[0].bias is None
        assert any(isinstance(m, nn.BatchNorm2d) for m in block)
    assert all(m.negative_slope == 0.2 for m in modules_d if isinstance(m, nn.LeakyReLU))


def test_generate_is_seeded_in_eval_mode_and_restores_the_mode():
    generator = DCGANGenerator(16, 1, latent_dim=10, base_channels=4).train()
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    a = generator.generate(4, torch.Generator().manual_seed(3))
    b = generator.generate(4, torch.Generator().manual_seed(3))
    assert torch.equal(a, b) and not a.requires_grad
    assert generator.training
    for name, value in generator.state_dict().items():  # running statistics untouched
        assert torch.equal(value, before[name])
    # in eval mode one image does not depend on its neighbours
    z = torch.randn(4, 10, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(generator.eval()(z[:1]), a[:1])
    with pytest.raises(ValueError, match="at least 1"):
        generator.generate(0)


def test_truncation_pulls_the_images_together():
    generator = DCGANGenerator(16, 1, latent_dim=10, base_channels=4)
    wide = generator.generate(64, torch.Generator().manual_seed(0))
    narrow = generator.generate(64, torch.Generator().manual_seed(0), truncation=0.1)
    assert narrow.std(dim=0).mean() < 0.5 * wide.std(dim=0).mean()


# ---- the three stems --------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["linear", "conv", "plain"])
@pytest.mark.parametrize("image_size", [16, 128])
def test_every_stem_makes_images_and_is_read_off_a_file(stem, image_size, tmp_path):
    generator = DCGANGenerator(image_size, 3, latent_dim=10, base_channels=4, stem=stem).eval()
    save_generator(generator, tmp_path / "g.safetensors")
    loaded = load_generator(tmp_path / "g.safetensors")
    z = torch.randn(2, 10)
    assert generator(z).shape == (2, 3, image_size, image_size)
    assert torch.equal(loaded(z), generator(z))
    assert torch.equal(loaded(z[:, :, None, None]), generator(z))


def test_the_papers_stem_is_the_same_linear_map():
    torch.manual_seed(0)
    linear = DCGANGenerator(16, 1, latent_dim=10, base_channels=4)
    conv = DCGANGenerator(16, 1, latent_dim=10, base_channels=4, stem="conv")
    weights = dict(linear.state_dict())
    rows = weights.pop("stem.0.weight")  # (channels * 4 * 4, latent_dim)
    weights["stem.1.weight"] = rows.reshape(8, 4, 4, 10).permute(3, 0, 1, 2)
    conv.load_state_dict(weights)
    z = torch.randn(5, 10)
    torch.testing.assert_close(conv(z), linear(z))
    assert conv.stem[1].weight.shape == (10, 8, 4, 4) and conv.stem[1].bias is None


def test_an_unknown_stem_is_refused():
    with pytest.raises(ValueError, match='"linear", "conv" or "plain", but is \'dense\''):
        DCGANGenerator(16, stem="dense")


# ---- weights under the names of other DCGANs --------------------------------------------------


class FlatGenerator(nn.Module):
    """As many a DCGAN on the web is written: one attribute a layer, nothing after the first."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(100, 512 * 4 * 4)
        widths = [512, 256, 128, 64, 3]
        for i in range(1, 5):
            layer = nn.ConvTranspose2d(widths[i - 1], widths[i], 4, 2, 1, bias=False)
            setattr(self, f"tconv{i}", layer)
            if i < 4:
                setattr(self, f"bn{i}", nn.BatchNorm2d(widths[i]))

    def forward(self, z):
        x = self.fc(z).view(-1, 512, 4, 4)
        for i in range(1, 4):
            x = getattr(self, f"bn{i}")(getattr(self, f"tconv{i}")(x)).relu()
        return self.tconv4(x).tanh()


def test_a_flat_checkpoint_loads_and_draws_the_same_images(tmp_path):
    torch.manual_seed(0)
    flat = FlatGenerator()
    flat(torch.randn(4, 100))  # running statistics that are not the initial ones
    flat.eval()
    path = tmp_path / "generator_epoch_50.pth"
    torch.save(flat.state_dict(), path)
    z = torch.randn(3, 100)

    # the snippet that its README shows, and what load_generator makes of it
    by_hand = DCGANGenerator(stem="plain")
    by_hand.load_state_dict(torch.load(path, weights_only=True))
    loaded = load_generator(path)
    for generator in (by_hand.eval(), loaded):
        torch.testing.assert_close(generator(z[:, :, None, None]), flat(z))
    assert loaded.generate(2).shape == (2, 3, 64, 64)
    assert set(flat.state_dict()) >= {"fc.weight", "tconv4.weight"}  # the names, as they were


def test_a_flat_checkpoint_does_not_fit_another_stem():
    with pytest.raises(RuntimeError, match=r"Unexpected key.*stem\.0\.bias"):
        DCGANGenerator().load_state_dict(FlatGenerator().state_dict())


# ---- spectral normalisation -------------------------------------------------------------------


def largest_stretch(weight, rows):
    return torch.linalg.matrix_norm(weight.movedim(rows, 0).flatten(1), ord=2).item()


def test_spectral_norm_holds_every_layer_of_d_at_one_and_leaves_batchnorm_out():
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(32, 1, base_channels=8, spectral_norm=True)
    for _ in range(150):
        logits = discriminator(torch.randn(2, 1, 32, 32))
    assert logits.shape == (2,)
    discriminator.eval()
    modules = list(discriminator.modules())
    layers = [m for m in modules if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4 and all(m.bias is not None for m in layers)
    for layer in layers:
        assert largest_stretch(layer.weight, rows=0) == pytest.approx(1.0, abs=0.01)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in modules)


def test_the_weights_under_spectral_norm_were_initialised():
    """Torch's own would have a standard deviation of 0.14 here; an init afterwards does nothing."""
    discriminator = DCGANDiscriminator(16, 3, base_channels=64, spectral_norm=True)
    raw = discriminator.from_image[0].parametrizations.weight.original
    assert raw.std().item() == pytest.approx(0.02, rel=0.1)
    with pytest.raises(ValueError, match="wrap afterwards"):
        init_weights(discriminator)


def test_spectral_norm_of_a_transposed_convolution_counts_rows_by_output_channel():
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(3, 20, 4)
    model = add_spectral_norm(nn.Sequential(layer))
    for _ in range(100):
        model(torch.randn(1, 3, 4, 4))
    model.eval()
    assert largest_stretch(layer.weight, rows=1) == pytest.approx(1.0, abs=0.01)
    assert largest_stretch(layer.weight, rows=0) != pytest.approx(1.0, abs=0.05)

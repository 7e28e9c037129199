"""SAGAN: shapes, spectral norm on every layer, labels by hand, and what a checkpoint must carry."""

import copy
import itertools

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gan_course.errors import CourseError
from gan_course.losses import hinge_g_loss
from gan_course.models import SAGANDiscriminator, SAGANGenerator, SelfAttention2d
from gan_course.models.attention import twice_differentiable
from gan_course.models.conditional import ConditionalBatchNorm2d
from gan_course.models.init import init_xavier
from gan_course.models.weights import load_generator, save_generator
from gan_course.training.ema import AveragedGenerator

LAYERS = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def pair(image_size=32, channels=1, **choices):
    torch.manual_seed(0)
    generator = SAGANGenerator(image_size, channels, latent_dim=10, base_channels=4, **choices)
    return generator, SAGANDiscriminator(image_size, channels, base_channels=4, **choices)


def with_gamma(*networks):
    for network in networks:
        nn.init.constant_(network.attention.gamma, 0.5)
    return networks


@pytest.mark.parametrize("image_size", [32, 64, 128])
@pytest.mark.parametrize("num_classes", [0, 10])
@pytest.mark.parametrize("attention_at", [None, 4, 16, "half"])
def test_shapes_and_ranges(image_size, num_classes, attention_at):
    if attention_at == "half":
        attention_at = image_size // 2
    generator, discriminator = pair(
        image_size, 3, num_classes=num_classes, attention_at=attention_at
    )
    seen = []
    for network in (generator, discriminator):
        if attention_at is None:
            assert network.attention is None
            assert not any(isinstance(m, SelfAttention2d) for m in network.modules())
        else:
            network.attention.register_forward_hook(lambda m, i, o: seen.append(o.shape[2:]))
    labels = torch.tensor([1, 9]) if num_classes else None
    images = generator(torch.randn(2, 10), labels)
    assert images.shape == (2, 3, image_size, image_size) and images.abs().max() <= 1
    assert discriminator(images, labels).shape == (2,)
    assert seen == ([] if attention_at is None else 2 * [(attention_at, attention_at)])


def test_the_documented_shapes():
    generator, discriminator = SAGANGenerator().eval(), SAGANDiscriminator().eval()
    shapes = []
    stages = [generator.stem, *generator.blocks, generator.attention, generator.to_image]
    stages += [discriminator.from_image, discriminator.attention, *discriminator.blocks]
    for stage in stages:
        stage.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    discriminator(generator(torch.randn(1, 128)))
    assert shapes == [
        (128, 4, 4), (64, 8, 8), (32, 16, 16), (32, 16, 16), (3, 32, 32),
        (32, 16, 16), (32, 16, 16), (64, 8, 8), (128, 4, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("network", [SAGANGenerator, SAGANDiscriminator])
@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"image_size": 16}, r"image_size must be one of 32, 64, 128, but is 16"),
        ({"attention_at": 32}, r"one of 4, 8, 16, or None for no attention, but is 32"),
        ({"image_size": 64, "attention_at": 12}, r"one of 4, 8, 16, 32, or None .* but is 12"),
        ({"base_channels": 0}, "base_channels must be at least 1, but is 0"),
        ({"num_classes": -1}, "num_classes must be at least 0, but is -1"),
    ],
)
def test_impossible_choices_are_refused(network, choices, message):
    with pytest.raises(ValueError, match=message):
        network(**choices)


def test_other_shapes_are_refused():
    generator, discriminator = pair()
    with pytest.raises(ValueError, match=r"takes \(N, 10\) or \(N, 10, 1, 1\)"):
        generator(torch.zeros(3, 11))
    with pytest.raises(ValueError, match=r"takes \(N, 1, 32, 32\)"):
        discriminator(torch.zeros(2, 1, 64, 64))
    generator.eval()
    z = torch.randn(3, 10)
    assert torch.equal(generator(z), generator(z[:, :, None, None]))


# ---- BatchNorm and biases ---------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [0, 10])
def test_batchnorm_is_where_it_belongs(num_classes):
    generator, discriminator = pair(num_classes=num_classes)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 3 and all(norm.eps == 1e-5 for norm in norms)
    # none at G's output; no useless bias before a BatchNorm; a bias where there is none after
    assert [type(m).__name__.removeprefix("Parametrized") for m in generator.to_image] == [
        "ConvTranspose2d",
        "Tanh",
    ]
    assert generator.stem[0].bias is None and all(b.conv.bias is None for b in generator.blocks)
    assert generator.to_image[0].bias is not None
    for layer in (discriminator.from_image[0], *(b[0] for b in discriminator.blocks)):
        assert layer.bias is not None and not layer.bias.any()


def test_one_images_opinion_does_not_depend_on_the_others():
    """With BatchNorm in D it would, and a gradient penalty per image would mean nothing."""
    _, discriminator = with_gamma(*pair())
    discriminator.train()
    images = torch.randn(4, 1, 32, 32)
    twin = copy.deepcopy(discriminator)  # the power iteration moves on with every pass
    torch.testing.assert_close(discriminator(images)[:1], twin(images[:1]))


# ---- spectral normalisation -------------------------------------------------------------------


def largest_stretch(layer):
    rows = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    return torch.linalg.matrix_norm(layer.weight.movedim(rows, 0).flatten(1), ord=2).item()


def test_every_layer_of_both_networks_is_held_at_one():
    """Transposed convolutions by their outputs, which are dimension 1 of their weights."""
    generator, discriminator = pair(num_classes=10)
    labels = torch.tensor([0, 1])
    for _ in range(150):
        with torch.no_grad():
            discriminator(generator(torch.randn(2, 10), labels), labels)
    for network, count in ((generator, 8), (discriminator, 9)):
        network.eval()
        kinds = LAYERS | nn.Embedding if network is discriminator else LAYERS
        layers = [m for m in network.modules() if isinstance(m, kinds)]
        assert len(layers) == count
        for layer in layers:
            assert largest_stretch(layer) == pytest.approx(1.0, abs=0.02), layer
    assert parametrize.is_parametrized(discriminator.embed)


def test_the_gains_of_the_classes_are_left_free():
    generator, _ = pair(num_classes=10)
    for norm in (m for m in generator.modules() if isinstance(m, ConditionalBatchNorm2d)):
        assert torch.equal(norm.gain.weight, torch.ones_like(norm.gain.weight))
        assert not norm.bias.weight.any()


@pytest.mark.parametrize("num_classes", [0, 10])
def test_without_spectral_norm_no_layer_is_wrapped(num_classes):
    for network in pair(num_classes=num_classes, spectral_norm=False):
        assert not any(parametrize.is_parametrized(m) for m in network.modules())
        assert not any("parametrizations" in name for name in network.state_dict())


@pytest.mark.parametrize("spectral_norm", [True, False])
def test_the_weights_under_spectral_norm_were_initialised(spectral_norm):
    """By Xavier's rule. After wrapping it would write into a copy, and torch's own would stay."""
    torch.manual_seed(0)
    networks = (
        SAGANGenerator(spectral_norm=spectral_norm, num_classes=10),
        SAGANDiscriminator(spectral_norm=spectral_norm, num_classes=10),
    )
    for module in itertools.chain(*(network.modules() for network in networks)):
        if isinstance(module, LAYERS):
            raw = module.parametrizations.weight.original if spectral_norm else module.weight
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(raw)
            expected = (2 / (fan_in + fan_out)) ** 0.5
            assert raw.std().item() == pytest.approx(expected, rel=0.25), module
            assert module.bias is None or not module.bias.any()
    for network in networks:
        assert network.attention.gamma.item() == 0.0


def test_init_xavier_writes_into_the_weights_and_not_into_copies():
    layer = parametrizations.spectral_norm(nn.Linear(5, 5))
    with pytest.raises(ValueError, match="wrap afterwards"):
        init_xavier(nn.Sequential(layer))


def test_the_power_iteration_moves_in_train_mode_only():
    _, discriminator = pair()
    vectors = {k: v.clone() for k, v in discriminator.named_buffers()}
    assert vectors and all(k.endswith(("_u", "_v")) for k in vectors)
    images = torch.randn(2, 1, 32, 32)
    discriminator.eval()(images)
    assert all(torch.equal(v, vectors[k]) for k, v in discriminator.named_buffers())
    discriminator.train()(images)
    assert any(not torch.equal(v, vectors[k]) for k, v in discriminator.named_buffers())


def test_the_vectors_of_the_power_iteration_are_in_the_checkpoint():
    generator, discriminator = pair(num_classes=10)
    for network in (generator, discriminator):
        tensors = network.state_dict()
        wrapped = [name for name in tensors if name.endswith("weight.original")]
        assert wrapped
        for name in wrapped:
            stem = name.removesuffix("original")
            assert {f"{stem}0._u", f"{stem}0._v"} <= set(tensors)


def test_the_average_of_g_never_averages_the_vectors():
    """The average of two unit vectors is none; and G's current ones fit the weights best."""
    generator, _ = pair(num_classes=10)
    average = AveragedGenerator(generator, half_life=1000)
    labels = torch.tensor([3, 4])
    before = {k: v.clone() for k, v in generator.named_parameters()}
    for step in range(3):
        with torch.no_grad():
            generator(torch.randn(2, 10), labels)
            for parameter in generator.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        average.update(generator, 32, 32 * 200 * (step + 1))
    buffers = dict(generator.named_buffers())
    vectors = [k for k in buffers if k.endswith(("_u", "_v"))]
    assert len(vectors) == 16
    for name, value in average.model.named_buffers():
        assert torch.equal(value, buffers[name]), name
        if name in vectors:
            assert value.norm().item() == pytest.approx(1.0, abs=1e-4)
    for name, value in average.model.named_parameters():  # while the weights are averaged
        now = dict(generator.named_parameters())[name]
        assert not torch.equal(value, now) and not torch.equal(value, before[name])


def test_a_copy_computes_the_same_and_goes_its_own_way():
    networks = with_gamma(*pair(num_classes=10))
    labels = torch.tensor([3, 4])
    for network, x in zip(networks, (torch.randn(2, 10), torch.randn(2, 1, 32, 32)), strict=True):
        twin = copy.deepcopy(network)
        assert torch.equal(twin(x, labels), network(x, labels))
        own = {id(t) for t in network.state_dict(keep_vars=True).values()}
        assert not own & {id(t) for t in twin.state_dict(keep_vars=True).values()}


@pytest.mark.parametrize("num_classes", [0, 10])
def test_channels_last_changes_nothing(num_classes):
    generator, discriminator = with_gamma(*pair(num_classes=num_classes))
    labels = torch.tensor([3, 4]) if num_classes else None
    z = torch.randn(2, 10)
    results = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        g, d = (
            copy.deepcopy(n).to(memory_format=memory_format) for n in (generator, discriminator)
        )
        images = g(z, labels)
        logits = d(images, labels)
        hinge_g_loss(logits).backward()
        results.append((images, logits, [p.grad for p in g.parameters()]))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_r1_penalty_through_d():
    """Its gradient against the difference of two penalties."""
    _, discriminator = with_gamma(*pair(num_classes=10))
    discriminator = discriminator.eval().double()
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([3, 4])

    def penalty():
        with twice_differentiable():
            logits = discriminator(images, labels)
        [gradient] = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum() / 2

    for weight in (
        discriminator.attention.gamma,
        discriminator.attention.query.parametrizations.weight.original,
        discriminator.blocks[0][0].parametrizations.weight.original,
    ):
        [slope] = torch.autograd.grad(penalty(), weight)
        direction = torch.randn_like(weight)
        with torch.no_grad():
            weight.add_(1e-5 * direction)
        more = penalty().item()
        with torch.no_grad():
            weight.sub_(2e-5 * direction)
        less = penalty().item()
        with torch.no_grad():
            weight.add_(1e-5 * direction)
        assert (slope * direction).sum().item() == pytest.approx((more - less) / 2e-5, rel=1e-4)


# ---- classes ----------------------------------------------------------------------------------


def test_conditional_batchnorm_by_hand():
    torch.manual_seed(0)
    norm = ConditionalBatchNorm2d(3, num_classes=4)
    x, labels = torch.randn(6, 3, 5, 5), torch.tensor([0, 1, 2, 3, 3, 0])
    plain = nn.functional.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(norm(x, labels), plain)  # at first the label changes nothing
    nn.init.normal_(norm.gain.weight)
    nn.init.normal_(norm.bias.weight)
    y = norm(x, labels)
    for i, label in enumerate(labels):
        for c in range(3):
            expected = plain[i, c] * norm.gain.weight[label, c] + norm.bias.weight[label, c]
            torch.testing.assert_close(y[i, c], expected)


def test_the_projection_by_hand():
    """D = l(h) + <embed(y), h>, with h the features summed, not averaged, over the last map."""
    _, discriminator = pair(num_classes=10)
    discriminator.eval()
    nn.init.constant_(discriminator.to_logit.bias, 0.3)
    images, labels = torch.randn(3, 1, 32, 32), torch.tensor([7, 0, 7])
    x = discriminator.attention(discriminator.from_image(images))
    for block in discriminator.blocks:
        x = block(x)
    weight, table = discriminator.to_logit.weight[0], discriminator.embed.weight
    logits = discriminator(images, labels)
    for i, label in enumerate(labels):
        h = sum(x[i, :, r, c] for r in range(4) for c in range(4))
        expected = weight @ h + 0.3 + table[label] @ h
        torch.testing.assert_close(logits[i], expected)


def test_the_class_changes_the_image_once_a_gain_does():
    generator, _ = pair(num_classes=10)
    generator.eval()
    z = torch.randn(1, 10)
    three, four = torch.tensor([3]), torch.tensor([4])
    assert torch.equal(generator(z, three), generator(z, four))
    nn.init.normal_(generator.blocks[0].norm.bias.weight)
    assert not torch.equal(generator(z, three), generator(z, four))


@pytest.mark.parametrize(
    ("num_classes", "labels", "message"),
    [
        (0, torch.tensor([0, 1]), "takes no labels"),
        (10, None, "has 10 classes: give it one label"),
        (10, torch.tensor([0, 10]), "no class 10: this network has the classes 0 to 9"),
        (10, torch.tensor([-1, 3]), "no class -1"),
        (10, torch.tensor([1]), r"shape \(2,\), one per image, but have shape \(1,\)"),
        (10, torch.tensor([1.0, 2.0]), "whole numbers"),
        (10, torch.tensor([True, False]), "whole numbers"),
    ],
)
def test_wrong_labels_are_refused_by_both(num_classes, labels, message):
    generator, discriminator = pair(num_classes=num_classes)
    with pytest.raises(ValueError, match=message):
        generator(torch.randn(2, 10), labels)
    with pytest.raises(ValueError, match=message):
        discriminator(torch.randn(2, 1, 32, 32), labels)
    if labels is not None:
        with pytest.raises(ValueError, match=message):
            generator.generate(2, labels=labels)


# ---- generate ---------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [0, 10])
def test_generate_is_seeded_in_eval_mode_and_touches_nothing(num_classes):
    generator, _ = with_gamma(*pair(num_classes=num_classes))
    generator.train()
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    a = generator.generate(4, torch.Generator().manual_seed(3))
    b = generator.generate(4, torch.Generator().manual_seed(3))
    assert torch.equal(a, b) and not a.requires_grad and generator.training
    for name, value in generator.state_dict().items():  # running statistics, u and v
        assert torch.equal(value, before[name]), name
    with pytest.raises(ValueError, match="at least 1"):
        generator.generate(0)


def test_generate_draws_the_classes_evenly_or_takes_them(monkeypatch):
    generator, _ = pair(num_classes=4)
    drawn = []
    generator.stem_norm.register_forward_pre_hook(lambda module, inputs: drawn.append(inputs[1]))
    generator.generate(400, torch.Generator().manual_seed(0))
    assert torch.bincount(drawn[0], minlength=4).min() > 70
    generator.generate(3, labels=torch.tensor([2, 2, 0]))
    assert drawn[1].tolist() == [2, 2, 0]


def test_truncation_pulls_the_images_together():
    generator, _ = pair()
    wide = generator.generate(64, torch.Generator().manual_seed(0))
    narrow = generator.generate(64, torch.Generator().manual_seed(0), truncation=0.1)
    assert narrow.std(dim=0).mean() < 0.5 * wide.std(dim=0).mean()


# ---- files ------------------------------------------------------------------------------------


def trained_a_little(generator):
    labels = torch.randint(10, (4,)) if generator.num_classes else None
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        generator(torch.randn(4, generator.latent_dim), labels)
    return generator


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"image_size": 64, "attention_at": 32},
        {"image_size": 128, "attention_at": 4, "channels": 3},
        {"num_classes": 10},
        {"num_classes": 10, "attention_at": None},
        {"attention_at": 8, "spectral_norm": False},
        {"attention_at": None, "spectral_norm": False},
        {"value_channels": 4, "pool": False},
    ],
)
def test_the_architecture_is_read_off_the_file(ending, choices, tmp_path):
    generator = trained_a_little(pair(**choices)[0]).eval()
    save_generator(generator, tmp_path / f"g{ending}")
    loaded = load_generator(tmp_path / f"g{ending}")
    for name in ("image_size", "image_channels", "latent_dim", "base_channels", "num_classes"):
        assert getattr(loaded, name) == getattr(generator, name)
    assert loaded.attention_at == generator.attention_at and not loaded.training
    labels = torch.tensor([7, 8]) if generator.num_classes else None
    z = torch.randn(2, 10)
    assert torch.equal(loaded(z, labels), generator(z, labels))


def test_the_averaged_generator_of_a_run_is_taken(tmp_path):
    first, second = (trained_a_little(pair(num_classes=10)[0]).eval() for _ in range(2))
    tensors = {f"generator.{k}": v for k, v in first.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in second.state_dict().items()}
    save_file(tensors, tmp_path / "last.safetensors")
    z, labels = torch.randn(1, 10), torch.tensor([5])
    loaded = load_generator(tmp_path / "last.safetensors")
    assert torch.equal(loaded(z, labels), second(z, labels))


def test_weights_of_the_other_pooling_are_refused():
    """The shapes are the same, so that nothing else would notice."""
    with_pool, without = pair(pool=True)[0], pair(pool=False)[0]
    with pytest.raises(RuntimeError, match="trained with pool=False, but this network has"):
        with_pool.load_state_dict(without.state_dict())


def changed(tensors, name, value):
    return {**tensors, name: value}


def test_other_contents_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    generator, discriminator = pair(num_classes=10)
    tensors = generator.state_dict()
    missing = {k: v for k, v in tensors.items() if k != "to_image.0.bias"}
    without_u = {k: v for k, v in tensors.items() if not k.endswith("stem.0.weight.0._u")}
    without_u.pop("attention.query.parametrizations.weight.0._u")
    no_pool = {k: v for k, v in tensors.items() if k != "attention_pool"}
    query = "attention.query.parametrizations.weight.original"
    for content in (
        discriminator.state_dict(),
        missing,
        without_u,
        no_pool,
        changed(tensors, "attention_pool", torch.tensor([1, 0])),
        changed(tensors, query, torch.zeros(1, 0, 1, 1)),
        changed(tensors, query, torch.zeros(1, 5, 1, 1)),
        changed(tensors, query, torch.zeros(())),
        changed(tensors, "blocks.0.norm.gain.weight", torch.zeros(9, 8)),
        changed(tensors, "stem_norm.gain.weight", torch.zeros(0, 16)),
        changed(tensors, "extra", torch.zeros(1)),
        {f"blocks.{i}.conv.weight": torch.zeros(1) for i in range(5000)},
    ):
        save_file({k: v.clone() for k, v in content.items()}, path)
        with pytest.raises(CourseError, match="another architecture"):
            load_generator(path)


def test_a_file_that_claims_a_huge_network_costs_no_memory(tmp_path, monkeypatch):
    wrapped = "parametrizations.weight.original"
    tensors = {
        f"stem.0.{wrapped}": torch.zeros(1, 1),
        f"to_image.0.{wrapped}": torch.zeros(5000, 1, 4, 4),
        **{f"blocks.{i}.conv.{wrapped}": torch.zeros(1) for i in range(2)},
        "stem_norm.gain.weight": torch.zeros(10**7, 0),
        "attention.gamma": torch.zeros(()),
        f"attention.query.{wrapped}": torch.zeros(1, 5000, 1, 1),
        f"attention.value.{wrapped}": torch.zeros(10**6, 1, 1, 1),
        "attention_pool": torch.ones(()),
    }
    save_file(tensors, tmp_path / "x.safetensors")
    made = []
    register = nn.Module.register_parameter

    def watched(module, name, parameter):
        if parameter is not None:
            made.append(parameter.device.type)
        register(module, name, parameter)

    monkeypatch.setattr(nn.Module, "register_parameter", watched)
    with pytest.raises(CourseError, match="another architecture"):
        load_generator(tmp_path / "x.safetensors")
    assert set(made) == {"meta"}

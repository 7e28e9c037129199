"""A conditional SAGAN, with two steps of D and shifts, under all that a run can be asked for."""

import functools
import json
import random

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_cuda_graph import FakeRecorder, everything

from gan_course.data import load_images
from gan_course.data.images import ImageSet
from gan_course.errors import CourseError
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import SAGANDiscriminator, SAGANGenerator
from gan_course.models.weights import load_generator
from gan_course.training import TrainConfig, Trainer, cuda_graph, training_step
from gan_course.training import precision as precision_module
from gan_course.training.augment import draw_shifts, translate
from gan_course.training.cuda_graph import GraphedStep
from gan_course.training.fast_step import FastStep, make_step

HINGE = {"loss": "hinge", "discriminator_steps": 2}


def config(folder=None, **changes):
    choices = {
        "model": "sagan",
        "conditional": True,
        "attention_at": 8,
        "augment": "translation",
        "discriminator_steps": 2,
        "batch_size": 64,
        "num_epochs": 1,
        "base_channels": 2,
        "latent_dim": 4,
        "device": "cpu",
        "output_dir": None if folder is None else str(folder),
    }
    return TrainConfig(**(choices | changes))


def players(adam=True, base=4):
    torch.manual_seed(0)
    models = [
        SAGANGenerator(32, 1, 8, base, num_classes=5),
        SAGANDiscriminator(32, 1, base, num_classes=5),
    ]
    for model in models:  # as if trained: at 0 the block is the identity, and would not be tested
        model.attention.gamma.data.fill_(0.5)
    if adam:
        how = {"betas": (0.0, 0.9), "fused": True}
        return *models, *(torch.optim.Adam(m.parameters(), 0.0002, **how) for m in models)
    return *models, *(torch.optim.SGD(m.parameters(), lr=0.05) for m in models)


def batch(number=8, seed=1):
    """images_real, z, labels, shifts"""
    rng = torch.Generator().manual_seed(seed)
    return (
        torch.rand(number, 1, 32, 32, generator=rng) * 2 - 1,
        torch.randn(number, 8, generator=rng),
        torch.randint(5, (number,), generator=rng),
        draw_shifts(number, 32, rng),
    )


def same(mine, theirs, tolerance):
    torch.testing.assert_close(
        everything(*mine), everything(*theirs), rtol=tolerance, atol=tolerance
    )


def step_by(players, batch, **choices):
    images_real, z, labels, shifts = batch
    return training_step(*players, images_real, z, labels=labels, moves=shifts, **choices)


# ---- one step ---------------------------------------------------------------------------------


def test_the_step_is_the_algorithm_written_out():
    ours, (generator, discriminator, optimizer_g, optimizer_d) = players(), players()
    images_real, z, labels, shifts = batch()
    stats = step_by(ours, batch(), **HINGE)
    for part in (slice(0, 4), slice(4, 8)):
        fakes = generator(z[part], labels[part])
        real_seen = translate(images_real[part], shifts[part, 0])
        fake_seen = translate(fakes.detach(), shifts[part, 0])
        logits_real = discriminator(real_seen, labels[part])
        logits_fake = discriminator(fake_seen, labels[part])
        optimizer_d.zero_grad()
        discriminator_loss("hinge", logits_real, logits_fake).backward()
        optimizer_d.step()
    optimizer_g.zero_grad()
    generator_loss("hinge", discriminator(translate(fakes, shifts[4:, 1]), labels[4:])).backward()
    optimizer_g.step()
    same(ours, (generator, discriminator, optimizer_g, optimizer_d), 1e-6)
    assert torch.equal(stats.logits_fake, logits_fake.detach())


def test_in_float32_the_fast_step_is_the_plain_one():
    ours, plain = players(adam=False), players(adam=False)
    step = make_step(*ours, precision="float32", **HINGE)
    for seed in range(2):
        stats, expected = step(*batch(seed=seed)), step_by(plain, batch(seed=seed), **HINGE)
        torch.testing.assert_close(stats.loss_g, expected.loss_g, rtol=1e-5, atol=1e-5)
    same(ours, plain, 1e-4)


def test_bfloat16_is_close_and_in_use():
    results = []
    for precision in ("float32", "bfloat16"):
        ours = players(base=8)
        make_step(*ours, precision=precision, **HINGE)(*batch(32))
        results.append([torch.cat([p.grad.flatten() for p in m.parameters()]) for m in ours[:2]])
    for exact, rounded in zip(*results, strict=True):
        assert torch.cosine_similarity(exact, rounded, dim=0) > 0.99
        assert not torch.equal(exact, rounded)


def test_choosing_the_precision_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(precision_module, "bfloat16_is_native", lambda device: True)
    ours, twin = players(), players()
    step = make_step(*ours, precision="auto", **HINGE)
    step(*batch())
    assert step.precision in ("float32", "bfloat16")
    make_step(*twin, precision=step.precision, **HINGE)(*batch())
    same(ours, twin, 0)


@pytest.mark.slow
def test_compiled_it_is_the_plain_step(monkeypatch):
    """Traced as always, but not translated to C++: test_fast_step does that, and it takes long."""
    traced = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", traced)
    ours, plain = players(adam=False), players(adam=False)
    step = make_step(*ours, precision="float32", compile=True, **HINGE)
    for seed in range(2):
        step(*batch(seed=seed))
        step_by(plain, batch(seed=seed), **HINGE)
    same(ours, plain, 1e-4)


def test_a_graph_copies_labels_and_shifts_in(monkeypatch):
    ours, eager = players(), players()
    recorder = FakeRecorder(monkeypatch)
    monkeypatch.setattr(cuda_graph, "make_capturable", lambda optimizer: None)  # GPUs only

    def run(images_real, z, labels, shifts):
        return step_by(ours, (images_real, z, labels, shifts), **HINGE)

    recorder.step = graphed = GraphedStep(run, ours[:2], ours[2:])
    for seed in range(3):
        stats = graphed(*batch(seed=seed))
        expected = step_by(eager, batch(seed=seed), **HINGE)
        assert torch.equal(stats.logits_fake, expected.logits_fake)
    same(ours, eager, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_graph_is_the_eager_step(precision):
    results = []
    for graph in (False, True):
        models = [m.cuda() for m in players()[:2]]
        how = {"betas": (0.0, 0.9), "fused": True}
        ours = *models, *(torch.optim.Adam(m.parameters(), 0.0002, **how) for m in models)
        step = make_step(*ours, precision=precision, cuda_graph=graph, **HINGE)
        for seed in range(4):
            step(*(values.cuda() for values in batch(seed=seed)))
        results.append(everything(*ours))
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-3)


# ---- the run ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_stopped_at_any_moment_and_resumed_is_bit_identical(tmp_path):
    whole = Trainer(config(num_epochs=2))
    whole.fit(progress=False)
    moment = random.randrange(1, whole.step)
    first = Trainer(config(tmp_path, num_epochs=2))
    for _ in zip(range(moment), first.steps(), strict=False):
        pass
    first.save()
    second = Trainer(config(tmp_path, num_epochs=2, resume=True))
    assert second.step == moment
    second.fit(progress=False)
    for name, expected in whole._state().items():
        assert torch.equal(second._state()[name], expected), f"{name}, stopped at step {moment}"
    assert second.history == whole.history


def test_labels_are_those_of_the_images_and_g_and_d_get_them(monkeypatch):
    digits = load_images("digits")
    trainer = Trainer(config())
    pictures = {p.numpy().tobytes(): int(y) for p, y in zip(digits.pixels, digits.labels)}  # noqa: B905
    seen = []
    call = FastStep.__call__

    def watched(step, images_real, z, labels, shifts):
        seen.append(labels)
        back = ((images_real + 1) * 127.5).round().to(torch.uint8).contiguous()
        assert [pictures[image.numpy().tobytes()] for image in back] == labels.tolist()
        return call(step, images_real, z, labels, shifts)

    monkeypatch.setattr(FastStep, "__call__", watched)
    trainer.fit(progress=False)
    assert len(seen) == 1797 // 128 and all(labels.shape == (128,) for labels in seen)
    got = {"generator": [], "discriminator": []}
    for name, found in got.items():
        getattr(trainer, name).register_forward_pre_hook(
            lambda module, inputs, found=found: found.append(inputs[1])
        )
    fresh = next(digits.labelled_batches(128, seed=0, epoch=5))
    trainer._training_step._run(fresh[0], torch.randn(128, 4), fresh[1], None)
    parts = fresh[1].chunk(2)
    for found, expected in (
        (got["generator"], [parts[0], parts[1]]),
        (got["discriminator"], [parts[0], parts[0], parts[1], parts[1], parts[1]]),
    ):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_two_learning_rates_and_the_betas_reach_adam():
    trainer = Trainer(config())
    [group_g], [group_d] = trainer.optimizer_g.param_groups, trainer.optimizer_d.param_groups
    assert (group_g["lr"], group_d["lr"]) == (0.004, 0.001)
    assert group_g["betas"] == group_d["betas"] == (0.0, 0.9)
    plain = Trainer(TrainConfig(device="cpu", output_dir=None, learning_rate_d=0.003))
    assert plain.optimizer_g.param_groups[0]["lr"] == 0.0004
    assert plain.optimizer_d.param_groups[0]["lr"] == 0.003
    assert plain.optimizer_d.param_groups[0]["betas"] == (0.5, 0.999)


def test_what_is_written_and_shown(tmp_path):
    trainer = Trainer(config(tmp_path)).fit(progress=False)
    for row in trainer.history:
        assert {"gamma_g", "gamma_d", "eval_gap", "logit_real"} <= row.keys()
    assert trainer.history[0]["gamma_g"] != trainer.history[-1]["gamma_g"]
    assert trainer.diagnose().sentence
    # the grid: a class in each column, one z in each row
    assert trainer.columns == 10 and trainer.sample_images().shape == (60, 1, 32, 32)
    labels, z = trainer.fixed_labels[:60].view(6, 10), trainer.fixed_z[:60].view(6, 10, -1)
    assert torch.equal(labels, torch.arange(10).expand(6, 10))
    assert torch.equal(z, z[:, :1].expand_as(z)) and not torch.equal(z[0], z[1])
    generator = load_generator(tmp_path / "checkpoints/generator_final.pth")
    assert isinstance(generator, SAGANGenerator) and generator.num_classes == 10
    torch.testing.assert_close(
        generator.generate(60, labels=trainer.fixed_labels[:60]).shape, torch.Size([60, 1, 32, 32])
    )
    with torch.no_grad():
        again = generator(trainer.fixed_z[:60], trainer.fixed_labels[:60])
    torch.testing.assert_close(again, trainer.sample_images(), rtol=1e-5, atol=1e-5)


def test_u_and_v_are_kept_and_never_averaged(tmp_path):
    trainer = Trainer(config(tmp_path)).fit(progress=False)
    vectors = [n for n, _ in trainer.generator.named_buffers() if n.endswith(("._u", "._v"))]
    assert len(vectors) >= 10
    saved = load_file(trainer.checkpoint_path)
    for name in vectors:
        newest = dict(trainer.generator.named_buffers())[name]
        assert torch.equal(dict(trainer.averaged.model.named_buffers())[name], newest)
        assert torch.equal(saved[f"ema.{name}"], newest)
        assert newest.norm() == pytest.approx(1, abs=1e-4)


def test_without_attention_there_is_no_gamma():
    trainer = Trainer(config(attention_at=0, conditional=False, augment="none"))
    next(trainer.steps())
    assert trainer.generator.attention is None and "gamma_g" not in trainer.history[0]


def test_spectral_norm_can_be_left_away():
    names = Trainer(config(spectral_norm=False)).generator.state_dict()
    assert not any("parametrizations" in name for name in names)


@pytest.mark.parametrize("model", ["dcgan", "sagan"])
def test_a_checkpoint_from_before_these_choices_is_good(model, tmp_path):
    """As a run of before them wrote it: a DCGAN; and a SAGAN with all that is the default."""
    old = {"model": model, "conditional": False, "augment": "none", "discriminator_steps": 1}
    old["attention_at"] = 16 if model == "sagan" else 0
    trainer = Trainer(config(tmp_path, **old)).fit(progress=False)
    path = trainer.checkpoint_path
    with safe_open(path, framework="pt") as file:
        text = json.loads(file.metadata()["gan_course"])
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    for name in ("learning_rate_d", "beta2", "conditional", "attention_at", "augment"):
        del text["config"][name]
    if model == "dcgan":
        del text["config"]["model"]
    save_file(tensors, path, {"gan_course": json.dumps(text)})
    resumed = Trainer(config(tmp_path, **old | {"num_epochs": 2, "resume": True}))
    assert resumed.epoch == 1


# ---- the choices ------------------------------------------------------------------------------

SAGAN = {"model": "sagan"}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"model": "gan"}, "no model called 'gan'; choose one of dcgan, sagan, r3gan"),
        ({"conditional": True}, "conditional is True, but dcgan has no such thing"),
        ({"attention_at": 16}, "attention_at is 16, but dcgan has no such thing"),
        (SAGAN | {"stem": "conv"}, "sagan always has a linear one"),
        (SAGAN | {"image_size": 16}, "a sagan draws 32, 64 or 128 pixels"),
        (SAGAN | {"attention_at": 12}, "attention_at must be one of 4, 8, 16, 32, 64"),
        (SAGAN | {"attention_at": 32, "image_size": 32}, "must be one of 4, 8, 16, the heights"),
        (SAGAN | {"attention_at": 16.0}, "attention_at must be a whole number"),
        (SAGAN | {"conditional": True, "dataset": "celeba"}, "labels, and celeba has none"),
        (SAGAN | {"conditional": 1}, "conditional must be True or False, but is 1"),
        (SAGAN | {"spectral_norm": "yes"}, "spectral_norm must be True or False, but is 'yes'"),
        (SAGAN | {"label_smoothing": 0.1}, "no meaning for the hinge loss"),
        (SAGAN | {"beta2": 1}, r"beta2 must lie in \[0, 1\), but is 1; 0.9 is usual"),
        ({"beta2": -0.1}, r"beta2 must lie in \[0, 1\).*0.999 is usual"),
        ({"learning_rate_d": 0}, "learning_rate_d must lie between 0 and 1"),
        (
            {"learning_rate": 0.5, "model": "sagan", "dataset": "mnist"},
            "learning_rate_d must lie between 0 and 1",
        ),
        ({"learning_rate_d": "x"}, "learning_rate_d must be a number"),
        ({"augment": "flip"}, "no augment called 'flip'; choose one of none, translation"),
    ],
)
def test_choices_that_cannot_work(choices, words):
    with pytest.raises(CourseError, match=words):
        TrainConfig(**choices)


def test_attention_on_a_map_that_the_images_usual_size_does_not_have():
    with pytest.raises(CourseError, match=r"one of 4, 8, 16, the heights .* but is 32"):
        Trainer(config(attention_at=32))


def test_defaults_hang_on_the_model():
    dcgan, sagan = TrainConfig(), TrainConfig(model="sagan")
    assert (dcgan.loss, dcgan.beta1, dcgan.beta2) == ("non-saturating", 0.5, 0.999)
    assert dcgan.spectral_norm is False and dcgan.attention_at == 0
    assert dcgan.learning_rate == dcgan.learning_rate_d == 0.0004
    assert (sagan.loss, sagan.beta1, sagan.beta2) == ("hinge", 0.0, 0.9)
    assert sagan.spectral_norm is True and sagan.attention_at == 16
    assert (sagan.learning_rate, sagan.learning_rate_d) == (0.004, 0.001)
    assert TrainConfig(model="sagan", learning_rate=0.002).learning_rate_d == 0.0005
    cifar = TrainConfig(model="sagan", dataset="cifar10")
    assert (cifar.learning_rate, cifar.learning_rate_d) == (0.0001, 0.0004)
    assert TrainConfig(model="sagan", dataset="mnist", learning_rate=0.0002).learning_rate_d == 8e-4
    assert cifar.batch_size == 128


def test_images_without_labels_are_named(monkeypatch):
    bare = ImageSet("bare", (1, 32, 32), 9, torch.zeros(9, 1, 32, 32, dtype=torch.uint8))
    monkeypatch.setattr("gan_course.training.trainer.load_images", lambda *_: bare)
    with pytest.raises(CourseError, match="bare has no labels"):
        Trainer(config(batch_size=2))
    with pytest.raises(CourseError, match="bare has no labels"):
        next(bare.labelled_batches(2, 0, 0))

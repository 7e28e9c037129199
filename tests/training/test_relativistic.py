"""The relativistic game with R1 and R2, under all that a run can be asked for."""

import functools
import random

import pytest
import torch
from safetensors.torch import load_file
from test_cuda_graph import FakeRecorder, everything
from torch import nn

from gan_course import doctor
from gan_course.errors import CourseError
from gan_course.losses import (
    generator_loss,
    relativistic_d_loss,
    relativistic_g_loss,
    squared_slope,
)
from gan_course.models import R3GANDiscriminator, R3GANGenerator
from gan_course.models.weights import load_generator
from gan_course.training import TrainConfig, Trainer, cuda_graph, training_step
from gan_course.training import precision as precision_module
from gan_course.training.augment import draw_shifts, translate
from gan_course.training.cuda_graph import GraphedStep
from gan_course.training.fast_step import FastStep, make_step

GAME = {"loss": "relativistic", "r1": 0.5, "r2": 0.2, "discriminator_steps": 2}


def config(folder=None, **changes):
    choices = {
        "model": "r3gan",
        "image_size": 16,
        "augment": "all",
        "adaptive_augment": True,
        "batch_size": 128,
        "num_epochs": 1,
        "base_channels": 2,
        "latent_dim": 4,
        "device": "cpu",
        "output_dir": None if folder is None else str(folder),
    }
    return TrainConfig(**(choices | changes))


def players(adam=True, base=4):
    torch.manual_seed(0)
    models = [R3GANGenerator(16, 1, 8, base), R3GANDiscriminator(16, 1, base)]
    for model in models:  # as if trained: at 0 a residual block is the identity, not tested
        for block in model.blocks:
            if hasattr(block, "second"):
                nn.init.normal_(block.second.weight, std=0.1)
    if adam:
        how = {"betas": (0.0, 0.99), "fused": True}
        return *models, *(torch.optim.Adam(m.parameters(), 0.0002, **how) for m in models)
    return *models, *(torch.optim.SGD(m.parameters(), lr=0.05) for m in models)


def batch(number=8, seed=1):
    """images_real, z, labels, shifts"""
    rng = torch.Generator().manual_seed(seed)
    images = torch.rand(number, 1, 16, 16, generator=rng) * 2 - 1
    z = torch.randn(number, 8, generator=rng)
    return images, z, None, draw_shifts(number, 16, rng)


def same(mine, theirs, tolerance):
    torch.testing.assert_close(
        everything(*mine), everything(*theirs), rtol=tolerance, atol=tolerance
    )


def step_by(players, batch, **choices):
    images_real, z, labels, shifts = batch
    return training_step(*players, images_real, z, labels=labels, moves=shifts, **choices)


# ---- the loss ---------------------------------------------------------------------------------


def test_the_loss_by_hand_and_in_pairs():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 1.0])
    log = torch.log
    by_hand = -(log(torch.sigmoid(real - fake))).mean()
    torch.testing.assert_close(relativistic_d_loss(real, fake), by_hand)
    torch.testing.assert_close(
        relativistic_g_loss(fake, real), -log(torch.sigmoid(fake - real)).mean()
    )
    # Moving all logits together changes nothing; exchanging partners does.
    torch.testing.assert_close(relativistic_d_loss(real + 50, fake + 50), by_hand)
    assert relativistic_d_loss(real, fake.flip(0)) == by_hand  # equal fakes: no other pairs
    assert relativistic_d_loss(real, torch.tensor([2.0, 0.0])) != relativistic_d_loss(
        real, torch.tensor([0.0, 2.0])
    )
    assert relativistic_d_loss(torch.tensor([-500.0]), torch.tensor([500.0])) == 1000


def test_gs_loss_needs_the_real_logits():
    with pytest.raises(ValueError, match="compares pairs"):
        generator_loss("relativistic", torch.zeros(3))
    assert generator_loss("relativistic", torch.zeros(3), torch.zeros(3)) == pytest.approx(0.693147)


def test_the_penalty_and_its_second_derivative_against_a_hand_computation():
    """D(x) = w · x² / 2 + v · x: slope w x + v, so the penalty is mean |w x + v|², and its own
    gradient in w is mean 2 (w x + v) x."""
    rng = torch.Generator().manual_seed(0)
    w = torch.randn(6, generator=rng, dtype=torch.float64, requires_grad=True)
    v = torch.randn(6, generator=rng, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 1, 2, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    rows = x.flatten(1)
    logits = (w * rows.square() / 2 + v * rows).sum(1)
    penalty = squared_slope(logits, x)
    slope = (w * rows + v).detach().float()
    torch.testing.assert_close(penalty.detach(), slope.square().sum(1).mean())
    penalty.backward()
    by_hand = (2 * slope.double() * rows.detach()).mean(0)
    torch.testing.assert_close(w.grad, by_hand, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(v.grad, (2 * slope.double()).mean(0), rtol=1e-5, atol=1e-6)


def test_the_penalty_reaches_ds_weights_as_finite_differences_say():
    *_, discriminator = players()[:2]
    discriminator.double()
    images = batch()[0].double().requires_grad_()
    weight = discriminator.blocks[0].first.weight

    def penalty():
        (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
        return slope.square().flatten(1).sum(1).mean()

    squared_slope(discriminator(images), images).backward()
    for place in ((0, 0, 1, 1), (3, 2, 0, 2)):
        values = []
        for way in (1e-5, -1e-5):
            with torch.no_grad():
                weight[place] += way
            values.append(penalty().item())
            with torch.no_grad():
                weight[place] -= way
        assert weight.grad[place].item() == pytest.approx(
            (values[0] - values[1]) / 2e-5, rel=1e-3, abs=1e-6
        )


# ---- one step ---------------------------------------------------------------------------------


def test_the_step_is_the_algorithm_written_out():
    ours, (generator, discriminator, optimizer_g, optimizer_d) = players(), players()
    images_real, z, _, shifts = batch()
    before = images_real.clone()
    stats = step_by(ours, (images_real, z, None, shifts), **GAME)
    assert torch.equal(images_real, before) and not images_real.requires_grad
    for part in (slice(0, 4), slice(4, 8)):
        fakes = generator(z[part])
        real_seen = translate(images_real[part], shifts[part, 0]).requires_grad_()
        fake_seen = translate(fakes.detach(), shifts[part, 0]).requires_grad_()
        logits_real, logits_fake = discriminator(real_seen), discriminator(fake_seen)
        loss_d = -torch.sigmoid(logits_real - logits_fake).log().mean()
        penalties = []
        for logits, seen in ((logits_real, real_seen), (logits_fake, fake_seen)):
            [slope] = torch.autograd.grad(logits.sum(), seen, create_graph=True)
            penalties.append(slope.pow(2).sum() / 4)
        optimizer_d.zero_grad()
        (loss_d + 0.25 * penalties[0] + 0.1 * penalties[1]).backward()
        optimizer_d.step()
    optimizer_g.zero_grad()
    for_g = discriminator(translate(fakes, shifts[4:, 1]))
    against = discriminator(translate(images_real[4:], shifts[4:, 1]))
    loss_g = -torch.sigmoid(for_g - against).log().mean()
    loss_g.backward()
    optimizer_g.step()
    same(ours, (generator, discriminator, optimizer_g, optimizer_d), 1e-5)
    torch.testing.assert_close((stats.loss_d, stats.loss_g), (loss_d.detach(), loss_g.detach()))


@pytest.mark.parametrize("gamma", ["r1", "r2"])
def test_each_penalty_makes_d_flatter_where_it_says(gamma):
    """A step of D with a huge penalty lowers the slope there."""
    generator, discriminator, optimizer_g, optimizer_d = players(adam=False)
    images_real, z, *_ = batch()
    fakes = generator(z).detach()
    where = images_real if gamma == "r1" else fakes

    def slope():
        images = where.clone().requires_grad_()
        return squared_slope(discriminator(images), images).item()

    before = slope()
    optimizer_d.param_groups[0]["lr"] = 1e-3
    choices = {"loss": "relativistic", gamma: 100.0}
    training_step(generator, discriminator, optimizer_g, optimizer_d, images_real, z, **choices)
    assert slope() < 0.95 * before


def test_in_float32_the_fast_step_is_the_plain_one():
    ours, plain = players(adam=False), players(adam=False)
    step = make_step(*ours, precision="float32", **GAME)
    for seed in range(2):
        stats, expected = step(*batch(seed=seed)), step_by(plain, batch(seed=seed), **GAME)
        torch.testing.assert_close(stats.loss_g, expected.loss_g, rtol=1e-5, atol=1e-5)
    same(ours, plain, 1e-4)


def test_bfloat16_is_close_and_in_use():
    results = []
    for precision in ("float32", "bfloat16"):
        ours = players(base=8)
        make_step(*ours, precision=precision, **GAME)(*batch(32))
        results.append([torch.cat([p.grad.flatten() for p in m.parameters()]) for m in ours[:2]])
    for exact, rounded in zip(*results, strict=True):
        assert torch.cosine_similarity(exact, rounded, dim=0) > 0.99
        assert not torch.equal(exact, rounded)


def test_choosing_the_precision_measures_this_game_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(precision_module, "bfloat16_is_native", lambda device: True)
    seen = []
    monkeypatch.setattr(
        precision_module,
        "training_step",
        lambda *a, **k: (seen.append((k["r1"], k["loss"])), training_step(*a, **k))[1],
    )
    ours, twin = players(), players()
    step = make_step(*ours, precision="auto", **GAME)
    step(*batch())
    assert set(seen) == {(0.5, "relativistic")}
    make_step(*twin, precision=step.precision, **GAME)(*batch())
    same(ours, twin, 0)


def test_compiled_it_is_the_plain_step(monkeypatch):
    """G is compiled; D is not, for torch.compile knows no second derivatives."""
    compiled = []
    traced = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", lambda m, **k: (compiled.append(m), traced(m, **k))[1])
    ours, plain = players(adam=False), players(adam=False)
    step = make_step(*ours, precision="float32", compile=True, **GAME)
    assert compiled == [ours[0]]
    for seed in range(2):
        step(*batch(seed=seed))
        step_by(plain, batch(seed=seed), **GAME)
    same(ours, plain, 1e-4)


def test_a_graph_does_the_same(monkeypatch):
    ours, eager = players(), players()
    recorder = FakeRecorder(monkeypatch)
    monkeypatch.setattr(cuda_graph, "make_capturable", lambda optimizer: None)  # GPUs only

    def run(images_real, z, labels, shifts):
        return step_by(ours, (images_real, z, labels, shifts), **GAME)

    recorder.step = graphed = GraphedStep(run, ours[:2], ours[2:])
    for seed in range(3):
        stats = graphed(*batch(seed=seed))
        expected = step_by(eager, batch(seed=seed), **GAME)
        assert torch.equal(stats.logits_fake, expected.logits_fake)
    same(ours, eager, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_graph_is_the_eager_step(precision):
    results = []
    for graph in (False, True):
        models = [m.cuda() for m in players()[:2]]
        how = {"betas": (0.0, 0.99), "fused": True}
        ours = *models, *(torch.optim.Adam(m.parameters(), 0.0002, **how) for m in models)
        step = make_step(*ours, precision=precision, cuda_graph=graph, **GAME)
        for seed in range(4):
            step(*(v if v is None else v.cuda() for v in batch(seed=seed)))
        results.append(everything(*ours))
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-3)


# ---- the run ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_stopped_at_any_moment_and_resumed_is_bit_identical(tmp_path):
    """With an adaptive share p that moves on the way."""
    whole = Trainer(config(num_epochs=3)).fit(progress=False)
    assert whole.adaptive.p > 0
    moment = random.randrange(1, whole.step)
    first = Trainer(config(tmp_path, num_epochs=3))
    for _ in zip(range(moment), first.steps(), strict=False):
        pass
    first.save()
    assert "adaptive" in load_file(first.checkpoint_path)
    second = Trainer(config(tmp_path, num_epochs=3, resume=True))
    assert second.step == moment
    assert second.adaptive.p == first.adaptive.p
    second.fit(progress=False)
    expected = whole._state()
    assert second._state().keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(second._state()[name], value), f"{name}, stopped at step {moment}"
    assert second.history == whole.history and "augment_p" in whole.history[-1]


def test_the_choices_reach_the_step_and_a_saved_generator_comes_back(tmp_path, monkeypatch):
    made = []
    init = FastStep.__init__
    monkeypatch.setattr(
        FastStep, "__init__", lambda self, *a: (made.append(a[2]), init(self, *a))[1]
    )
    trainer = Trainer(config(tmp_path, r2=0.3)).fit(progress=False)
    assert made[0]["loss"] == "relativistic" and (made[0]["r1"], made[0]["r2"]) == (1.0, 0.3)
    assert trainer.diagnose().sentence
    generator = load_generator(tmp_path / "checkpoints/generator_final.pth")
    assert isinstance(generator, R3GANGenerator) and generator.image_size == 16
    again = generator(trainer.fixed_z).detach()
    torch.testing.assert_close(again, trainer.sample_images(), rtol=1e-5, atol=1e-5)
    assert isinstance(load_generator(trainer.checkpoint_path), R3GANGenerator)


def test_the_doctor_takes_the_middle_of_the_two():
    real, fake = torch.tensor([5.0, 7.0]), torch.tensor([1.0, 3.0])
    assert doctor.boundary("relativistic", real, fake) == 4


def test_defaults():
    r3gan = TrainConfig(model="r3gan")
    assert (r3gan.loss, r3gan.beta1, r3gan.beta2) == ("relativistic", 0.0, 0.99)
    assert (r3gan.r1, r3gan.r2) == (1.0, 1.0) and r3gan.learning_rate == r3gan.learning_rate_d
    plain = TrainConfig()
    assert (plain.r1, plain.r2) == (0.0, 0.0)
    assert TrainConfig(model="sagan", r1=1.0).r1 == 1.0  # its D has no BatchNorm
    assert TrainConfig(spectral_norm=True, loss="relativistic", r1=1, r2=1).r1 == 1


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"r1": 1.0}, "BatchNorm in D mixes the images"),
        ({"r2": 1.0, "loss": "relativistic"}, "Take --model r3gan, or --spectral-norm"),
        ({"model": "r3gan", "r1": -1.0}, "r1 must be 0 or more, but is -1.0"),
        ({"model": "r3gan", "r2": float("nan")}, "r2 must be 0 or more, but is nan"),
        ({"model": "r3gan", "r1": "x"}, "r1 must be a number"),
        ({"model": "r3gan", "spectral_norm": True}, "r3gan has none"),
        ({"model": "r3gan", "stem": "conv"}, "r3gan always has a linear one"),
        ({"model": "r3gan", "conditional": True}, "r3gan has no such thing"),
        ({"loss": "relativistic", "label_smoothing": 0.1}, "no meaning for the relativistic loss"),
        ({"adaptive_augment": True}, "augment is 'none': say what may be done"),
        ({"adaptive_augment": 1, "augment": "all"}, "adaptive_augment must be True or False"),
        ({"drop_duplicates": True}, "looks through a folder of images, and dataset is 'digits'"),
    ],
)
def test_choices_that_cannot_work(choices, words):
    with pytest.raises(CourseError, match=words):
        TrainConfig(**choices)


@pytest.mark.parametrize("change", [{"r1": 0.3}, {"r2": 0.3}, {"adaptive_augment": True}])
def test_a_resumed_run_may_not_change_them(change):
    base = {"model": "r3gan", "augment": "all"}
    assert len(TrainConfig(**base, **change).difference(TrainConfig(**base))) == 1

"""The fast step against the plain one: the same numbers, and how far bfloat16 is from them."""

import copy
import dataclasses
import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gan_course.errors import CourseError
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.training import fast_step as fast_step_module
from gan_course.training import precision as precision_module
from gan_course.training.fast_step import make_step
from gan_course.training.precision import bfloat16_is_native, choose_precision
from gan_course.training.step import StepStats, training_step

LATENT_DIM = 8


def players(base=4, size=16, spectral_norm=False, adam=True):
    torch.manual_seed(0)
    generator = DCGANGenerator(size, 1, LATENT_DIM, base)
    discriminator = DCGANDiscriminator(size, 1, base, spectral_norm)
    models = (generator, discriminator)
    if adam:
        choices = {"lr": 0.0002, "betas": (0.5, 0.999), "fused": True}
        return *models, *(torch.optim.Adam(m.parameters(), **choices) for m in models)
    # Adam's first update is the sign of each gradient, so that rounding alone can turn it round.
    return *models, *(torch.optim.SGD(m.parameters(), lr=0.1) for m in models)


def batch(number, size=16, seed=1):
    rng = torch.Generator().manual_seed(seed)
    images_real = torch.rand(number, 1, size, size, generator=rng) * 2 - 1
    return images_real, torch.randn(number, LATENT_DIM, generator=rng)


def state(generator, discriminator, *_):
    return {**generator.state_dict(prefix="g."), **discriminator.state_dict(prefix="d.")}


def same(mine, theirs, tolerance):
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        torch.testing.assert_close(
            value, theirs[name], rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )


# ---- float32 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("discriminator_steps", [1, 2])
@pytest.mark.parametrize(
    ("loss", "label_smoothing", "spectral_norm"),
    [("non-saturating", 0.1, False), ("hinge", 0.0, True), ("wasserstein", 0.0, False)],
)
def test_in_float32_it_is_the_plain_step(loss, label_smoothing, spectral_norm, discriminator_steps):
    choices = {
        "loss": loss,
        "label_smoothing": label_smoothing,
        "discriminator_steps": discriminator_steps,
    }
    ours, plain = (players(spectral_norm=spectral_norm, adam=False) for _ in range(2))
    step = make_step(*ours, precision="float32", **choices)
    assert ours[0].blocks[0][0].weight.is_contiguous(memory_format=torch.channels_last)
    images_real, z = batch(8 * discriminator_steps)
    stats = step(images_real, z)
    expected = training_step(*plain, images_real, z, **choices)
    for field in dataclasses.fields(StepStats):
        mine, theirs = getattr(stats, field.name), getattr(expected, field.name)
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
        assert not isinstance(mine, torch.Tensor) or not mine.requires_grad
    same(state(*ours), state(*plain), 1e-5)


def test_several_steps_of_d_are_the_algorithm_written_out():
    """Each of D's updates on its own images and its own fakes; G learns from the last fakes."""
    ours, (generator, discriminator, optimizer_g, optimizer_d) = players(), players()
    images_real, z = batch(12)
    stats = training_step(*ours, images_real, z, discriminator_steps=3)
    for i in range(3):
        part = slice(4 * i, 4 * i + 4)
        fakes = generator(z[part])
        loss_d = discriminator_loss(
            "non-saturating", discriminator(images_real[part]), discriminator(fakes.detach())
        )
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
    loss_g = generator_loss("non-saturating", discriminator(fakes))
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    same(state(*ours), state(generator, discriminator), 1e-6)
    torch.testing.assert_close((stats.loss_d, stats.loss_g), (loss_d.detach(), loss_g.detach()))
    assert stats.logits_real.shape == (4,) and stats.images_fake.shape == (4, 1, 16, 16)
    assert ours[2].state[next(ours[0].parameters())]["step"] == 1
    assert ours[3].state[next(ours[1].parameters())]["step"] == 3


@pytest.mark.parametrize(("number", "steps"), [(9, 2), (8, 3)])
def test_batches_that_cannot_be_dealt_out_are_refused(number, steps):
    with pytest.raises(ValueError, match=f"{number} images and {number} z .* {steps} steps"):
        training_step(*players(), *batch(number), discriminator_steps=steps)


def test_d_can_learn_again_afterwards_and_gave_g_its_own_gradients_only():
    ours = players()
    step = make_step(*ours, precision="bfloat16")
    step(*batch(8))
    assert all(p.requires_grad for p in ours[1].parameters())
    d_grads = [p.grad.clone() for p in ours[1].parameters()]
    twin = players()
    training_step(*twin, *batch(8))
    # D's gradients are those of its own update alone: the update of G added nothing to them.
    for mine, theirs in zip(d_grads, (p.grad for p in twin[1].parameters()), strict=True):
        assert torch.cosine_similarity(mine.flatten(), theirs.flatten(), dim=0) > 0.9


def test_no_layout_is_lost_between_the_first_map_of_g_and_the_last_of_d():
    """What BatchNorm gets forwards in G's stem, and LeakyReLU backwards at D's end."""
    generator, discriminator, *optimizers = players()
    seen = {}
    generator.stem[2].register_forward_hook(lambda m, i, o: seen.update(stem=i[0]))
    discriminator.blocks[-1].register_full_backward_hook(lambda m, i, o: seen.update(end=o[0]))
    make_step(generator, discriminator, *optimizers, precision="float32")(*batch(8))
    for name in ("stem", "end"):
        assert seen[name].shape == (8, 8, 4, 4)
        assert seen[name].is_contiguous(memory_format=torch.channels_last), name


class NoReading(TorchDispatchMode):
    """Fails at the operation behind ``.item()``, ``float()`` and ``if tensor``."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default, "a number was read"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_number_is_read_during_a_step(precision):
    step = make_step(*players(spectral_norm=True), precision=precision, discriminator_steps=2)
    with NoReading():
        stats = step(*batch(8))
        with pytest.raises(AssertionError, match="a number was read"):
            stats.floats()


# ---- bfloat16 ---------------------------------------------------------------------------------


def gradients(base, size, precision):
    """G's and D's gradients of one step, each as one long vector."""
    ours = players(base, size)
    images_real, z = batch(64, size)
    make_step(*ours, precision=precision)(images_real, z)
    return [torch.cat([p.grad.flatten() for p in m.parameters()]) for m in ours[:2]]


@pytest.mark.parametrize(("base", "size"), [(8, 16), (16, 32)])
def test_gradients_in_bfloat16_stay_close_to_float32s(base, size):
    """Within the bounds, and not equal: bfloat16 was really in use."""
    for exact, rounded in zip(
        gradients(base, size, "float32"), gradients(base, size, "bfloat16"), strict=True
    ):
        cosine = torch.cosine_similarity(exact, rounded, dim=0)
        length = rounded.norm() / exact.norm()
        distance = (rounded - exact).norm() / exact.norm()
        assert cosine > 0.995
        assert 0.97 < length < 1.03
        assert 1e-4 < distance < 0.1


def test_bfloat16_keeps_weights_losses_and_statistics_in_float32():
    ours = players()
    stats = make_step(*ours, precision="bfloat16")(*batch(8))
    for value in (stats.loss_d, stats.loss_g, stats.logits_real, stats.images_fake):
        assert value.dtype == torch.float32
    assert all(
        v.is_floating_point() is False or v.dtype == torch.float32 for v in state(*ours).values()
    )
    assert all(s["exp_avg"].dtype == torch.float32 for o in ours[2:] for s in o.state.values())


# ---- which of the two -------------------------------------------------------------------------


class FakeClock:
    """Steps that take as long as a test says, without waiting: one reading is before, one after."""

    def __init__(self, monkeypatch, seconds):
        self.seconds, self.time, self.precision = seconds, 0.0, None
        monkeypatch.setattr(precision_module, "bfloat16_is_native", lambda device: True)
        monkeypatch.setattr(precision_module, "now", lambda device: self.time)
        monkeypatch.setattr(precision_module, "training_step", self.step)
        self.calls = 0

    def step(self, generator, *_, **__):
        self.calls += 1
        self.time += self.seconds[generator.precision]


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(2.0, 1.0, "bfloat16"), (1.0, 10.0, "float32"), (1.05, 1.0, "float32")],
)
def test_auto_takes_what_was_measured_to_be_faster(float32, bfloat16, chosen, monkeypatch):
    clock = FakeClock(monkeypatch, {"float32": float32, "bfloat16": bfloat16})
    assert choose_precision("auto", *players()[:2], *batch(4)) == chosen
    assert clock.calls == 12


def test_auto_does_not_even_try_without_the_instructions(monkeypatch):
    clock = FakeClock(monkeypatch, {})
    monkeypatch.setattr(precision_module, "bfloat16_is_native", lambda device: False)
    assert choose_precision("auto", *players()[:2], *batch(4)) == "float32"
    assert clock.calls == 0


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_was_asked_for_is_not_measured(asked, monkeypatch):
    clock = FakeClock(monkeypatch, {})
    assert choose_precision(asked, *players()[:2], *batch(4)) == asked
    assert clock.calls == 0


def test_another_word_is_refused():
    with pytest.raises(CourseError, match="float32, bfloat16, auto, auto-again, but is 'half'"):
        choose_precision("half", *players()[:2], *batch(4))
    with pytest.raises(CourseError, match="but is 'half'"):
        make_step(*players(), precision="half")


def test_measuring_leaves_no_trace_in_the_run(monkeypatch):
    monkeypatch.setattr(precision_module, "bfloat16_is_native", lambda device: True)
    ours, twin = players(spectral_norm=True), players(spectral_norm=True)
    step = make_step(*ours, precision="auto")
    assert step.precision is None
    before = torch.get_rng_state()
    step(*batch(8))
    assert torch.equal(torch.get_rng_state(), before)
    make_step(*twin, precision=step.precision)(*batch(8))
    same(state(*ours), state(*twin), 0)
    for mine, theirs in zip(ours[2:], twin[2:], strict=True):
        assert str(mine.state_dict()) == str(theirs.state_dict())


def test_auto_again_measures_anew_when_the_speed_has_turned(monkeypatch):
    clock = FakeClock(monkeypatch, {"float32": 2.0, "bfloat16": 1.0})
    monkeypatch.setattr(fast_step_module, "WATCHED", 3)
    step = make_step(*players(), precision="auto-again")
    for _ in range(3):
        step(*batch(8))
    assert step.precision == "bfloat16" and clock.calls == 12
    step.seconds_at_first = 1.0
    step.seconds.extend([1.2, 1.2, 1.2])
    assert not step.choose_again(*batch(8)) and clock.calls == 12  # nothing has turned
    clock.seconds = {"float32": 3.0, "bfloat16": 10.0}
    step.seconds.extend([10.0, 10.0, 10.0])
    assert step.choose_again(*batch(8)) and step.precision == "float32" and clock.calls == 24
    assert not step.choose_again(*batch(8))  # a new start: nothing known yet


def test_plain_auto_stays_with_its_choice(monkeypatch):
    FakeClock(monkeypatch, {"float32": 2.0, "bfloat16": 1.0})
    step = make_step(*players(), precision="auto")
    step(*batch(8))
    step.seconds_at_first = 1e-9
    assert not step.choose_again(*batch(8)) and step.precision == "bfloat16"


def test_capability_is_read_from_the_processor(monkeypatch):
    cpu = torch.device("cpu")
    for look in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, look, lambda: False)
    assert not bfloat16_is_native(cpu)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert bfloat16_is_native(cpu)
    assert not bfloat16_is_native(torch.device("mps"))


# ---- torch.compile ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_is_the_plain_step():
    ours, plain = players(adam=False), players(adam=False)
    names = list(state(*ours))
    step = make_step(*ours, precision="float32", compile=True)
    for seed in range(2):
        images_real, z = batch(8, seed=seed)
        stats = step(images_real, z)
        expected = training_step(*plain, images_real, z)
        torch.testing.assert_close(stats.loss_g, expected.loss_g, rtol=1e-5, atol=1e-5)
    same(state(*ours), state(*plain), 1e-4)
    assert list(state(*ours)) == names  # no _orig_mod. in a checkpoint
    assert copy.deepcopy(ours[0]).generate(2).shape == (2, 1, 16, 16)


# ---- the CUDA graph ---------------------------------------------------------------------------


def test_a_cuda_graph_needs_a_gpu():
    with pytest.raises(CourseError, match="needs an NVIDIA GPU, but the networks are on cpu"):
        make_step(*players(), cuda_graph=True)


def test_impossible_wishes_fail_before_training():
    with pytest.raises(ValueError, match="no meaning for the hinge loss"):
        make_step(*players(), loss="hinge", label_smoothing=0.1)
    with pytest.raises(ValueError, match="no loss called 'mse'"):
        make_step(*players(), loss="mse")


def test_a_benchmark_runs(tmp_path):
    """Tiny, but all of it: every row, the table, the JSON, and memory in a process of its own."""
    path = Path(__file__).parents[2] / "benchmarks" / "step.py"
    spec = importlib.util.spec_from_file_location("benchmark_step", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    tiny = ["--size", "16", "--base", "2", "--batch", "4", "--rounds", "3", "--steps", "2"]
    choices = benchmark.command_line(
        [*tiny, "--no-compile", "--no-memory", "--json", str(tmp_path / "r.json")]
    )
    result = json.loads(json.dumps(benchmark.benchmark(choices)))
    assert {"naive", "careful", "ours, float32"} <= set(result["seconds_per_step"])
    assert all(len(s) == 3 and min(s) > 0 for s in result["seconds_per_step"].values())
    result["seconds_per_step"] = {"naive": [4, 8, 4], "careful": [3, 6, 3], "ours": [2, 1, 2]}
    assert (
        benchmark.ratio(result, "ours", "naive") == 2
        and benchmark.ratio(result, "careful", "careful") == 1
    )
    result["memory_mb"] = {"ours": benchmark.memory_in_own_process(choices, "ours, float32")}
    assert 50 < result["memory_mb"]["ours"] < 3000
    text = benchmark.table(result)
    assert "| ours | 2000.0 | 2 | 500.00 | 2.00 | 1.50 |" in text
    assert "16x16x1, batch 4, width 2" in text


def test_a_fake_network_is_enough_for_the_step():
    """make_step asks for nothing but nn.Module: lesson networks work too."""
    generator = nn.Sequential(nn.Linear(LATENT_DIM, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0))
    optimizers = [torch.optim.SGD(m.parameters(), 0.1) for m in (generator, discriminator)]
    stats = make_step(generator, discriminator, *optimizers, precision="float32")(*batch(8))
    assert stats.images_fake.shape == (8, 1, 16, 16)

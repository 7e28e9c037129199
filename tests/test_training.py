"""One step does what the lesson says; a run can be stopped, resumed and trusted."""

import json
import math
import subprocess
import sys

import pytest
import torch
from digits_classifier import class_shares
from torch import nn

from gan_course.errors import CourseError
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.training import TrainConfig, Trainer, training_step
from gan_course.training import trainer as trainer_module


def config(folder=None, **changes):
    choices = {
        "image_size": 16,
        "batch_size": 256,
        "num_epochs": 3,
        "base_channels": 2,
        "latent_dim": 4,
        "device": "cpu",
        "output_dir": None if folder is None else str(folder),
        "save_interval": 1,
    }
    return TrainConfig(**(choices | changes))


def weights_of(trainer):
    models = (trainer.generator, trainer.discriminator, trainer.averaged.model)
    return torch.cat([v.float().flatten() for m in models for v in m.state_dict().values()])


# ---- one step ---------------------------------------------------------------------------------


def networks(seed=0):
    torch.manual_seed(seed)
    generator, discriminator = DCGANGenerator(16, 1, 4, 4), DCGANDiscriminator(16, 1, 4)
    optimizers = [torch.optim.SGD(m.parameters(), 0.1) for m in (generator, discriminator)]
    return generator, discriminator, *optimizers


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "wasserstein"])
def test_step_equals_the_algorithm_written_out(loss):
    """Against the textbook: two separate forwards of G's images, gradients by autograd.grad."""
    rng = torch.Generator().manual_seed(1)
    real = torch.rand(8, 1, 16, 16, generator=rng) * 2 - 1
    z = torch.randn(8, 4, generator=rng)
    ours = networks()
    stats = training_step(*ours, real, z, loss)

    generator, discriminator, _, _ = networks()
    parameters_d = list(discriminator.parameters())
    fake = generator(z)
    loss_d = discriminator_loss(loss, discriminator(real), discriminator(fake.detach()))
    for p, g in zip(parameters_d, torch.autograd.grad(loss_d, parameters_d), strict=True):
        p.data -= 0.1 * g
    parameters_g = list(generator.parameters())
    loss_g = generator_loss(loss, discriminator(fake))
    for p, g in zip(parameters_g, torch.autograd.grad(loss_g, parameters_g), strict=True):
        p.data -= 0.1 * g

    torch.testing.assert_close((stats.loss_d, stats.loss_g), (loss_d.detach(), loss_g.detach()))
    for mine, theirs in ((ours[0], generator), (ours[1], discriminator)):
        for name, value in mine.state_dict().items():
            torch.testing.assert_close(value, theirs.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_g_gets_no_gradient_from_d_and_d_none_from_g():
    generator, discriminator, optimizer_g, optimizer_d = networks()
    seen = {}

    def before_d_steps(*_):
        seen["g"] = [p.grad for p in generator.parameters()]

    def before_g_steps(*_):
        seen["d"] = [p.grad.clone() for p in discriminator.parameters()]
        seen["frozen"] = [p.requires_grad for p in discriminator.parameters()]

    optimizer_d.register_step_pre_hook(before_d_steps)
    optimizer_d.register_step_post_hook(
        lambda *_: seen.update(d_own=[p.grad.clone() for p in discriminator.parameters()])
    )
    optimizer_g.register_step_pre_hook(before_g_steps)
    training_step(
        generator,
        discriminator,
        optimizer_g,
        optimizer_d,
        torch.zeros(4, 1, 16, 16),
        torch.randn(4, 4),
    )
    assert all(g is None for g in seen["g"])
    assert all(torch.equal(a, b) for a, b in zip(seen["d"], seen["d_own"], strict=True))
    assert not any(seen["frozen"])
    assert all(p.requires_grad for p in discriminator.parameters())  # and thawed again


def test_real_and_fake_go_through_d_apart():
    generator, discriminator, *optimizers = networks()
    sizes = []
    discriminator.register_forward_hook(lambda m, i, o: sizes.append(len(o)))
    training_step(
        generator, discriminator, *optimizers, torch.zeros(4, 1, 16, 16), torch.randn(4, 4)
    )
    assert sizes == [4, 4, 4]


# ---- the run ----------------------------------------------------------------------------------


def test_stopped_and_resumed_is_bit_identical_to_uninterrupted(tmp_path):
    whole = Trainer(config(tmp_path / "a"))
    whole.fit(progress=False)

    first = Trainer(config(tmp_path / "b"))
    steps = first.steps()
    for _ in range(10):  # in the middle of the second epoch
        next(steps)
    first.save()
    second = Trainer(config(tmp_path / "b", resume=True))
    assert (second.step, second.epoch, second.batch) == (10, 1, 3)
    second.fit(progress=False)
    assert torch.equal(weights_of(whole), weights_of(second))
    assert whole.history == second.history
    text = [(tmp_path / x / "history.jsonl").read_text() for x in "ab"]
    assert text[0] == text[1]


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path):
    Trainer(config(tmp_path / "a", num_epochs=1)).fit(progress=False)
    longer = Trainer(config(tmp_path / "a", num_epochs=2, resume=True)).fit(progress=False)
    straight = Trainer(config(num_epochs=2)).fit(progress=False)
    assert torch.equal(weights_of(longer), weights_of(straight))


def test_ctrl_c_saves_and_tells(tmp_path, capsys, monkeypatch):
    trainer = Trainer(config(tmp_path / "a"))
    calls = iter(range(100))
    step = Trainer._one_step

    def interrupted(self, images):
        if next(calls) == 9:
            raise KeyboardInterrupt
        return step(self, images)

    monkeypatch.setattr(Trainer, "_one_step", interrupted)
    trainer.fit(progress=False)
    assert "--resume" in capsys.readouterr().out
    monkeypatch.undo()
    resumed = Trainer(config(tmp_path / "a", resume=True)).fit(progress=False)
    assert torch.equal(weights_of(resumed), weights_of(Trainer(config()).fit(progress=False)))


def test_same_seed_same_run_other_seed_other_run():
    a, b, c = (Trainer(config(seed=s)).fit(progress=False) for s in (0, 0, 1))
    assert torch.equal(weights_of(a), weights_of(b))
    assert not torch.equal(weights_of(a), weights_of(c))


def test_history_and_files(tmp_path):
    trainer = Trainer(config(tmp_path)).fit(progress=False)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 10, 20]
    assert rows[-1]["images_seen"] == 20 * 256 and rows == trainer.history
    assert all(0 <= row["mean_d_real"] <= 1 for row in rows)
    names = {p.name for p in (tmp_path / "checkpoints").iterdir()}
    assert names == {
        "last.safetensors",
        "generator_epoch_1.pth",
        "generator_epoch_2.pth",
        "generator_epoch_3.pth",
        "generator_final.pth",
    }


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trainer(config()).fit(progress=False)
    assert not any(tmp_path.iterdir())


def test_not_a_number_stops_with_a_sentence_and_keeps_the_checkpoint(tmp_path):
    trainer = Trainer(config(tmp_path))
    steps = trainer.steps()
    for _ in range(8):
        next(steps)
    saved = (tmp_path / "checkpoints/last.safetensors").read_bytes()
    with torch.no_grad():
        trainer.generator.stem[0].weight.fill_(math.nan)
    with pytest.raises(CourseError, match=r"no longer a number at step 10.*still good.*0\.0004"):
        for _ in steps:
            pass
    assert (tmp_path / "checkpoints/last.safetensors").read_bytes() == saved


def test_a_full_disk_stops_with_a_sentence(tmp_path, monkeypatch):
    trainer = Trainer(config(tmp_path))

    def full(*arguments, **named):
        raise CourseError("x could not be written: No space left on device.")

    monkeypatch.setattr(trainer_module, "save_checkpoint", full)
    with pytest.raises(CourseError, match="No space left"):
        trainer.fit(progress=False)


@pytest.mark.parametrize("damage", ["cut", "weights only", "other networks"])
def test_resume_refuses_a_damaged_checkpoint(damage, tmp_path):
    trainer = Trainer(config(tmp_path, num_epochs=1)).fit(progress=False)
    path = trainer.checkpoint_path
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "weights only":
        from gan_course.models.weights import save_generator

        save_generator(trainer.generator, path)
    else:
        from gan_course.training.checkpoint import save_checkpoint

        progress = {"step": 1, "epoch": 1, "batch": 0, "images_seen": 1}
        other = {
            "generator": nn.Linear(1, 1),
            "discriminator": nn.Linear(1, 1),
            "ema": nn.Linear(1, 1),
        }
        save_checkpoint(path, trainer.config, other, {}, trainer.rng.get_state(), progress)
    before = path.read_bytes()
    with pytest.raises(CourseError, match=r"damaged|not the state of a run|does not fit"):
        Trainer(config(tmp_path, num_epochs=2, resume=True))
    assert path.read_bytes() == before


def test_the_average_follows_slowly_and_samples_are_fixed():
    trainer = Trainer(config())
    first = trainer.sample_images(8)
    assert first.shape == (8, 1, 16, 16) and torch.equal(first, trainer.sample_images(8))
    steps = trainer.steps()
    for _ in range(5):
        next(steps)
    g, ema = trainer.generator.stem[0].weight, trainer.averaged.model.stem[0].weight
    assert not torch.equal(g, ema) and (g - ema).abs().max() < 0.01
    for a, b in zip(trainer.generator.buffers(), trainer.averaged.model.buffers(), strict=True):
        assert torch.equal(a, b)
    assert not trainer.averaged.model.training and trainer.generator.training


def test_steps_can_be_left_and_taken_up():
    trainer = Trainer(config(num_epochs=2))
    next(trainer.steps())
    next(trainer.steps())
    assert trainer.step == 2 and trainer.batch == 2
    assert sum(1 for _ in trainer.steps()) == 12
    assert trainer.finished


def test_training_needs_no_jupyter_no_matplotlib_and_no_torchvision(tmp_path):
    code = """
import sys
for name in ("matplotlib", "IPython", "ipywidgets", "jupyter_client", "torchvision", "notebook"):
    sys.modules[name] = None
from gan_course.training import TrainConfig, Trainer
Trainer(TrainConfig(image_size=16, batch_size=256, num_epochs=1, base_channels=2, device="cpu",
                    output_dir=None)).fit()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "img/s" in result.stderr or "step" in result.stderr  # the bar was there


def test_config_needs_no_torch():
    code = "import sys; from gan_course.training import TrainConfig; TrainConfig(); "
    code += "assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_short_run_on_real_digits_finds_all_ten_classes():
    """Reduced size: a quarter of the default run, at the default settings."""
    trainer = Trainer(TrainConfig(num_epochs=9, device="cpu", output_dir=None)).fit(progress=False)
    z = torch.randn(1000, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        shares = class_shares(trainer.averaged.model(z))
    assert shares.min() > 0 and shares.max() <= 0.3, shares

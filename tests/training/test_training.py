"""One step does what the lesson says; a run can be stopped, resumed and trusted."""

import io
import itertools
import json
import math
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from digits_classifier import class_shares
from PIL import Image
from torch import nn

from gan_course.errors import CourseError
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.training import TrainConfig, Trainer, training_step
from gan_course.training import trainer as trainer_module
from gan_course.training.plots import loss_plot, running_mean


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


def test_the_networks_of_a_run_start_as_dcgan_says():
    trainer = Trainer(config(base_channels=16))
    for model in (trainer.generator, trainer.discriminator, trainer.averaged.model):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert 0.015 < module.weight.std() < 0.025 and module.weight.mean().abs() < 0.005
            elif isinstance(module, nn.BatchNorm2d):
                assert (module.weight - 1).abs().max() < 0.15 and not module.bias.any()


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


def press_ctrl_c(trainer, at_step, times=1):
    """In the worst moment: D has been updated, and G has not."""
    steps = itertools.count(1)

    def press(*_):
        if next(steps) == at_step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    trainer.optimizer_d.register_step_post_hook(press)


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="Ctrl-C needs the main thread"
)
class TestCtrlC:
    def test_ends_the_step_saves_and_tells(self, tmp_path, capsys):
        handler = signal.getsignal(signal.SIGINT)
        trainer = Trainer(config(tmp_path))
        press_ctrl_c(trainer, at_step=9)
        trainer.fit(progress=False)
        assert trainer.step == 9 and not trainer.finished
        assert "Stopped after 9 steps and saved. Go on with --resume." in capsys.readouterr().out
        assert signal.getsignal(signal.SIGINT) is handler
        assert not (tmp_path / "checkpoints/generator_final.pth").exists()

        resumed = Trainer(config(tmp_path, resume=True)).fit(progress=False)
        assert torch.equal(weights_of(resumed), weights_of(Trainer(config()).fit(progress=False)))

    def test_twice_stops_at_once_and_saves_no_torn_state(self, tmp_path):
        handler = signal.getsignal(signal.SIGINT)
        trainer = Trainer(config(tmp_path))
        press_ctrl_c(trainer, at_step=9, times=2)
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(progress=False)
        assert signal.getsignal(signal.SIGINT) is handler
        # what is there is the end of the first epoch, as it was saved then
        resumed = Trainer(config(tmp_path, resume=True))
        assert (resumed.step, resumed.epoch, resumed.batch) == (7, 1, 0)

    def test_without_a_folder_the_same_trainer_goes_on(self, capsys):
        trainer = Trainer(config())
        press_ctrl_c(trainer, at_step=9)
        trainer.fit(progress=False)
        assert capsys.readouterr().out == "Stopped after 9 steps.\n"
        trainer.fit(progress=False)
        assert torch.equal(weights_of(trainer), weights_of(Trainer(config()).fit(progress=False)))


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
        ".lock",  # of the process that trains here
        "last.safetensors",
        "generator_epoch_1.pth",
        "generator_epoch_2.pth",
        "generator_epoch_3.pth",
        "generator_final.pth",
    }


def test_the_plot_draws_the_running_mean_of_what_was_logged():
    values = list(np.random.default_rng(0).normal(size=100))
    mean = running_mean(values)
    assert mean[50] == pytest.approx(np.mean(values[48:53])) and len(mean) == 100
    assert mean[0] == pytest.approx(np.mean(values[:3]))
    assert running_mean([1.0, 5.0]).tolist() == [1, 5]  # too few to smooth
    row = {"loss_d": 1.0, "loss_g": 2.0, "mean_d_real": 0.6, "mean_d_fake": 0.4}
    with Image.open(io.BytesIO(loss_plot([{**row, "images_seen": 32}]))) as picture:
        assert picture.format == "PNG" and picture.size == (1100, 440)


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
    with pytest.raises(
        CourseError,
        match=r"no longer a number at step 10.*still good\. At step 10 .* is no number.*0\.0004",
    ):
        for _ in steps:
            pass
    assert (tmp_path / "checkpoints/last.safetensors").read_bytes() == saved


def test_not_a_number_is_never_saved(tmp_path):
    """Between two looks at the losses an epoch may end; its checkpoint must not hold nonsense."""
    trainer = Trainer(config(tmp_path))
    steps = trainer.steps()
    for _ in range(11):
        next(steps)
    saved = (tmp_path / "checkpoints/last.safetensors").read_bytes()
    with torch.no_grad():
        trainer.generator.stem[0].weight.fill_(math.nan)
    with pytest.raises(CourseError, match=r"no longer numbers after step 14.*still good"):
        for _ in steps:
            pass
    assert (tmp_path / "checkpoints/last.safetensors").read_bytes() == saved


def test_a_folder_that_cannot_be_written_shows_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("mine")
    trainer = Trainer(config(tmp_path / "file" / "run"))
    with pytest.raises(CourseError, match="could not be written"):
        trainer.fit(progress=False)
    assert trainer.step == 0 and (tmp_path / "file").read_text() == "mine"


def test_generators_of_an_old_run_are_not_written_over(tmp_path):
    Trainer(config(tmp_path, num_epochs=1)).fit(progress=False)
    (tmp_path / "checkpoints/last.safetensors").unlink()
    with pytest.raises(CourseError, match="already holds a run"):
        Trainer(config(tmp_path))
    with pytest.raises(CourseError, match="no run to resume"):
        Trainer(config(tmp_path, resume=True))


@pytest.mark.parametrize("line", [b'{"step": 1', b"[1]", b"\xff\xfe", b"{}", b'{"step": null}'])
def test_resume_does_not_write_over_a_damaged_history(line, tmp_path):
    Trainer(config(tmp_path, num_epochs=1)).fit(progress=False)
    history = tmp_path / "history.jsonl"
    damaged = history.read_bytes() + line + b"\n"
    history.write_bytes(damaged)
    with pytest.raises(CourseError, match=r"line 2 of .*history\.jsonl is damaged"):
        Trainer(config(tmp_path, num_epochs=2, resume=True))
    assert history.read_bytes() == damaged
    history.unlink()
    assert Trainer(config(tmp_path, num_epochs=2, resume=True)).history == []


def test_resume_refuses_a_data_set_of_another_size(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(5):
        Image.new("L", (16, 16), 50 * i).save(pictures / f"{i}.png")
    choices = {"dataset": f"folder:{pictures}", "batch_size": 2}
    Trainer(config(tmp_path / "run", num_epochs=1, **choices)).fit(progress=False)
    Image.new("L", (16, 16)).save(pictures / "new.png")
    with pytest.raises(CourseError, match=r"with 5 images .* now there are 6"):
        Trainer(config(tmp_path / "run", num_epochs=2, resume=True, **choices))


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
        from gan_course.training.checkpoint import save_checkpoint, state_tensors

        progress = {"step": 1, "epoch": 1, "batch": 0, "images_seen": 1, "images": 1797}
        other = {
            "generator": nn.Linear(1, 1),
            "discriminator": nn.Linear(1, 1),
            "ema": nn.Linear(1, 1),
        }
        tensors = state_tensors(other, {}, trainer.rng)
        save_checkpoint(path, trainer.config, tensors, progress, [])
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
                    output_dir=".")).fit()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "checkpoints/generator_final.pth").exists()
    assert (tmp_path / "outputs/generated_samples.png").exists()
    assert not (tmp_path / "outputs/training_loss.png").exists()  # only this one needs matplotlib
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

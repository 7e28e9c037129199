"""Watching a training changes nothing about it, stops at once, and hides no error."""

import asyncio
import base64
import io
import re
import time

import numpy as np
import pytest
import torch
from event_loop import run_alone
from PIL import Image

from gan_course import palette
from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.labs import LiveTraining
from gan_course.labs.live_training import CAPTION_SECONDS, FRAME_SECONDS
from gan_course.training import TrainConfig, Trainer


def new_trainer(**more):
    config = {
        "dataset": "digits",
        "image_size": 16,
        "base_channels": 4,
        "batch_size": 16,
        "num_epochs": 2,
        "device": "cpu",
        "output_dir": None,
        **more,
    }
    return Trainer(TrainConfig(**config))


@pytest.fixture
def lab():
    return LiveTraining(new_trainer())


def parameters(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.generator.parameters()])


def live_samples(lab):
    """The pixels of the samples that the browser gets."""
    lab.ui()
    data = re.search(r"base64,([^\"]+)", lab._picture.value).group(1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)


def find(widget, description):
    if description in (getattr(widget, "description", None) or ""):
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


# ---- run ---------------------------------------------------------------------------------------


def test_it_never_starts_by_itself(lab):
    async def wait():
        lab.ui()
        lab._repr_mimebundle_()
        await asyncio.sleep(0.2)

    run_alone(wait())
    assert lab.trainer.step == lab.step == 0 and not lab.playing
    assert "Nothing is trained yet" in lab.alt_text()
    assert "not trained yet" in lab._picture.value


def test_run_is_the_same_training_as_the_trainers_own(lab):
    assert lab.run(7).run(5) is lab
    assert lab.step == lab.trainer.step == 12
    plain = new_trainer()
    steps = plain.steps()
    for _ in range(12):
        stats = next(steps)
    torch.testing.assert_close(parameters(lab.trainer), parameters(plain), atol=1e-5, rtol=1e-4)
    assert lab.last["step"] == 12
    assert lab.last["loss_g"] == pytest.approx(float(stats.loss_g), rel=1e-3)


def test_run_ends_with_the_training(lab):
    per_epoch = lab.trainer.batches_per_epoch
    lab.run(10_000)
    assert lab.finished and lab.step == 2 * per_epoch
    lab.run(5)
    assert lab.step == 2 * per_epoch


def test_a_trainer_that_is_trained_elsewhere_meanwhile_goes_on_from_there(lab):
    lab.run(3)
    elsewhere = lab.trainer.steps()
    for _ in range(4):
        next(elsewhere)
    lab.run(2)
    plain = new_trainer()
    steps = plain.steps()
    for _ in range(9):
        next(steps)
    assert lab.trainer.step == plain.step == 9
    assert lab.trainer.images_seen == plain.images_seen
    torch.testing.assert_close(parameters(lab.trainer), parameters(plain), atol=1e-5, rtol=1e-4)


def test_after_fit_there_is_nothing_left_to_do(lab):
    lab.run(3)
    lab.trainer.fit(progress=False)
    steps = lab.trainer.step
    lab.run(1)
    assert lab.trainer.step == steps and lab.trainer.epoch == 2


def test_the_number_of_threads_is_left_alone(lab):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    lab.run(2)
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 3


# ---- play and pause ----------------------------------------------------------------------------


def test_play_trains_in_slices_and_pause_acts_at_once():
    lab = LiveTraining(new_trainer(num_epochs=1000))
    lab.ui()
    slices, pictures = [], []
    lab.observe(lambda change: slices.append(time.perf_counter()), names="step")
    lab._picture.observe(lambda change: pictures.append(change["new"]), names="value")

    async def session():
        lab.run(1)  # the first step pays for warming up
        task = lab.play()
        assert lab.play() is task  # a second click starts nothing new
        await asyncio.sleep(1.0)
        others = lab.step
        lab.pause()
        start = time.perf_counter()
        await task
        return others, time.perf_counter() - start

    steps, seconds = run_alone(session())
    assert steps > 10 and len(slices) >= 3
    assert len(set(pictures)) >= 3  # it moved while it trained
    print(f"pause after {1000 * seconds:.0f} ms, longest slice {max(np.diff(slices)):.3f} s")
    assert seconds < 2 * FRAME_SECONDS + 0.3
    assert not lab.playing and lab.step == lab.trainer.step
    step = lab.step
    run_alone(asyncio.sleep(0.1))
    assert lab.trainer.step == step


def test_the_buttons_start_pause_and_step():
    lab = LiveTraining(new_trainer(num_epochs=1000))
    ui = lab.ui()
    train, one = find(ui, "Train"), find(ui, "One step")

    async def session():
        one.click()
        assert lab.step == 1
        train.value = True  # what a click does
        await asyncio.sleep(0.5)
        assert lab.playing and one.disabled and "Pause" in train.description
        train.value = False
        await asyncio.sleep(2 * FRAME_SECONDS + 0.5)
        assert not lab.playing and not one.disabled and "Train" in train.description

    run_alone(session())
    assert lab.step > 1


def test_other_cells_get_their_turn_while_it_plays():
    lab = LiveTraining(new_trainer(num_epochs=1000))

    async def session():
        lab.play()
        turns = 0
        end = time.perf_counter() + 1
        while time.perf_counter() < end:
            await asyncio.sleep(0)
            turns += 1
        lab.pause()
        await asyncio.sleep(0.2)
        return turns

    assert run_alone(session()) > 10


def test_at_the_end_the_button_says_so(lab):
    ui = lab.ui()
    run_alone(_play_to_the_end(lab))
    assert lab.finished and not lab.playing
    assert find(ui, "✓ Trained").disabled and find(ui, "One step").disabled


async def _play_to_the_end(lab):
    await lab.play()


def test_without_an_event_loop_it_says_what_to_do(lab):
    with pytest.raises(CourseError, match=r"run\(steps\)"):
        lab.play()
    assert not lab.playing


# ---- errors ------------------------------------------------------------------------------------


def break_after(trainer, steps):
    """Let the training fail at a certain step, as a loss that is no number does."""
    one_step = trainer._one_step

    def step(images):
        if trainer.step >= steps:
            raise CourseError("the loss is <no longer> a number")
        return one_step(images)

    trainer._one_step = step


def test_an_error_while_playing_is_a_sentence_and_result_raises_it(lab):
    lab.ui()
    break_after(lab.trainer, 5)
    run_alone(_play_to_the_end(lab))
    assert not lab.playing and lab.step <= 5
    assert "&lt;no longer&gt; a number" in lab._picture.value and 'role="alert"' in lab.live_html()
    with pytest.raises(CourseError, match="no longer"):
        lab.result()


def test_playing_again_after_an_error_fails_again_and_does_not_hang(lab):
    break_after(lab.trainer, 5)
    run_alone(_play_to_the_end(lab))
    run_alone(asyncio.wait_for(_play_to_the_end(lab), timeout=20))
    with pytest.raises(CourseError):
        lab.result()


def test_an_error_in_run_is_raised_there_and_in_one_step_it_is_shown(lab):
    ui = lab.ui()
    break_after(lab.trainer, 0)
    with pytest.raises(CourseError):
        lab.run(1)
    assert lab.message == ""
    find(ui, "One step").click()
    assert "no longer" in lab.message
    with pytest.raises(CourseError):
        lab.result()


def test_result_is_silent_when_all_is_well(lab):
    lab.run(1)
    lab.result()


# ---- the picture -------------------------------------------------------------------------------


def test_samples_and_curves_follow_the_training(lab):
    before, first = live_samples(lab), lab._picture.value
    lab.run(30)
    after = live_samples(lab)
    assert np.abs(after - before).mean() > 1 and lab._picture.value != first
    grid = image_grid(lab.figure_data()["samples"], columns=6).astype(int)
    factor = after.shape[0] // grid.shape[0]
    wanted = np.kron(grid, np.ones((factor, factor), int))
    assert np.abs(after - wanted).mean() < 6
    still = np.asarray(lab.render())[:: lab.still_scale, :: lab.still_scale, 0]
    assert (still[: len(wanted), : len(wanted)] == wanted).all()


def test_the_curves_are_the_history(lab):
    lab.run(60)
    history = lab.trainer.history
    assert len(history) >= 5
    lines = [shape for kind, shape in lab.curves().shapes if kind == "line"]
    for color, key, dashed in (
        (palette.DISCRIMINATOR, "loss_d", False),
        (palette.GENERATOR, "loss_g", True),
        (palette.REAL, "mean_d_real", False),
        (palette.FAKE, "mean_d_fake", True),
    ):
        legend, curve = [line for line in lines if line["color"] == color]
        assert (curve["dash"] is not None) == dashed == (legend["dash"] is not None)
        heights = np.array([-y for _, y in curve["points"]])
        values = np.array([row[key] for row in history])
        assert len(heights) == len(values)
        # The drawn heights are the values but for a scale and a shift.
        slope, offset = np.polyfit(values, heights, 1)
        assert slope > 0 and np.allclose(slope * values + offset, heights, atol=0.5)
    names = [shape["text"] for kind, shape in lab.curves().shapes if kind == "text"]
    assert {"loss of D", "loss of G", "● D(x), real", "▲ D(G(z)), fake"} <= set(names)


def test_the_words_have_the_numbers_of_the_last_step(lab):
    lab.run(13)
    text = lab.alt_text()
    last = lab.last
    assert last["step"] == 13 and f"{lab.trainer.images_seen:,} images seen" in text
    assert f"Loss of D {last['loss_d']:.2f}, of G {last['loss_g']:.2f}" in text
    assert f"D(x) {last['mean_d_real']:.2f}, D(G(z)) {last['mean_d_fake']:.2f}" in text
    assert text in lab._repr_mimebundle_()[0]["text/plain"]


def test_the_caption_is_renewed_about_once_a_second_while_it_plays():
    lab = LiveTraining(new_trainer(num_epochs=1000))
    lab.ui()
    captions = []
    lab._caption.observe(lambda change: captions.append(time.perf_counter()), names="value")

    async def session():
        lab.play()
        await asyncio.sleep(1.5)
        during = len(captions)
        lab.pause()
        await asyncio.sleep(0.5)
        return during

    during = run_alone(session())
    assert during <= 1 + 1.5 / CAPTION_SECONDS + 1
    assert lab.alt_text() in lab._caption.value  # and the last word is up to date


def test_the_code_names_the_configuration(lab):
    names = {}
    code = lab.code().split("for stats")[0]
    exec(code, names)
    config = names["trainer"].config
    assert (config.dataset, config.batch_size, config.num_epochs) == ("digits", 16, 2)


def test_a_conditional_run_shows_a_class_in_each_column():
    choices = {"model": "sagan", "conditional": True, "attention_at": 8, "base_channels": 2}
    config = TrainConfig(latent_dim=4, batch_size=64, device="cpu", output_dir=None, **choices)
    lab = LiveTraining(Trainer(config))
    lab.run(1)
    data = lab.figure_data()
    assert data["samples"].shape == (30, 1, 32, 32) and "gamma_g" in data["history"][0]
    assert lab.samples_image().width > lab.samples_image().height * 2
    assert "a class in each column" in lab.live_html()
    assert "model='sagan', conditional=True" in lab.code()

"""DataDoctor, RunDesk and CopyCheck: numbers, guesses, words, stop and go on, careless hands."""

import asyncio
import random
import time

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from event_loop import run_alone
from PIL import Image
from torch.nn.functional import avg_pool2d
from traitlets import TraitError

from gan_course.data import load_images
from gan_course.errors import CourseError
from gan_course.evaluation.features import load_extractor
from gan_course.labs import CopyCheck, DataDoctor, RunDesk
from gan_course.labs.export import FILES, export, film_frames, model_card
from gan_course.labs.run_desk_budget import in_words, remaining_steps, seconds_per_step
from gan_course.models.weights import load_generator
from gan_course.training import TrainConfig, Trainer
from gan_course.training.augment import translate


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


# ---- DataDoctor ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """20 images, one of them twice, and 4 bad files."""
    path = tmp_path / "mine"
    path.mkdir()
    for i in range(20):
        values = np.random.default_rng(i).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(values).resize((40, 50)).save(path / f"{i:02}.png")
    Image.open(path / "03.png").save(path / "again.jpg")
    for i in range(4):
        (path / f"bad{i}.png").write_bytes(b"x" * i)
    return path


def test_the_report_in_numbers_and_words(folder):
    lab = DataDoctor(folder)
    assert "Nothing is known yet" in lab.alt_text()
    lab.look()
    assert "Make a guess" in lab.alt_text() and "bad" not in lab.alt_text()
    lab.predict_left("80 to 95 %")
    data = lab.figure_data()
    assert lab.predictions[0]["right"]
    assert (data["looked"], data["good"], data["bad"], data["copies"], data["left"]) == (
        *(25, 21, 4, 1),
        20,
    )
    lab.drop_duplicates = False
    assert lab.figure_data()["left"] == 21
    assert "21 good, 4 bad, 1 near-duplicates" in lab.alt_text()
    names = {}
    exec(lab.code(), names)
    assert len(names["report"].bad) == 4


def test_previews_are_what_training_takes_and_leaks_are_told(folder):
    lab = DataDoctor(folder, revealed=True, preview_size=64, share=0).look()
    data = lab.figure_data()
    expected = load_images(f"folder:{folder}", 64).take(torch.tensor([0]))
    torch.testing.assert_close(data["previews"][:1], expected)
    torch.testing.assert_close(data["augmented"], data["previews"], rtol=0, atol=1e-5)
    assert not lab.leak_warning()
    lab.share = 100
    assert (lab.figure_data()["augmented"] - data["previews"]).abs().mean() > 0.05
    assert "Leak: 100 %" in lab.alt_text() and lab.leak_warning()
    lab.preview_size = 32
    assert lab.figure_data()["previews"].shape == (10, 3, 32, 32)


def test_playing_looks_in_slices_and_leaves_turns_to_others(folder, monkeypatch):
    monkeypatch.setattr("gan_course.labs.data_doctor.SLICE_SECONDS", 0)
    lab = DataDoctor(folder)
    moments = []
    lab.observe(lambda change: moments.append(change["new"]), names="looked")

    async def session():
        task = lab.play()
        assert lab.play() is task
        await task

    run_alone(session())
    assert lab.finished and not lab.looking and moments == list(range(1, 26))
    with pytest.raises(CourseError, match=r"look\(\)"):
        lab.play()


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_folder_and_a_single_image(count, tmp_path):
    for i in range(count):
        Image.new("RGB", (20, 20), "red").save(tmp_path / f"{i}.png")
    lab = DataDoctor(tmp_path).look()
    lab.predict_left(None)
    assert "too few" in lab.alt_text() and lab.render().width > 300 and lab.live_html()


# ---- RunDesk -------------------------------------------------------------------------------------


def config(folder=None, **changes):
    choices = {
        "model": "r3gan",
        "image_size": 16,
        "batch_size": 32,
        "base_channels": 4,
        "latent_dim": 4,
        "num_epochs": 2,
        "augment": "all",
        "adaptive_augment": True,
        "device": "cpu",
        "output_dir": None if folder is None else str(folder),
    }
    return TrainConfig(**(choices | changes))


def weights_of(trainer):
    models = (trainer.generator, trainer.discriminator, trainer.averaged.model)
    return torch.cat([v.float().flatten() for m in models for v in m.state_dict().values()])


@pytest.mark.slow
def test_the_estimate_before_the_start_is_within_30_percent():
    """In processor time: other programs on the machine are not the estimate's fault."""
    trainer = Trainer(config(num_epochs=4, base_channels=8))
    desk = RunDesk(trainer, clock=time.process_time)
    desk.run(20)
    desk.step_seconds = 0.0
    expected = desk.estimate()
    assert expected == pytest.approx(desk.step_seconds * (4 * 56 - 20))
    start = time.process_time()
    Trainer.fit(trainer, progress=False)
    assert time.process_time() - start == pytest.approx(expected, rel=0.3)
    assert remaining_steps(trainer) == 0


def test_measuring_touches_nothing_of_the_run():
    probed, plain = Trainer(config()), Trainer(config())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert seconds_per_step(probed, steps=3) > 0
    assert torch.equal(torch.get_rng_state(), state) and probed.step == 0
    for trainer in (probed, plain):
        for _ in zip(range(5), trainer.steps(), strict=False):
            pass
    assert torch.equal(weights_of(probed), weights_of(plain))
    assert torch.equal(probed.rng.get_state(), plain.rng.get_state())


def test_paused_saved_and_resumed_is_bit_identical(tmp_path):
    whole = Trainer(config()).fit(progress=False)
    desk = RunDesk(config(tmp_path / "run"))
    desk.ui()

    async def session():
        task = desk.play()
        while desk.trainer.step < 7:
            await asyncio.sleep(0.01)
        desk.pause()
        await task

    run_alone(session())
    assert "Saved at step" in desk.note and not desk.finished
    again = RunDesk.resume(tmp_path / "run")
    assert again.trainer.step == desk.trainer.step and again.step == again.trainer.step
    again.run(1000)
    assert again.finished
    torch.testing.assert_close(weights_of(again.trainer), weights_of(whole), atol=0, rtol=0)


def test_the_guess_the_budget_and_the_doctor():
    desk = RunDesk(config())
    assert "to see how long they take" in desk.alt_text()
    with pytest.raises(CourseError, match="is no answer here"):
        desk.predict_minutes("soon")
    desk.predict_minutes("over an hour")
    desk.predict_minutes("under 1 minute")
    assert len(desk.predictions) == 1 and not desk.predictions[0]["right"]
    assert "112 steps are left, about" in desk.alt_text()
    desk.run(60)
    data = desk.figure_data()
    assert data["steps_left"] == 52 and data["diagnosis"].sentence in desk.alt_text()
    assert "of what D sees is changed" in desk.alt_text() and 0 <= data["augment_p"] <= 0.8
    assert desk.render().width > 600 and desk.live_html()
    names = {}
    exec(desk.code().split("trainer =")[0], names)
    assert names["config"].difference(desk.trainer.config) == []


def test_the_card_says_what_was_left_out(folder, tmp_path):
    with pytest.warns(UserWarning, match="were skipped"):
        trainer = Trainer(config(dataset=f"folder:{folder}", batch_size=2))
    card = model_card(trainer)
    assert "of `mine` (4 files could not be read and were left out)" in card
    assert str(tmp_path) not in card


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    desk = RunDesk(config(tmp_path))

    def full():
        raise CourseError("x could not be written: No space left on device.")

    monkeypatch.setattr(desk.trainer, "save", full)

    async def session():
        task = desk.play()
        await asyncio.sleep(0.3)
        desk.pause()
        await task

    run_alone(session())
    assert "No space left" in desk.message


def test_times_in_words():
    assert [in_words(s) for s in (3.2, 600, 7200)] == ["3 seconds", "10 minutes", "2.0 hours"]


# ---- export --------------------------------------------------------------------------------------


def test_what_is_exported(tmp_path):
    desk = RunDesk(config(num_epochs=1)).run(12)
    paths = desk.export(tmp_path / "out", notes="My own photographs.", copies="none of 8.")
    assert (
        [path.name for path in paths]
        == list(FILES)
        == sorted((p.name for p in (tmp_path / "out").iterdir()), key=FILES.index)
    )
    with Image.open(paths[0]) as grid:
        assert grid.format == "PNG" and grid.width == grid.height == 2 * (8 * 18 + 2)
    with Image.open(paths[1]) as film:
        assert film.format == "GIF" and film.n_frames == 60 and film.info["loop"] == 0
    card = paths[2].read_text()
    for words in ("1,797 images of `digits`", "My own photographs.", "none of 8.", "| r1 | 1.0 |"):
        assert words in card
    assert str(tmp_path) not in card and "stopped before the end" in card
    generator = load_generator(paths[3])
    rng = torch.Generator().manual_seed(0)
    assert generator.generate(2, rng).shape == (2, 1, 16, 16)
    with pytest.raises(CourseError, match=r"already holds grid\.png"):
        export(desk.trainer, tmp_path / "out")
    assert "NOT STATED" in model_card(desk.trainer) and "not measured" in model_card(desk.trainer)
    assert "good the images are** 12.5" in model_card(desk.trainer, measured="12.5")


def test_a_film_ends_where_it_begins_and_moves_evenly():
    generator = Trainer(config()).generator
    frames = [np.asarray(f).astype(float) for f in film_frames(generator, stops=3, between=8)]
    steps = [np.abs(a - b).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert len(frames) == 24 and min(steps) > 0 and max(steps) < 6 * np.median(steps)
    with pytest.raises(CourseError, match="2 stops"):
        film_frames(generator, stops=1)


# ---- CopyCheck -----------------------------------------------------------------------------------


def planted():
    """Fakes: a copy, a mirrored one, a moved one, noise; the digits as training images."""
    digits = load_images("digits")
    known = digits.take(torch.arange(300))
    rng = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 1, 32, 32, generator=rng) * 2 - 1
    fakes = [known[7:8], known[8:9].flip(3), torch.roll(known[9:10], 2, 3), noise]
    return torch.cat(fakes), known


def test_planted_copies_are_flagged_and_noise_is_not():
    fakes, known = planted()
    lab = CopyCheck(fakes, known, revealed=True)
    data = lab.figure_data()
    assert data["copies"].tolist() == [True, True, True, False]
    for i, number in enumerate((7, 8, 9)):
        assert torch.equal(data["nearest"][i], known[number])
    assert data["shares"][3] == 1 and "3 of 4" in lab.alt_text() and "3 of 4" in lab.summary()
    lab.versions = False
    assert lab.figure_data()["copies"].tolist()[0] and not lab.figure_data()["copies"][1]


@pytest.mark.parametrize("by", ["pixels", "features"])
def test_a_copy_that_was_moved_anyhow_by_up_to_a_sixteenth_is_found(by):
    known = load_images("digits").take(torch.arange(300))
    shifts = torch.tensor([[1, 2], [-2, -1], [2, 2], [0, -1], [-1, 1], [2, -2]])
    fakes = translate(known[20:26], shifts)
    fakes[:3] = fakes[:3].flip(3)
    lab = CopyCheck(fakes, known, by=by)
    _, which = lab.nearest(fakes)
    assert (which == torch.arange(20, 26)).sum() >= (6 if by == "pixels" else 5)
    assert lab.figure_data()["copies"].sum() >= (6 if by == "pixels" else 4)


def test_by_features_a_copy_is_found_and_distances_are_those_of_the_classifier():
    fakes, known = planted()
    lab = CopyCheck(fakes, known, by="features", versions=False, revealed=True)
    data = lab.figure_data()
    assert data["copies"].tolist()[0] and torch.equal(data["nearest"][0], known[7])
    assert data["shares"][3] > 0.9 and "by features" in lab.alt_text()
    extractor = load_extractor("digits")
    rows, of_noise = extractor(known), extractor(fakes[3:])
    torch.testing.assert_close(data["distances"][3], torch.cdist(of_noise, rows).min())


def test_features_find_a_moved_copy_and_pixels_a_blurred_one():
    """What lesson 16 says of the two measures."""
    known = load_images("digits").take(torch.arange(1500))
    originals = torch.arange(100, 108)
    moved = torch.roll(known[originals], 2, 3)
    blurred = avg_pool2d(known[originals], 5, stride=1, padding=2, count_include_pad=False)
    found = {}
    for by in ("pixels", "features"):
        for name, fakes in (("moved", moved), ("blurred", blurred)):
            lab = CopyCheck(fakes, known, by=by, versions=False)
            found[by, name] = int((lab.nearest(fakes)[1] == originals).sum())
    assert found["pixels", "moved"] <= 2 and found["features", "moved"] >= 7
    assert found["pixels", "blurred"] == 8 and found["features", "blurred"] < 8


def test_real_images_are_hardly_ever_flagged():
    """Other real images in the place of fakes: the measure must not cry wolf."""
    digits = load_images("digits")
    flagged = [
        CopyCheck(
            digits.take(torch.arange(1500 + 8 * i, 1508 + 8 * i)), digits.take(torch.arange(1500))
        )
        .figure_data()["copies"]
        .float()
        .mean()
        .item()
        for i in range(4)
    ]
    assert np.mean(flagged) <= 0.2


def test_the_shipped_generator_and_shapes_that_do_not_fit():
    lab = CopyCheck()
    assert "Make a guess" in lab.alt_text()
    lab.predict_copies("none")
    assert lab.predictions and lab.revealed and "of 8 below 2%" in lab.alt_text()
    with pytest.raises(CourseError, match="cannot be the images"):
        CopyCheck(torch.zeros(4, 3, 32, 32), load_images("digits"))


# ---- careless hands ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["doctor", "desk", "copies"])
def test_anything_in_any_order_leaves_a_picture_and_words(kind, folder):
    make = {
        "doctor": lambda: DataDoctor(folder),
        "desk": lambda: RunDesk(config(num_epochs=1)),
        "copies": lambda: CopyCheck(),
    }
    lab, dice = make[kind](), random.Random(0)
    touchable = [w for w in everything_in(lab.ui()) if not isinstance(w, widgets.Box)]

    async def session():
        for _ in range(15):
            widget = dice.choice(touchable)
            if isinstance(widget, widgets.IntSlider):
                widget.value = dice.choice([widget.min, widget.max])
            elif isinstance(widget, widgets.Checkbox | widgets.ToggleButton):
                widget.value = not widget.value
            elif isinstance(widget, widgets.Dropdown | widgets.ToggleButtons):
                widget.index = dice.randrange(len(widget.options))
            elif isinstance(widget, widgets.Button) and not widget.disabled:
                widget.click()
            await asyncio.sleep(0.02)
            compile(lab.code(), "code", "exec")
        if kind == "desk":
            lab.pause()
        await asyncio.sleep(0.5)

    run_alone(session())
    assert lab.render().width > 300 and "nan" not in lab.alt_text().lower().split()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda f: DataDoctor(f / "missing"), "does not exist"),
        (lambda f: DataDoctor(f, augment="flip"), "augment"),
        (lambda f: DataDoctor(f, share=101), "share"),
        (lambda f: DataDoctor(f).predict_left("half"), "no answer here"),
        (lambda f: RunDesk.resume(f), "does not exist"),
        (lambda f: CopyCheck(seed=-1), "seed"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong, said, folder):
    with pytest.raises((CourseError, TraitError), match=said):
        wrong(folder)

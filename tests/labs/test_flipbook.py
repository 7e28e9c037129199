"""The film shows the same z at every moment, at the moment that it says."""

import copy
import math
import statistics
import time

import numpy as np
import pytest
import torch
from traitlets import TraitError

from gan_course.data import image_grid, to_uint8
from gan_course.errors import CourseError
from gan_course.labs import Flipbook
from gan_course.labs.flipbook import THIRDS
from gan_course.labs.flipbook_picture import GRID, TimeAxis
from gan_course.labs.sampler import draw_images, noise
from gan_course.models import DCGANGenerator
from gan_course.models.weights import save_generator
from gan_course.pretrained.recorded import load_run
from gan_course.training.history import write_history


def new_generator(seed, latent_dim=6, size=16, channels=1):
    torch.manual_seed(seed)
    generator = DCGANGenerator(size, channels, latent_dim, 4)
    with torch.no_grad():
        generator.to_image[0].bias.fill_(-0.5 + 0.2 * seed)
    return generator.eval()


def row(step, epoch):
    opinions = {"mean_d_real": 0.75, "mean_d_fake": 0.25}
    return {
        "step": step,
        "epoch": epoch,
        "images_seen": 32 * step,
        "loss_d": 1.0,
        "loss_g": 2.0,
    } | (opinions)


@pytest.fixture
def run_folder(tmp_path):
    """Epochs 2, 4 and 10 of 5 steps each, saved out of order; 10 comes after 4, not before 2."""
    for epoch in (10, 2, 4):
        path = tmp_path / "checkpoints" / f"generator_epoch_{epoch}.pth"
        save_generator(new_generator(epoch // 2), path)
    save_generator(new_generator(9), tmp_path / "checkpoints" / "generator_final.pth")
    write_history(tmp_path / "history.jsonl", [row(s, (s - 1) // 5) for s in range(1, 51)])
    return tmp_path


def shapes(lab, kind):
    return [shape for name, shape in lab.draw().shapes if name == kind]


# ---- the frames ------------------------------------------------------------------------------


def test_the_picture_is_the_generator_of_the_moment_on_the_same_z():
    run = load_run("healthy")
    lab = Flipbook(locked=False)
    z = noise(0, 64, 32)
    for frame in (0, 3, 7):
        lab.frame = frame
        expected = to_uint8(draw_images(run.generators[frame], z[:36]))
        assert torch.equal(lab.figure_data()["images"], expected)
        [picture] = shapes(lab, "picture")
        assert (picture["pixels"] == image_grid(expected, columns=6)).all()
        assert picture["w"] <= GRID
        assert f"{run.moments[frame]['images_seen']:,} real images seen" in lab.alt_text()
    lab.num_images = 16
    assert lab.figure_data()["images"].shape[0] == 16 and "16 generated" in lab.alt_text()


def test_the_marker_stands_where_the_images_seen_say():
    lab = Flipbook(locked=False)
    axis = TimeAxis(lab.film.seen[-1], log=True)
    places = []
    for frame in range(len(lab.film)):
        lab.frame = frame
        marker = [s for s in shapes(lab, "line") if s["width"] == 2 and s["color"] == "#222222"]
        xs = {point[0] for s in marker for point in s["points"]}
        assert len(marker) == 2 and len(xs) == 1  # one line through each chart
        places.append(xs.pop())
        assert places[-1] == pytest.approx(478 + 312 * axis(lab.film.seen[frame]))
    assert places == sorted(places) and len(set(places)) > 5


def test_the_live_picture_follows_the_slider():
    lab = Flipbook(locked=False)
    lab.ui()
    seen = set()
    for frame in range(8):
        lab.frame = frame
        assert f"Frame {frame + 1} of 8" in lab._picture.value
        seen.add(lab._picture.value)
    assert len(seen) == 8


def test_the_code_draws_the_same_images():
    lab = Flipbook(locked=False, frame=5, num_images=16)
    names = {"generator": copy.deepcopy(load_run("healthy").generators[5])}
    exec(lab.code(), names)
    assert torch.equal(to_uint8(names["images"]), lab.figure_data()["images"])


# ---- sources ---------------------------------------------------------------------------------


def test_a_run_folder_in_the_order_of_its_epochs(run_folder):
    lab = Flipbook(run_folder)
    assert lab.film.labels == ("epoch 2", "epoch 4", "epoch 10")
    assert lab.film.seen == (320.0, 640.0, 1600.0)  # 10, 20 and 50 steps of 32
    assert len(lab.film.history) == 50 and not lab.locked  # too short to ask about
    lab.frame = 1
    expected = to_uint8(draw_images(new_generator(2), noise(0, 64, 6)))
    assert torch.equal(lab.film.frames[1], expected)
    assert str(run_folder) == str(Flipbook(str(run_folder))._source)


def test_an_interrupted_run_without_history_still_has_a_film(run_folder):
    (run_folder / "history.jsonl").unlink()
    lab = Flipbook(run_folder)
    assert not lab.film.counts_images and lab.film.seen == (0.0, 1.0, 2.0)
    assert any("no history" in s["text"] for s in shapes(lab, "text"))
    assert lab.render().size[0] == 1600


def test_lines_that_cannot_be_drawn_are_left_out(run_folder):
    rows = [row(s, (s - 1) // 5) for s in range(1, 51)]
    del rows[3]["loss_g"]
    rows[7]["loss_d"] = float("nan")
    rows[9]["mean_d_real"] = "much"
    write_history(run_folder / "history.jsonl", rows)
    lab = Flipbook(run_folder)
    assert len(lab.film.history) == 47
    curves = [s for s in shapes(lab, "line") if len(s["points"]) == 47]
    assert len(curves) == 4
    assert all(math.isfinite(v) for s in curves for point in s["points"] for v in point)


def test_a_generator_of_no_numbers_is_named():
    broken = new_generator(1)
    with torch.no_grad():
        broken.to_image[0].bias.fill_(float("nan"))
    with pytest.raises(CourseError, match=r"no\. 2 draws images that are no numbers"):
        Flipbook([new_generator(0), broken])


def test_generators_and_files_in_the_order_given(run_folder):
    path = run_folder / "checkpoints" / "generator_epoch_4.pth"
    lab = Flipbook([new_generator(0), path, str(path)])
    assert lab.film.labels == ("no. 1", "generator_epoch_4", "generator_epoch_4")
    assert torch.equal(lab.film.frames[1], lab.film.frames[2])
    assert not torch.equal(lab.film.frames[0], lab.film.frames[1])


def test_colour_and_64_pixels():
    lab = Flipbook([new_generator(0, size=64, channels=3), new_generator(1, size=64, channels=3)])
    lab.num_images = 64
    assert lab.figure_data()["images"].shape == (64, 3, 64, 64)
    assert np.asarray(lab.render()).shape[2] == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f / "nowhere", "does not exist"),
        (lambda f: f / "history.jsonl", "is a file, not a folder"),
        (lambda f: f / "checkpoints", "holds no saved generators"),
        (lambda f: [], "at least 2 moments, but there are 0"),
        (lambda f: [new_generator(0)], "at least 2 moments, but there are 1"),
        (lambda f: new_generator(0), "or a list of generators"),
        (lambda f: 7, "got int"),
        (lambda f: [new_generator(0), 7], "no. 2 is neither"),
        (lambda f: [new_generator(0), new_generator(1, latent_dim=5)], "length 5, and the first"),
        (lambda f: [new_generator(0), new_generator(1, size=32)], "not of one run"),
        (lambda f: [f / "history.jsonl", f / "history.jsonl"], "not a checkpoint"),
        (lambda f: ["gone.pth", "too.pth"], r"gone\.pth"),
    ],
)
def test_a_careless_source_gets_a_sentence(run_folder, make, said):
    with pytest.raises(CourseError, match=said):
        Flipbook(make(run_folder))


def test_a_frame_that_is_not_there_changes_nothing():
    lab = Flipbook(locked=False)
    with pytest.raises(CourseError, match="frames 0 to 7, so there is no frame 8"):
        lab.frame = 8
    assert lab.frame == 7
    with pytest.raises(CourseError, match="no frame 99"):
        Flipbook(frame=99)
    with pytest.raises(TraitError):
        lab.num_images = 20
    for bad in (-1, 1.5, "a", True):
        with pytest.raises(CourseError, match="z_seed must be a whole number"):
            Flipbook(z_seed=bad)


# ---- predict first ---------------------------------------------------------------------------


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    found = (find(child, description) for child in getattr(widget, "children", ()))
    return next((f for f in found if f is not None), None)


def test_the_frames_open_with_a_guess_that_stays():
    lab = Flipbook()
    slider = find(lab.ui(), "frame")
    assert slider.disabled and slider.value == 7
    find(lab.ui(), "last third").click()
    assert not slider.disabled
    [entry] = lab.predictions
    assert entry["answer"] == "last third" and entry["truth"] in THIRDS
    assert f"{max(lab.changes()):.2f}" in lab.verdict() and "last third" in lab.verdict()
    slider.value = 2
    assert lab.frame == 2


def test_the_truth_is_where_the_pictures_change_most():
    same = new_generator(0)
    other = new_generator(3)
    film = [same, same, same, same, other, other, other]  # frames 0..6: thirds end at 2, 4, 6
    lab = Flipbook(film)
    assert lab.changes()[0] == lab.changes()[2] == 0 < lab.changes()[1]
    lab.predict_third(None)
    assert lab.predictions[0]["truth"] == "middle third" and "Skipped" in lab.verdict()
    with pytest.raises(CourseError, match="no answer here"):
        lab.predict_third("never")


def test_a_move_is_quick():
    lab = Flipbook(locked=False, num_images=64)
    lab.ui()
    seconds = []
    for frame in list(range(8)) * 4:
        start = time.process_time()
        lab.frame = frame
        seconds.append(time.process_time() - start)
    print(f"flipbook: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.1  # of one core; the bar is 50 ms on free ones

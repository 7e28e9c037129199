"""The sampler shows what its numbers say, prints code that repeats it, and leaves others alone."""

import base64
import io
import statistics
import time

import numpy as np
import pytest
import torch
from PIL import Image

from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.labs import Sampler
from gan_course.labs.sampler import noise, slerp, strongest_directions
from gan_course.models import DCGANGenerator, SAGANGenerator
from gan_course.models.weights import save_generator


def new_generator(image_size=16, channels=1, latent_dim=8, base=8, seed=0):
    torch.manual_seed(seed)
    generator = DCGANGenerator(image_size, channels, latent_dim, base)
    for module in generator.modules():  # running statistics that are not the initial ones
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.05)
            module.running_var.uniform_(0.001, 0.01)
    return generator


@pytest.fixture
def sampler():
    return Sampler(new_generator(), locked=False)


def live_picture(lab):
    """The pixels that the browser gets."""
    lab.ui()
    data = lab._picture.value.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


CHANGES = [
    {"seed": 5},
    {"t": 0.4},
    {"t": 0.4, "seed_b": 9},
    {"truncation": 0.3},
    {"directions": [0.0, 2.5, 0.0, 0.0, 0.0]},
    {"grid_size": 3},
    {"grid_size": 1, "truncation": 2.0},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_picture_follows_every_trait(sampler, change):
    before = live_picture(sampler)
    for name, value in change.items():
        setattr(sampler, name, value)
    after = live_picture(sampler)
    assert before.shape != after.shape or np.abs(before - after).mean() > 1
    # What the browser shows is the grid of figure_data(), up to JPEG's rounding.
    grid = image_grid(sampler.figure_data()["images"], columns=sampler.grid_size).astype(int)
    factor = after.shape[0] // grid.shape[0]
    assert after.shape[:2] == (factor * grid.shape[0], factor * grid.shape[1])
    wanted = np.kron(grid, np.ones((factor, factor), int))
    assert np.abs(after[..., 0] - wanted).mean() < 6


@pytest.mark.parametrize("change", [{}, *CHANGES], ids=str)
def test_the_code_draws_the_same_images(sampler, change):
    for name, value in change.items():
        setattr(sampler, name, value)
    names = {"generator": sampler.generator.eval()}
    exec(sampler.code(), names)
    torch.testing.assert_close(names["images"], sampler.images(), atol=1e-4, rtol=0)
    assert names["images"].shape == (sampler.grid_size**2, 1, 16, 16)


def test_z_is_what_the_traits_say(sampler):
    torch.testing.assert_close(sampler.z(), noise(0, 64, 8))
    sampler.truncation = 0.5
    torch.testing.assert_close(sampler.z(), 0.5 * noise(0, 64, 8))
    sampler.directions = [0.0, 0.0, 3.0, 0.0, 0.0]
    moved = sampler.z() - 0.5 * noise(0, 64, 8)
    torch.testing.assert_close(moved.norm(dim=1), torch.full((64,), 3.0))
    sampler.directions, sampler.truncation, sampler.t = [0.0] * 5, 1.0, 1.0
    torch.testing.assert_close(sampler.z(), noise(1, 64, 8), atol=1e-5, rtol=1e-5)


def test_slerp_keeps_to_the_sphere_where_lerp_does_not():
    a, b = noise(0, 500, 64), noise(1, 500, 64)
    lerp = ((a + b) / 2).norm(dim=1) / a.norm(dim=1)
    sphere = slerp(a, b, 0.5).norm(dim=1) / a.norm(dim=1)
    assert 0.65 < lerp.mean() < 0.75 and 0.95 < sphere.mean() < 1.05
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(slerp(a, a, 0.3), a)  # nowhere to turn to
    units = torch.nn.functional.normalize
    halfway = slerp(units(a), units(b), 0.5)
    torch.testing.assert_close((halfway * units(a)).sum(1), (halfway * units(b)).sum(1))


def test_directions_are_orthogonal_unit_and_the_ones_that_move_the_stem_most():
    generator = new_generator(latent_dim=12)
    directions = strongest_directions(generator, 5)
    torch.testing.assert_close(directions @ directions.T, torch.eye(5), atol=1e-5, rtol=0)
    weight = generator.stem[0].weight
    effects = (weight @ directions.T).norm(dim=0)
    assert (effects[:-1] >= effects[1:]).all()
    others = torch.nn.functional.normalize(noise(3, 200, 12), dim=1)
    assert effects[0] >= (weight @ others.T).norm(dim=0).max()


def test_fewer_dimensions_than_sliders():
    sampler = Sampler(new_generator(latent_dim=3))
    before = sampler.images()
    sampler.directions = [0.0, 0.0, 0.0, 0.0, 3.0]  # a slider with nothing behind it
    assert torch.equal(before, sampler.images())


# ---- manners ---------------------------------------------------------------------------------


def test_the_global_random_numbers_and_the_generator_are_left_alone():
    generator = new_generator().train()
    statistics_before = [b.clone() for b in generator.buffers()]
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    lab = Sampler(generator)
    lab.ui()
    lab.seed = 4
    lab.predict_truncation(None)
    assert torch.equal(torch.rand(3), expected)
    assert generator.training and generator.stem.training
    assert all(map(torch.equal, statistics_before, generator.buffers()))


def test_the_samples_are_those_of_eval_mode():
    generator = new_generator().train()
    images = Sampler(generator).images()
    with torch.no_grad():
        expected = generator.eval()(noise(0, 64, 8))
    torch.testing.assert_close(images, expected)


@pytest.mark.parametrize(
    "bad", [{"grid_size": 0}, {"grid_size": 9}, {"t": 1.5}, {"directions": [1.0]}], ids=str
)
def test_values_out_of_range_are_refused_and_change_nothing(sampler, bad):
    before = sampler.images()
    with pytest.raises(Exception, match=next(iter(bad))):
        for name, value in bad.items():
            setattr(sampler, name, value)
    assert torch.equal(before, sampler.images())


# ---- checkpoints -----------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "own.pth"
    save_generator(new_generator(32, 3, 5, 8, seed=1), path)
    return path


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_path_at_the_start(checkpoint, kind):
    images = Sampler(kind(checkpoint)).images()
    assert images.shape == (64, 3, 32, 32)


def test_a_path_typed_in_and_taken_away_again(sampler, checkpoint):
    before = live_picture(sampler)
    sampler.checkpoint = str(checkpoint)
    assert sampler.images().shape == (64, 3, 32, 32)
    assert "32×32" in sampler._caption.value
    assert live_picture(sampler).shape != before.shape
    sampler.checkpoint = ""
    assert (live_picture(sampler) == before).all()


def test_a_bad_path_gets_a_sentence_and_the_picture_stays(sampler, tmp_path):
    before = live_picture(sampler)
    broken = tmp_path / "<b>broken.pth"
    broken.write_bytes(b"PK nothing of the kind")
    for path in ("nowhere.pth", str(tmp_path), str(broken)):
        sampler.checkpoint = path
        assert "unchanged" in sampler._message.value and "<b>" not in sampler._message.value
        assert (live_picture(sampler) == before).all()
    sampler.checkpoint = ""
    assert sampler._message.value == ""


def test_a_bad_path_at_the_start_is_a_course_error():
    with pytest.raises(CourseError, match=r"nowhere\.pth"):
        Sampler("nowhere.pth")


# ---- predict first ---------------------------------------------------------------------------


def find(widget, description):
    """The control with this label, anywhere inside."""
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


@pytest.mark.parametrize(
    ("answer", "right"), [("more alike", True), ("more different", False), ("skip", False)]
)
def test_the_truncation_slider_opens_with_a_guess_that_stays(answer, right):
    lab = Sampler(new_generator())
    slider = find(lab.ui(), "truncation")
    assert slider.disabled and not find(lab.ui(), "seed").disabled
    find(lab.ui(), answer).click()
    assert not slider.disabled
    [entry] = lab.predictions
    assert entry["truth"] == "more alike" and entry["right"] is right
    assert entry["answer"] == (None if answer == "skip" else answer)
    slider.value = 0.3
    assert lab.truncation == 0.3
    assert f"{lab.spread(0.3):.2f}" in lab._verdict() and f"{lab.spread(1.0):.2f}" in lab._verdict()
    if answer != "skip":
        assert answer in lab._verdict()


def test_truncation_does_what_the_question_says():
    lab = Sampler(new_generator())
    spreads = [lab.spread(t) for t in (0.0, 0.3, 1.0)]
    assert spreads[0] == pytest.approx(0, abs=1e-6) and spreads[0] < spreads[1] < spreads[2]


def test_sliders_and_traits_are_one(sampler):
    ui = sampler.ui()
    find(ui, "seed").value = 7
    find(ui, "slide towards B").value = 0.25
    find(ui, "direction 3").value = 1.5
    find(ui, "images per row").value = 2
    assert (sampler.seed, sampler.t, sampler.grid_size) == (7, 0.25, 2)
    assert sampler.directions == [0.0, 0.0, 1.5, 0.0, 0.0]
    sampler.directions = [0.0] * 5
    assert find(ui, "direction 3").value == 0
    assert f"25% of the way from seed 7 to seed {sampler.seed_b}" in sampler._caption.value


# ---- speed -----------------------------------------------------------------------------------


def test_a_slider_brings_a_new_picture_in_time():
    """8×8 images of 32×32: the bar is 50 ms on 2 free cores; this machine may be busy."""
    lab = Sampler()  # the generator that ships
    assert lab.images().shape == (64, 1, 32, 32)
    slider = find(lab.ui(), "direction 1")
    slider.value = 0.1
    seconds = []
    for i in range(50):
        before, start = lab._picture.value, time.perf_counter()
        slider.value = (i % 29 - 14) / 5
        seconds.append(time.perf_counter() - start)
        assert lab._picture.value != before
    print(f"sampler: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.15


# ---- a conditional generator -------------------------------------------------------------------


def conditional_generator(classes=3):
    torch.manual_seed(0)
    generator = SAGANGenerator(32, 1, 8, 4, num_classes=classes)
    for name, value in generator.named_parameters():
        if name.endswith(("gain.weight", "bias.weight")):
            torch.nn.init.normal_(value)  # at first all classes are alike
    return generator.eval()


def class_box(lab):
    return next(
        w for w in lab.ui().children[0].children if getattr(w, "description", "") == "class"
    )


@pytest.mark.parametrize("label", [None, 2])
def test_a_class_can_be_chosen(label):
    generator = conditional_generator()
    lab = Sampler(generator, grid_size=3, label=label)
    labels = torch.tensor([0, 1, 2] * 3) if label is None else torch.full((9,), label)
    with torch.no_grad():
        torch.testing.assert_close(lab.images(), generator(lab.z(), labels))
    assert ("class 2" if label == 2 else "all classes in turn") in lab.alt_text()
    names = {"generator": generator}
    exec(lab.code(), names)
    torch.testing.assert_close(names["images"], lab.images(), atol=1e-4, rtol=0)
    assert lab.spread(0.3) >= 0


def test_the_class_box_follows_and_is_hidden_without_classes(tmp_path):
    lab = Sampler(conditional_generator())
    box = class_box(lab)
    assert box.layout.display is None and [v for _, v in box.options] == [None, 0, 1, 2]
    before = live_picture(lab)
    box.value = 1
    assert lab.label == 1 and np.abs(live_picture(lab) - before).mean() > 1
    lab.label = 2
    assert box.value == 2
    save_generator(new_generator(), tmp_path / "plain.pth")
    lab.checkpoint = str(tmp_path / "plain.pth")
    assert lab.label is None and box.layout.display == "none"
    assert lab.images().shape == (64, 1, 16, 16) and "class" not in lab.alt_text()
    lab.checkpoint = ""
    assert box.layout.display is None and lab.images().shape == (64, 1, 32, 32)


@pytest.mark.parametrize(
    ("generator", "label", "words"),
    [(conditional_generator, 3, "the classes 0 to 2"), (new_generator, 0, "has no classes")],
)
def test_a_label_that_is_no_class_is_named(generator, label, words):
    with pytest.raises(CourseError, match=f"label is {label}, but this generator has.*"):
        Sampler(generator(), label=label)
    lab = Sampler(generator())
    with pytest.raises(CourseError, match=words):
        lab.label = label
    assert lab.label is None


def test_reading_the_directions_does_not_disturb_a_training():
    generator = conditional_generator().train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    assert strongest_directions(generator, 5).shape == (5, 8)
    assert all(torch.equal(generator.state_dict()[n], v) for n, v in before.items())

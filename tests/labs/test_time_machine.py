"""Time and latent move what they say; nothing is told before the guess."""

import copy
import statistics
import time

import pytest
import torch
from traitlets import TraitError

from gan_course.data import image_grid, to_uint8
from gan_course.errors import CourseError
from gan_course.labs import TimeMachine
from gan_course.labs.flipbook_picture import TimeAxis
from gan_course.labs.sampler import draw_images, noise, slerp
from gan_course.labs.time_machine import RUNS
from gan_course.labs.time_machine_picture import CURVES
from gan_course.pretrained.recorded import NAMES, load_run


def open_lab(**traits):
    return TimeMachine(opened=list(RUNS), **traits)


def shapes(lab, kind):
    return [shape for name, shape in lab.draw().shapes if name == kind]


def texts(lab):
    return " ".join(shape["text"] for shape in shapes(lab, "text"))


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    found = (find(child, description) for child in getattr(widget, "children", ()))
    return next((f for f in found if f is not None), None)


def test_every_letter_is_another_run():
    assert sorted(RUNS.values()) == sorted(NAMES)


@pytest.mark.parametrize("letter", RUNS)
def test_the_images_are_the_generators_of_the_moment(letter):
    lab = open_lab(run=letter, latent=0.3)
    run = load_run(RUNS[letter])
    z = slerp(noise(0, 25, 32), noise(1, 25, 32), 0.3)
    for moment in (1, 5):
        lab.moment = moment
        data = lab.figure_data()
        expected = to_uint8(draw_images(run.generators[moment], z))
        assert torch.equal(data["images"], expected)
        shown = shapes(lab, "picture")
        assert (shown[0]["pixels"] == image_grid(expected, columns=5)).all()
        # The film below: each column is a moment, each line one of the z.
        assert len(shown) == 2
        film = shown[1]["pixels"].astype(int)
        for column in (0, moment, 7):
            images = to_uint8(draw_images(run.generators[column], z[:3]))
            for line in range(3):
                top, left = 2 + 34 * line, 2 + 34 * column
                pixels = film[top : top + 32, left : left + 32]
                assert abs(pixels - images[line, 0].numpy().astype(int)).max() <= 1


def test_the_two_sliders_move_the_picture():
    lab = open_lab(run="C")
    lab.ui()
    pictures = {lab._picture.value}
    for name, value in (("moment", 3), ("moment", 5), ("latent", 0.5), ("latent", 1.0)):
        find(lab.ui(), {"moment": "training time", "latent": "latent z"}[name]).value = value
        assert getattr(lab, name) == value
        pictures.add(lab._picture.value)
    assert len(pictures) == 5
    # At the other end of the latent slider stand the images of the other seed.
    expected = draw_images(load_run("healthy").generators[5], noise(1, 25, 32))
    assert (lab.figure_data()["images"].int() - to_uint8(expected).int()).abs().max() <= 1


def test_the_marker_and_the_triangle_follow_the_numbers():
    lab = open_lab(run="A")
    for moment in range(1, 8):
        lab.moment = moment
        data = lab.figure_data()
        axis = TimeAxis(data["seen"][-1], log=True)
        x = CURVES[0] + CURVES[2] * axis(data["seen"][moment])
        markers = [s for s in shapes(lab, "line") if s["width"] == 2 and s["color"] == "#222222"]
        assert len(markers) == 3
        assert all(point[0] == pytest.approx(x) for s in markers for point in s["points"])
        [triangle] = [s for s in shapes(lab, "text") if s["text"] == "▲"]
        low, high = 38 + 344 + 60, 38 + 344  # the chart's bottom is 0 and its top 2
        y = low + (high - low) * min(data["diversity"], 2) / 2
        assert (triangle["x"], triangle["y"]) == (pytest.approx(x), pytest.approx(y))
        assert f"{data['diversity']:.2f}" in texts(lab)


def test_the_doctor_speaks_from_the_numbers_until_now():
    lab = open_lab(run="B")
    lab.moment = 0
    assert "Let it train on" in lab.alt_text()
    said = set()
    for moment in range(8):
        lab.moment = moment
        diagnosis = load_run("d_too_strong").diagnosis(moment)
        assert diagnosis.sentence in lab.alt_text()
        assert " ".join(diagnosis.sentence.split()[:5]) in texts(lab)
        said.add(diagnosis.sentence)
    assert len(said) > 3


def test_the_code_draws_the_same_images():
    lab = open_lab(run="E", moment=4, latent=0.25)
    names = {}
    exec(lab.code().replace("print(", "str("), names)
    assert torch.equal(to_uint8(names["images"]), lab.figure_data()["images"])


# ---- predict first ---------------------------------------------------------------------------


def test_nothing_is_told_before_the_guess():
    lab = TimeMachine()
    for letter, name in RUNS.items():
        lab.run = letter
        run = load_run(name)
        everything = lab.live_html() + lab.alt_text() + lab.code() + texts(lab)
        for secret in (run.title, run.done, name, run.diagnosis(7).sentence):
            if secret != "healthy":
                assert secret not in everything
        assert shapes(lab, "picture") == [] and "images" not in lab.figure_data()
        assert "Which run is it?" in lab.alt_text()


def test_a_guess_opens_this_run_alone_and_stays():
    lab = TimeMachine(run="A")
    ui = lab.ui()
    latent = find(ui, "latent z")
    assert latent.disabled
    find(ui, "D too strong").click()
    [entry] = lab.predictions
    assert entry["answer"] == "d_too_strong" and entry["truth"] == "collapsed"
    assert not entry["right"] and not latent.disabled
    assert "You guessed: D too strong. It is another one: collapsed." in lab.verdict()
    lab.run = "B"
    assert latent.disabled and shapes(lab, "picture") == []
    find(ui, "D too strong").click()
    assert lab.predictions[-1]["right"] and "Right" in lab.verdict()
    lab.run = "A"
    assert lab.is_open and "You guessed: D too strong" in lab.verdict()
    lab.guess("healthy")  # once is enough
    assert len(lab.predictions) == 2
    lab.run = "C"
    find(ui, "skip").click()
    assert lab.predictions[-1]["answer"] is None and "It is: healthy" in lab.verdict()


def test_careless_input_gets_a_sentence():
    with pytest.raises(CourseError, match="no run is called 'sick'; choose from healthy"):
        TimeMachine().guess("sick")
    with pytest.raises(CourseError, match="no run 'Z' to open"):
        TimeMachine(opened=["Z"])
    with pytest.raises(CourseError, match="TimeMachine has no 'time'"):
        TimeMachine(time=3)
    lab = open_lab()
    for name, value in (("moment", 8), ("latent", 1.5), ("run", "F"), ("opened", ["Z"])):
        before = getattr(lab, name)
        with pytest.raises((TraitError, CourseError)):
            setattr(lab, name, value)
        assert getattr(lab, name) == before


def test_the_recorded_runs_are_left_as_they_were():
    run = load_run("healthy")
    before = copy.deepcopy(run.generators[7].state_dict())
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    lab = open_lab(run="C")
    lab.ui()
    lab.latent = 0.5
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(v, before[k]) for k, v in run.generators[7].state_dict().items())
    assert not run.generators[7].training


def test_a_move_is_quick():
    lab = open_lab(run="C")
    lab.ui()
    for name, values in (("moment", [0, 1, 2, 3, 4, 5, 6, 7] * 3), ("latent", range(1, 25))):
        seconds = []
        for value in values:
            value = value / 25 if name == "latent" else value
            start = time.process_time()
            setattr(lab, name, value)
            seconds.append(time.process_time() - start)
        print(f"time machine, {name}: {1000 * statistics.median(seconds):.1f} ms a move")
        assert statistics.median(seconds) < 0.1  # of one core; the bar is 50 ms on free ones

"""FrechetBench, Manifolds and RealOrFake: numbers, guesses, words, careless hands."""

import random

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.evaluation.frechet import frechet_distance
from gan_course.evaluation.interval import wilson
from gan_course.labs import FrechetBench, Manifolds, RealOrFake
from gan_course.labs import frechet_clouds as clouds

# ---- FrechetBench --------------------------------------------------------------------------------


@pytest.mark.parametrize("change", clouds.CHANGES)
def test_many_samples_come_to_the_closed_form(change):
    """Within 2 % of the true distance, beside the floor of 5,000 points."""
    lab = FrechetBench(change=change, amount=0.75, count=5000, dimensions=2, repeats=3)
    data = lab.figure_data()
    assert data["distance"] == pytest.approx(data["true_distance"], rel=0.06, abs=0.01)
    assert data["mean_part"] + data["cov_part"] == pytest.approx(data["distance"])
    assert frechet_distance(*map(torch.from_numpy, (data["real"], data["fake"]))) == pytest.approx(
        data["distance"]
    )


def test_the_floor_is_above_zero_and_falls_with_the_number():
    data = FrechetBench(repeats=3).figure_data()
    assert min(data["low"]) > 0 and list(data["floor"]) == sorted(data["floor"], reverse=True)
    wide = FrechetBench(repeats=3, dimensions=32).figure_data()
    assert wide["floor"][1] > 2 * data["floor"][1]


def test_too_few_points_are_named():
    lab = FrechetBench(repeats=3, count=20, dimensions=20, revealed=True)
    assert lab.figure_data()["singular"] and "say" in lab.alt_text()
    lab.count = 40
    assert not lab.figure_data()["singular"]


def test_each_change_changes_what_it_says():
    mean, cov = clouds.true_moments("nothing", 1.0)
    assert clouds.true_moments("shift", 1.0)[0][0] == pytest.approx(mean[0] + 1.5)
    assert clouds.true_moments("rotate", 1.0)[1].trace() == pytest.approx(cov.trace())
    assert clouds.true_moments("blur", 0.5)[1].trace() == pytest.approx(cov.trace() + 0.5)
    assert clouds.modes_left("drop modes", 1.0) == 1


# ---- Manifolds -----------------------------------------------------------------------------------


def test_the_same_cloud_has_both_and_one_mode_has_a_sixth():
    data = Manifolds(count=400).figure_data()
    assert data["precision"] > 0.9 and data["recall"] > 0.9
    one = Manifolds(count=400, modes_kept=1).figure_data()
    assert one["precision"] > 0.9 and one["recall"] == pytest.approx(1 / 6, abs=0.06)


def test_one_outlier_makes_precision_jump():
    lab = Manifolds(off=0.9)
    before = lab.figure_data()["precision"]
    lab.outlier = 1.0
    assert lab.figure_data()["precision"] > before + 0.3


def test_the_picture_hides_the_balls_until_the_guess():
    lab = Manifolds()
    lab.ui()
    hidden = np.asarray(lab.render())
    assert "precision" not in lab.alt_text()
    lab.predict_truncation("precision up, recall down")
    assert lab.predictions[0]["right"]
    assert (np.asarray(lab.render()) != hidden).mean() > 0.05


# ---- RealOrFake ----------------------------------------------------------------------------------


def played(right_every, **traits):
    lab = RealOrFake(started=True, **traits)
    for i, real in enumerate(lab.images()[1].tolist()):
        lab.answer(real if i % right_every else not real)
    return lab


def test_scripted_answers_give_exact_counts():
    lab = played(4, number=20)
    data = lab.figure_data()
    assert lab.finished and data["right"] == 15
    assert data["interval"] == wilson(15, 20)
    assert data["only_you"] + data["only_d"] + data["both"] + data["nobody"] == 20
    assert data["only_you"] + data["both"] == 15
    assert data["only_d"] + data["both"] == int(data["d_right"].sum()) > 10
    lab.answer(True)
    assert lab.answered == 20


def test_halves_no_image_twice_and_the_seed_decides():
    images, real = RealOrFake(number=60).images()
    assert real.sum() == 30 and len(images.flatten(1).unique(dim=0)) == 60
    again, _ = RealOrFake(number=60).images()
    other, _ = RealOrFake(number=60, seed=1).images()
    assert torch.equal(images, again) and not torch.equal(images, other)


def test_few_answers_claim_nothing():
    lab = RealOrFake(started=True)
    for _ in range(9):
        lab.answer(True)
    assert lab.figure_data()["interval"] is None and "%" not in lab.alt_text()
    lab.answer(True)
    assert lab.figure_data()["interval"] is not None
    lab.seed = 5
    assert lab.answered == 0 and lab.answers == []


def test_letters_answer_too():
    lab = RealOrFake(started=True)
    [keys] = [w for w in everything_in(lab.ui()) if isinstance(w, widgets.Text)]
    keys.value = "r"
    keys.value = "x"
    keys.value = "F"
    assert lab.answers == [True, False] and keys.value == ""


def test_wilson_against_its_definition():
    for successes, trials in ((0, 10), (3, 10), (50, 100), (20, 20)):
        for bound in wilson(successes, trials):
            share = successes / trials
            if 0 < bound < 1:
                assert abs(share - bound) == pytest.approx(
                    1.96 * (bound * (1 - bound) / trials) ** 0.5
                )
    with pytest.raises(CourseError, match="at least one trial"):
        wilson(0, 0)


# ---- all of them ---------------------------------------------------------------------------------


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


@pytest.mark.parametrize(
    "make",
    [lambda: FrechetBench(repeats=3, dimensions=3), Manifolds, lambda: RealOrFake(number=10)],
    ids=["FrechetBench", "Manifolds", "RealOrFake"],
)
def test_anything_in_any_order_leaves_a_picture_and_words(make):
    lab, dice = make(), random.Random(0)
    touchable = list(everything_in(lab.ui()))
    for _ in range(25):
        widget = dice.choice(touchable)
        if isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
            if widget.description not in ("repeats", "seed"):
                widget.value = dice.choice([widget.min, widget.max])
        elif isinstance(widget, widgets.Dropdown):
            widget.index = dice.randrange(len(widget.options))
        elif isinstance(widget, widgets.Button):
            widget.click()
        assert "nan" not in lab.alt_text().lower().split()
    compile(lab.code(), "code", "exec")
    assert len(lab.predictions) <= 1
    assert lab.render().width > 300


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: FrechetBench(amount=float("nan")), "amount must be a number"),
        (lambda: FrechetBench().predict_perfect("no"), "no answer here"),
        (lambda: Manifolds(k=0), "k"),
        (lambda: Manifolds().predict_truncation("no"), "no answer here"),
        (lambda: RealOrFake(number=8), "number"),
        (lambda: RealOrFake().predict_share("no"), "no answer here"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong, said):
    with pytest.raises((CourseError, TraitError), match=said):
        wrong()

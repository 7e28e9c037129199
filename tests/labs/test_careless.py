"""The labs of lessons 07 and 08 in careless hands: every control, to its ends, and twice."""

import random

import ipywidgets as widgets
import pytest
import torch
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.labs import Flipbook, GenXray, LatentPad, TimeMachine
from gan_course.models import SAGANGenerator
from gan_course.models.weights import save_generator

LABS = [Flipbook, GenXray, LatentPad, TimeMachine]


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


def pull(widget, dice):
    """Do what a hand can do to it; False if it is nothing to touch."""
    if isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
        widget.value = dice.choice([widget.min, widget.max, widget.value])
    elif isinstance(widget, widgets.Play):
        widget.value = dice.choice([widget.min, widget.max])
    elif isinstance(widget, widgets.ToggleButtons):
        widget.index = dice.randrange(len(widget.options))
    elif isinstance(widget, widgets.Button):
        widget.click()
        widget.click()
    else:
        return False
    return True


@pytest.mark.parametrize("make", LABS, ids=lambda lab: lab.__name__)
def test_anything_in_any_order_leaves_a_picture_and_words(make):
    lab, dice = make(), random.Random(0)
    touchable = [w for w in everything_in(lab.ui()) if not isinstance(w, widgets.Box)]
    done = 0
    while done < 25:
        done += pull(dice.choice(touchable), dice)
        compile(lab.code(), "code", "exec")
        assert "nan" not in lab.alt_text().lower().split()
    assert lab.render().width > 300


@pytest.mark.parametrize("make", LABS, ids=lambda lab: lab.__name__)
def test_a_question_is_answered_once(make):
    """A double click is one guess, and a second thought comes too late."""
    lab = make()
    buttons = [
        b
        for b in everything_in(lab.ui())
        if isinstance(b, widgets.Button) and b.description != "Strongest channel"
    ]
    for button in (buttons[0], buttons[0], buttons[1]):
        button.click()
    assert len(lab.predictions) == 1


@pytest.mark.parametrize("lab", [GenXray, LatentPad])
def test_a_lab_for_dcgan_refuses_another_architecture(lab, tmp_path):
    path = tmp_path / "sagan.pth"
    save_generator(SAGANGenerator(32, 1, 8, 8, attention_at=None, num_classes=10), path)
    with pytest.raises(CourseError, match="This lab knows no other architecture"):
        lab(path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: GenXray(3), "must be a DCGANGenerator"),
        (lambda: LatentPad(True), "must be a DCGANGenerator"),
        (lambda: GenXray().predict_layer(7), "no layer 7 here; choose from 0 to 2"),
        (lambda: GenXray(factor=float("nan")), "factor must be a number"),
        (lambda: LatentPad(images="mnist"), "images must be images"),
        (lambda: LatentPad(held_out=torch.ones), "held_out must be images"),
        (lambda: LatentPad(x=float("nan")), "x must be a number"),
        (lambda: LatentPad(seed_a=10**20), "seed_a"),
        (lambda: TimeMachine(latent=float("nan")), "latent must be a number"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong, said):
    with pytest.raises((CourseError, TraitError), match=said):
        wrong()

"""GramShuffle and StyleMixer: numbers, guesses, words, careless hands."""

import asyncio
import io
import random

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from event_loop import run_alone
from PIL import Image
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.labs import GramShuffle, StyleMixer
from gan_course.labs.gram_shuffle import ANSWERS, LAYERS
from gan_course.labs.style_mixer import STRIP_FACTORS

# ---- GramShuffle ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("move", [{"amount": 1.0}, {"mirror": True}, {"tile": 2}, {"tile": 3}])
def test_the_gram_matrix_does_not_notice_moved_features(layer, move):
    data = GramShuffle(layer=layer, **{"amount": 0.0} | move).figure_data()
    scale = data["gram"].abs().max()
    assert (data["new_gram"] - data["gram"]).abs().max() / scale < 1e-5
    assert data["style"] < 1e-9
    if "tile" in move:
        assert data["content"] is None
        assert data["new_maps"].shape[2] == move["tile"] * data["maps"].shape[2]
    else:
        assert data["content"] > 0.05


@pytest.mark.parametrize("layer", ["conv1_2", "conv3_2"])
def test_it_does_notice_moved_pixels(layer):
    data = GramShuffle(layer=layer, what="pixels").figure_data()
    assert data["style"] > 0.01 and data["content"] > 0.1
    # the same pixels, though, at other places
    before, after = (data[name].flatten(2).sort(dim=2).values for name in ("image", "new_image"))
    assert torch.equal(before, after)


def test_the_amount_counts_places_and_no_move_changes_nothing():
    for what in ("features", "pixels"):
        data = GramShuffle(what=what, amount=0.0).figure_data()
        assert data["content"] == 0 and data["style"] == 0
    half, whole = (GramShuffle(amount=a).figure_data()["content"] for a in (0.5, 1.0))
    assert 0 < half < whole


def test_a_mirror_is_one_and_the_seed_decides():
    data = GramShuffle(amount=0.0, mirror=True).figure_data()
    assert torch.equal(data["new_maps"], data["maps"].flip(3))
    one, again, other = (GramShuffle(seed=s).figure_data()["new_maps"] for s in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_the_answer_of_the_guess_is_measured():
    lab = GramShuffle()
    lab.ui()
    hidden = np.asarray(lab.render())
    assert "distance" not in lab.alt_text()
    lab.predict_change("content only")
    lab.predict_change("both")
    assert lab.predictions[0]["right"] and len(lab.predictions) == 1
    assert lab.predictions[0]["truth"] == ANSWERS[0]
    assert (np.asarray(lab.render()) != hidden).mean() > 0.05
    assert "style distance 0.000000" in lab.alt_text()


def test_the_code_of_gram_shuffle_runs(capsys):
    exec(GramShuffle().code(), {})
    content, style = capsys.readouterr().out.replace("tensor", "").split(" ")
    assert float(content.strip("()")) > 1e-3 and float(style.strip("()\n")) < 1e-9


# ---- StyleMixer ----------------------------------------------------------------------------------


def file_of(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("start", ["content", "noise"])
def test_thirty_steps_reduce_the_loss_by_a_third(start):
    lab = StyleMixer(start=start).run(31)
    history = lab.figure_data()["history"]
    assert history[30].total < 0.7 * history[0].total and lab.step == 31


def test_without_style_the_content_comes_back():
    lab = StyleMixer(start="noise", style_weight=0.0, tv_weight=0.0, learning_rate=0.1).run(60)
    history = lab.figure_data()["history"]
    assert history[-1].content < 0.1 * history[0].content
    assert history[-1].style == 0


def test_the_same_seed_gives_the_same_picture():
    images = [StyleMixer(start="noise", seed=s).run(3).transfer.image for s in (0, 0, 1)]
    assert torch.equal(images[0], images[1]) and not torch.equal(images[0], images[2])


def test_weights_act_at_once_and_layers_begin_anew():
    lab = StyleMixer().run(3)
    lab.style_weight = 40.0
    lab.learning_rate = 0.01
    assert lab.step == 3 and lab.transfer.weights["style"] == 40.0
    assert lab.transfer.optimizer.param_groups[0]["lr"] == 0.01
    before = lab.transfer.history[-1].style
    assert lab.run(1).transfer.history[-1].style > 1.2 * before
    lab.layers = "conv2"
    assert lab.step == 0 and lab.style_layers() == ("conv2_1", "conv2_2")
    assert set(lab.run(1).figure_data()["layers"]) == {"conv2_1", "conv2_2"}


def test_the_guess_does_its_steps_and_measures():
    lab = StyleMixer()
    lab.ui()
    assert "losses" in lab.alt_text() and "→" not in lab.alt_text()
    lab.predict_losses("style falls, content rises")
    lab.predict_losses("both fall")
    assert [p["right"] for p in lab.predictions] == [True]
    assert lab.step == 11 and "→" in lab.alt_text()


@pytest.mark.slow
def test_five_weights_go_from_content_to_style():
    lab = StyleMixer(revealed=True)
    low = np.asarray(lab.render()).shape[0]
    strip = lab.make_strip()
    assert strip.shape[0] == len(STRIP_FACTORS)
    far = [(image - lab.figure_data()["content"][0]).square().mean().item() for image in strip]
    assert far[0] < far[2] < far[4]
    assert np.asarray(lab.render()).shape[0] > low and "five style weights" in lab.alt_text()
    lab.reset()
    assert lab.strip is None


def test_pictures_of_ones_own():
    lab = StyleMixer()
    lab.use("style", file_of(Image.new("RGBA", (3000, 1500), (255, 0, 0, 128))), "red.png")
    assert lab.figure_data()["style"].shape == (1, 3, 64, 128) and lab.style == "red.png"
    lab.use("content", file_of(Image.new("L", (40, 50), 99)), "grey.png")
    assert lab.run(2).transfer.image.shape == (1, 3, 50, 40)
    lab.use("content", b"no picture", "x.png")
    assert "x.png is not a picture" in lab.message
    assert lab.content == "grey.png" and lab.run(1).step == 3
    lab.style = "missing.png"
    assert "no picture missing.png" in lab.message
    lab.style = "flower"
    assert lab.message == "" and lab.step == 0


def test_a_number_that_is_none_stops_it_and_is_said():
    lab = StyleMixer(revealed=True).run(2)
    good = lab.transfer.image
    lab.transfer.weights["tv"] = float("nan")
    lab.run(5)
    assert "learning rate" in lab.message and lab.message in lab.alt_text()
    assert torch.equal(lab.transfer.image, good) and lab.step == 2


def test_play_and_pause():
    async def scene():
        lab = StyleMixer(revealed=True)
        lab.ui()
        before = lab._picture.value
        task = lab.play()
        while lab.step < 4:
            await asyncio.sleep(0.01)
        lab.pause()
        await task
        return lab, before

    lab, before = run_alone(scene())
    assert not lab.playing and lab.step >= 4 and lab._picture.value != before
    with pytest.raises(CourseError, match="no event loop"):
        lab.play()


def widgets_in(box):
    for child in getattr(box, "children", ()):
        yield child
        yield from widgets_in(child)


def test_the_sliders_show_the_weights_that_are_used():
    """A browser draws a slider at the nearest step: with a coarse one it would show 3.2 for 3."""
    lab = StyleMixer()
    sliders = [w for w in widgets_in(lab.controls()) if isinstance(w, widgets.FloatLogSlider)]
    assert len(sliders) == 4
    for slider in sliders:
        steps = round((np.log10(slider.value) - slider.min) / slider.step)
        shown = slider.base ** (slider.min + steps * slider.step)
        assert format(shown, slider.readout_format) == format(slider.value, slider.readout_format)


def test_the_code_of_style_mixer_makes_the_same_picture():
    lab = StyleMixer(start="noise", layers="conv1", style_weight=5.0).run(3)
    names = {}
    exec(lab.code(), names)
    torch.testing.assert_close(names["result"].image, lab.transfer.image)


# ---- both ----------------------------------------------------------------------------------------


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


@pytest.mark.parametrize("make", [GramShuffle, StyleMixer])
def test_anything_in_any_order_leaves_a_picture_and_words(make):
    async def scene():
        lab, dice = make(), random.Random(0)
        touchable = [w for w in everything_in(lab.ui()) if not isinstance(w, widgets.Box)]
        for _ in range(30):
            widget = dice.choice(touchable)
            if isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
                widget.value = dice.choice([widget.min, widget.max])
            elif isinstance(widget, widgets.FloatLogSlider):
                widget.value = dice.choice([widget.base**widget.min, widget.base**widget.max])
            elif isinstance(widget, widgets.Dropdown | widgets.ToggleButtons):
                widget.index = dice.randrange(len(widget.options))
            elif isinstance(widget, widgets.Checkbox | widgets.ToggleButton):
                widget.value = not widget.value
            elif isinstance(widget, widgets.Button) and widget.description != "Five weights":
                widget.click()
            assert "nan" not in lab.alt_text().lower().split()
            await asyncio.sleep(0)
        if make is StyleMixer:
            lab.pause()
            await asyncio.sleep(0.05)
        return lab

    lab = run_alone(scene())
    compile(lab.code(), "code", "exec")
    assert len(lab.predictions) <= 1
    assert lab.render().width > 300


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: GramShuffle(amount=float("nan")), "amount must be a number"),
        (lambda: GramShuffle(layer="conv9"), "layer"),
        (lambda: GramShuffle(tile=0), "tile"),
        (lambda: GramShuffle().predict_change("no"), "no answer here"),
        (lambda: StyleMixer(style_weight=-1.0), "style_weight"),
        (lambda: StyleMixer(content="missing.png"), "no picture missing.png"),
        (lambda: StyleMixer(start="black"), "start"),
        (lambda: StyleMixer().predict_losses("no"), "no answer here"),
        (lambda: StyleMixer(weight=1), "has no 'weight'"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong, said):
    with pytest.raises((CourseError, TraitError), match=said):
        wrong()

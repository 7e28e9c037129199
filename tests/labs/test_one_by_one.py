"""OneByOne: its picture is a 1x1 convolution's, its sums are shown, and space plays no part."""

import statistics
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn
from traitlets import TraitError

from gan_course.labs import OneByOne
from gan_course.labs.one_by_one import PRESETS, said
from gan_course.labs.scene import COLOURS, scene, scene_labels


@pytest.fixture
def lab():
    return OneByOne(revealed=True)


def linear_at_each_pixel(weight):
    """By nn.Linear, which knows nothing of convolutions."""
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
        return layer(((scene(32) + 1) / 2).permute(1, 2, 0)).permute(2, 0, 1).numpy()


@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_output_is_a_linear_layer_at_each_pixel(lab, preset):
    lab.preset(preset)
    data = lab.figure_data()
    assert np.allclose(
        data["output"], linear_at_each_pixel(torch.tensor(PRESETS[preset])), atol=1e-6
    )
    assert np.allclose(data["mixed"], data["output"][:, lab.row, lab.column])
    assert np.allclose(lab.weight, torch.tensor(PRESETS[preset]))


def test_a_pixel_depends_on_its_own_channels_alone(lab):
    lab.shuffled = True
    data = lab.figure_data()
    assert data["difference"] < 1e-6 < 0.1 < data["difference_blurred"]
    flat = data["shuffled"].reshape(3, -1)
    sorted_in = np.sort(data["image"].reshape(3, -1), axis=1)
    assert (np.sort(flat, axis=1) == sorted_in).all() and (
        flat != data["image"].reshape(3, -1)
    ).any()


def test_the_sums_are_written_out(lab):
    lab.red_from_red, lab.red_from_green, lab.red_from_blue = 0.5, -1.0, 2.0
    r, g, b = lab.figure_data()["pixel"]
    line = next(line for line in lab._lines() if line.startswith("red ="))
    assert f"0.5·{r:.2f} − 1·{g:.2f} + 2·{b:.2f}" in line
    assert f"{0.5 * r - g + 2 * b:.2f}".replace("-", "−") in line
    assert line in lab.live_html()


def test_clipping_is_counted(lab):
    lab.preset("identity")
    assert lab.figure_data()["clipped"] == 0
    lab.red_from_red = -1.0
    assert lab.figure_data()["clipped"] == 32 * 32 and "clipped" in lab.alt_text()


def test_nothing_is_given_away_before_the_guess():
    lab = OneByOne()
    assert "output" not in lab.figure_data() and "guess" in lab.alt_text()
    ui = lab.ui()
    assert find(ui, "red ← red").disabled and find(ui, "row").disabled
    truth = said((lab.weight @ torch.tensor(lab.figure_data()["pixel"])).tolist())
    assert truth in lab.choices() and len(lab.choices()) == 4
    assert truth not in lab.live_html()


@pytest.mark.parametrize("index", range(5))
def test_the_guess_is_compared_and_stays(index):
    lab = OneByOne()
    ui = lab.ui()
    answer = [*lab.choices(), "skip"][index]
    find(ui, answer).click()
    [entry] = lab.predictions
    assert entry["right"] is (answer == entry["truth"]) and lab.revealed
    assert said(lab.figure_data()["mixed"]) == entry["truth"]
    assert (lab.guess_line() is None) is (answer == "skip")
    assert not find(ui, "red ← red").disabled


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def test_the_picture_follows_every_trait(lab):
    lab.ui()
    seen = [lab._picture.value]
    changes = {
        "red_from_red": 0.5,
        "blue_from_green": -1.0,
        "row": 3,
        "column": 16,
        "shuffled": True,
    }
    for name, value in changes.items():
        setattr(lab, name, value)
        assert lab._picture.value not in seen
        seen.append(lab._picture.value)
        ET.fromstring(lab._picture.value)  # well formed


def test_values_that_do_not_exist_are_refused(lab):
    for name, value in {"row": 32, "column": -1, "red_from_red": 2.5}.items():
        with pytest.raises(TraitError, match=name):
            setattr(lab, name, value)


def test_the_code_makes_the_same_picture(lab):
    lab.preset("grey")
    lab.green_from_blue, lab.row, lab.column = -0.5, 20, 9
    names = {}
    exec(lab.code(), names)
    assert np.allclose(names["output"], lab.figure_data()["output"], atol=1e-6)
    assert np.allclose(names["mixed"], lab.figure_data()["mixed"], atol=1e-6)


def test_words_lie_inside_the_card(lab):
    lab.predict_colour(lab.choices()[0])
    lab.red_from_red = lab.green_from_green = -2.0
    for shuffled in (False, True):
        lab.shuffled = shuffled
        canvas = lab.draw()
        for kind, shape in canvas.shapes:
            if kind == "text":
                assert 0 <= shape["x"] <= canvas.width and 0 < shape["y"] < canvas.height


def test_moves_are_quick(lab):
    """The bar is 50 ms on 2 free cores; this machine may be busy."""
    lab.shuffled = True
    lab.ui()
    seconds = []
    for i in range(30):
        start = time.perf_counter()
        lab.column = i
        seconds.append(time.perf_counter() - start)
    print(f"OneByOne: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.2


def test_the_scene_has_things_far_apart_that_look_alike():
    for size in (16, 32, 64):
        labels, image = scene_labels(size), scene(size)
        assert image.shape == (3, size, size) and image.min() >= -1 and image.max() <= 1
        assert len(labels.unique()) == len(COLOURS)
        roof = (labels == list(COLOURS).index("roof")).any(0)
        assert roof[: size // 2].any() and roof[size // 2 :].any() and not roof[size // 2]
    with pytest.raises(ValueError, match="not 4"):
        scene(4)

"""GateAndNorm: its numbers are torch's, and its picture follows its numbers."""

import math
import re
import time
import xml.etree.ElementTree as ET

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import ImageColor
from torch import nn

from gan_course import palette
from gan_course.errors import CourseError
from gan_course.labs import GateAndNorm
from gan_course.labs.drawing import font_of_size
from gan_course.labs.gate_and_norm import MODES, SHARES
from gan_course.labs.gate_and_norm_marks import ALIVE, FULL_BAR
from gan_course.labs.gate_and_norm_numbers import REACH, Y_AXES, noise
from gan_course.labs.gate_and_norm_picture import ONE, PLACES, SAMPLE, WIDTH, x_at

NO_NUMBER = re.compile(r"\b(nan|inf)\b", re.IGNORECASE)
REFUSED = "Expected more than 1 value per channel when training"


def gaussian_tail(x):
    """The share of a standard normal below x."""
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def pixels(lab):
    return np.asarray(lab.render())


def is_color(picture, color):
    return (picture == ImageColor.getrgb(color)).all(axis=2)


# ---- the numbers: activations --------------------------------------------------------------------


@pytest.mark.parametrize("mean", [-3.0, -1.0, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("spread", [0.5, 1.0, 3.0])
def test_the_dead_fraction_is_the_gaussian_tail(mean, spread):
    lab = GateAndNorm(batch_norm=False, revealed=True, mean=mean, spread=spread, batch_size=64)
    data = lab.figure_data()
    tail = gaussian_tail(-mean / spread)
    error = math.sqrt(tail * (1 - tail) / data["x"].size)
    assert data["x"].size == 4096
    assert data["dead_fraction"] == pytest.approx(tail, abs=4 * error + 1e-3)
    assert data["mean_derivative"] == pytest.approx(1 - data["dead_fraction"], abs=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 0.5])
def test_leaky_relu_is_dead_only_without_a_slope(slope):
    lab = GateAndNorm(batch_norm=False, revealed=True, activation="leaky_relu", slope=slope)
    data = lab.figure_data()
    below = (data["x"] <= 0).mean()
    assert data["dead_fraction"] == pytest.approx(0 if slope else below)
    assert data["mean_derivative"] == pytest.approx(1 - below + slope * below, abs=1e-5)
    expected = nn.LeakyReLU(slope)(torch.from_numpy(data["x"])).numpy()
    assert (data["rows"]["plain"]["y"] == expected).all()


@pytest.mark.parametrize(
    ("activation", "derivative"),
    [
        ("tanh", lambda x: 1 - np.tanh(x) ** 2),
        ("sigmoid", lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    ],
)
def test_saturation_is_a_small_slope(activation, derivative):
    lab = GateAndNorm(batch_norm=False, revealed=True, activation=activation, spread=3.0)
    data = lab.figure_data()
    slopes = derivative(data["x"].astype(float))
    assert np.allclose(data["rows"]["plain"]["derivative"], slopes, atol=1e-6)
    assert data["dead_fraction"] == pytest.approx((slopes < 0.05).mean(), abs=1e-3)
    assert 0.1 < data["dead_fraction"] < 0.9
    assert "saturated" in lab.alt_text() and "dead" not in lab.alt_text()
    assert "|slope| &lt; 0.05" in lab.live_html()  # the threshold is printed


# ---- the numbers: BatchNorm ----------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "spread"), [(-4.0, 3.0), (-1.0, 1.0), (0.0, 0.3), (3.0, 2.0)])
@pytest.mark.parametrize("size", [(1, 8), (2, 1), (16, 8), (64, 4)])
def test_after_batchnorm_the_mean_is_0_and_the_std_1(mean, spread, size):
    lab = GateAndNorm(mean=mean, spread=spread, batch_size=size[0], map_size=size[1])
    row = lab.figure_data()["rows"]["batch"]
    assert row["u_mean"] == pytest.approx(0, abs=1e-3)
    assert row["u_std"] == pytest.approx(1, abs=1e-3)
    lab.gamma, lab.beta = -2.0, 0.5
    row = lab.figure_data()["rows"]["batch"]
    assert row["u_mean"] == pytest.approx(0.5, abs=2e-3)
    assert row["u_std"] == pytest.approx(2, abs=2e-3)


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("map_size", [1, 8])
@pytest.mark.parametrize("batches_seen", [0, 1, 7, 100])
def test_everything_is_what_torch_gives(odd, map_size, batches_seen):
    """The same numbers through layers that are made here: 2d, and 1d for 1x1 maps."""
    lab = GateAndNorm(
        revealed=True, odd_one=odd, map_size=map_size, batches_seen=batches_seen, batch_size=5,
        mean=1.5, spread=2.0, momentum=0.3, gamma=0.7, beta=-0.4, activation="tanh", seed=3,
    )  # fmt: skip
    data = lab.figure_data()
    bell = noise(3)[..., :map_size, :map_size]
    layers = [nn.BatchNorm2d(1, momentum=0.3)]
    if map_size == 1:
        layers.append(nn.BatchNorm1d(1, momentum=0.3))
    for layer in layers:
        flat = isinstance(layer, nn.BatchNorm1d)
        layer.weight.data.fill_(0.7)
        layer.bias.data.fill_(-0.4)
        for k in range(batches_seen):
            batch = 1.5 + 2 * bell[k + 1, :5]
            layer(batch.flatten(1) if flat else batch)
        assert data["running_mean"] == pytest.approx(layer.running_mean.item(), abs=1e-6)
        assert data["running_var"] == pytest.approx(layer.running_var.item(), rel=1e-5)
        x = torch.from_numpy(data["x"])
        x = x.flatten(1) if flat else x
        for name, mode in (("running", layer.eval()), ("batch", layer.train())):
            y = torch.tanh(mode.train(name == "batch")(x)).detach()
            assert np.allclose(data["rows"][name]["y"].reshape(y.shape), y, atol=1e-5)
    assert data["batches_taken"] == batches_seen
    assert len(data["x"]) == 5 + odd


def test_running_statistics_begin_at_0_and_1_and_come_closer():
    lab = GateAndNorm(revealed=True, mean=3.0, spread=2.0)
    data = lab.figure_data()
    assert (data["running_mean"], data["running_var"]) == (0.0, 1.0)
    assert data["rows"]["running"]["u"] == pytest.approx(data["x"] / math.sqrt(1 + 1e-5))
    distances = [data["distance"]]
    assert distances[0] == pytest.approx(
        math.hypot(data["batch_mean"], data["batch_std"] - 1), abs=1e-6
    )
    for _ in range(5):
        lab.feed()
        distances.append(lab.figure_data()["distance"])
    assert lab.batches_seen == 5 and distances == sorted(distances, reverse=True)
    lab.feed(500)
    assert lab.batches_seen == 100 and lab.figure_data()["distance"] < 0.3
    lab.momentum = 0.0
    assert lab.figure_data()["running_mean"] == 0.0 and "never move" in lab.alt_text()


@pytest.mark.parametrize("map_size", [1, 2, 3, 8])
@pytest.mark.parametrize("batch_size", [2, 7, 8, 16, 64])
def test_in_eval_mode_no_image_feels_another_not_even_in_the_last_bit(map_size, batch_size):
    lab = GateAndNorm(
        revealed=True, training=False, batch_size=batch_size, map_size=map_size, batches_seen=3
    )
    alone = lab.figure_data()["rows"]["running"]["y"]
    lab.odd_one = True
    data = lab.figure_data()
    assert (data["rows"]["running"]["y"][:batch_size] == alone).all()
    assert data["rows"]["running"]["others_changed"] is False
    assert data["rows"]["running"]["sample"] == data["rows"]["running"]["sample_without"]
    assert data["rows"]["batch"]["others_changed"] is True
    train = data["rows"]["batch"]
    assert train["sample"] != train["sample_without"]
    lab.odd_value = -7.0
    assert (lab.figure_data()["rows"]["running"]["y"][:batch_size] == alone).all()


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    lab = GateAndNorm(revealed=True, seed=11)
    lab.ui()
    lab.feed(3)
    assert (torch.random.get_rng_state() == before).all()
    x = lab.figure_data()["x"]
    assert (GateAndNorm(seed=11).figure_data()["x"] == x).all()
    assert (GateAndNorm(seed=12).figure_data()["x"] != x).any()


def test_figure_data_follows_every_control():
    lab = GateAndNorm(revealed=True, batches_seen=4, activation="leaky_relu", odd_one=True)
    for name, value in {
        "slope": 0.4,
        "mean": 1.0,
        "spread": 2.0,
        "gamma": 0.5,
        "beta": 1.0,
        "momentum": 0.5,
        "batches_seen": 9,
        "odd_value": -3.0,
        "seed": 5,
        "activation": "tanh",
        "batch_size": 9,
        "map_size": 3,
        "odd_one": False,
    }.items():
        before = lab.figure_data()["rows"]["running"]["y"]
        setattr(lab, name, value)
        after = lab.figure_data()["rows"]["running"]["y"]
        assert before.shape != after.shape or (before != after).any(), name
    shares = {lab.figure_data()["mean_derivative"]}
    lab.training = False
    shares.add(lab.figure_data()["mean_derivative"])
    lab.batch_norm = False
    shares.add(lab.figure_data()["mean_derivative"])
    assert len(shares) == 3 and list(lab.figure_data()["rows"]) == ["plain"]


# ---- the picture ---------------------------------------------------------------------------------


def bar_heights(picture, place, color):
    """Share of the batch in each bar of u, measured in the still; it is twice as large.

    A column in the middle of the bar is scanned: the pixels that have the colour.
    """
    shares = []
    cell = place.width / 32
    room = place.strip - 14
    for i in range(32):
        column = round(2 * (place.left + (i + 0.3) * cell))
        strip = picture[2 * (place.bottom - room) - 2 : 2 * place.bottom - 2, column]
        found = (strip == ImageColor.getrgb(color)).all(axis=1).sum()
        shares.append((found + 2) / 2 / room * FULL_BAR if found else 0.0)
    return np.array(shares)


@pytest.mark.parametrize(
    "traits",
    [
        {"batch_norm": False, "activation": "leaky_relu"},
        {"batch_norm": False, "activation": "leaky_relu", "mean": 2.0, "spread": 2.0},
        {"activation": "leaky_relu", "gamma": 2.0, "beta": -1.0},
        {"activation": "leaky_relu", "batches_seen": 20, "mean": 1.0},
    ],
)
def test_the_bars_in_the_picture_are_as_high_as_the_numbers(traits):
    lab = GateAndNorm(revealed=True, **traits)
    data, picture = lab.figure_data(), pixels(lab)
    for name, row in data["rows"].items():
        assert row["u_bars"]["dead"].sum() == 0
        drawn = bar_heights(picture, PLACES[name], ALIVE)
        places = (row["sample"][0] + REACH) / 0.5  # the marked number's line hides its bar
        seen = np.abs(np.arange(32) + 0.5 - places) > 1
        wanted = row["u_bars"]["alive"]
        seen &= (wanted < FULL_BAR) & ((wanted > 0.03) | (wanted == 0))
        assert seen.sum() > 10
        assert np.allclose(drawn[seen], wanted[seen], atol=0.012)


def test_the_histogram_slides_with_the_mean():
    lab = GateAndNorm(revealed=True, batch_norm=False, activation="leaky_relu", mean=-2.0)
    centres = -REACH + 0.5 * (np.arange(32) + 0.5)
    middles = []
    for mean in (-2.0, 0.0, 2.0):
        lab.mean = mean
        drawn = bar_heights(pixels(lab), ONE, ALIVE)
        middles.append((drawn * centres).sum() / drawn.sum())
    assert middles == pytest.approx([-2, 0, 2], abs=0.35)


def test_dead_bars_are_hollow_and_living_ones_filled():
    lab = GateAndNorm(revealed=True, batch_norm=False, mean=0.0, batch_size=64)
    [row] = lab.figure_data()["rows"].values()
    drawn = bar_heights(pixels(lab), ONE, ALIVE)
    assert (drawn[:16] == 0).all() and drawn[17] > 0.1
    assert (row["u_bars"]["alive"][:16] == 0).all() and row["u_bars"]["dead"][15] > 0.15
    outline = [
        s for kind, s in lab.draw().shapes
        if kind == "rect" and s["fill"] == "white" and s["stroke"] and s["y"] > ONE.top + ONE.height
    ]  # fmt: skip
    assert len(outline) == (row["u_bars"]["dead"] > 0).sum()


def test_the_share_bar_is_as_long_as_the_dead_fraction():
    lab = GateAndNorm(revealed=True, batch_norm=False)
    for mean in (-2.0, -1.0, 0.0, 1.0):
        lab.mean = mean
        picture = pixels(lab)
        line = picture[2 * (ONE.top - 10 + 36), 2 * ONE.words : 2 * (ONE.words + 132)]
        filled = (line == ImageColor.getrgb(ALIVE)).all(axis=1).mean()
        assert 1 - filled == pytest.approx(lab.figure_data()["dead_fraction"], abs=0.02)


@pytest.mark.parametrize("activation", list(Y_AXES))
def test_histograms_hold_the_whole_batch(activation):
    lab = GateAndNorm(revealed=True, activation=activation, spread=3.0, gamma=3.0, mean=4.0)
    for row in lab.figure_data()["rows"].values():
        for bars in (row["u_bars"], row["y_bars"]):
            parts = (bars["alive"].sum(), bars["dead"].sum(), bars["below"], bars["above"])
            assert sum(parts) == pytest.approx(1, abs=1e-6)
        assert row["u_bars"]["above"] == pytest.approx((row["u"] > REACH).mean(), abs=1e-6)
        assert row["y_bars"]["below"] == pytest.approx(
            (row["y"] < Y_AXES[activation][0]).mean(), abs=1e-6
        )


@pytest.mark.parametrize("activation", list(Y_AXES))
def test_the_marked_number_stands_where_its_numbers_say(activation):
    lab = GateAndNorm(revealed=True, activation=activation, odd_one=True, batches_seen=30)
    data, picture = lab.figure_data(), pixels(lab)
    orange = is_color(picture, SAMPLE)
    for name, row in data["rows"].items():
        place, (u, y) = PLACES[name], row["sample"]
        for x, height in (
            (place.x(u), place.bottom - 1),
            (place.x(u), place.y(y, activation)),
            (place.out_left, place.y(y, activation)),
        ):
            column, line = round(2 * x), round(2 * height)
            assert orange[line - 3 : line + 4, column - 3 : column + 4].mean() > 0.5
    column, line = round(2 * x_at(data["x_sample"])), 2 * 192
    assert orange[line - 3 : line + 4, column - 3 : column + 4].mean() > 0.5


def test_one_sees_the_marked_number_move_in_train_and_stand_still_in_eval():
    lab = GateAndNorm(revealed=True, batches_seen=50)

    def places():
        shapes = lab.draw().shapes
        ways = [s["points"] for kind, s in shapes if kind == "line" and len(s["points"]) == 3]
        colors = [s["color"] for kind, s in shapes if kind == "line" and len(s["points"]) == 3]
        return [way for way, color in zip(ways, colors, strict=True) if color == SAMPLE]

    eval_before, train_before = sorted(places(), key=lambda way: -way[0][1])
    lab.odd_one = True
    eval_after, train_after = sorted(places(), key=lambda way: -way[0][1])
    assert eval_after == eval_before
    assert train_before[0][0] - train_after[0][0] > 5  # pixels to the left
    picture = pixels(lab)
    grey = is_color(picture, palette.PREDICTION)  # where it was, as a hollow diamond
    x, y = train_before[1]
    assert grey[round(2 * y) - 12 : round(2 * y) + 13, round(2 * x) - 12 : round(2 * x) + 13].any()


def test_the_row_in_use_is_marked():
    lab = GateAndNorm(revealed=True)
    titles = {}
    for training in (True, False):
        lab.training = training
        words = [s for kind, s in lab.draw().shapes if kind == "text"]
        [marked] = [s for s in words if s["text"].startswith("▶")]
        titles[training] = marked["text"]
        row = "batch" if training else "running"
        assert marked["y"] == PLACES[row].top - 28
        share = lab.figure_data()["rows"][row]["dead_fraction"]
        assert lab.figure_data()["dead_fraction"] == share
    assert "train()" in titles[True] and "eval()" in titles[False]


# ---- edges ---------------------------------------------------------------------------------------


def test_one_number_per_channel_brings_torchs_own_message():
    lab = GateAndNorm(revealed=True, batch_size=1, map_size=1, batches_seen=5)
    with pytest.raises(ValueError, match=REFUSED) as refused:
        nn.BatchNorm2d(1)(torch.zeros(1, 1, 1, 1))
    data = lab.figure_data()
    assert data["error"] == str(refused.value) and data["dead_fraction"] is None
    assert list(data["rows"]) == ["running"]  # eval works
    assert data["batches_taken"] == 0 and data["running_mean"] == 0
    assert str(refused.value) in lab.alt_text()
    words = " ".join(s["text"] for kind, s in lab.draw().shapes if kind == "text")
    assert str(refused.value) in words and "▶ train(): ✗ no output" in words
    with pytest.raises(ValueError, match=REFUSED):
        exec(lab.code(), {})
    # A spread can be had from a second image, the odd one, or a larger map.
    for change in ({"batch_size": 2}, {"map_size": 2}, {"odd_one": True}):
        state = {"revealed": True, "batch_size": 1, "map_size": 1} | change
        other = GateAndNorm(**state).figure_data()
        assert other["error"] is None and set(other["rows"]) == {"batch", "running"}
    lab.training = False
    assert lab.figure_data()["dead_fraction"] is not None and "No output" not in lab.alt_text()


def test_the_layer_of_one_image_with_2x2_numbers_in_four_channels_works():
    assert nn.BatchNorm2d(4)(torch.randn(1, 4, 2, 2)).shape == (1, 4, 2, 2)


def test_gamma_0_leaves_beta():
    lab = GateAndNorm(revealed=True, gamma=0.0, beta=1.5)
    for row in lab.figure_data()["rows"].values():
        assert (row["u"] == 1.5).all()
    assert "gamma 0" in lab.alt_text()
    lab.predict_odd("neither")
    assert lab.predictions[-1]["right"]


def test_spread_0():
    lab = GateAndNorm(revealed=True, spread=0.0, beta=0.5, mean=-3.3)
    assert lab.figure_data()["rows"]["batch"]["u"] == pytest.approx(0.5, abs=1e-3)
    assert "spread 0" in lab.alt_text() and not NO_NUMBER.search(lab.live_html())
    lab.batch_norm = False
    assert lab.figure_data()["dead_fraction"] == 1.0
    assert "100 %" in lab.alt_text()


@pytest.mark.parametrize("seed", range(30))
def test_every_setting_draws(seed):
    rng = np.random.default_rng(seed)

    def one_of(*values):
        return values[int(rng.integers(len(values)))]

    lab = GateAndNorm(
        revealed=True,
        activation=one_of(*Y_AXES),
        slope=one_of(0.0, 0.5),
        mean=one_of(-4.0, 0.0, 4.0),
        spread=one_of(0.0, 0.1, 1.0, 3.0),
        batch_size=one_of(1, 2, 64),
        map_size=one_of(1, 2, 8),
        batch_norm=one_of(True, True, False),
        training=one_of(True, False),
        momentum=one_of(0.0, 0.1, 1.0),
        gamma=one_of(-3.0, 0.0, 1.0, 3.0),
        beta=one_of(-3.0, 0.0, 3.0),
        batches_seen=one_of(0, 1, 100),
        odd_one=one_of(True, False),
        odd_value=one_of(-8.0, 6.0, 8.0),
        question=one_of("dead", "odd_one"),
    )
    if seed % 3 == 0:
        lab.revealed = False
        assert "?" in lab.alt_text()
        if seed % 2:
            predict, answer = lab.predict_odd, "train only"
            if lab.question == "dead":
                predict, answer = lab.predict_dead, 84
            predict(answer)
    svg = lab.live_html()
    assert ET.fromstring(svg).get("aria-label") == lab.alt_text()
    assert not NO_NUMBER.search(svg)
    canvas = lab.draw()
    for kind, shape in canvas.shapes:
        if kind == "line":
            assert all(0 <= x <= WIDTH and 0 <= y <= canvas.height for x, y in shape["points"])
        if kind == "text":
            font = font_of_size(round(2 * shape["size"]), shape["bold"])
            wide = font.getlength(shape["text"]) / 2
            left = shape["x"] - wide * {"start": 0, "middle": 0.5, "end": 1}[shape["anchor"]]
            assert left >= 0 and left + wide <= WIDTH, shape["text"]


# ---- guess first ---------------------------------------------------------------------------------


def test_each_lesson_gets_its_question():
    assert GateAndNorm(batch_norm=False).question == "dead"
    assert GateAndNorm().question == GateAndNorm(batch_norm=True).question == "odd_one"
    assert GateAndNorm(question="dead").question == "dead"


@pytest.mark.parametrize(("answer", "right"), [(84, True), (50, False), (None, False)])
def test_the_guess_about_dead_numbers(answer, right):
    lab = GateAndNorm(batch_norm=False, question="dead")
    assert (lab.mean, lab.spread) == (-1.0, 1.0)
    lab.predict_dead(answer)
    [entry] = lab.predictions
    assert (entry["answer"], entry["truth"], entry["right"]) == (answer, 84, right)
    assert "mean −1 and spread 1" in entry["question"] and lab.revealed
    share = lab.figure_data()["dead_fraction"]
    assert share == pytest.approx(gaussian_tail(1), abs=0.03)
    ghosts = [s for kind, s in lab.draw().shapes if kind == "line" and s["dash"] == (3, 2)]
    assert len(ghosts) == (answer is not None)
    if ghosts:
        assert ghosts[0]["points"][0][0] == pytest.approx(ONE.words + 1.32 * answer)
    lab.mean = 0.0  # another question
    assert lab.last_guess() is None and "Your guess" not in lab.live_html()


def test_nothing_about_dead_numbers_is_given_away():
    for traits in ({"batch_norm": False}, {"question": "dead"}):
        lab = GateAndNorm(**traits)
        canvas = lab.draw()
        words = [s["text"] for kind, s in canvas.shapes if kind == "text"]
        assert words.count("?") == len(lab.figure_data()["rows"])
        assert not [w for w in words if "dead:" in w or "hollow" in w or "|slope|" in w]
        assert not [s for kind, s in canvas.shapes if kind == "rect" and s["fill"] == "white"]
        assert "Make a guess, or skip" in lab.alt_text()
        assert not re.search(r"\d %", lab.alt_text())


@pytest.mark.parametrize("answer", [*MODES, None])
def test_the_guess_about_the_odd_image(answer):
    lab = GateAndNorm()
    before = lab.figure_data()
    assert not before["odd"]
    lab.predict_odd(answer)
    [entry] = lab.predictions
    assert (entry["answer"], entry["truth"]) == (answer, "train only")
    assert entry["right"] == (answer == "train only")
    assert lab.odd_one and lab.revealed and lab.figure_data()["odd"]
    assert ("Your guess" in lab.live_html()) == (answer is not None)
    assert "does not move at all in eval()" in lab.alt_text()


def test_the_odd_image_waits_for_the_guess():
    lab = GateAndNorm(odd_one=True)
    assert not lab.figure_data()["odd"] and len(lab.figure_data()["x"]) == lab.batch_size
    lab.predict_odd(None)
    assert lab.figure_data()["odd"]


def test_without_batchnorm_the_odd_image_changes_nobody():
    lab = GateAndNorm(batch_norm=False, question="odd_one")
    lab.predict_odd("neither")
    assert lab.predictions[-1]["right"] and "no image sees another" in lab.alt_text()


# ---- program, words, front -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "traits",
    [
        {"batch_norm": False},
        {"batch_norm": False, "activation": "sigmoid", "spread": 3.0, "odd_one": True},
        {"odd_one": True, "batches_seen": 7, "momentum": 0.25, "seed": 4},
        {"training": False, "batches_seen": 7, "activation": "leaky_relu", "slope": 0.1},
        {"activation": "tanh", "gamma": 3.0, "beta": -1.0, "map_size": 3, "batch_size": 7},
    ],
)
def test_the_program_runs_and_prints_the_numbers_of_the_picture(traits, capsys):
    lab = GateAndNorm(revealed=True, **traits)
    exec(lab.code(), {})
    printed = [float(word) for word in capsys.readouterr().out.split()]
    data = lab.figure_data()
    row = data["rows"][data["now"]]
    wanted = [row["dead_fraction"], row["mean_derivative"], row["sample"][1]]
    assert printed == pytest.approx(wanted, abs=1e-5)


def test_the_words_are_made_from_the_numbers():
    lab = GateAndNorm(revealed=True, odd_one=True, batches_seen=3)
    data, alt = lab.figure_data(), lab.alt_text()
    assert f"{100 * data['dead_fraction']:.0f} % of the numbers are dead" in alt
    assert f"distance {data['distance']:.3f}" in alt and "after 3 batches" in alt
    row = data["rows"]["batch"]
    moved = row["sample"][0] - row["sample_without"][0]
    assert f"moves by −{abs(moved):.3f} in train()" in alt and moved < 0
    assert f"distance: {data['distance']:.3f}" in lab.live_html()
    lab.odd_one = False
    assert "marked number" not in lab.alt_text()


def descendants(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


def test_controls_are_locked_until_the_guess_and_then_move_the_lab():
    lab = GateAndNorm()
    front = list(descendants(lab.ui()))
    sliders = {w.description: w for w in front if hasattr(w, "readout")}
    assert len(sliders) == 11 and all(w.disabled for w in sliders.values())
    buttons = {w.description: w for w in front if isinstance(w, ipywidgets.Button)}
    assert set(buttons) == {*MODES, "skip", "Feed a batch"}
    buttons["train only"].click()
    assert lab.predictions[-1]["right"]
    locked = {name for name, w in sliders.items() if w.disabled}
    assert locked == {"LeakyReLU slope"}  # ReLU has none
    before = lab._picture.value
    sliders["mean of x"].value = 2.0
    assert lab.mean == 2.0 and lab._picture.value != before
    assert "mean 2" in lab._caption.value
    buttons["Feed a batch"].click()
    buttons["Feed a batch"].click()
    assert lab.batches_seen == sliders["batches seen"].value == 2
    assert "after 2 batches" in lab._caption.value
    [mode] = [w for w in front if isinstance(w, ipywidgets.ToggleButtons)]
    mode.value = False
    assert not lab.training and "eval() and ReLU" in lab._caption.value


def test_without_batchnorm_its_controls_are_out_of_the_way():
    lab = GateAndNorm(batch_norm=False)
    front = list(descendants(lab.ui()))
    buttons = {w.description: w for w in front if isinstance(w, ipywidgets.Button)}
    assert {f"{share} %" for share in SHARES} | {"skip"} <= set(buttons)
    buttons["skip"].click()
    assert lab.revealed and lab.predictions[-1]["answer"] is None

    def hidden(name):
        [box] = [
            w for w in front
            if any(getattr(c, "description", None) == name for c in getattr(w, "children", ()))
        ]  # fmt: skip
        return box.layout.display == "none"

    assert hidden("gamma γ") and hidden("its mean") and not hidden("mean of x")
    lab.batch_norm = True
    assert not hidden("gamma γ") and not hidden("its mean")


def test_traits_have_their_limits():
    with pytest.raises(CourseError, match="has no 'sigma'"):
        GateAndNorm(sigma=0.1)
    with pytest.raises(Exception, match="batch_size"):
        GateAndNorm(batch_size=65)


def test_the_first_frame_is_stored():
    lab = GateAndNorm(batch_norm=False)
    data, metadata = lab._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == lab.alt_text()
    assert metadata["image/png"]["width"] == WIDTH and lab.render().width == 2 * WIDTH


@pytest.mark.parametrize("traits", [{"batch_norm": False}, {"batches_seen": 100, "odd_one": True}])
def test_a_move_of_a_slider_is_quick(traits):
    lab = GateAndNorm(revealed=True, batch_size=64, **traits)
    lab.ui()
    times = []
    for k in range(15):
        start = time.perf_counter()
        lab.mean = -1 + 0.1 * (k + 1)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.016  # the best of them: the machine may be busy

"""DiracOrbit: its picture follows its numbers, its words and its program too."""

import math
import re
import time
import xml.etree.ElementTree as ET

import ipywidgets
import numpy as np
import pytest
from PIL import ImageColor

from gan_course import palette
from gan_course.errors import CourseError
from gan_course.labs import DiracOrbit
from gan_course.labs.dirac_orbit import CASES
from gan_course.labs.dirac_picture import FLAT, plane_xy
from gan_course.labs.dirac_plots import (
    ZOOM,
    circle_xy,
    clipped,
    log_ticks,
    radius_range,
    radius_xy,
    zoom_width,
    zoom_xy,
)
from gan_course.labs.drawing import font_of_size

NO_NUMBER = re.compile(r"\b(nan|inf)\b", re.IGNORECASE)


def pixels(lab):
    return np.asarray(lab.render())


def patch(picture, x, y, size=2):
    """The pixels around a place that is given as on the canvas; the still is twice as large."""
    column, row = round(2 * x), round(2 * y)
    return picture[max(row - size, 0) : row + size + 1, max(column - size, 0) : column + size + 1]


def is_dark(picture, x, y):
    return bool((patch(picture, x, y) < 90).all(axis=2).any())


def where(picture, color):
    """Mean (x, y) on the canvas of all pixels of one colour, or None."""
    rows, columns = np.nonzero((picture == ImageColor.getrgb(color)).all(axis=2))
    return (columns.mean() / 2, rows.mean() / 2) if len(rows) else None


# ---- the numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "factor", "verdict"),
    [
        ({}, 1.00499, "out"),
        ({"order": "alternating"}, 1.0, "circle"),
        ({"r1_gamma": 0.3}, 0.98995, "in"),
        ({"r1_gamma": 0.3, "order": "alternating"}, 0.98489, "in"),
        ({"loss": "non-saturating"}, 0.99825, "in"),
        ({"loss": "non-saturating", "theta": 0.1}, 1.00116, "out"),
        ({"noise_std": 0.5}, 1.00499, "out"),
        ({"loss": "minimax", "noise_std": 0.5}, 0.99501, "in"),
        ({"lr": 1.5}, 1.80278, "out"),
        ({"lr": 0.02}, 1.0002, "circle"),  # leaves too slowly to show in 300 steps
    ],
)
def test_measured_factor_and_verdict(traits, factor, verdict):
    data = DiracOrbit(revealed=True, **traits).figure_data()
    assert data["measured"] == pytest.approx(factor, abs=2e-5)
    assert data["verdict"] == verdict


def test_figure_data_follows_every_control():
    lab = DiracOrbit(revealed=True, loss="non-saturating")
    for name, value in {
        "loss": "minimax",
        "order": "alternating",
        "lr": 0.2,
        "r1_gamma": 0.1,
        "noise_std": 0.3,
        "theta": -1.5,
        "psi": 0.5,
        "steps": 200,
    }.items():
        before = lab.figure_data()["theta"]
        setattr(lab, name, value)
        after = lab.figure_data()["theta"]
        assert len(before) != len(after) or (before != after).any(), name
    assert (after[0], lab.figure_data()["psi"][0], len(after)) == (-1.5, 0.5, 201)


# ---- the picture ---------------------------------------------------------------------------------

STATES = [
    {},
    {"order": "alternating"},
    {"r1_gamma": 0.3, "theta": -2.0, "psi": 1.0},
    {"loss": "hinge", "theta": 2.0, "psi": -2.0, "steps": 130},
    {"loss": "minimax", "lr": 0.3, "theta": 0.4, "psi": 0.3, "steps": 90},
]


@pytest.mark.parametrize("traits", STATES)
def test_path_and_marks_lie_where_the_numbers_say(traits):
    lab = DiracOrbit(revealed=True, **traits)
    data, picture = lab.figure_data(), pixels(lab)
    places = [plane_xy(data, *p) for p in zip(data["theta"], data["psi"], strict=True)]
    end, middle = places[-1], plane_xy(data, 0, 0)
    for place in places[::7]:
        if min(math.dist(place, end), math.dist(place, middle)) > 14:
            assert is_dark(picture, *place)
    assert math.dist(where(picture, palette.FAKE), _with_legend(end, picture)) < 4
    assert (patch(picture, *middle, size=0) == ImageColor.getrgb(palette.REAL)).all()


def _with_legend(place, picture):
    """The triangle of the legend has the same colour and size: the mean lies half way."""
    return ((place[0] + 116) / 2, (place[1] + 418) / 2)


def test_right_is_more_theta_and_up_is_more_psi():
    data = DiracOrbit(revealed=True).figure_data()
    (x, y), (right, same), (beside, up) = (plane_xy(data, *p) for p in ((0, 0), (1, 0), (0, 1)))
    assert right > x == beside and up < y == same and right - x == pytest.approx(y - up)


@pytest.mark.parametrize("traits", STATES)
def test_the_radius_curve_lies_where_the_numbers_say(traits):
    lab = DiracOrbit(revealed=True, **traits)
    data, picture = lab.figure_data(), pixels(lab)
    ends = radius_range(data)
    for step in range(5, len(data["radius"]), 20):
        x, y = radius_xy(data, step, data["radius"][step], ends)
        assert is_dark(picture, x, y)
        assert not is_dark(picture, x, y + 25 if y < 120 else y - 25)


def test_the_radius_axis_is_logarithmic():
    data = DiracOrbit(revealed=True).figure_data()
    ends = radius_range(data)
    (_, one), (_, two), (_, four) = (radius_xy(data, 0, r, ends) for r in (1, 2, 4))
    assert one - two == pytest.approx(two - four) and one > two


@pytest.mark.parametrize("traits", [*STATES, {"lr": 1.5}, {"lr": 0.5, "r1_gamma": 3.0}])
def test_the_eigenvalues_are_crossed_on_either_side_of_the_circle(traits):
    lab = DiracOrbit(revealed=True, **traits)
    data, picture = lab.figure_data(), pixels(lab)
    for value in data["eigenvalues"]:
        assert is_dark(picture, *circle_xy(data, value))
    # The magnified arc: on the side of the origin, if the eigenvalue is outside.
    if zoom_width(data):
        first = data["eigenvalues"][0]
        arc = zoom_xy(data, first / abs(first))
        assert is_dark(picture, *zoom_xy(data, first))
        assert (patch(picture, *arc) < 140).all(axis=2).any()
        middle = ZOOM[0] + ZOOM[2] / 2
        assert np.sign(round(middle - arc[0], 3)) == np.sign(round(abs(first) - 1, 9))


def test_the_flat_region_is_grey_for_the_hinge_alone():
    lab = DiracOrbit(revealed=True, loss="hinge", theta=2.0, psi=-2.0)
    data, grey = lab.figure_data(), ImageColor.getrgb(FLAT)
    cell = data["grid"][1] - data["grid"][0]
    inside = [(t, p) for t in data["grid"] for p in data["grid"] if t * p < -1.3]
    assert len(inside) > 10
    picture = pixels(lab)
    for theta, psi in inside:  # between the arrows
        x, y = plane_xy(data, theta, psi + cell / 2)
        found = (patch(picture, x, y, 4) == grey).all(axis=2).mean()
        assert found > 0.5 or abs(theta * (psi + cell / 2)) < 1.1 or abs(psi) > data["limit"] * 0.9
    x, y = plane_xy(data, 0.9, 0.9)
    assert not (patch(picture, x, y, 4) == grey).all(axis=2).any()
    lab.loss = "wasserstein"
    plane = np.s_[2 * 46 : 2 * 386, 2 * 58 : 2 * 398]
    share = [(p[plane] == grey).all(axis=2).mean() for p in (picture, pixels(lab))]
    assert lab.figure_data()["flat"] == [] and share[0] > 0.1 and share[1] < 0.002


def test_arrows_point_along_the_field():
    """The tip of each arrow in the live picture, seen from its tail."""
    lab = DiracOrbit(revealed=True, loss="non-saturating", r1_gamma=0.5)
    data = lab.figure_data()
    arrows = [s for kind, s in lab.draw().shapes if kind == "line" and len(s["points"]) == 5]
    arrows = [s["points"] for s in arrows if s["color"] == "#8C8C8C"]
    moving = np.hypot(data["field_theta"], data["field_psi"]) > 1e-9
    assert len(arrows) == moving.sum() > 200
    directions = zip(data["field_theta"][moving], data["field_psi"][moving], strict=True)
    for points, (right, up) in zip(arrows, directions, strict=True):
        (x0, y0), (x1, y1) = points[0], points[1]
        assert math.atan2(y0 - y1, x1 - x0) == pytest.approx(math.atan2(up, right), abs=1e-6)


def test_clipping_keeps_what_is_inside():
    assert clipped([(0, 0), (0.5, 0.5), (3, 0.5)], 1) == [[(0, 0), (0.5, 0.5), (1, 0.5)]]
    assert clipped([(-3, 0), (3, 0)], 1) == [[(-1, 0), (1, 0)]]
    assert clipped([(2, 2), (3, 2)], 1) == [] and clipped([(-2, 1.5), (1.5, -2)], 0.2) == []
    out_and_in = clipped([(0, 0), (2, 0), (2, 0.5), (0, 0.5)], 1)
    assert out_and_in == [[(0, 0), (1, 0)], [(1, 0.5), (0, 0.5)]]


def test_ticks_are_round_and_never_too_many():
    for low, high in ((0.4, 5), (0.4, 2.5), (1e-6, 2), (0.3, 1.2e6), (1e-3, 80)):
        ticks = log_ticks(low, high)
        assert 2 <= len(ticks) <= 7 and all(low <= t <= high for t in ticks)


# ---- edges ---------------------------------------------------------------------------------------


def test_a_run_that_leaves_is_said_and_its_axes_are_clipped():
    lab = DiracOrbit(revealed=True, lr=2.5, steps=500)
    data = lab.figure_data()
    assert data["clipped"] and data["limit"] <= 5 and data["escaped_at"] == 14
    assert "At step 14 the radius passed a million, so the run was stopped." in lab.alt_text()
    assert radius_range(data)[1] <= 1.3e6
    for kind, shape in lab.draw().shapes:  # nothing is drawn outside the card
        if kind == "line":
            assert all(0 <= x <= 800 and 0 <= y <= 532 for x, y in shape["points"])


def test_starting_at_the_equilibrium():
    lab = DiracOrbit(revealed=True, theta=0.0, psi=0.0)
    data = lab.figure_data()
    assert data["measured"] is None and data["verdict"] == "circle"
    assert "Nothing moves" in lab.alt_text() and not NO_NUMBER.search(lab.live_html())
    assert pixels(lab).std() > 5


def test_arriving_exactly():
    lab = DiracOrbit(revealed=True, lr=1.0, r1_gamma=1.0, order="alternating")
    assert lab.figure_data()["verdict"] == "in"
    assert "arrives exactly at step 2" in lab.alt_text()
    assert "Measured: arrived at step 2" in lab.live_html()


def test_the_hinge_that_stands_still_is_said():
    assert "D stands still" in DiracOrbit(revealed=True, loss="hinge", theta=2.0).alt_text()


@pytest.mark.parametrize("seed", range(40))
def test_every_setting_draws(seed):
    rng = np.random.default_rng(seed)
    lab = DiracOrbit(
        revealed=True,
        loss=str(rng.choice(["wasserstein", "non-saturating", "minimax", "hinge"])),
        order=str(rng.choice(["simultaneous", "alternating"])),
        lr=float(rng.choice([0.01, 0.1, 1.0, 2.0, 2.5])),
        r1_gamma=float(rng.choice([0.0, 0.3, 3.0])),
        noise_std=float(rng.choice([0.0, 0.05, 1.0])),
        theta=float(rng.choice([-3.0, 0.0, 0.1, 3.0])),
        psi=float(rng.choice([-3.0, 0.0, 3.0])),
        steps=int(rng.choice([1, 2, 20, 500])),
    )
    if seed % 2:
        lab.revealed = False
        lab.predict_way("circle")
    svg = lab.live_html()
    assert ET.fromstring(svg).get("aria-label") == lab.alt_text()
    assert not NO_NUMBER.search(svg)
    for kind, shape in lab.draw().shapes:
        if kind == "line":
            assert all(0 <= x <= 800 and 0 <= y <= 532 for x, y in shape["points"])
        if kind == "text":
            wide = (
                font_of_size(round(2 * shape["size"]), shape["bold"]).getlength(shape["text"]) / 2
            )
            left = shape["x"] - wide * {"start": 0, "middle": 0.5, "end": 1}[shape["anchor"]]
            assert left >= 0 and left + wide <= 800, shape["text"]


# ---- guess first ---------------------------------------------------------------------------------


def test_nothing_is_given_away_before_the_guess():
    lab, other = DiracOrbit(), DiracOrbit(r1_gamma=3.0)
    assert "Make a guess, or skip" in lab.alt_text() and "×" not in lab.alt_text()
    assert lab.figure_data()["limit"] == other.figure_data()["limit"]
    words = [s["text"] for kind, s in lab.draw().shapes if kind == "text"]
    assert words.count("?") == 2 and not [w for w in words if "Measured" in w or "λ =" in w]
    assert where(pixels(lab), palette.FAKE) is None  # no end is marked


@pytest.mark.parametrize(("answer", "right"), [("out", True), ("in", False), (None, False)])
def test_the_guess_is_kept_and_stays_beside_the_result(answer, right):
    lab = DiracOrbit()
    lab.predict_way(answer)
    assert lab.revealed
    [entry] = lab.predictions
    assert (entry["answer"], entry["truth"], entry["right"]) == (answer, "out", right)
    dotted = [s for kind, s in lab.draw().shapes if kind == "line" and s["dash"] == (3, 5)]
    assert len(dotted) == (2 if answer else 0)  # the ghost and its legend
    lab.lr = 0.2  # another question
    assert lab.guess() is None
    lab.lr = 0.1
    assert lab.guess() == answer


def test_the_ghost_points_where_the_guess_does():
    ways = {}
    for answer in ("in", "circle", "out"):
        lab = DiracOrbit()
        lab.predict_way(answer)
        ghost = next(s for kind, s in lab.draw().shapes if kind == "line" and s["dash"] == (3, 5))
        (_, begin), (_, end) = ghost["points"]
        ways[answer] = end - begin  # downwards on the canvas is positive
    assert ways["out"] < 0 == ways["circle"] < ways["in"]


def test_the_questions_have_all_three_answers_and_never_show_the_next_result():
    lab = DiracOrbit()
    lab.ui()
    seen = []
    lab.observe(lambda change: seen.append((change["name"], lab.revealed)), list(lab.traits()))
    truths = []
    for case in CASES:
        assert not lab.revealed
        assert all(getattr(lab, name) == value for name, value in case.items())
        lab.predict_way(None)
        truths.append(lab.predictions[-1]["truth"])
        lab.next_question()
    assert set(truths) == {"in", "circle", "out"} and lab._case == 0
    assert not [name for name, revealed in seen if revealed and name != "revealed"]
    assert len({entry["question"] for entry in lab.predictions}) == len(CASES)


# ---- program, words, front -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "traits",
    [
        {},
        {"order": "alternating", "r1_gamma": 0.3, "psi": -0.7},
        {"loss": "non-saturating", "r1_gamma": 0.1},
        {"loss": "minimax", "noise_std": 0.5, "order": "alternating"},
        {"loss": "hinge", "theta": 2.0, "psi": -2.0},
        {"loss": "hinge", "noise_std": 0.4, "r1_gamma": 0.2},
        {"loss": "wasserstein", "noise_std": 1.0},
    ],
)
def test_the_program_runs_and_ends_where_the_picture_does(traits, capsys):
    lab = DiracOrbit(revealed=True, steps=60, **traits)
    exec(lab.code(), {})
    ends = [float(word) for word in capsys.readouterr().out.split()]
    data = lab.figure_data()
    close = 2e-3 if lab.noise_std else 1e-9
    assert ends == pytest.approx([data["theta"][-1], data["psi"][-1]], abs=close)


def test_the_words_are_made_from_the_numbers():
    lab = DiracOrbit(revealed=True)
    assert "√(1 + η²) = 1.00499" in lab.live_html() and "×1.00499 per step" in lab.alt_text()
    lab.r1_gamma = 0.3
    assert "√(1 − ηγ + η²) = 0.98995" in lab.live_html() and "comes in" in lab.alt_text()
    lab.order = "alternating"
    assert "√(1 − ηγ) = 0.98489" in lab.live_html()
    lab.loss, lab.noise_std, lab.order = "minimax", 0.5, "simultaneous"
    assert "√(1 − η(γ + σ²/2) + η²/4)" in lab.live_html()
    value = math.sqrt(1 - 0.1 * (0.3 + 0.25 / 2) + 0.01 / 4)
    assert lab.figure_data()["factor"] == pytest.approx(value) and f"{value:.5f}" in lab.alt_text()


def test_sliders_move_the_lab_and_are_locked_until_the_guess():
    lab = DiracOrbit()
    front = lab.ui()
    sliders = {w.description: w for w in descendants(front) if hasattr(w, "readout")}
    assert set(sliders) == {
        "lr η", "r1_gamma γ", "noise_std σ", "steps", "start θ", "start ψ",
    }  # fmt: skip
    assert all(w.disabled for w in sliders.values())
    buttons = {w.description: w for w in descendants(front) if isinstance(w, ipywidgets.Button)}
    assert set(buttons) == {"in", "circle", "out", "skip", "Next question"}
    buttons["out"].click()
    assert lab.predictions[-1]["right"] and not any(w.disabled for w in sliders.values())
    before = lab._picture.value
    sliders["lr η"].value = 0.5
    assert lab.lr == 0.5 and lab._picture.value != before
    assert f"{math.sqrt(1.25):.5f}" in lab._caption.value
    buttons["Next question"].click()
    assert not lab.revealed and lab.order == "alternating" and lab.lr == 0.1


def descendants(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


def test_traits_have_their_limits():
    with pytest.raises(CourseError, match="has no 'eta'"):
        DiracOrbit(eta=0.1)
    with pytest.raises(Exception, match="lr"):
        DiracOrbit(lr=3.0)


@pytest.mark.parametrize("traits", [{}, {"loss": "non-saturating", "noise_std": 0.5}])
def test_a_move_of_a_slider_is_quick(traits):
    lab = DiracOrbit(revealed=True, **traits)
    lab.ui()
    times = []
    for k in range(15):
        begin = time.process_time()
        lab.lr = 0.1 + 0.01 * (k + 1)
        times.append(time.process_time() - begin)
    assert min(times) < 0.016

"""SpectralKnob: its numbers are linear algebra's, and its picture and words follow them."""

import re
import time
import xml.etree.ElementTree as ET

import ipywidgets
import numpy as np
import pytest
import torch

from gan_course.labs import SpectralKnob
from gan_course.labs.drawing import font_of_size
from gan_course.labs.spectral_knob import CASES
from gan_course.labs.spectral_knob_numbers import MOST_ROUNDS, PRESETS, recorded_d
from gan_course.labs.spectral_knob_training import (
    GAPS,
    MOST_STEPS,
    RUNS,
    LineDiscriminators,
    train_all,
)

NO_NUMBER = re.compile(r"\b(nan|inf)\b", re.IGNORECASE)
D = {"view": "discriminator"}


def matrix_lab(seed, **traits):
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.uniform(-2, 2, 4).tolist()
    angle = float(rng.uniform(-180, 180))
    return SpectralKnob(revealed=True, a=a, b=b, c=c, d=d, angle=angle, **traits)


# ---- the matrix ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_singular_values_axes_and_eigenvalues(seed):
    lab = matrix_lab(seed)
    data, w = lab.figure_data(), torch.tensor(lab.matrix)
    assert data["singular"] == pytest.approx(torch.linalg.svdvals(w).tolist())
    sizes = torch.linalg.eigvals(w).abs()
    assert data["largest_eigenvalue"] == pytest.approx(sizes.max().item())
    for sigma, left, right in zip(data["singular"], data["left"], data["right"], strict=True):
        assert lab.matrix @ right == pytest.approx(sigma * left, abs=1e-9)
    lengths = np.hypot(*data["ellipse"].T)
    assert lengths.max() <= data["singular"][0] + 1e-9
    assert lengths.max() == pytest.approx(data["singular"][0], rel=2e-3)


@pytest.mark.parametrize("seed", range(10))
def test_the_estimate_rises_to_the_largest_stretch(seed):
    lab = matrix_lab(seed, rounds=3)
    data = lab.figure_data()
    sigmas = data["sigmas"]
    assert len(sigmas) == MOST_ROUNDS + 1 and data["estimate"] == sigmas[3]
    assert (np.diff(sigmas) >= -1e-12).all() and sigmas[-1] <= data["singular"][0] + 1e-9
    assert np.hypot(*data["v"]) == pytest.approx(1) and np.hypot(*data["u"]) == pytest.approx(1)
    begins = SpectralKnob(angle=lab.angle).figure_data()["v"]
    on_the_way = abs(begins @ data["right"][0]) > 0.5
    if on_the_way and data["ratio"] < 1 / 1.2:  # then five rounds are enough
        assert sigmas[5] == pytest.approx(data["singular"][0], rel=0.05)


def test_power_iteration_is_the_one_that_is_printed(capsys):
    for seed, rounds, normalise in ((1, 0, False), (2, 3, False), (3, 10, True), (4, 1, True)):
        lab = matrix_lab(seed, rounds=rounds, normalise=normalise)
        exec(lab.code(), {})
        sigma, *values = (float(word) for word in capsys.readouterr().out.split())
        data = lab.figure_data()
        assert sigma == pytest.approx(data["estimate"], rel=1e-3)  # the program rounds the matrix
        assert values == pytest.approx(data["shown"], rel=1e-3, abs=1e-4)


def test_normalising_brings_the_long_axis_to_one():
    lab = SpectralKnob(revealed=True, rounds=10, normalise=True)
    data = lab.figure_data()
    assert data["shown"][0] == pytest.approx(1, abs=1e-6)
    assert np.hypot(*data["ellipse"].T).max() == pytest.approx(1, abs=1e-3)
    lab.rounds = 0  # too early: the estimate is too small, so the ellipse stays too large
    assert lab.figure_data()["shown"][0] > 1.3


def test_a_vector_that_is_sent_to_nothing():
    lab = SpectralKnob(revealed=True, angle=0.0, rounds=5, normalise=True)
    lab.use_preset("lift")  # sends (1, 0) to 0
    assert lab.figure_data()["estimate"] == 0 and lab.figure_data()["divisor"] == 1
    assert "nothing to divide by" in lab.alt_text() and not NO_NUMBER.search(lab.live_html())
    lab.angle = 5.0
    assert lab.figure_data()["estimate"] == pytest.approx(2)


def test_the_zero_matrix_draws():
    lab = SpectralKnob(revealed=True, a=0.0, b=0.0, c=0.0, d=0.0)
    assert not NO_NUMBER.search(lab.live_html()) and "0 %" in lab.alt_text()


def test_the_shear_is_what_the_lesson_says():
    lab = SpectralKnob(revealed=True)
    assert "at most by σ₁ = 1.62" in lab.alt_text()
    assert "Eigenvalues 1.00 and 1.00" in lab.alt_text() and "less than σ₁" in lab.alt_text()
    lab.use_preset("rotation")
    assert "0.80 ± 0.60i" in lab.alt_text() and "as much as σ₁" in lab.alt_text()


# ---- the discriminator ---------------------------------------------------------------------------


@pytest.mark.parametrize("gap", GAPS)
def test_spectral_norm_holds_d_and_without_it_the_slope_grows_as_the_gap_shrinks(gap):
    lab = SpectralKnob(revealed=True, gap=gap, **D)
    free = lab.figure_data()
    lab.spectral_norm = True
    held = lab.figure_data()
    assert held["steepest"].max() <= 1.01
    assert free["steepest_at_end"] > 1 / gap and free["loss"] < 0.01
    if gap < 2:
        assert held["loss"] == pytest.approx(2 - gap, abs=0.05)
        assert "cannot go below 2 − gap" in lab.alt_text()


def test_the_recording_is_what_training_gives():
    """Another machine rounds otherwise, and a free D is a cliff: so only what the lab tells."""
    fresh, saved = train_all(), recorded_d()
    assert fresh["logits"].shape == saved["logits"].shape
    for run, (_, normed) in enumerate(RUNS):
        a, b = fresh["steepest"][-1, run], saved["steepest"][-1, run]
        assert a == pytest.approx(b, rel=0.02 if normed else 0.2)
    assert fresh["loss"][-1] == pytest.approx(saved["loss"][-1], abs=0.05)


def test_slope_and_curve_of_the_recording_agree():
    record = recorded_d()
    step = record["x"][1] - record["x"][0]
    by_difference = abs(np.diff(record["logits"], axis=-1)).max(axis=-1) / step
    assert (by_difference <= record["steepest"] * 1.02 + 0.05).all()
    assert (by_difference >= 0.6 * record["steepest"] - 0.1).all()


def test_held_and_free_start_from_the_same_raw_weights():
    d = LineDiscriminators()
    for weight in d.weights:
        assert (weight == weight[:1]).all()
    logits = d(torch.linspace(-1, 1, 5).reshape(1, 5, 1).repeat(len(RUNS), 1, 1))
    assert torch.equal(logits[0], logits[2]) and torch.equal(logits[1], logits[3])
    assert not torch.allclose(logits[0], logits[1])


# ---- guess first ---------------------------------------------------------------------------------


def words(lab):
    return [shape["text"] for kind, shape in lab.draw().shapes if kind == "text"]


@pytest.mark.parametrize("traits", [{}, D])
def test_nothing_is_given_away_before_the_guess(traits):
    lab = SpectralKnob(**traits)
    assert "Make a guess, or skip" in lab.alt_text() and "σ₁" not in lab.alt_text()
    assert "?" in words(lab) and not [w for w in words(lab) if "σ₁" in w or "Steepest slope 7" in w]
    other = SpectralKnob(**traits)
    other.use_preset("lift")
    circles = [[s for k, s in x.draw().shapes if k == "line"] for x in (lab, other)]
    assert str(circles[0]) == str(circles[1])  # nor does the scale


@pytest.mark.parametrize(("answer", "right"), [(1.62, True), (1.0, False), (None, False)], ids=str)
def test_the_guess_is_kept_and_stays_beside_the_result(answer, right):
    lab = SpectralKnob()
    lab.predict_stretch(answer)
    [entry] = lab.predictions
    assert lab.revealed and (entry["truth"], entry["right"]) == (1.62, right)
    assert ("your guess" in words(lab)) == (answer is not None)
    lab.rounds = 4  # the same question
    assert ("your guess" in words(lab)) == (answer is not None)
    lab.use_preset("stretch")  # another one
    assert "your guess" not in words(lab)


def test_the_questions_have_different_answers_and_never_show_the_next_result():
    lab = SpectralKnob()
    lab.ui()
    seen, truths = [], []
    lab.observe(lambda change: seen.append((change["name"], lab.revealed)), list(lab.traits()))
    for _ in CASES:
        assert not lab.revealed and lab.steps == MOST_STEPS
        truths.append((lab.view, lab.truth()))
        lab.predict_stretch(None)
        lab.next_question()
    assert len(set(truths)) >= 5 and len({e["question"] for e in lab.predictions}) == len(CASES)
    assert not [name for name, revealed in seen if revealed and name != "revealed"]
    assert lab._case == 0 and (lab.view, lab.b) == ("matrix", 1.0)


# ---- front ---------------------------------------------------------------------------------------


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def test_the_controls_open_with_the_guess_and_move_the_picture():
    lab = SpectralKnob()
    ui = lab.ui()
    rounds = find(ui, "rounds")
    assert rounds.disabled
    find(ui, "1.62").click()
    assert lab.revealed and not rounds.disabled
    before = lab._picture.value
    rounds.value = 3
    assert lab.rounds == 3 and lab._picture.value != before
    find(ui, "lift").click()
    assert (lab.a, lab.b, lab.c, lab.d) == PRESETS["lift"]
    lab.view = "discriminator"
    before = lab._picture.value
    find(ui, "steps of D").value = 100
    find(ui, "spectral norm on every layer").value = True
    assert lab.steps == 100 and lab.spectral_norm and lab._picture.value != before
    find(ui, "Next question").click()
    assert not lab.revealed and find(ui, "2") is not None


def test_every_slider_says_what_it_moves():
    def sliders(widget):
        if isinstance(widget, ipywidgets.IntSlider | ipywidgets.FloatSlider):
            yield widget
        for child in getattr(widget, "children", ()):
            yield from sliders(child)

    found = list(sliders(SpectralKnob().ui()))
    assert len(found) == 7 and all(s.description for s in found)


@pytest.mark.parametrize("seed", range(12))
def test_every_setting_draws_inside_the_card(seed):
    rng = np.random.default_rng(seed)
    lab = matrix_lab(
        seed,
        rounds=int(rng.integers(0, MOST_ROUNDS + 1)),
        normalise=bool(seed % 2),
        view=("matrix", "discriminator")[seed % 3 == 0],
        gap=GAPS[seed % 4],
        spectral_norm=bool(seed % 4 < 2),
        steps=int(rng.integers(0, MOST_STEPS + 1)),
    )
    if seed % 5 == 0:
        lab.revealed = False
        lab.predict_stretch(lab.answers[-1])
    svg = lab.live_html()
    assert ET.fromstring(svg).get("aria-label") == lab.alt_text() and not NO_NUMBER.search(svg)
    for kind, shape in lab.draw().shapes:
        if kind == "line":
            assert all(0 <= x <= 800 and 0 <= y <= 500 for x, y in shape["points"])
        if kind == "text":
            font = font_of_size(round(2 * shape["size"]), shape["bold"])
            wide = font.getlength(shape["text"]) / 2
            left = shape["x"] - wide * {"start": 0, "middle": 0.5, "end": 1}[shape["anchor"]]
            assert left >= 0 and left + wide <= 800, shape["text"]
    assert np.asarray(lab.render()).std() > 5


@pytest.mark.parametrize("traits", [{}, D])
def test_a_move_takes_at_most_16_milliseconds_in_the_kernel(traits):
    lab = SpectralKnob(revealed=True, **traits)
    lab.ui()
    name = "steps" if traits else "rounds"
    times = []
    for k in range(20):
        start = time.process_time()
        setattr(lab, name, 20 * (k % 15) if traits else k % 10)
        times.append(time.process_time() - start)
    assert sorted(times)[10] < 0.016


def test_the_program_of_d_runs(capsys):
    lab = SpectralKnob(revealed=True, steps=40, spectral_norm=True, **D)
    exec(lab.code(), {})
    assert 0 < float(capsys.readouterr().out) <= 1.05

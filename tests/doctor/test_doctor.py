"""The doctor against recorded runs, and its measurements against the plain definition."""

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gan_course import doctor
from gan_course.doctor import LESSONS, NEEDED, Statistics, diagnose, measure
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.toy.checkup import statistics
from gan_course.toy.config import ToyConfig
from gan_course.toy.game import ToyGame

RUNS = json.loads(Path(__file__).with_name("runs.json").read_text())


def diagnosis_of(run):
    return diagnose([Statistics.from_dict(row) for row in run["rows"]])


# ---- recorded runs -----------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["calibration", "held_out"])
def test_nine_of_ten_recorded_runs_are_read_right(part):
    runs = [run for run in RUNS if run["part"] == part]
    assert len(runs) == {"calibration": 39, "held_out": 40}[part]
    assert {run["kind"] for run in runs} == {"toy", "image"}
    right = sum(diagnosis_of(run).name == run["done"] for run in runs)
    assert right >= 36, f"{right} of {len(runs)}"


def test_no_false_alarm_on_a_healthy_run():
    healthy = [run for run in RUNS if run["done"] == "healthy"]
    assert len(healthy) >= 25
    alarms = [(run["kind"], run["seed"]) for run in healthy if diagnosis_of(run).is_alarm]
    assert alarms == []


def test_the_two_sets_share_neither_seeds_nor_sick_settings():
    parts = {
        part: [run for run in RUNS if run["part"] == part] for part in ("calibration", "held_out")
    }
    seeds = {part: {run["seed"] for run in runs} for part, runs in parts.items()}
    assert not seeds["calibration"] & seeds["held_out"]
    sick = {
        part: {json.dumps(run["settings"]) for run in runs if run["done"] != "healthy"}
        for part, runs in parts.items()
    }
    same = sick["calibration"] & sick["held_out"]
    assert len(same) <= 1, same


def test_sure_is_right_more_often_than_not_sure():
    said = [(diagnosis_of(run), run) for run in RUNS]
    sure = [d.name == run["done"] for d, run in said if d.sure == "sure"]
    assert len(sure) > 40 and sum(sure) / len(sure) >= 0.95


def test_every_sentence_has_a_number_and_a_lesson_that_exists():
    lessons = Path(__file__).parents[2] / "lessons"
    for run in RUNS:
        found = diagnosis_of(run)
        assert any(c.isdigit() for c in found.sentence) and found.sentence.endswith((".", "?"))
        assert (lessons / found.lesson / "lesson.py").exists(), found.lesson
    assert {d.name for d in map(diagnosis_of, RUNS)} <= set(LESSONS)


# ---- edges -------------------------------------------------------------------------------------

FINE = Statistics(1, 0.2, -0.2, 0.65, 1.0, 1.0, 1.0, (-1.0, 1.0), (-0.9, 0.9), 0.05)


def test_too_few_measurements_are_not_judged():
    for count in range(NEEDED):
        found = diagnose([FINE] * count)
        assert found.name == "too_early" and found.sure == "not sure" and not found.is_alarm
    assert diagnose([FINE] * NEEDED).name == "healthy"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["logit_real", "logit_fake", "grad_d", "grad_g"])
def test_what_is_no_number_is_found_at_once(name, value):
    found = diagnose([FINE, replace(FINE, step=70, **{name: value})])
    assert found.name == "broken" and "step 70" in found.sentence


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"range_real": (0.0, 255.0)}, "wrong_range"),
        ({"range_real": (-0.42, 2.82)}, "wrong_range"),
        ({"range_real": (0.0, 1.0), "range_fake": (-0.9, 1.0)}, "wrong_range"),
        ({"eval_gap": 1.5}, "norm_mismatch"),
        ({"accuracy": 1.0, "logit_real": 12.0, "logit_fake": -12.0, "grad_g": 1e-4}, "vanishing"),
        ({"accuracy": 1.0, "logit_real": 12.0, "logit_fake": -12.0}, "d_too_strong"),
        ({"accuracy": 1.0, "logit_real": 2.0, "logit_fake": -2.0}, "unclear"),
        ({"logit_real": 0.0, "logit_fake": 2.0, "accuracy": 0.4}, "d_lags"),
        ({"diversity": 0.1}, "collapse"),
        ({"diversity": 0.55}, "unclear"),
        ({"diversity": 5.0}, "unclear"),
    ],
    ids=str,
)
def test_one_sign_each(change, name):
    assert diagnose([replace(FINE, **change)] * 8).name == name


def test_one_odd_moment_is_not_an_illness():
    rows = [FINE] * 12
    rows[8] = replace(FINE, diversity=0.05, accuracy=1.0, logit_real=20.0, logit_fake=-20.0)
    assert diagnose(rows).name == "healthy"


def test_the_first_half_does_not_count():
    sick = replace(FINE, diversity=0.05)
    assert diagnose([sick] * 6 + [FINE] * 6).name == "healthy"
    assert diagnose([FINE] * 6 + [sick] * 6).name == "collapse"


anything = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.builds(
            Statistics,
            st.integers(0, 10**6),
            anything,
            anything,
            st.floats(0, 1),
            st.floats(0, 1e6),
            st.floats(0, 1e6),
            st.one_of(st.just(math.nan), st.floats(0, 1e6)),
            st.tuples(anything, anything),
            st.tuples(anything, anything),
            st.one_of(st.just(math.nan), st.floats(0, 1e6)),
        ),
        max_size=12,
    )
)
def test_any_numbers_end_in_a_sentence(rows):
    found = diagnose(rows)
    assert found.name in LESSONS and found.sure in ("sure", "likely", "not sure")
    assert found.sentence and "nan" not in found.sentence
    assert diagnose([Statistics.from_dict(row.as_dict()) for row in rows]) == found


def test_rows_from_before_the_doctors_time_are_left_out():
    old = [{"step": 10, "loss_d": 1.0}] * 20
    assert doctor.diagnose_history(old).name == "too_early"
    assert doctor.diagnose_history(old + [FINE.as_dict()] * NEEDED).name == "healthy"


# ---- measuring ---------------------------------------------------------------------------------


def networks():
    torch.manual_seed(0)
    generator = DCGANGenerator(16, 1, 8, base_channels=4)
    discriminator = DCGANDiscriminator(16, 1, base_channels=4)
    return generator, discriminator


def test_measure_takes_what_it_says():
    generator, discriminator = networks()
    real, z = torch.rand(6, 1, 16, 16) * 2 - 1, torch.randn(6, 8)
    fake = generator(z)
    logits_real, logits_fake = discriminator(real), discriminator(fake)
    (logits_real.sum() - logits_fake.sum()).backward()
    before = copy.deepcopy((generator.state_dict(), discriminator.state_dict()))
    gradients = [p.grad.clone() for p in generator.parameters()]
    row = measure(
        7,
        logits_real.detach(),
        logits_fake.detach(),
        real,
        fake.detach(),
        generator,
        discriminator,
        z,
    )
    assert row.step == 7
    assert row.logit_real == pytest.approx(float(logits_real.detach().mean()), rel=1e-5)
    right = [float(x > 0) for x in logits_real], [float(x <= 0) for x in logits_fake]
    assert row.accuracy == pytest.approx(sum(map(sum, right)) / 12)
    squares = sum(float(p.grad.square().sum()) for p in discriminator.parameters())
    assert row.grad_d == pytest.approx(math.sqrt(squares), rel=1e-4)
    assert row.range_real == pytest.approx((float(real.min()), float(real.max())))
    pairs = [(real[i] - real[i - 1]).norm() for i in range(6)]
    others = [(fake[i] - fake[i - 1]).norm() for i in range(6)]
    assert row.diversity == pytest.approx(float(sum(others) / sum(pairs)), rel=1e-4)
    assert row.eval_gap > 0
    # and leaves everything as it was
    after = (generator.state_dict(), discriminator.state_dict())
    for old, new in zip(before, after, strict=True):
        assert all(torch.equal(old[name], new[name]) for name in old)
    assert all(
        torch.equal(a, p.grad) for a, p in zip(gradients, generator.parameters(), strict=True)
    )


def test_diversity_of_equals_is_one_and_of_copies_is_zero():
    points = torch.randn(500, 2)
    linear = nn.Linear(2, 1)
    logits = torch.zeros(500)
    same = measure(1, logits, logits, points, points.flip(0), linear, linear)
    assert same.diversity == pytest.approx(1, abs=1e-4)
    assert (
        measure(1, logits, logits, points, points[:1].expand(500, 2), linear, linear).diversity == 0
    )
    assert math.isnan(same.eval_gap) and math.isnan(same.range_real[0])
    assert same.grad_d == 0  # there has been no backward


def test_eval_gap_closes_when_the_running_statistics_are_right():
    generator, _ = networks()
    z = torch.randn(64, 8)
    early = float(doctor.eval_gap(generator, z))
    with torch.no_grad():
        for _ in range(200):
            generator(z)
    late = float(doctor.eval_gap(generator, z))
    assert early > 0.5 and late < 0.1


def test_looking_does_not_change_a_toy_game():
    watched, alone = ToyGame(ToyConfig(seed=5)), ToyGame(ToyConfig(seed=5))
    for _ in range(5):
        watched.step(4)
        statistics(watched)
        alone.step(4)
    mine, theirs = watched.generator.parameters(), alone.generator.parameters()
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))

"""Each preset shows what it says, with one seed; ``python -m gan_course.toy.sweep`` takes twelve.

The seed is one that no threshold was chosen with. Should another version of torch turn this one
run around, measure with the sweep before you touch a rule.
"""

import pytest

from gan_course.errors import CourseError
from gan_course.toy import PRESETS, ToyConfig, measure, measure_preset
from gan_course.toy.preset_runs import RunWatch
from gan_course.toy.sweep import main, table

SEED = 101
# Half a second each; the others take some seconds.
FAST = ("orbit", "frozen_d")


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in PRESETS],
)
def test_the_preset_shows_what_its_rule_says(name):
    [found] = measure_preset(name, [SEED])
    assert found["holds"], {key: found[key] for key in PRESETS[name].shows}
    assert found["seed"] == SEED


# One repair of each kind; the sweep does them all.
REPAIRS = [
    ("orbit", "r1"),
    ("orbit", "alternating"),
    ("vanishing", "non_saturating"),
    ("vanishing", "r1"),
]


@pytest.mark.parametrize(
    ("name", "repair"),
    [pair if pair[0] in FAST else pytest.param(*pair, marks=pytest.mark.slow) for pair in REPAIRS],
)
def test_the_repair_does_what_its_rule_says(name, repair):
    [found] = measure_preset(name, [SEED], repair)
    assert found["holds"], {key: found[key] for key in PRESETS[name].shows}


def test_the_orbit_is_the_one_of_the_formula():
    [found] = measure_preset("orbit", [SEED])
    # Each step multiplies the radius by sqrt(1 + lr^2) and turns it by atan(lr).
    assert found["radius_factor"] == pytest.approx((1 + 0.05**2) ** 200, rel=0.03)
    assert abs(found["turns"]) == pytest.approx(400 * 0.05 / (2 * 3.14159), rel=0.01)


def test_a_rule_can_fail():
    """A healthy run meets none of the rules of the sick ones, as far as it has their numbers."""
    healthy = {
        "modes_covered": 8,
        "most_modes": 8,
        "hops_per_1000": 8.0,
        "sliced_wasserstein": 0.08,
        "start_sliced_wasserstein": 1.2,
        "share_on_modes": 0.7,
        "mean_d_fake": 0.48,
        "start_mean_d_fake": 0.48,
        "force": 0.4,
        "moved": 0.3,
        "minority": 0.1,
        "radius_factor": 1.0,
        "turns": 0.3,
        "distance": 0.1,
    }
    verdicts = {name: preset.rule(healthy) for name, preset in PRESETS.items()}
    assert verdicts.pop("balanced")
    assert not any(verdicts.values()), verdicts


def test_every_preset_and_repair_is_told_in_full():
    for preset in PRESETS.values():
        for thing in (preset, *preset.repairs):
            assert thing.sentence.endswith(".") and len(thing.rule_text) > 10, thing.name
            assert not thing.rule_text.endswith(".")
        assert preset.title and preset.shows
        names = [repair.name for repair in preset.repairs]
        assert len(set(names)) == len(names)
        for repair in preset.repairs:
            changed = preset.config.replace(**repair.changes)  # would raise for a bad value
            assert changed != preset.config


def test_an_unknown_name_is_told():
    with pytest.raises(CourseError, match="no preset called 'x'; choose one of balanced"):
        measure_preset("x", [0])
    with pytest.raises(CourseError, match="no repair called 'x'; it has equal_rates"):
        measure_preset("collapse", [0], "x")


def test_the_watch_counts_from_trained_looks_only():
    from gan_course.toy import ManyGames

    watch, many = RunWatch(), ManyGames(ToyConfig(units=8, batch_size=16), [0, 1])
    many.play(30, watch, 10)
    found = watch.of(1, 30, many.config.real.mean())
    assert len(watch.dominant) == 4 and found["hops_per_1000"] <= 2 * 1000 / 30
    assert found["start_distance"] == pytest.approx(measure_start(many, 1), rel=1e-6)


def measure_start(many, i):
    from gan_course.toy import ToyGame

    return measure(ToyGame(many.config.replace(seed=many.seeds[i])))["distance"]


def test_the_sweep_prints_how_often_a_rule_held(capsys):
    assert main(["--seeds", "2", "--preset", "orbit", "--repair", "r1"]) == 0
    said = capsys.readouterr().out
    assert "orbit + r1: 2 of 2" in said and "radius_factor" in said


def test_the_sweep_fails_when_a_rule_fails(capsys, monkeypatch):
    never = [{"holds": False, "seed": 0, "radius_factor": 1.0, "turns": 0.0}]
    monkeypatch.setattr("gan_course.toy.sweep.measure_preset", lambda *_: never)
    assert main(["--seeds", "1", "--preset", "orbit"]) == 1
    assert "orbit: 0 of 1" in capsys.readouterr().out


def test_the_table_shows_least_middle_and_most():
    results = [{"holds": i > 0, "radius_factor": float(i), "turns": 3.0} for i in range(3)]
    lines = table(PRESETS["orbit"], results, "orbit", "a rule").splitlines()
    assert lines[0] == "orbit: 2 of 3  (a rule)"
    assert lines[1].split() == ["radius_factor", "0", "1", "2"]


@pytest.mark.parametrize("bad", [["--seeds", "0"], ["--repair", "r1"], ["--preset", "none"]])
def test_the_sweep_tells_a_wrong_call(bad, capsys):
    with pytest.raises(SystemExit):
        main(bad)
    assert "--" in capsys.readouterr().err

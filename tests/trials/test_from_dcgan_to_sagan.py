"""The ladder of lesson 12: one change at a time, a judge that judges, a record that is of now."""

import json
import math
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from gan_course.errors import CourseError
from gan_course.evaluation.frechet import frechet_distance
from gan_course.models import SAGANGenerator
from gan_course.trials import record_attention
from gan_course.trials.digit_judge import (
    digits,
    features_of_the_real,
    halves,
    judge_digits,
    trained_judge,
)
from gan_course.trials.from_dcgan_to_sagan import (
    COLUMNS,
    RUNGS,
    SEEDS,
    STEPS,
    build,
    interval,
    main,
    picture_rows,
    recorded,
    run_rung,
)

# ---- the judge --------------------------------------------------------------------------------


def test_the_judge_names_digits_that_it_has_not_seen():
    assert trained_judge()[1] > 0.96
    images = digits().take(halves()[1])
    found = judge_digits(images, digits().labels[halves()[1]])
    assert found["agree"] == pytest.approx(trained_judge()[1]) and found["sure"] > 0.8
    assert found["rarest"] > 0.06
    assert set(halves()[0].tolist()).isdisjoint(halves()[1].tolist())


def test_training_the_judge_leaves_the_callers_state_alone():
    trained_judge.cache_clear()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with torch.no_grad():
        trained_judge()
    assert torch.equal(torch.rand(1), expected)


def test_distance_by_hand_and_by_what_is_wrong():
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(4000, 3, generator=rng)
    assert frechet_distance(a, a) < 1e-8
    # Means 2 apart along one axis, and twice as wide along another: 4 + (2 - 1)².
    b = a.clone()
    b[:, 0] += 2
    b[:, 1] = 2 * (b[:, 1] - b[:, 1].mean()) + b[:, 1].mean()
    assert frechet_distance(a, b) == pytest.approx(4 + a[:, 1].var().item(), rel=1e-4)
    real = digits().take(halves()[1])
    noisy = (real + 0.7 * torch.randn(real.shape, generator=rng)).clamp(-1, 1)
    good, bad = judge_digits(real)["distance"], judge_digits(noisy)["distance"]
    sevens = judge_digits(real[digits().labels[halves()[1]] == 7])
    assert good < 3 < bad and sevens["distance"] > 10 * good and sevens["rarest"] == 0
    assert features_of_the_real().shape == (1797, 32)


# ---- the rungs --------------------------------------------------------------------------------


def test_each_rung_changes_one_thing():
    """SAGAN's layout is the exception: it comes with its initialisation and step sizes."""
    names = list(RUNGS)
    changed = {}
    for before, after in pairwise(names[:7]):
        a, b = asdict(RUNGS[before]), asdict(RUNGS[after])
        changed[after] = {key for key in a if a[key] != b[key]} - {"title"}
    assert changed == {
        "hinge": {"loss"},
        "norm_d": {"norm_d"},
        "layout": {"layout", "rates", "betas"},
        "norm_g": {"norm_g"},
        "attention": {"attention_at"},
        "labels": {"conditional"},
    }
    for name in ("fast_d", "fast_g"):
        a, b = asdict(RUNGS["labels"]), asdict(RUNGS[name])
        assert {key for key in a if a[key] != b[key]} == {"rates", "title"}
        assert math.prod(a["rates"]) == pytest.approx(math.prod(b["rates"]))


@pytest.mark.parametrize("name", RUNGS)
def test_the_pair_is_what_the_rung_says(name):
    rung = RUNGS[name]
    generator, discriminator = build(rung)

    def wrapped(model):
        return any(parametrize.is_parametrized(m) for m in model.modules())

    def norms(model):
        return any(isinstance(m, nn.BatchNorm2d) for m in model.modules())

    assert (wrapped(generator), wrapped(discriminator)) == (rung.norm_g, rung.norm_d)
    assert norms(generator) and norms(discriminator) == (not rung.norm_d)
    assert isinstance(generator, SAGANGenerator) == (rung.layout == "sagan")
    block = getattr(generator, "attention", None)
    assert (block is not None) == (rung.layout == "sagan" and rung.attention_at is not None)
    assert getattr(generator, "num_classes", 0) == (10 if rung.conditional else 0)


def test_an_interval_by_hand():
    mean, half = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3 and half == pytest.approx(2.776 * math.sqrt(2.5 / 5), rel=2e-3)
    assert math.isnan(interval([1.0])[1])


def test_a_run_depends_on_its_seed_alone():
    one, again, other = (run_rung("labels", seed, steps=2) for seed in (5, 5, 6))
    for run in (one, again, other):
        run.pop("seconds")
    assert one == again and one["seed"] == 5 and other != one | {"seed": 6}
    assert {"gamma_g", "gamma_d", "agree"} <= set(one)


# ---- the record -------------------------------------------------------------------------------


def test_the_record_is_of_the_rungs_as_they_are():
    table = recorded()
    assert table["steps"] == STEPS and table["seeds"] == SEEDS >= 5
    assert list(table["rows"]) == list(RUNGS)
    for name, row in table["rows"].items():
        assert row["title"] == RUNGS[name].title
        assert [run["seed"] for run in row["runs"]] == list(range(SEEDS))
    assert abs(table["judge"] - trained_judge()[1]) < 0.02
    rows = picture_rows()
    assert list(rows) == list(RUNGS)
    assert all(r.shape == (COLUMNS, 32, 32) and r.dtype == torch.uint8 for r in rows.values())


def test_the_command_writes_what_recorded_reads(tmp_path, capsys):
    file = tmp_path / "ladder.json"
    arguments = ["--seeds", "1", "--steps", "2", "--output", str(file)]
    assert main(["--only", "dcgan", "labels", *arguments]) == 0
    found = json.loads(file.read_text())
    assert found["seeds"] == 1 and list(found["rows"]) == ["dcgan", "labels"]
    assert file.with_suffix(".png").exists() and "labels" in capsys.readouterr().out


def test_unknown_rungs_and_empty_runs_are_refused(capsys):
    with pytest.raises(CourseError, match="there is no rung 'x'; choose one of dcgan"):
        run_rung("x", 0)
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
    assert "--seeds" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # it would leave a table of one row
        main(["--only", "dcgan", "--seeds", "1", "--steps", "2"])


def test_recording_for_the_microscope_writes_what_it_reads(tmp_path, monkeypatch):
    from gan_course.pretrained.recorded.with_attention import NAME, read_attention_run

    monkeypatch.setattr(record_attention, "NUM_JUDGED", 20)
    content, notes = record_attention.record(seed=1, moments=(0, 2))
    (tmp_path / f"{NAME}.safetensors").write_bytes(content)
    (tmp_path / f"{NAME}.json").write_text(json.dumps(notes))
    run = read_attention_run(tmp_path)
    assert [m["step"] for m in run.moments] == [0, 2]
    assert run.discriminators[1].attention.gamma != 0 == run.discriminators[0].attention.gamma

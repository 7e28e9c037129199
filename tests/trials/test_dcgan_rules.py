"""The trials of lesson 07: the pair is the package's, the judge judges, the record is of now."""

import json

import pytest
import torch

from gan_course.data import load_images
from gan_course.errors import CourseError
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.trials.dcgan_pair import Recipe, build_pair
from gan_course.trials.dcgan_rules import (
    SEEDS,
    STEPS,
    TRIALS,
    judge,
    main,
    picture_rows,
    recorded,
    run_trial,
)


@pytest.fixture(scope="module")
def real():
    images = load_images("digits", 32)
    return images.take(torch.arange(len(images))), images.labels


# ---- the pair --------------------------------------------------------------------------------


def test_with_all_rules_kept_it_is_the_pair_of_the_package():
    torch.manual_seed(0)
    ours = build_pair(Recipe(), latent_dim=9, base_channels=4)
    theirs = DCGANGenerator(32, 1, 9, 4), DCGANDiscriminator(32, 1, 4)
    inputs = torch.randn(3, 9), torch.randn(3, 1, 32, 32)
    for mine, package, x in zip(ours, theirs, inputs, strict=True):
        values = list(mine.state_dict().values())
        names = package.state_dict().keys()
        package.load_state_dict(dict(zip(names, values, strict=True)))
        for mode in (True, False):
            torch.testing.assert_close(mine.train(mode)(x), package.train(mode)(x))


@pytest.mark.parametrize("name", TRIALS)
def test_every_pair_has_the_right_shapes_and_is_broken_where_it_says(name):
    recipe = TRIALS[name][1]
    generator, discriminator = build_pair(recipe, latent_dim=5, base_channels=2)
    images = generator(torch.randn(3, 5))
    assert images.shape == (3, 1, 32, 32) and discriminator(images).shape == (3,)
    of_g, of_d = ([type(m).__name__ for m in model] for model in (generator, discriminator))
    assert ("MaxPool2d" in of_d) == recipe.pooling_d
    assert ("Upsample" in of_g) == recipe.nearest_g != ("ConvTranspose2d" in of_g)
    assert of_g.count("BatchNorm2d") == 3 * recipe.norm_g + recipe.norm_edges
    assert of_d.count("BatchNorm2d") == 2 * recipe.norm_d + recipe.norm_edges
    assert of_g.count("Linear") == of_d.count("Linear") == 1 + recipe.hidden_linear
    assert ("ReLU" in of_g, "ReLU" in of_d) == (not recipe.leaky_g, recipe.relu_d)
    assert (of_g[-1] == "Tanh") == recipe.tanh
    spread = generator[0].weight.std().item()
    assert (abs(spread - 0.02) < 0.004) == recipe.paper_init


# ---- the judge -------------------------------------------------------------------------------


def test_real_digits_are_believable_and_cover_and_noise_does_neither(real):
    images, labels = real
    found = judge(images[::2], images[1::2], labels[1::2])
    assert found["believable"] > 0.9 and found["covered"] > 0.9 and found["rarest"] > 0.06
    noise = torch.rand(500, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert judge(noise, images) == {"believable": 0.0, "covered": 0.0}


def test_collapse_shows_in_covered_only(real):
    """One real digit, again and again; and the mean of all, which is near to many."""
    images, labels = real
    found = judge(images[:1].expand(200, -1, -1, -1), images, labels)
    assert found["believable"] == 1 and found["covered"] < 0.02 and found["rarest"] == 0


def test_one_class_missing_shows_in_rarest(real):
    images, labels = real
    kept = images[labels != 4]
    assert judge(kept, images, labels)["rarest"] == 0 < judge(images, images, labels)["rarest"]


# ---- the record ------------------------------------------------------------------------------


def test_the_record_is_of_the_trials_as_they_are():
    table = recorded()
    assert table["steps"] == STEPS and table["seeds"] == SEEDS
    assert list(table["rows"]) == ["real", *TRIALS]
    for name, (title, _) in TRIALS.items():
        row = table["rows"][name]
        assert row["title"] == title and [run["seed"] for run in row["runs"]] == list(range(SEEDS))
        for key in ("believable", "covered", "rarest"):
            values = sorted(run[key] for run in row["runs"])
            assert row[key][0] == values[0] and row[key][2] == values[-1]
            assert values[0] <= row[key][1] <= values[-1]


def test_what_the_lesson_says_of_the_record():
    rows = recorded()["rows"]
    kept = rows["dcgan"]["covered"]
    for name in ("no_norm", "no_norm_g", "no_norm_d", "torch_init"):  # covers less, every seed
        assert rows[name]["covered"][2] < kept[0], name
    for name in ("no_norm", "no_norm_g", "no_norm_d"):
        assert rows[name]["covered"][1] < 0.7 * kept[1], name
    for name in ("norm_edges", "hidden_linear", "no_rule"):
        assert rows[name]["covered"][2] < 0.05, name
    assert rows["norm_edges"]["believable"][2] < 0.005
    assert rows["hidden_linear"]["believable"][1] > 0.2  # the blur is believed
    for name in ("pooling_d", "nearest_g", "no_tanh", "relu_d"):  # no harm
        for key in ("believable", "covered"):
            assert rows[name][key][1] > 0.9 * rows["dcgan"][key][1], (name, key)
    for key in ("believable", "covered"):
        assert rows["nearest_g"][key][1] > rows["dcgan"][key][1]


def test_the_picture_has_a_row_for_each_trial():
    rows = picture_rows()
    assert list(rows) == list(TRIALS)
    assert all(r.shape == (12, 32, 32) and r.dtype == torch.uint8 for r in rows.values())
    spread = {name: rows[name].float().std(dim=0).mean() for name in rows}
    assert spread["hidden_linear"] < 0.3 * spread["dcgan"] > spread["no_rule"]
    assert (
        rows["norm_edges"][:, :4, :4].float().mean() > 20 > rows["dcgan"][:, :4, :4].float().mean()
    )


# ---- measuring again -------------------------------------------------------------------------


def test_a_run_depends_on_its_seed_alone():
    one, again, other = (run_trial("dcgan", seed, steps=3) for seed in (5, 5, 6))
    for run in (one, again, other):
        run.pop("seconds")
    assert one == again and one["seed"] == 5 and other["seed"] == 6


@pytest.mark.slow
def test_the_command_writes_what_recorded_reads(tmp_path, capsys):
    file = tmp_path / "rules.json"
    assert main(["--seeds", "1", "--steps", "2", "--output", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["seeds"] == 1 and found["steps"] == 2 and list(found["rows"])[1:] == list(TRIALS)
    assert file.with_suffix(".png").exists() and "no_rule" in capsys.readouterr().out
    assert main(["--only", "relu_d", "--seeds", "1", "--steps", "2", "--output", str(file)]) == 0
    assert list(json.loads(file.read_text())["rows"]) == ["real", "relu_d"]


def test_unknown_trials_and_empty_runs_are_refused(capsys):
    with pytest.raises(CourseError, match="there is no trial 'x'; choose one of dcgan"):
        run_trial("x", 0)
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
    assert "--seeds" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # it would leave a table of one row
        main(["--only", "relu_d", "--seeds", "1", "--steps", "2"])
    assert "--only needs --output" in capsys.readouterr().err

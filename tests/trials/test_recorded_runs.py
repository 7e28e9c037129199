"""The recorded runs are what their titles say, by numbers that were not used to make them."""

import json
import shutil

import pytest
import torch
from digits_classifier import class_shares

from gan_course import doctor
from gan_course.data import load_images
from gan_course.errors import CourseError
from gan_course.pretrained.recorded import EVERY, FOLDER, NAMES, load_run, read_run
from gan_course.trials.record import MOMENTS, RECIPES, main, record

LAST = len(MOMENTS) - 1


def draw(name, moment=LAST, count=400):
    rng = torch.Generator().manual_seed(5)
    return load_run(name).generators[moment].generate(count, rng)


@pytest.fixture(scope="module")
def real():
    images = load_images("digits", 32)
    return images.take(torch.randperm(len(images), generator=torch.Generator().manual_seed(0)))


def far(images, real):
    """Median distance to the nearest real image."""
    return float(torch.cdist(images.flatten(1), real.flatten(1)).min(1).values.median())


def diversity(images, real):
    return float(doctor.spread(images) / doctor.spread(real))


# ---- what happened ---------------------------------------------------------------------------


def test_the_healthy_run_ends_with_all_digits(real):
    images = draw("healthy")
    shares = class_shares(images)
    assert shares.min() > 0.02 and shares.max() < 0.25
    assert 0.8 < diversity(images, real) < 1.2
    assert far(images, real) < 8.5
    assert load_run("healthy").diagnosis(LAST).name == "healthy"


def test_in_the_first_one_d_is_too_strong(real):
    run, images = load_run("d_too_strong"), draw("d_too_strong")
    assert diversity(images, real) < 0.5 and far(images, real) > 12
    late = [row for row in run.history if row["step"] > MOMENTS[-2]]
    assert all(row["mean_d_real"] - row["mean_d_fake"] > 0.8 for row in late)
    assert run.diagnosis(LAST).name == "d_too_strong"


def test_in_the_second_one_g_collapses_and_stays_so(real):
    run = load_run("collapsed")
    for moment in (4, 5, 6, 7):
        images = draw("collapsed", moment)
        assert class_shares(images).max() > 0.6
        assert diversity(images, real) < 0.45
        assert run.diagnosis(moment).name in ("collapse", "d_lags")
    assert run.diagnosis(LAST).name == "collapse"
    # The curves alone look like a perfect generator's: D undecided, 2 log 2 and log 2.
    late = run.history[-20:]
    assert all(
        abs(row["loss_d"] - 1.386) < 0.2 and abs(row["loss_g"] - 0.693) < 0.2 for row in late
    )
    assert all(abs(row["mean_d_fake"] - 0.5) < 0.1 for row in late)


def test_in_the_third_one_the_range_is_wrong(real):
    run, images = load_run("wrong_range"), draw("wrong_range")
    # What is black in the data is grey here, in the middle of tanh's range.
    corner, corner_real = images[:, :, :2, :2].mean(), real[:, :, :2, :2].mean()
    assert corner_real < -0.99 and abs(corner) < 0.1
    assert far(images, real) > 20
    # Put back where it belongs, G has learned shapes: it is the range that is wrong, not the game.
    assert far((2 * images - 1).clamp(-1, 1), real) < 12
    assert all(row["range_real"][0] >= 0 for row in run.history)
    assert run.diagnosis(LAST).name == "wrong_range"


def test_without_initialisation_all_channels_are_twins(real):
    run, images = load_run("no_initialisation"), draw("no_initialisation")
    assert class_shares(images).min() < 0.005 and far(images, real) > 20
    for generator in run.generators:
        for block in (generator.stem, *generator.blocks):
            weight = block[0].weight
            # rows of the linear layer for one channel; output channels of a transposed convolution
            rows = (
                weight.view(-1, 16, weight.shape[1]) if weight.ndim == 2 else weight.transpose(0, 1)
            )
            assert (rows - rows[:1]).abs().max() < 0.02
    healthy = load_run("healthy").generators[LAST].stem[0].weight.view(-1, 16, 32)
    assert (healthy - healthy[:1]).abs().max() > 0.05  # so the limit above can fail
    diagnosis = run.diagnosis(LAST)
    assert diagnosis.is_alarm or diagnosis.sure == "not sure"


def test_the_figures_of_the_card(real):
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    for name in NAMES:
        [line] = [line for line in card.splitlines() if line.startswith(f"| `{name}` | 0")]
        images = draw(name)
        shares = class_shares(images)
        measured = [diversity(images, real), far(images, real), shares.min(), shares.max()]
        # Another processor rounds otherwise, and a few images near a border change their class.
        limits = [0.02, 0.2, 0.015, 0.03]
        said = [float(cell.strip(" %")) for cell in line.split("|")[2:6]]
        said[2:] = [share / 100 for share in said[2:]]
        for figure, value, limit in zip(said, measured, limits, strict=True):
            assert abs(figure - value) < limit, (name, said, measured)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "healthy"])
def test_the_doctor_never_calls_a_sick_run_healthy_in_its_second_half(name):
    run = load_run(name)
    for moment in (4, 5, 6, 7):
        diagnosis = run.diagnosis(moment)
        assert diagnosis.is_alarm or diagnosis.sure == "not sure", (moment, diagnosis)


# ---- files -----------------------------------------------------------------------------------


def test_all_are_there_and_small_and_on_the_card():
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    for word in ("seed", "images seen", "time and device", "Licence", "python -m gan_course"):
        assert word in card
    assert f"{sum(p.numel() for p in load_run('healthy').generators[0].parameters()):,}" in card
    total = 0
    for name in NAMES:
        total += sum((FOLDER / f"{name}.{end}").stat().st_size for end in ("safetensors", "json"))
        assert f"`{name}`" in card
        notes = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert notes["command"] == f"python -m gan_course.trials.record {name} --seed 0"
        recipe = RECIPES[name]
        assert notes["recipe"]["steps_g"] == recipe.steps_g
        assert (notes["recipe"]["lr_g"], notes["recipe"]["lr_d"]) == (recipe.lr_g, recipe.lr_d)
        assert (notes["title"], notes["done"]) == (recipe.title, recipe.done)
        run = load_run(name)
        assert [moment["step"] for moment in run.moments] == list(MOMENTS)
        assert all(row["images_seen"] == 32 * row["step"] for row in run.history)
        assert run.history[-1]["step"] == MOMENTS[-1]
    assert total < 6_000_000


def test_the_history_until_a_moment_ends_there():
    run = load_run("healthy")
    assert run.history_until(0) == []
    assert run.history_until(3)[-1]["step"] == MOMENTS[3]
    assert run.diagnosis(0).name == run.diagnosis(1).name == "too_early"
    assert sum(row["step"] % EVERY == 0 for row in run.history) == MOMENTS[-1] // EVERY


@pytest.mark.slow
def test_recording_again_gives_the_same_beginning(tmp_path):
    """The first 40 steps, on this machine: the same seed gives the same run."""
    moments = (0, 20, 40)
    (first, notes), (second, _) = (record("collapsed", 0, moments) for _ in range(2))
    assert first == second
    stored = load_run("collapsed")
    (tmp_path / "new.safetensors").write_bytes(first)
    (tmp_path / "new.json").write_text(json.dumps(notes))
    again = read_run(tmp_path, "new")
    z = torch.randn(8, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(again.generators[0](z), stored.generators[0](z))
        # Another processor rounds otherwise; after 40 steps that is still little.
        assert (again.generators[2](z) - stored.generators[1](z)).abs().mean() < 0.02
    assert again.history[-1]["loss_d"] == pytest.approx(stored.history_until(1)[-1]["loss_d"], 0.2)


def test_the_command_writes_what_the_package_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gan_course.trials.record.MOMENTS", (0, 2))
    monkeypatch.setattr(
        "gan_course.trials.record.record",
        lambda name, seed: record(name, seed, (0, 2)),
    )
    threads = torch.get_num_threads()
    main(["wrong_range", "--folder", str(tmp_path), "--seed", "3"])
    torch.set_num_threads(threads)
    run = read_run(tmp_path, "wrong_range")
    assert [moment["step"] for moment in run.moments] == [0, 2]
    assert "--seed 3" in (tmp_path / "wrong_range.json").read_text()
    assert "wrong_range:" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["nonsense", "--folder", str(tmp_path)])
    assert "no run called 'nonsense'" in capsys.readouterr().err


def test_careless_names_and_damaged_files_get_a_sentence(tmp_path):
    with pytest.raises(CourseError, match="no run called 'sick' was recorded, only healthy"):
        load_run("sick")
    for end in ("safetensors", "json"):
        shutil.copy(FOLDER / f"healthy.{end}", tmp_path)
    for damage in ("{", "[]", '{"moments": 3}', "{}"):
        (tmp_path / "healthy.json").write_text(damage)
        with pytest.raises(CourseError, match="damaged or incomplete"):
            read_run(tmp_path, "healthy")
    shutil.copy(FOLDER / "healthy.json", tmp_path)
    (tmp_path / "healthy.safetensors").write_bytes(b"short")
    with pytest.raises(CourseError, match="not a checkpoint"):
        read_run(tmp_path, "healthy")
    (tmp_path / "healthy.safetensors").unlink()
    with pytest.raises(CourseError, match="does not exist"):
        read_run(tmp_path, "healthy")

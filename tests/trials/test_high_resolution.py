"""The comparison of lesson 14: its images, its schedule, its loop, and the record as it ships."""

import json

import pytest
import torch

from gan_course.data.photo_crops import photo_crops
from gan_course.errors import CourseError
from gan_course.trials import high_resolution as trial

# ---- the images ----------------------------------------------------------------------------------


def test_the_same_pieces_at_every_size():
    small, large = photo_crops(16, 20, seed=3), photo_crops(64, 20, seed=3)
    assert small.shape == (3, 16, 16) and large.pixels.shape == (20, 3, 64, 64)
    assert torch.equal(small.labels, large.labels) and set(small.labels.tolist()) == {0, 1}
    shrunk = torch.nn.functional.avg_pool2d(large.pixels.float(), 4)
    assert (shrunk - small.pixels.float()).abs().mean() < 4  # of 255
    assert not torch.equal(photo_crops(16, 20, seed=4).pixels, small.pixels)


# ---- the schedule --------------------------------------------------------------------------------


def test_it_grows_in_even_phases_and_ends_with_all():
    unit = trial.GROWING / 8  # top level 4: eight phases
    assert trial.growth(0, 4) == (0, 1.0) == trial.growth(0.99 * unit, 4)
    assert trial.growth(1.5 * unit, 4) == (1, pytest.approx(0.5))
    assert trial.growth(2.5 * unit, 4) == (1, 1.0)
    assert trial.growth(7.75 * unit, 4) == (4, pytest.approx(0.75))
    assert trial.growth(trial.GROWING, 4) == trial.growth(1, 4) == (4, 1.0)
    assert trial.growth(0, 0) == (0, 1.0)


# ---- the loop ------------------------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(trial.BUDGETS, 64, trial.Budget(2, 1, 2, base_channels=1))
    monkeypatch.setattr(trial, "NUM_FAKES", 64)
    trial.judging_images.cache_clear()
    yield
    trial.judging_images.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", trial.ROWS)
def test_every_row_trains_and_depends_on_its_seed_alone(name, tiny):
    runs = [trial.run_row(name, 64, seed)[0] for seed in (5, 5, 6)]
    for run in runs:
        for moment in run["moments"]:
            assert moment.pop("seconds") >= 0
    assert runs[0] == runs[1] != runs[2]
    images = [moment["images"] for moment in runs[0]["moments"]]
    assert images[-1] == (4 if name == "dcgan" else 2) * trial.BATCH_SIZE
    assert set(runs[0]["moments"][-1]["distance"]) == {16, 32, 64}


def test_the_penalty_is_r1_over_all_images():
    """A D that is linear in its images: the penalty is then known, and with it the gradient."""

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor([0.3, 0.2]))

        def forward(self, images):
            small, large = images
            return self.w[0] * small.sum(dim=(1, 2, 3)) + self.w[1] * large.sum(dim=(1, 2, 3))

    class Fixed(torch.nn.Module):
        levels = 2

        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(()))

        def forward(self, z):
            return [self.w.expand(len(z), 1, s, s) for s in (4, 8)]

    d, g = Linear(), Fixed()
    moved = []
    for penalty in (False, True):
        d.w.data = torch.tensor([0.3, 0.2])
        step_d = torch.optim.SGD(d.parameters(), 1.0)
        images = torch.zeros(8, 1, 8, 8)
        still = torch.optim.SGD(g.parameters(), 0.0)
        trial.train_step(trial.ROWS["msg"], g, d, still, step_d, images, (), penalty)
        moved.append(d.w.data.clone())
    gamma = trial.R1_EVERY * trial.ROWS["msg"].r1_gamma
    # gamma / 2 * (16 w0² + 64 w1²), one term for each pixel
    expected = torch.tensor([gamma * 16 * 0.3, gamma * 64 * 0.2])
    torch.testing.assert_close(moved[0] - moved[1], expected)


def test_nonsense_is_refused(capsys):
    with pytest.raises(CourseError, match="there is no row 'x'; choose one of dcgan"):
        trial.run_row("x", 64, 0)
    with pytest.raises(CourseError, match="must be 64 or 128, but is 32"):
        trial.run_row("msg", 32, 0)
    with pytest.raises(SystemExit):
        trial.main(["--steps", "-1"])
    assert "at least 1" in capsys.readouterr().err


def test_the_command_writes_what_recorded_reads(tiny, tmp_path, capsys):
    file = tmp_path / "high_resolution.json"
    assert trial.main(["--sizes", "64", "--seeds", "1", "--output", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["sizes"]["64"]["seeds"] == 1 and list(found["sizes"]["64"]["rows"]) == list(
        trial.ROWS
    )
    assert file.with_name("high_resolution_64.jpg").exists() and "msg" in capsys.readouterr().out


# ---- the record ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [int(size) for size in trial.recorded()["sizes"]])
def test_the_record_is_of_the_rows_as_they_are(size):
    table, budget = trial.recorded()["sizes"][str(size)], trial.BUDGETS[size]
    assert table["seeds"] == budget.seeds and list(table["rows"]) == list(trial.ROWS)
    for name, row in table["rows"].items():
        assert row["title"] == trial.ROWS[name].title
        assert [run["seed"] for run in row["runs"]] == list(range(budget.seeds))
        times = budget.dcgan_times if name == "dcgan" else 1
        for run in row["runs"]:
            last = run["moments"][-1]
            assert last["images"] == budget.steps * times * trial.BATCH_SIZE
            assert all(last["distance"][scale] > table["floor"][scale] for scale in table["floor"])
    picture = trial.picture(size)
    assert picture.shape == (len(trial.PICTURED) * size, trial.COLUMNS * size, 3)


def test_the_record_is_small():
    files = [trial.FILE, *trial.FILE.parent.glob("high_resolution_*.jpg")]
    assert len(files) == 1 + len(trial.recorded()["sizes"])
    assert sum(file.stat().st_size for file in files) < 300_000


def test_what_the_lesson_says_of_the_record():
    table = trial.recorded()["sizes"]["64"]

    def mean(name, scale, images=None):
        found = []
        for run in table["rows"][name]["runs"]:
            last = next(
                m for m in reversed(run["moments"]) if images is None or m["images"] == images
            )
            found.append(last["seconds"] if scale == "seconds" else last["distance"][scale])
        return sum(found) / len(found)

    def distances(name, scale, images=None):
        moments = [run["moments"] for run in table["rows"][name]["runs"]]
        return [
            next(m for m in reversed(run) if images in (None, m["images"]))["distance"][scale]
            for run in moments
        ]

    images = table["rows"]["msg"]["runs"][0]["moments"][-1]["images"]
    ahead = [mean("full", s) / mean("dcgan", s, images) for s in ("16", "32", "64")]
    assert max(ahead) < 0.85 and min(ahead) == ahead[-1]  # at all scales, most in the finest
    for scale in ("32", "64"):  # and with every seed
        assert max(distances("full", scale)) < min(distances("dcgan", scale, images))
    assert max(distances("full", "16")) > min(distances("dcgan", "16", images))
    assert 2.5 < mean("full", "seconds") / mean("dcgan", "seconds", images) < 4
    # as many seconds
    assert 0.9 < mean("dcgan", "seconds") / mean("full", "seconds") < 1.3
    assert mean("dcgan", "32") < mean("dcgan", "32", images)
    assert sum(d < mean("dcgan", "16", images) for d in distances("dcgan", "16")) == 2
    assert mean("dcgan", "64") > 1.5 * mean("dcgan", "64", images)
    # growing
    assert 0.65 < mean("progan", "seconds") / mean("full", "seconds") < 0.75
    for scale in ("16", "32", "64"):
        assert mean("full", scale) < mean("progan", scale)
        assert min(distances("progan", scale)) < max(distances("full", scale))
    # all scales at once
    assert 0.8 < mean("msg", "16") / mean("full", "16") < 1.25
    for scale in ("32", "64"):
        assert mean("full", scale) < 0.7 * mean("msg", scale)
        assert min(distances("msg", scale)) < max(distances("full", scale))
    # 128 pixels: the price of an image
    large = trial.recorded()["sizes"]["128"]["rows"]
    for name in trial.ROWS:
        prices = [
            sum(run["moments"][-1]["seconds"] for run in rows[name]["runs"])
            / sum(run["moments"][-1]["images"] for run in rows[name]["runs"])
            for rows in (table["rows"], large)
        ]
        assert 2.5 < prices[1] / prices[0] < 4

"""The thousand modes: what was recorded, and that it can be recorded again."""

import json

import pytest
from torch import nn

from gan_course.data import load_images
from gan_course.evaluation.coverage import perfect_coverage
from gan_course.trials import stacked_digits
from gan_course.trials.stacked_digits import (
    BUDGET,
    COUNT,
    EPOCHS,
    EVERY,
    RECIPES,
    SEEDS,
    WANTED,
)


class Replays(nn.Module):
    """A perfect generator: real images, in an order of its own."""

    latent_dim = 4

    def __init__(self, shown=25_600):
        super().__init__()
        self.images, self.shown = load_images("stacked-digits"), shown

    def forward(self, z):
        rows = (z[:, 0].abs() * 1e6).long() % self.shown
        return self.images.take(rows)


def test_a_perfect_generator_has_all_modes_and_one_that_repeats_itself_has_not():
    all_of_them = stacked_digits.count_modes(Replays(), 3000)
    assert all_of_them["found"] > 930 and all_of_them["kl"] < 0.25
    few = stacked_digits.count_modes(Replays(shown=50), 1000)
    assert few["found"] <= 60 and few["kl"] > 2


def test_the_record_is_whole_and_holds_the_bar():
    found = stacked_digits.recorded()
    assert found["count"] == COUNT and set(found["rows"]) == set(RECIPES)
    for rows in found["rows"].values():
        assert [row["images"] for row in rows] == [
            epoch * stacked_digits.PER_EPOCH for epoch in range(EVERY, EPOCHS + 1, EVERY)
        ]
    rows = found["rows"]
    # The bar, for every seed; and as lesson 13 says, how far plain's seeds lie apart.
    at_budget = {name: [row["found"] for row in found["seeds"][name]] for name in RECIPES}
    assert all([row["seed"] for row in of] == list(SEEDS) for of in found["seeds"].values())
    assert all(at_budget[name][0] == rows[name][BUDGET // EVERY - 1]["found"] for name in RECIPES)
    assert min(at_budget["relativistic"]) >= WANTED > max(at_budget["plain"])
    assert min(at_budget["plain"]) < 340 and max(at_budget["plain"]) > 930
    early = {name: rows[name][1]["found"] for name in RECIPES}
    assert early["dcgan"] > early["relativistic"] > early["plain"]
    last = {name: rows[name][-1] for name in RECIPES}
    assert all(row["found"] >= 995 for row in last.values())
    found_then, kl = perfect_coverage(1000, COUNT)
    assert found["perfect"] == {"found": round(found_then, 2), "kl": round(kl, 4)}
    assert all(9 * kl < row["kl"] < 12 * kl for row in last.values())


def test_it_can_be_recorded_and_a_finished_run_is_only_counted(tmp_path, few_images):
    """Of 128 images: two epochs of two steps, and 500 fakes."""
    output, last = tmp_path / "found.json", tmp_path / "runs/0/plain/checkpoints/last.safetensors"
    command = ["--folder", str(tmp_path / "runs"), "--output", str(output)]
    command += ["--epochs", "2", "--count", "500", "--seeds", "0", "1"]
    stacked_digits.main(command)
    found = json.loads(output.read_text())
    rows = found["rows"]
    assert all([row["seed"] for row in of] == [0, 1] for of in found["seeds"].values())
    assert all(len(rows[name]) == 1 and rows[name][0]["found"] >= 1 for name in RECIPES)
    before, text = last.stat().st_mtime_ns, output.read_text()
    stacked_digits.main(command)
    assert before == last.stat().st_mtime_ns and output.read_text() == text


@pytest.mark.parametrize("name", RECIPES)
def test_the_budget_is_the_same(name, tmp_path):
    config = stacked_digits.config(name, tmp_path)
    assert (config.batch_size, config.num_epochs, config.image_size) == (64, EPOCHS, 16)

"""TraceBench tells what torch does, and its picture follows its numbers."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from gan_course.labs import TraceBench


def real_model(lab):
    """The lab's own code, run with real numbers."""
    names = {"nn": nn, "trace_shapes": lambda *arguments: None}
    exec(lab.code(), names)
    return names["model"]


@pytest.mark.parametrize("seed", range(40))
def test_it_fits_exactly_when_torch_runs_it(seed):
    rng = random.Random(seed)
    halvings = rng.randint(1, 4)
    size = rng.randint(1, 96)
    right = max(1, size // 2**halvings)
    lab = TraceBench(
        image_size=size,
        halvings=halvings,
        side=min(48, rng.choice([right, right, rng.randint(1, 24)])),
        image_channels=rng.choice([3, 3, 3, 1]),
        revealed=True,
    )
    data, model = lab.figure_data(), real_model(lab)
    x = torch.zeros(1, lab.image_channels, size, size)
    for i, layer in enumerate(model, start=1):
        try:
            x = layer(x)
        except RuntimeError:
            assert data["culprit"] == i
            assert "does not fit" in lab.alt_text() or "stops at" in lab.alt_text()
            return
        assert data["rows"][i][1] == tuple(x.shape[1:])
        assert data["rows"][i][2] == x[0].numel()
    assert data["culprit"] is None and "It fits" in lab.alt_text()


def test_the_published_network_and_its_two_repairs():
    lab = TraceBench(image_size=32, revealed=True)
    data = lab.figure_data()
    assert (data["in_features"], data["arriving"], data["culprit"]) == (16384, 4096, 6)
    assert "in_features to 4096" in data["advice"]
    lab.side = 8
    assert lab.figure_data()["culprit"] is None
    lab.side, lab.image_size = 16, 64
    assert lab.figure_data()["culprit"] is None


def test_nothing_is_shown_before_the_guess_and_the_guess_is_kept():
    lab = TraceBench()
    lab.ui()
    hidden = np.asarray(lab.render())
    words = [s["text"] for kind, s in lab.draw().shapes if kind == "text"]
    assert not any("9216" in w or "9,216" in w or "✗" in w for w in words)
    assert "guess" in lab.alt_text().lower()
    lab.predict_arriving(2304)
    assert lab.predictions[0]["truth"] == 9216 and not lab.predictions[0]["right"]
    assert lab.revealed and (np.asarray(lab.render())[: len(hidden)] != hidden).any()


def test_picture_follows_the_numbers():
    lab = TraceBench(image_size=32, side=8, revealed=True)
    fits = lab.draw().shapes
    bars = [s["w"] for kind, s in fits if kind == "rect"]
    counts = [count for _, _, count in lab.figure_data()["rows"]]
    assert len(bars) == len(counts)
    assert np.corrcoef(bars, counts)[0, 1] > 0.999
    assert any(kind == "text" and "Every layer fits" in s["text"] for kind, s in fits)
    lab.side = 9
    words = [s["text"] for kind, s in lab.draw().shapes if kind == "text"]
    assert "✗ does not fit" in words and not any("Every layer fits" in w for w in words)


def test_live_picture_is_svg_with_alt_and_changes():
    lab = TraceBench(revealed=True)
    lab.ui()
    before = lab._picture.value
    lab.image_size = 64
    assert lab._picture.value != before and 'role="img"' in lab._picture.value


def test_a_small_image_stops_at_the_layer_that_it_is_too_small_for():
    lab = TraceBench(image_size=3, halvings=2, revealed=True)
    data = lab.figure_data()
    assert data["culprit"] == 3 and "does not fit" in data["advice"]
    assert data["arriving"] is None and "stops at layer 2" in lab.alt_text()

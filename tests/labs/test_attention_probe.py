"""AttentionProbe: its map is the formula's, its tests of the map tell, and its picture follows."""

import math
import statistics
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from traitlets import TraitError

from gan_course.labs import AttentionProbe
from gan_course.labs.attention_probe import SHARES
from gan_course.labs.attention_probe_numbers import (
    FEATURES,
    OF_COLOUR,
    OF_PLACE,
    beyond,
    look,
    query_and_key,
)
from gan_course.labs.scene import COLOURS, scene, scene_labels


@pytest.fixture
def lab():
    return AttentionProbe(revealed=True)


# ---- the numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("features", FEATURES)
def test_the_map_gathers_as_torchs_own_attention_does(size, features):
    image = scene(size)
    query, key = query_and_key(image, features)
    for pool in (False, True):
        small = (lambda t: F.max_pool2d(t[None], 2)[0]) if pool else (lambda t: t)
        q, k, v = (t.flatten(1).T[None, None] for t in (query, small(key), small(image)))
        expected = F.scaled_dot_product_attention(q, k, v, scale=1.0)[0, 0].T
        found = look(image, features, 1.0, "attended", pool, 0.5)
        assert torch.allclose(found.gathered.flatten(1), expected, atol=1e-3)
        assert torch.allclose(found.output, image + 0.5 * found.gathered)
        assert torch.allclose(found.row_sums, torch.ones(size * size), atol=1e-4)
        assert found.attended_size == (size // 2 if pool else size)


def test_by_hand_a_score_is_a_distance():
    """The lesson says so: softmax of the dot products is the one of minus squared distances."""
    image = scene(16)
    middles = (torch.arange(16) + 0.5) / 16
    place = torch.stack(torch.meshgrid(middles, middles, indexing="ij"))
    described = torch.cat([OF_COLOUR**0.5 * image, OF_PLACE**0.5 * place]).flatten(1).T
    expected = torch.softmax(-torch.cdist(described, described).square(), 1)
    found = look(image, "colour and place", 1.0, "attended", False, 0.0).map
    assert torch.allclose(found, expected, atol=1e-3)


def test_by_colour_both_roofs_are_found(lab):
    data = lab.figure_data()
    assert data["thing"] == "roof"
    roof = (scene_labels(16) == list(COLOURS).index("roof")).numpy()
    assert data["weights"][roof].sum() > 0.95
    assert data["weights"][:, 8:].sum() == pytest.approx(0.5, abs=0.02)  # half on the other house
    lab.features = "place"
    assert lab.figure_data()["weights"][:, 8:].sum() < 0.1


def test_the_wrong_axis_shows_in_the_sums_and_not_in_their_mean(lab):
    for features in FEATURES:
        lab.features, lab.axis = features, "attended"
        assert np.allclose(lab.figure_data()["row_sums"], 1, atol=1e-4)
        assert "axis is wrong" not in lab.alt_text()
    lab.axis = "asking"
    sums = lab.figure_data()["row_sums"]
    assert sums.max() > 1.5 > 1 > sums.min() and sums.mean() == pytest.approx(1, abs=1e-3)
    assert "axis is wrong" in lab.alt_text()
    assert lab.figure_data()["row_sum"] == pytest.approx(sums[lab.row, lab.column], abs=1e-5)


def test_the_spread_is_that_of_the_entropy(lab):
    lab.temperature = 10.0
    wide = lab.figure_data()["spread"]
    row = torch.from_numpy(lab.figure_data()["weights"]).double().flatten()
    assert wide == pytest.approx(math.exp(torch.special.entr(row).sum()), rel=1e-4)
    lab.temperature = 0.2
    assert 1 <= lab.figure_data()["spread"] < wide <= 256


def test_beyond_counts_what_lies_outside_of_nine_pixels():
    even = torch.full((256,), 1 / 256)
    assert beyond(even, 16, 16, (5, 5)) == pytest.approx(1 - 9 / 256)
    assert beyond(even, 16, 16, (0, 0)) == pytest.approx(1 - 4 / 256)
    own = torch.zeros(16, 16)
    own[5, 5] = 1
    assert beyond(own.flatten(), 16, 16, (5, 5)) == pytest.approx(0)
    assert beyond(own.flatten(), 16, 16, (8, 8)) == pytest.approx(1)
    pooled = torch.full((64,), 1 / 64)
    assert beyond(pooled, 8, 16, (5, 5)) == pytest.approx(1 - 4 / 64)  # rows 4 to 6: two cells


def test_a_closed_gate_gives_back_the_picture(lab):
    assert (lab.figure_data()["output"] == lab.figure_data()["image"]).all()
    assert lab.figure_data()["clipped"] == 0
    lab.gamma = 1.0
    assert lab.figure_data()["clipped"] > 0 and "clipped" in lab.alt_text()


def test_random_features_do_not_find_their_own_kind():
    """What the lesson says of its roof pixel."""
    lab = AttentionProbe(size=32, row=13, column=6, features="random", revealed=True)
    roof = (scene_labels(32) == list(COLOURS).index("roof")).numpy()
    assert lab.figure_data()["weights"][roof].sum() < roof.mean() / 2


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize(("axis", "pool"), [("attended", True), ("asking", False)])
def test_the_code_makes_the_same_numbers(features, axis, pool):
    lab = AttentionProbe(revealed=True, features=features, axis=axis, pool=pool)
    lab.temperature, lab.gamma, lab.row, lab.column = 2.0, 0.4, 9, 12
    names = {}
    exec(lab.code(), names)
    data = lab.figure_data()
    assert np.allclose(names["output"], data["output"], atol=1e-5)
    assert np.allclose(names["row"], data["weights"].flatten(), atol=1e-5)


# ---- predict first ----------------------------------------------------------------------------


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def test_nothing_is_given_away_before_the_guess():
    lab = AttentionProbe()
    data = lab.figure_data()
    assert data["weights"] is None and data["output"] is None and "guess" in lab.alt_text()
    assert find(lab.ui(), "temperature").disabled
    assert len([1 for kind, _ in lab.draw().shapes if kind == "picture"]) == 1


@pytest.mark.parametrize("answer", [*SHARES, "skip"])
def test_the_guess_is_compared_with_the_measurement(answer):
    lab = AttentionProbe()
    find(lab.ui(), answer).click()
    [entry] = lab.predictions
    share = lab.figure_data()["beyond"]
    assert entry["truth"] == SHARES[0 if share < 0.25 else 1 if share <= 0.75 else 2]
    assert entry["right"] is (answer == entry["truth"]) and lab.revealed
    assert not find(lab.ui(), "temperature").disabled
    assert (lab.guess_line() is None) is (answer == "skip")


# ---- the picture ------------------------------------------------------------------------------


def test_the_picture_follows_every_trait(lab):
    lab.ui()
    seen = [lab._picture.value]
    changes = {
        "row": 13,
        "column": 5,
        "features": "place",
        "temperature": 3.0,
        "axis": "asking",
        "pool": True,
        "gamma": 0.5,
        "size": 32,
    }
    for name, value in changes.items():
        setattr(lab, name, value)
        assert lab._picture.value not in seen
        seen.append(lab._picture.value)
        ET.fromstring(lab._picture.value)  # well formed


def test_values_that_do_not_exist_are_refused(lab):
    for name, value in {"row": 32, "gamma": 1.5, "temperature": 0.0, "axis": "both"}.items():
        with pytest.raises(TraitError, match=name):
            setattr(lab, name, value)


def test_a_pixel_beyond_the_small_picture_is_its_last():
    lab = AttentionProbe(size=32, row=31, column=31, revealed=True)
    lab.size = 16
    assert lab.asking == (15, 15) and lab.figure_data()["asking"] == (15, 15)


def test_words_lie_inside_the_card():
    lab = AttentionProbe(size=32, axis="asking", gamma=1.0)
    lab.predict_beyond(SHARES[0])
    canvas = lab.draw()
    for kind, shape in canvas.shapes:
        if kind == "text":
            assert 0 <= shape["x"] <= canvas.width and 0 < shape["y"] < canvas.height


@pytest.mark.parametrize(("size", "bar"), [(16, 16), (32, 50)])
def test_moves_are_quick(size, bar):
    """The bars hold on 2 free cores; a machine under load gets four times as long."""
    lab = AttentionProbe(size=size, revealed=True)
    lab.ui()
    seconds = []
    for i in range(40):
        start = time.perf_counter()
        lab.column = i % size
        seconds.append(time.perf_counter() - start)
    median = 1000 * statistics.median(seconds)
    print(f"AttentionProbe {size}×{size}: {median:.1f} ms a move, bar {bar}")
    assert median < 4 * bar

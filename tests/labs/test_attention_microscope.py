"""AttentionMicroscope: its map is the block's, off is off, and the front follows."""

import json
import statistics
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.labs import AttentionMicroscope
from gan_course.labs.attention_microscope import SHARES
from gan_course.labs.attention_microscope_controls import pixel_pad
from gan_course.labs.attention_microscope_numbers import beyond, look, spread
from gan_course.labs.sampler import noise
from gan_course.models import SAGANDiscriminator, SAGANGenerator
from gan_course.pretrained.recorded.with_attention import AttentionRun, load_attention_run


def small_run(attention_at=8, gamma=0.5, pool=True):
    """Two moments of untrained networks; at the second the gates are open."""
    shape = {
        "image_channels": 1,
        "base_channels": 4,
        "attention_at": attention_at,
        "num_classes": 10,
    }
    networks = {"g": [], "d": []}
    for number in range(2):
        torch.manual_seed(number)
        g = SAGANGenerator(latent_dim=6, pool=pool, **shape).eval().requires_grad_(False)
        d = SAGANDiscriminator(pool=pool, **shape).eval().requires_grad_(False)
        for network in (g, d):
            if network.attention is not None:
                network.attention.gamma.fill_(gamma * number)
        networks["g"].append(g)
        networks["d"].append(d)
    moments = tuple({"step": 10 * i, "images_seen": 320 * i, "agree": 0.1} for i in range(2))
    history = tuple(
        {"step": s, "images_seen": 32 * s, "gamma_g": gamma * s / 10, "gamma_d": -0.01 * s}
        for s in range(1, 11)
    )
    return AttentionRun(moments, history, tuple(networks["g"]), tuple(networks["d"]))


@pytest.fixture
def lab():
    return AttentionMicroscope(small_run(), revealed=True)


# ---- the numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["G", "D"])
@pytest.mark.parametrize("pool", [True, False])
def test_the_row_is_that_of_the_block(network, pool):
    run = small_run(pool=pool)
    lab = AttentionMicroscope(run, network=network, row=3, column=5, digit=4, seed=7)
    z, label = noise(7, 1, 6), torch.tensor([4])
    image = run.generators[1](z, label)
    assert np.array_equal(lab.figure_data()["image"], image[0].numpy())
    if network == "D":
        d = run.discriminators[1]
        x = d.blocks[0](d.from_image(image))
        weights = d.attention.attention_map(x)
    else:
        g = run.generators[1]
        x = torch.relu(g.stem_norm(g.stem(z), label))
        weights = g.attention.attention_map(g.blocks[0](x, label))
    data = lab.figure_data()
    side = 4 if pool else 8
    assert data["weights"].shape == (side, side) and data["size"] == 8
    torch.testing.assert_close(torch.from_numpy(data["weights"]).flatten(), weights[0, 3 * 8 + 5])
    assert data["row_sum"] == pytest.approx(1, abs=1e-5)
    best = divmod(int(data["weights"].argmax()), side)
    assert data["strongest"] == tuple(8 // side * i for i in best)


def test_off_is_the_generator_without_its_attention(lab):
    run = lab.run
    g, z, label = run.generators[1], noise(0, 1, 6), torch.tensor([8])
    g.attention.enabled = False
    off = g(z, label)
    g.attention.enabled = True
    data = lab.figure_data()
    assert np.array_equal(data["image_off"], off[0].numpy())
    assert abs(data["change"]).max() > 1e-3 and "changes a pixel by 0.000" not in lab.alt_text()
    expected = (data["image"] - data["image_off"]).mean(axis=0)
    assert np.allclose(data["change"], expected)
    assert g.attention.enabled  # looking leaves no trace
    assert not g.attention._forward_pre_hooks


def test_a_closed_gate_changes_nothing(lab):
    lab.moment = 0
    data = lab.figure_data()
    assert (data["change"] == 0).all() and (data["added"] == 0).all()
    assert (
        data["logit"] == pytest.approx(data["logit_off"], abs=1e-6)
        and "by 0.000 on average" in lab.alt_text()
    )


def test_the_switch_swaps_the_image_that_is_shown(lab):
    def shown():
        return next(s for kind, s in lab.draw().shapes if kind == "picture")["pixels"]

    on = shown()
    lab.enabled = False
    assert (shown() != on).any() and "attention off" in lab.alt_text()
    texts = [s["text"] for kind, s in lab.draw().shapes if kind == "text"]
    assert "▲ image, attention off" in texts


def test_d_looks_at_the_image_with_its_own_block(lab):
    of_g = lab.figure_data()["weights"]
    lab.network = "D"
    data = lab.figure_data()
    assert not np.allclose(of_g, data["weights"]) and data["logit"] != data["logit_off"]
    assert "Position" in lab.alt_text() and "of D asks" in lab.alt_text()


def test_spread_and_beyond_by_hand():
    even = torch.full((16,), 1 / 16)
    assert spread(even) == pytest.approx(16)
    assert beyond(even, 4, 4, (1, 1)) == pytest.approx(7 / 16)
    assert beyond(even, 4, 8, (1, 1)) == pytest.approx(1 - 4 / 16)  # rows 0 to 2: two cells
    assert beyond(even, 4, 8, (0, 0)) == pytest.approx(1 - 1 / 16)
    one = torch.zeros(16)
    one[5] = 1
    assert spread(one) == pytest.approx(1)
    assert beyond(one, 4, 8, (2, 2)) == 0 and beyond(one, 4, 8, (7, 7)) == 1


def test_a_position_beyond_a_small_map_is_its_last(lab):
    lab.row, lab.column = 15, 15
    assert lab.figure_data()["asking"] == (7, 7)


def test_the_code_box_computes_the_row_that_is_shown():
    lab = AttentionMicroscope(network="D", digit=3, seed=5, row=4, column=9, revealed=True)
    for network in ("G", "D"):
        lab.network = network
        names = {}
        exec(lab.code(), names)
        expected = torch.from_numpy(lab.figure_data()["weights"]).flatten()
        torch.testing.assert_close(names["row"], expected)
        assert not load_attention_run().generators[-1].attention._forward_pre_hooks
    lab.network, lab.enabled = "G", False
    names = {}
    exec(lab.code(), names)
    assert np.allclose(names["image_off"][0], lab.figure_data()["image_off"], atol=1e-6)


# ---- the question -----------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "truth"), [(0.04, 0), (0.3, 1), (-0.3, 1), (0.8, 2)])
def test_the_guess_is_judged_by_the_history(gamma, truth):
    lab = AttentionMicroscope(small_run(gamma=gamma))
    assert not lab.revealed and lab.figure_data()["history"] == ()
    assert "?" in lab.alt_text() and "gammas end" not in lab.alt_text()
    lab.predict_gamma(SHARES[0])
    assert lab.revealed and lab.predictions[0]["truth"] == SHARES[truth]
    assert lab.predictions[0]["right"] == (truth == 0)
    assert "gammas end" in lab.alt_text() and len(lab.figure_data()["history"]) == 10
    assert f"{abs(gamma):.3f} from 0" in lab.guess_line()


def test_one_may_skip_but_not_make_up_an_answer(lab):
    fresh = AttentionMicroscope(small_run())
    with pytest.raises(CourseError, match="'much' is no answer here"):
        fresh.predict_gamma("much")
    fresh.predict_gamma(None)
    assert fresh.revealed and fresh.guess_line() is None


# ---- the front --------------------------------------------------------------------------------


def test_the_picture_is_valid_svg_in_every_state(lab):
    for network in ("G", "D"):
        for revealed in (False, True):
            lab.network, lab.revealed = network, revealed
            ET.fromstring(lab.live_html())
    assert lab.render().size[0] == 2 * 820


def test_pressing_a_place_makes_it_ask():
    lab = AttentionMicroscope(revealed=True)
    pad = pixel_pad(lab)
    assert len(pad.children) == 64
    pad.children[3 * 8 + 5].click()
    assert (lab.row, lab.column) == (6, 10)
    marked = [b for b in pad.children if b.style.button_color == "#D55E00"]
    assert len(marked) == 1
    before = [b.style.button_color for b in pad.children]
    lab.digit = 1
    assert [b.style.button_color for b in pad.children] != before


def test_the_sliders_are_the_traits(lab):
    lab.ui()
    for wrong in ({"row": 16}, {"digit": 10}, {"network": "H"}, {"seed": -1}):
        with pytest.raises(TraitError):
            lab.set_trait(*next(iter(wrong.items())))
    with pytest.raises(CourseError, match="there is no moment 2"):
        lab.moment = 2
    assert lab.moment == 1


def test_a_run_without_attention_is_refused():
    with pytest.raises(CourseError, match="has no attention"):
        AttentionMicroscope(small_run(attention_at=None))


def test_it_moves_fast_enough():
    lab = AttentionMicroscope(revealed=True)
    lab.ui()
    took = []
    for column in range(12):
        start = time.process_time()
        lab.column = column
        took.append(time.process_time() - start)
    assert statistics.median(took) < 0.15


# ---- the recorded run -------------------------------------------------------------------------


def test_the_recorded_run_is_what_its_notes_say():
    run = load_attention_run()
    assert len(run.generators) == len(run.discriminators) == len(run.moments) == 5
    assert run.moments[0]["step"] == 0 and run.moments[-1]["agree"] >= 0.9
    first, last = run.generators[0].attention.gamma, run.generators[-1].attention.gamma
    assert first == 0 and last != 0 and run.discriminators[0].attention.gamma == 0
    ends = run.history[-1]
    # D is kept as it is, G as its running average.
    assert run.discriminators[-1].attention.gamma == pytest.approx(ends["gamma_d"], abs=1e-3)
    assert not any(n.training for n in (*run.generators, *run.discriminators))


def test_a_damaged_record_is_refused_by_a_sentence(tmp_path):
    from gan_course.pretrained.recorded import FOLDER
    from gan_course.pretrained.recorded.with_attention import NAME, read_attention_run

    (tmp_path / f"{NAME}.safetensors").write_bytes((FOLDER / f"{NAME}.safetensors").read_bytes())
    with pytest.raises(CourseError, match="damaged or incomplete"):
        read_attention_run(tmp_path)
    notes = json.loads((FOLDER / f"{NAME}.json").read_text())
    notes["network"]["base_channels"] += 8
    (tmp_path / f"{NAME}.json").write_text(json.dumps(notes))
    with pytest.raises(CourseError, match="record_attention"):
        read_attention_run(tmp_path)


def test_look_draws_for_networks_without_classes():
    torch.manual_seed(0)
    g = SAGANGenerator(image_channels=3, latent_dim=6, base_channels=4).eval()
    d = SAGANDiscriminator(image_channels=3, base_channels=4).eval()
    seen = look(g, d, "G", 5, 0)
    assert seen.image.shape == (3, 32, 32) and seen.map.shape == (256, 64)

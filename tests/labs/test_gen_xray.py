"""GenXray: its numbers are the generator's, its picture follows, and its truth is measured."""

import statistics
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.labs import GenXray
from gan_course.labs.gen_xray_numbers import EFFECT_SEED, NUM_Z, Xray
from gan_course.labs.gen_xray_picture import heat, signed
from gan_course.labs.sampler import draw_images, noise
from gan_course.models import DCGANGenerator
from gan_course.models.weights import save_generator


def new_generator(image_size=32, channels=1, base=4, seed=0):
    torch.manual_seed(seed)
    generator = DCGANGenerator(image_size, channels, 6, base)
    for module in generator.modules():  # a G that draws something
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.05)
            module.running_var.uniform_(0.001, 0.01)
    return generator.eval()


@pytest.fixture
def lab():
    return GenXray(new_generator(), revealed=True)


def hooked(generator, module, channel, factor, z):
    """The same ablation by a forward hook, which knows nothing of stages."""

    def change(_, inputs, output):
        output = output.clone()
        output[:, channel] *= factor
        return output

    handle = module.register_forward_hook(change)
    images = draw_images(generator, z)
    handle.remove()
    return images


# ---- the numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_changed_images_are_those_of_a_hook(lab, layer, factor):
    generator = new_generator()
    lab.layer, lab.channel, lab.factor, lab.seed = layer, 3, factor, 7
    module = [generator.stem, *generator.blocks][layer]
    z = noise(7, NUM_Z, 6)[:13]
    data = lab.figure_data()
    plain = draw_images(generator, z)
    expected = hooked(generator, module, 3, factor, z)
    assert np.allclose(data["image"], plain[0], atol=1e-5)
    assert np.allclose(data["others"], plain[1:], atol=1e-5)
    assert np.allclose(data["changed"], expected[0], atol=1e-5)
    assert np.allclose(data["others_changed"], expected[1:], atol=1e-5)
    assert np.allclose(data["difference"], (expected - plain)[0, 0], atol=1e-5)
    assert (np.abs(data["difference"]).max() < 1e-6) == (factor == 1.0)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_effects_are_those_of_switching_off_one_after_the_other(layer):
    generator = new_generator()
    module = [generator.stem, *generator.blocks][layer]
    z = noise(EFFECT_SEED, NUM_Z, 6)
    plain = draw_images(generator, z)
    effects = Xray(generator).effects(layer)
    for channel in range(len(effects)):
        change = (hooked(generator, module, channel, 0.0, z) - plain).abs().mean()
        assert effects[channel].item() == pytest.approx(change.item(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("size", "layers"), [(16, 2), (32, 3), (64, 4)])
def test_layers_and_sizes_of_other_generators(size, layers):
    lab = GenXray(new_generator(size, channels=3), revealed=True)
    data = lab.figure_data()
    assert data["sizes"] == [4, 8, 16, 32][:layers] and len(lab.xray) == layers
    lab.layer = layers - 1
    assert lab.figure_data()["image"].shape == (3, size, size)
    assert lab.figure_data()["difference"].shape == (size, size)
    assert lab.render().width == 1640


def test_rank_and_order_fit_the_effects(lab):
    data = lab.figure_data()
    effects = data["effects"][data["order"]]
    assert (np.diff(effects) <= 0).all() and sorted(data["order"]) == list(range(len(effects)))
    lab.choose_strongest()
    assert lab.figure_data()["rank"] == 1
    lab.channel = data["order"][-1]
    assert lab.figure_data()["rank"] == len(effects)


def test_a_generator_that_trains_is_left_alone():
    generator = new_generator().train()
    before = [b.clone() for b in (*generator.parameters(), *generator.buffers())]
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    lab = GenXray(generator)
    lab.ui()
    lab.predict_layer(None)
    assert torch.equal(torch.rand(2), expected)
    assert generator.training and all(p.requires_grad for p in generator.parameters())
    after = (*generator.parameters(), *generator.buffers())
    assert all(map(torch.equal, before, after))


def test_the_code_draws_the_same_images(lab):
    lab.layer, lab.channel, lab.factor, lab.seed = 1, 2, 3.5, 9
    names = {"generator": new_generator()}
    exec(lab.code(), names)
    assert np.allclose(names["images"][0], lab.figure_data()["changed"], atol=1e-5)
    assert np.allclose(names["images"][1:13], lab.figure_data()["others_changed"], atol=1e-5)


# ---- traits ----------------------------------------------------------------------------------


def test_a_later_layer_has_fewer_channels(lab):
    lab.channel = 15
    lab.layer = 2
    assert lab.channel == 3 and lab.figure_data()["map"].shape == (16, 16)


@pytest.mark.parametrize("bad", [{"layer": 3}, {"channel": 16}, {"factor": -1.0}, {"seed": 100}])
def test_values_that_do_not_exist_are_refused(lab, bad):
    before = lab.figure_data()["changed"]
    [(name, value)] = bad.items()
    with pytest.raises(TraitError, match=name):
        setattr(lab, name, value)
    assert (lab.figure_data()["changed"] == before).all()


def test_a_channel_beyond_this_layer_is_brought_back(lab):
    lab.layer = 2
    lab.channel = 9  # the first layer has 16, this one 4
    assert lab.channel == 3
    assert GenXray(new_generator(), layer=2, channel=9).figure_data()["map"].shape == (16, 16)


def test_a_checkpoint_by_its_path(tmp_path):
    save_generator(new_generator(16), tmp_path / "own.pth")
    assert GenXray(tmp_path / "own.pth").figure_data()["sizes"] == [4, 8]
    with pytest.raises(CourseError, match=r"nowhere\.pth"):
        GenXray("nowhere.pth")


# ---- predict first ---------------------------------------------------------------------------


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def test_nothing_is_given_away_before_the_guess():
    lab = GenXray(new_generator())
    assert "effects" not in lab.figure_data() and "guess" in lab.alt_text()
    svg = lab.live_html()
    assert "darker" not in svg and "Make the guess first" in svg and "rank" not in svg
    assert find(lab.ui(), "channel").disabled and not find(lab.ui(), "seed").disabled


@pytest.mark.parametrize("answer", ["4×4", "8×8", "16×16", "skip"])
def test_the_guess_is_compared_with_the_measurement_and_stays(answer):
    lab = GenXray(new_generator())
    means = [lab.xray.effects(i).mean().item() for i in range(3)]
    truth = ["4×4", "8×8", "16×16"][means.index(max(means))]
    button = next(b for b in buttons(lab.ui()) if b.description == answer)
    button.click()
    [entry] = lab.predictions
    assert entry["truth"] == truth and entry["right"] is (answer == truth)
    assert lab.revealed and not find(lab.ui(), "channel").disabled
    line = lab._guess_line()
    if answer == "skip":
        assert line is None
    else:
        assert answer in line and line in lab.live_html()


def buttons(widget):
    if type(widget).__name__ == "Button":
        yield widget
    for child in getattr(widget, "children", ()):
        yield from buttons(child)


def test_of_the_shipped_digits_the_last_layer_matters_most_channel_by_channel():
    """What the lesson says about it."""
    lab = GenXray(revealed=True)
    means = [lab.xray.effects(i).mean().item() for i in range(3)]
    assert means == sorted(means) and lab.strongest_layer() == 2


# ---- the picture -----------------------------------------------------------------------------


def test_the_picture_follows_every_trait(lab):
    lab.ui()
    lab.layer, lab.channel = 1, 1
    seen = [lab._picture.value]
    for name, value in {"channel": 2, "factor": 4.0, "seed": 5, "layer": 2}.items():
        setattr(lab, name, value)
        assert lab._picture.value not in seen
        seen.append(lab._picture.value)
        ET.fromstring(lab._picture.value)  # well formed


def test_signs_have_their_colours():
    pixels = signed(np.array([[-1.0, 0.0, 1.0, -9.0]], dtype=np.float32), 1.0)
    assert pixels[0].tolist() == [[213, 94, 0], [255, 255, 255], [0, 114, 178], [213, 94, 0]]
    assert heat(np.array([[0.0, 2.0]]))[0].tolist() == [[255, 255, 255], [170, 68, 153]]
    assert heat(np.zeros((2, 2))).min() == 255  # a dead map is white, not an error


def test_words_lie_inside_the_card(lab):
    for layer in range(3):
        lab.layer = layer
        lab.predict_layer(0)
        canvas = lab.draw()
        for kind, shape in canvas.shapes:
            if kind == "text":
                assert 0 <= shape["x"] <= canvas.width and 0 < shape["y"] < canvas.height - 5


def test_moves_are_quick():
    """The bar is 50 ms on 2 free cores; this machine may be busy."""
    lab = GenXray(revealed=True)
    for layer in range(3):
        lab.xray.effects(layer)
    lab.ui()
    seconds = []
    for i in range(30):
        start = time.perf_counter()
        lab.channel = i + 1
        seconds.append(time.perf_counter() - start)
    print(f"GenXray: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.2

"""From two pictures to a third: networks, optimisation, what may go wrong."""

import time
import warnings

import pytest
import torch
from torch import nn

from gan_course.data import load_photograph
from gan_course.errors import CourseError
from gan_course.models.small_vgg import SmallVGG
from gan_course.style import StyleTransfer, load_network, networks, stylize
from gan_course.style.losses import content_loss, gram_matrix, style_loss, total_variation

SMALL = {"longest": 64}


@pytest.fixture(scope="module")
def pictures():
    return load_photograph("china", **SMALL), load_photograph("flower", **SMALL)


@pytest.fixture(scope="module")
def network():
    return load_network()


def test_the_parts_are_the_losses_with_their_weights(pictures, network):
    content, style = pictures
    transfer = StyleTransfer(
        content, style, network, content_weight=2, style_weight=3, tv_weight=5, start="noise"
    )
    image = transfer.image
    found = transfer.step()
    layers = {*network.style_layers, *network.content_layers}
    seen, of_content, of_style = (network.maps(x, layers) for x in (image, content, style))
    [name] = network.content_layers
    expected = 2 * content_loss(seen[name], of_content[name]) / of_content[name].square().mean()
    assert found.content == pytest.approx(expected.item(), rel=1e-5)
    for name in network.style_layers:
        gram = gram_matrix(of_style[name])
        part = style_loss(seen[name], gram) / gram.square().mean() / len(network.style_layers)
        assert found.layers[name] == pytest.approx(3 * part.item(), rel=1e-5)
    assert found.style == pytest.approx(sum(found.layers.values()))
    assert found.tv == pytest.approx(5 * total_variation(image).item(), rel=1e-5)
    assert found.total == found.content + found.style + found.tv


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("start", ["content", "noise"])
def test_thirty_steps_take_a_third_off_the_loss(pictures, network, optimizer, start):
    content, style = pictures
    result = stylize(content, style, network, 30, start=start, optimizer=optimizer)
    assert result.history[-1].total < 0.7 * result.history[0].total
    assert result.image.shape == content.shape and result.note == ""
    assert result.image.min() >= -1 and result.image.max() <= 1
    assert len(result.history) == 30


def test_without_a_style_the_content_comes_back_from_noise(pictures, network):
    content, style = pictures
    result = stylize(
        content, style, network, 60, style_weight=0, tv_weight=0, start="noise", optimizer="lbfgs"
    )
    assert result.history[-1].content < 0.05 * result.history[0].content
    still = stylize(content, style, network, 3, style_weight=0, tv_weight=0)
    assert still.history[0].content == 0
    torch.testing.assert_close(still.image, content)


def test_the_seed_decides(pictures, network):
    content, style = pictures
    one, again, other = (
        stylize(content, style, network, 3, start="noise", seed=seed).image for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_callback_sees_each_step_and_can_stop(pictures, network):
    seen = []

    def progress(transfer):
        seen.append(transfer.step_count)
        return transfer.step_count < 4

    result = stylize(*pictures, network, 10, progress)
    assert seen == [1, 2, 3, 4] and result.note == "stopped after 4 of 10 steps."


def test_a_number_that_is_none_keeps_the_last_good_picture(pictures, network):
    content, style = pictures
    good = {}

    def sabotage(transfer):
        if transfer.step_count == 3:
            good["image"] = transfer.image
            transfer.weights["tv"] = float("nan")

    result = stylize(content, style, network, 10, sabotage)
    assert torch.equal(result.image, good["image"])
    assert "in step 4" in result.note and "smaller learning rate" in result.note
    wild = stylize(content, style, network, 5, optimizer="lbfgs", learning_rate=1e38)
    assert wild.image.isfinite().all()


def test_the_pictures_may_have_other_sizes_and_are_not_changed(network):
    content, style = torch.rand(1, 3, 33, 70) * 2 - 1, torch.rand(1, 3, 90, 41) * 2 - 1
    before = content.clone()
    assert stylize(content, style, network, 2).image.shape == content.shape
    assert torch.equal(content, before)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content": torch.zeros(1, 1, 64, 64)}, r"content must have shape \(1, 3, H, W\)"),
        ({"content": torch.zeros(3, 64, 64)}, r"has \(3, 64, 64\)"),
        ({"style": torch.zeros(1, 3, 16, 64)}, "sides of 32 or more"),
        ({"style": torch.full((1, 3, 64, 64), torch.nan)}, "style holds values"),
        ({"content_weight": -1}, "content_weight must be 0 or more, a number, but is -1"),
        ({"style_weight": float("nan")}, "style_weight"),
        ({"tv_weight": float("inf")}, "tv_weight"),
        ({"style_layers": ["conv9_1"]}, "has no layer 'conv9_1'; it has conv1_1"),
        ({"start": "black"}, "one of content, noise, but is 'black'"),
        ({"optimizer": "sgd"}, "one of adam, lbfgs, but is 'sgd'"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"steps": 0}, "1 to 10,000, but is 0"),
    ],
)
def test_what_does_not_fit_is_a_sentence(pictures, network, change, said):
    arguments = {"content": pictures[0], "style": pictures[1], "network": network} | change
    with pytest.raises(CourseError, match=said):
        stylize(**arguments)


def test_no_layers_at_all_leaves_the_smoothness(pictures, network):
    result = stylize(*pictures, network, 3, content_layers=[], style_layers=[])
    assert result.history[-1].total == result.history[-1].tv < result.history[0].tv


@pytest.mark.slow
def test_256_pixels_take_less_than_a_minute(network):
    content, style = load_photograph("china"), load_photograph("flower")
    begun = time.process_time()
    stylize(content, style, network, 20)
    assert (time.process_time() - begun) * 5 < 60  # 100 steps, even on one core


# ---- the networks --------------------------------------------------------------------------------


def test_the_offline_network_is_frozen_and_in_eval_mode(network):
    model = network.maps.__self__
    assert not model.training and not any(p.requires_grad for p in model.parameters())


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(CourseError, match=r"no network 'vgg16'.*offline, vgg19"):
        load_network("vgg16")


def test_vgg19_without_its_weights_says_what_to_do(monkeypatch):
    from torchvision import models

    def unreachable(**kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(models, "vgg19", unreachable)
    with pytest.raises(CourseError, match=r"550 MB.*could not be fetched.*--network offline"):
        load_network("vgg19")


def untrained_vgg(monkeypatch):
    from torchvision import models

    real = models.vgg19
    torch.manual_seed(0)
    built = real(weights=None)
    monkeypatch.setattr(models, "vgg19", lambda weights: built)
    return built, load_network("vgg19")


def test_vgg19_is_taken_apart_as_the_paper_names_it(monkeypatch):
    built, network = untrained_vgg(monkeypatch)
    assert not built.features.training
    assert not any(p.requires_grad for p in built.features.parameters())
    assert len(network.layers) == 16 and network.layers[-1] == "conv5_4"
    assert {*network.style_layers, *network.content_layers} <= {*network.layers}
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    maps = network.maps(images, network.layers)
    assert maps["conv1_2"].shape == (1, 64, 64, 64) and maps["conv5_4"].shape == (1, 512, 4, 4)
    # ImageNet's normalisation: the first layer, computed by hand
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in (networks.IMAGENET_MEAN, networks.IMAGENET_STD)
    )
    by_hand = built.features[0](((images + 1) / 2 - mean) / std).relu()
    torch.testing.assert_close(maps["conv1_1"], by_hand)
    # and nothing later has written over a map: each is what torchvision's layers give up to it
    places = [i for i, layer in enumerate(built.features) if isinstance(layer, nn.ReLU)]
    for name, i in zip(network.layers, places, strict=True):
        expected = built.features[: i + 1](((images + 1) / 2 - mean) / std)
        torch.testing.assert_close(maps[name], expected)


def test_a_picture_can_be_made_through_vgg19(monkeypatch, pictures):
    _, network = untrained_vgg(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = stylize(*pictures, network, 2)
    assert result.image.isfinite().all() and len(result.history) == 2


def test_a_network_of_ones_own(pictures):
    own = networks.network_of(SmallVGG(channels=(4, 8, 8, 8)).eval().requires_grad_(False), "mine")
    assert stylize(*pictures, own, 2).history[1].total > 0
    assert isinstance(own.maps.__self__, nn.Module)

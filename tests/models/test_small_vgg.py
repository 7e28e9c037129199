"""The small network of photographs: shapes, layers, its file."""

import pytest
import torch
from safetensors.torch import save_file

from gan_course.errors import CourseError
from gan_course.models.small_vgg import SmallVGG, load_small_vgg


def test_shapes_from_stage_to_stage():
    network = SmallVGG().eval()
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    maps = network.maps(images, network.layers)
    assert [tuple(m.shape[1:]) for name, m in maps.items() if name.endswith("_2")] == [
        (32, 32, 32),
        (64, 16, 16),
        (128, 8, 8),
        (128, 4, 4),
    ]
    assert network(images).shape == (2, 10) and network.features(images).shape == (2, 128)
    torch.testing.assert_close(network.to_logits(network.features(images)), network(images))


def test_any_size_from_16_pixels_on():
    network = SmallVGG(channels=(4, 4, 4, 4)).eval()
    assert network(torch.zeros(1, 3, 16, 99)).shape == (1, 10)
    with pytest.raises(ValueError, match="16 pixels"):
        network(torch.zeros(1, 3, 15, 99))
    with pytest.raises(ValueError, match=r"\(1, 1, 32, 32\).*\(N, 3, H, W\)"):
        network(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ValueError, match="no layer 'conv7_1'"):
        network.maps(torch.zeros(1, 3, 32, 32), ["conv7_1"])


def test_nothing_is_computed_beyond_the_last_layer_asked_for():
    network = SmallVGG(channels=(4, 4, 4, 4)).eval()
    seen = []
    for name, layer in network.layers.items():
        layer.register_forward_hook(lambda *_, name=name: seen.append(name))
    network.maps(torch.zeros(1, 3, 32, 32), ["conv2_1", "conv1_1"])
    assert seen == ["conv1_1", "conv1_2", "conv2_1"]


def test_its_own_file_loads_again_and_a_foreign_one_is_a_sentence(tmp_path):
    network = SmallVGG(3, 4, (4, 8, 12)).eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(load_small_vgg(tmp_path / "own.safetensors")(images), network(images))
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(CourseError, match="does not hold the weights of a SmallVGG"):
        load_small_vgg(tmp_path / "x.safetensors")

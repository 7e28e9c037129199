"""trace_shapes lists what ran, names the layer that cannot, and its advice mends the model."""

import random
import re

import pytest
import torch
from torch import nn

from gan_course.arithmetic import ShapeError, trace_shapes
from gan_course.models import DCGANDiscriminator, DCGANGenerator, SimpleGenerator


def simple_discriminator(channels=3, hidden=32, features=64 * 8 * 8, batch_norm=64):
    return nn.Sequential(
        nn.Conv2d(channels, 32, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(hidden, 64, 4, 2, 1),
        nn.BatchNorm2d(batch_norm),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(features, 1),
    )


def test_rows_are_what_torch_computes():
    trace = trace_shapes(DCGANGenerator(), (2, 100))
    assert trace.ok and trace.output_shape == (2, 3, 64, 64)
    assert trace.num_parameters == sum(p.numel() for p in DCGANGenerator().parameters())
    shapes = [row.output_shape for row in trace.rows if "ConvTranspose2d" in row.layer]
    assert shapes == [(2, 256, 8, 8), (2, 128, 16, 16), (2, 64, 32, 32), (2, 3, 64, 64)]
    text = str(trace)
    assert "blocks.0.0" in text and "(2, 256, 8, 8)" in text and "2,097,152" in text
    assert "kernel_size=4, stride=2, padding=1" in text  # not (4, 4), (2, 2), (1, 1)


def mismatch(kind, rng):
    """A model and an input that do not fit, the layer where it shows, and a number to read."""
    if kind == "first channels":
        seen = rng.choice([1, 2, 4, 7])
        return simple_discriminator(), (2, seen, 32, 32), "0", f"in_channels to {seen}"
    if kind == "inner channels":
        hidden = rng.choice([16, 31, 33, 64])
        return simple_discriminator(hidden=hidden), (2, 3, 32, 32), "2", "in_channels to 32"
    if kind == "flatten size":
        size = rng.choice([16, 20, 28, 64])
        seen = 64 * (size // 4) ** 2
        return simple_discriminator(), (2, 3, size, size), "6", f"in_features to {seen}"
    if kind == "too small":
        size = rng.choice([1, 2, 3])
        layer = "0" if size < 2 else "2"
        return simple_discriminator(), (2, 3, size, size), layer, "kernel_size=4"
    if kind == "no batch":
        return simple_discriminator(), (3, 32, 32), "0", "unsqueeze(0)"
    if kind == "batch norm":
        count = rng.choice([1, 32, 63, 128])
        return simple_discriminator(batch_norm=count), (2, 3, 32, 32), "3", "num_features to 64"
    if kind == "latent":
        seen = rng.choice([1, 64, 99, 128])
        return SimpleGenerator(), (2, seen), "net.0", f"in_features to {seen}"
    unflatten = nn.Sequential(nn.Linear(10, 65), nn.Unflatten(1, (4, 4, 4)))
    return unflatten, (2, 10), "1", "product is 65"


KINDS = [
    "first channels",
    "inner channels",
    "flatten size",
    "too small",
    "no batch",
    "batch norm",
    "latent",
    "unflatten",
]


@pytest.mark.parametrize("number", range(56))
def test_names_the_right_layer_of_generated_mismatches(number):
    kind = KINDS[number % len(KINDS)]
    model, shape, culprit, words = mismatch(kind, random.Random(number))
    trace = trace_shapes(model, shape)
    assert not trace.ok
    assert trace.culprit == culprit, (kind, trace)
    assert words in trace.advice, (kind, trace.advice)
    assert culprit not in [row.name for row in trace.rows]  # it stops there
    assert f"✗ Stopped at {culprit}" in str(trace)


def test_following_the_advice_mends_the_model():
    model = simple_discriminator(features=64 * 16 * 16)  # the mismatch of the source document
    advice = trace_shapes(model, (2, 3, 32, 32)).advice
    model[6] = nn.Linear(int(re.search(r"in_features to (\d+)", advice).group(1)), 1)
    assert trace_shapes(model, (2, 3, 32, 32)).ok


def test_the_model_is_left_as_it_was():
    model = DCGANDiscriminator(32, 1, base_channels=4).train()
    model.blocks.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trace_shapes(model, torch.randn(1, 1, 32, 32))
    trace_shapes(model, torch.randn(1, 3, 32, 32))
    assert model.training and not model.blocks.training and model.to_logit.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_an_error_between_the_layers_is_placed():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4)

        def forward(self, x):
            return self.first(x) + torch.zeros(5)

    trace = trace_shapes(Model(), (1, 4))
    assert trace.culprit == "the forward of Model, after first"
    assert "must match" in trace.advice


def test_a_flatten_that_is_missing_is_named():
    model = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Linear(8 * 16 * 16, 1))
    advice = trace_shapes(model, (1, 3, 32, 32)).advice
    assert "nn.Flatten()" in advice and "in_features=2048" in advice


def test_html_escapes_and_tells():
    html = trace_shapes(simple_discriminator(), (3, 32, 32))._repr_html_()
    assert "does not fit" in html and "<table>" in html
    assert "<strong>✗ Stopped at 0" in html


@pytest.mark.parametrize("bad", [None, "1,3,32,32", (), (1, 0, 4, 4), 5, [[1]]])
def test_an_input_that_is_no_shape_is_refused(bad):
    with pytest.raises(ShapeError, match="neither a tensor nor a shape"):
        trace_shapes(nn.Linear(4, 4), bad)

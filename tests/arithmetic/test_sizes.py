"""The size arithmetic says exactly what torch says, for valid and for invalid layers alike."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gan_course.arithmetic import ShapeError, conv2d_output_size, conv_transpose2d_output_size
from gan_course.errors import CourseError


def torch_size(layer_type, size, **arguments):
    """What torch makes of it: the output size (H, W), or None if it refuses.

    An output without pixels counts as refused. torch itself is of two minds there: one of its CPU
    backends lets ``ConvTranspose2d(1, 1, 4, padding=2)`` make a 0x0 image out of a 1x1 one, the
    others answer "Output size is too small".
    """
    try:
        layer = layer_type(1, 1, **arguments)
        with torch.no_grad():
            output = layer(torch.zeros(1, 1, *size))
    except (RuntimeError, ValueError):
        return None
    return tuple(output.shape[2:]) if output.numel() > 0 else None


def our_size(function, size, **arguments):
    try:
        return function(size, **arguments)
    except ShapeError:
        return None


def random_pair(rng, low, high, forbidden=None):
    """Two numbers in a range; now and then one that no layer may have."""
    pair = [rng.randint(low, high), rng.randint(low, high)]
    if forbidden is not None and rng.random() < 0.04:
        pair[rng.randrange(2)] = forbidden
    return tuple(pair)


def test_conv2d_agrees_with_torch_on_1000_random_layers():
    rng = random.Random(0)
    refused = 0
    for _ in range(1000):
        size = random_pair(rng, 1, 20)
        arguments = {
            "kernel_size": random_pair(rng, 1, 7),
            "stride": random_pair(rng, 1, 4, forbidden=0),
            "padding": random_pair(rng, 0, 4, forbidden=-1),
            "dilation": random_pair(rng, 1, 3, forbidden=0),
        }
        expected = torch_size(nn.Conv2d, size, **arguments)
        assert our_size(conv2d_output_size, size, **arguments) == expected, (size, arguments)
        refused += expected is None
    assert 200 < refused < 800  # both verdicts were really tried


def test_conv_transpose2d_agrees_with_torch_on_1000_random_layers():
    rng = random.Random(1)
    refused = 0
    for _ in range(1000):
        size = random_pair(rng, 1, 12)
        arguments = {
            "kernel_size": random_pair(rng, 1, 7),
            "stride": random_pair(rng, 1, 4, forbidden=0),
            "padding": random_pair(rng, 0, 4, forbidden=-1),
            "output_padding": random_pair(rng, 0, 2, forbidden=-1),
            "dilation": random_pair(rng, 1, 3, forbidden=0),
        }
        expected = torch_size(nn.ConvTranspose2d, size, **arguments)
        ours = our_size(conv_transpose2d_output_size, size, **arguments)
        assert ours == expected, (size, arguments)
        refused += expected is None
    assert 200 < refused < 800


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_words(padding, kernel_size, stride, dilation):
    arguments = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
    }
    expected = torch_size(nn.Conv2d, (6, 9), **arguments)
    assert our_size(conv2d_output_size, (6, 9), **arguments) == expected


@given(n=st.integers(1, 500), k=st.integers(1, 9), s=st.integers(1, 5), p=st.integers(0, 4))
def test_transposed_convolution_undoes_the_size_of_a_convolution(n, k, s, p):
    """Some output_padding always leads back: the reason why that argument exists."""
    if p >= k or k > n + 2 * p:
        return
    small = conv2d_output_size(n, k, s, p)
    remainder = (n + 2 * p - k) % s
    if k + (small - 1) * s + remainder - 2 * p < 1:
        return
    assert conv_transpose2d_output_size(small, k, s, p, output_padding=remainder) == n


def test_ints_give_an_int_and_any_pair_gives_a_pair():
    assert conv2d_output_size(64, 4, 2, 1) == 32
    assert conv2d_output_size((64, 48), 4, 2, 1) == (32, 24)
    assert conv2d_output_size(64, (4, 2), 2, [1, 0]) == (32, 32)
    assert conv_transpose2d_output_size(4, 4, 2, 1) == 8
    assert conv_transpose2d_output_size(torch.Size([4, 5]), 4, 2, 1) == (8, 10)


def test_the_corrected_example_of_the_source_document():
    assert conv2d_output_size(96, kernel_size=4, stride=2, padding=1) == 48


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conv2d_output_size(4, 7), ["kernel_size=7", "7 cells", "only 4"]),
        (lambda: conv2d_output_size(4, 3, dilation=2), ["dilation=2", "5 cells"]),
        (lambda: conv2d_output_size(4, 3, stride=0), ["stride=0", "at least 1"]),
        (lambda: conv2d_output_size(4, 3, padding=-1), ["padding=-1", "at least 0"]),
        (lambda: conv2d_output_size(4, 3, stride=2, padding="same"), ["'same'", "stride=2"]),
        (lambda: conv2d_output_size(4, 3, padding="full"), ["'full'", "'valid'"]),
        (lambda: conv2d_output_size(4.0, 3), ["input_size=4.0", "whole number"]),
        (lambda: conv2d_output_size(True, 3), ["input_size=True", "whole number"]),
        (lambda: conv2d_output_size((4, 4, 4), 3), ["3 entries", "pair"]),
        (lambda: conv2d_output_size("4", 3), ["input_size='4'", "whole number"]),
        (lambda: conv_transpose2d_output_size(4, 4, 2, 1, 2), ["output_padding=2", "stride=2"]),
        (lambda: conv_transpose2d_output_size(1, 2, 1, 3), ["padding=3", "-4"]),
    ],
)
def test_refusals_name_the_value_and_what_to_do(call, words):
    with pytest.raises(ShapeError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert isinstance(caught.value, CourseError)

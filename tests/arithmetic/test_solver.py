"""The solver returns exactly what trying every layer in torch returns, and its facts are right."""

import random
import time
from itertools import pairwise, product

import pytest
import torch
from torch import nn

from gan_course.arithmetic import (
    Layer,
    ShapeError,
    layers_between,
    overlap_counts,
    sequential_code,
    solve_chain,
)
from gan_course.arithmetic.solver import KERNEL_SIZES, PADDINGS, STRIDES, chains
from gan_course.labs.shape_solver import expand_sizes


@pytest.fixture(scope="module")
def tried_in_torch():
    """(transposed, input size) -> {output size: set of (k, s, p, output_padding)}, by torch."""
    table = {}
    for transposed, size in product((True, False), range(1, 33)):
        found = table.setdefault((transposed, size), {})
        for k, s, p in product(KERNEL_SIZES, STRIDES, PADDINGS):
            for extra in range(s if transposed else 1):
                try:
                    # On the meta device torch works out the size without computing any value.
                    if transposed:
                        layer = nn.ConvTranspose2d(1, 1, k, s, p, extra, device="meta")
                    else:
                        layer = nn.Conv2d(1, 1, k, s, p, device="meta")
                    out = layer(torch.zeros(1, 1, size, size, device="meta")).shape[-1]
                except RuntimeError:
                    continue
                if out > 0:
                    found.setdefault(out, set()).add((k, s, p, extra))
    return table


def as_numbers(layers):
    numbers = [(x.kernel_size, x.stride, x.padding, x.output_padding) for x in layers]
    assert len(set(numbers)) == len(numbers)
    return set(numbers)


def test_exactly_the_brute_force_set_for_200_random_targets(tried_in_torch):
    rng = random.Random(0)
    answers = 0
    for _ in range(200):
        transposed = rng.random() < 0.5
        before, after = rng.randint(1, 32), rng.randint(1, 64)
        if not transposed:
            after = rng.randint(1, 36)
        expected = tried_in_torch[transposed, before].get(after, set())
        assert as_numbers(layers_between(before, after, transposed)) == expected
        answers += bool(expected)
    assert 50 < answers < 200  # targets with and without an answer were tried


def test_chains_are_exactly_the_brute_force_chains(tried_in_torch):
    sizes = [1, 4, 8, 15]
    options = solve_chain(sizes)
    ours = {tuple(as_numbers([layer]).pop() for layer in chain) for chain in chains(options)}
    per_step = [tried_in_torch[True, a][b] for a, b in pairwise(sizes)]
    assert ours == set(product(*per_step))


def test_a_chain_of_four_layers_takes_less_than_100_ms():
    start = time.perf_counter()
    options = solve_chain([1, 4, 8, 16, 32])
    assert time.perf_counter() - start < 0.1
    assert all(options)


@pytest.mark.parametrize("sizes", [[1, 4, 8, 16, 32, 64], [1, 7, 14, 28], [64, 32, 16, 8, 4, 1]])
def test_the_best_chain_runs_in_torch_as_written(sizes):
    transposed = sizes[-1] > sizes[0]
    best = [options[0] for options in solve_chain(sizes, transposed)]
    channels = list(range(len(sizes), 0, -1))
    model = eval(sequential_code(best, channels), {"nn": nn})
    x = torch.randn(2, channels[0], sizes[0], sizes[0])
    reached = []
    for module in model:
        x = module(x)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            reached.append(x.shape[-1])
    assert reached == sizes[1:]
    assert isinstance(model[-1], nn.Tanh if transposed else nn.Conv2d)


def test_the_first_choice_is_dcgans():
    layer = layers_between(4, 8)[0]
    assert (layer.kernel_size, layer.stride, layer.padding, layer.output_padding) == (4, 2, 1, 0)
    assert (
        layer.code(512, 256) == "nn.ConvTranspose2d(512, 256, kernel_size=4, stride=2, padding=1)"
    )


@pytest.mark.parametrize("kernel_size", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 5))
def test_overlap_counts_are_what_torch_paints(kernel_size, stride):
    ones = torch.ones(1, 1, 8)
    painted = nn.functional.conv_transpose1d(ones, torch.ones(1, 1, kernel_size), stride=stride)
    counts = overlap_counts(kernel_size, stride, num_inputs=8)
    # torch ends with the last stamp; where the stride is larger, our row ends there too.
    assert counts == painted.flatten().int().tolist()

    interior = counts[kernel_size:-kernel_size]
    even = Layer(8, 8, kernel_size, stride, 0, 0).is_even
    if interior and stride <= kernel_size:
        assert even == (len(set(interior)) == 1)


@pytest.mark.parametrize("transposed", [True, False])
def test_parameters_are_torchs(transposed):
    layer = layers_between(4, 8, True)[0] if transposed else layers_between(8, 4, False)[0]
    for bias in (True, False):
        module = eval(layer.code(5, 3, bias), {"nn": nn})
        assert layer.num_parameters(5, 3, bias) == sum(p.numel() for p in module.parameters())


def test_multiply_adds_by_hand():
    assert Layer(4, 8, 4, 2, 1, 0, transposed=True).multiply_adds(10, 3) == 4 * 4 * 10 * 3 * 16
    assert Layer(8, 4, 4, 2, 1, 0, transposed=False).multiply_adds(3, 10) == 4 * 4 * 10 * 3 * 16


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1, 4, ..., 64", [1, 4, 8, 16, 32, 64]),
        ("1 → 7 → 14 → 28", [1, 7, 14, 28]),
        ("1->4->…->16", [1, 4, 8, 16]),
        ("64 ... 4 1", [64, 32, 16, 8, 4, 1]),
        ("  4 8 ", [4, 8]),
    ],
)
def test_sizes_are_read_as_people_write_them(text, sizes):
    assert expand_sizes(text) == sizes


@pytest.mark.parametrize(
    "text", ["", "4", "...", "4 ...", "... 4", "4 ... 65", "65 ... 4", "4 x 8", "4, -8", "0, 4"]
)
def test_other_texts_get_a_sentence(text):
    with pytest.raises(ShapeError, match=r"size|dots"):
        expand_sizes(text)


def test_bad_sizes_are_refused():
    for sizes in ([4], [0, 4], [4, 2.5]):
        with pytest.raises(ShapeError, match=r"at least (two|1)"):
            solve_chain(sizes)
    with pytest.raises(ShapeError, match="2 layers need 3 channel counts"):
        sequential_code([layers_between(4, 8)[0]] * 2, [8, 4])

"""ShapeSolver lists what fits, counts it, and writes code that runs."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_course.labs import ShapeSolver


@pytest.mark.parametrize("sizes", ["1, 4, ..., 64", "1, 7, 14, 28", "64, ..., 4, 1", "5, 11, 23"])
def test_the_code_runs_through_the_sizes_and_has_the_stated_parameters(sizes):
    lab = ShapeSolver(sizes=sizes)
    data = lab.figure_data()
    model = eval(lab.code(), {"nn": nn})
    first = next(m for m in model if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
    x = torch.randn(2, first.in_channels, data["sizes"][0], data["sizes"][0])
    assert model(x).shape[-1] == data["sizes"][-1]
    convolutions = [m for m in model if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    weights = sum(m.weight.numel() + m.out_channels for m in convolutions)
    assert weights == data["parameters"]


def test_choices_change_cost_code_and_picture():
    lab = ShapeSolver()
    lab.ui()
    before = lab.figure_data(), lab.code(), np.asarray(lab.render())
    lab.choose(1, 4)
    after = lab.figure_data(), lab.code(), np.asarray(lab.render())
    assert before[0]["chosen"][1] != after[0]["chosen"][1] == after[0]["options"][1][4]
    assert before[0]["parameters"] != after[0]["parameters"]
    assert before[1] != after[1] and (before[2] != after[2]).any()


def test_the_number_of_chains_is_the_product():
    data = ShapeSolver(sizes="1, 7, 14, 28").figure_data()
    assert data["chains"] == np.prod([len(x) for x in data["options"]]) == 819


def test_puzzle_par_can_be_reached_and_not_be_beaten():
    lab = ShapeSolver(sizes="1, 7, 14, 28", even_only=True)
    data = lab.figure_data()
    for step, layers in enumerate(data["options"]):
        lab.choose(step, min(range(len(layers)), key=lambda i, x=layers: x[i].kernel_size))
    assert lab.figure_data()["parameters"] == data["par"]
    assert "That is par." in lab.alt_text()
    assert all(x.is_even for layers in data["options"] for x in layers)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [("4", "two sizes"), ("4 ... 65", "doublings"), ("a, b", "'a'"), ("1,2,3,4,5,6,7,8", "steps")],
)
def test_sizes_that_cannot_be_read_get_a_sentence_in_the_picture(sizes, words):
    lab = ShapeSolver()
    lab.ui()
    lab.sizes = sizes
    assert words in lab.alt_text() and words in lab._picture.value.replace("&#x27;", "'")
    assert lab.code().startswith("#")
    lab.sizes = "4, 8"
    assert "4 → 8" in lab.alt_text()


def test_a_step_that_nothing_takes_is_said():
    lab = ShapeSolver(sizes="1, 60")
    assert lab.figure_data()["options"] == [[]]
    assert "no layer" in lab.alt_text() and "nothing fits" in lab.live_html()

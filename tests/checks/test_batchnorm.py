"""Lesson 04: what its checkers hold to be right is measured here in another way."""

import re
from pathlib import Path

import torch
from torch import nn

from gan_course.checks import batchnorm as check

ROOT = Path(__file__).parent.parent.parent
EXERCISES = ROOT / "lessons/04_batchnorm/exercises.py"


def test_the_useless_biases_are_those_without_a_gradient():
    for case in check.useless_biases.cases(torch.Generator().manual_seed(0)):
        layers = [layer.double() for layer in case["layers"]]
        first = layers[0]
        linear = isinstance(first, nn.Linear)
        channels = first.in_features if linear else first.in_channels
        shape = (5, channels) if linear else (5, channels, 8, 8)
        out = nn.Sequential(*layers)(torch.randn(shape, dtype=torch.float64))
        (out**3 + out).sum().backward()
        without_effect = [
            i
            for i, layer in enumerate(layers)
            if not isinstance(layer, check._NORMS)
            and getattr(layer, "bias", None) is not None
            and layer.bias.grad.abs().max() < 1e-9 * (1 + layer.weight.grad.abs().max())
        ]
        assert without_effect == check.useless_biases.oracle(case["layers"]), layers


def test_the_right_values_are_those_that_torch_gives():
    assert torch.allclose(torch.tensor(check.RIGHT), torch.tensor(check._predicted()), atol=1e-6)


def test_the_lines_that_are_wrong_are_those_of_the_text():
    text = EXERCISES.read_text(encoding="utf-8")
    lines = {int(n): line for n, line in re.findall(r"^# ([ \d]\d)  (.*)$", text, re.MULTILINE)}
    assert sorted(lines) == list(range(1, check.LINES + 1))
    signs = ("BatchNorm2d(64, 0.8)", "BatchNorm2d(3)", "torch.cat([real", "generator.train()")
    assert {n for n, line in lines.items() if any(s in line for s in signs)} == check.WRONG_LINES


def test_the_expected_values_in_the_text_are_right():
    x = torch.tensor([1.0, 3, 5, 7]).reshape(2, 1, 1, 2)
    mean, var = check.batch_statistics.oracle(x)
    assert (mean.item(), var.item()) == (4, 5)
    out = check.batch_norm_2d.oracle(x, torch.tensor([2.0]), torch.tensor([1.0]), 1e-5)
    assert [round(v, 2) for v in out.flatten().tolist()] == [-1.68, 0.11, 1.89, 3.68]
    mean, var = check.update_running.oracle(torch.zeros(1), torch.ones(1), x, 0.1)
    assert (round(mean.item(), 3), round(var.item(), 3)) == (0.4, 1.567)


def test_torchs_own_layer_is_locked():
    verdict = check.batch_norm_2d(lambda x, gamma, beta, eps: nn.BatchNorm2d(x.shape[1])(x))
    assert "calls batch_norm" in verdict.message


def test_both_forms_of_forgotten_shapes_are_named():
    """As learners write them: in silence where the width is the number of channels."""

    def along_the_width(x, gamma, beta, eps):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), False, keepdim=True)
        return (x - mean) / torch.sqrt(var + eps) * gamma + beta

    def statistics_too(x, gamma, beta, eps):
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        return (x - mean) / torch.sqrt(var + eps) * gamma + beta

    for answer in (along_the_width, statistics_too):
        assert "(1, C, 1, 1)" in check.batch_norm_2d(answer).message

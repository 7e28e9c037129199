"""What learners of lessons 01 to 05 type: what passes is right, and what is said is true."""

import pytest
import torch
from torch import nn

from gan_course.checks import activations, batchnorm, conv2d, first_networks
from gan_course.checks.activations_pair import D_TANH, _discriminator, _generator
from gan_course.checks.layers import is_activation, shuts_off


@pytest.mark.parametrize("change", [{"padding": -1}, {"dilation": 0}, {"n": 0}, {"stride": -1}])
def test_a_layer_that_torch_refuses_is_no_counterexample(change):
    layer = {"n": 8, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1, **change}
    assert "refuses" in conv2d.spot_the_error(layer).message


@pytest.mark.parametrize("end", [nn.Softmax(dim=1), nn.LogSigmoid(), nn.Hardtanh(), nn.Softplus()])
def test_no_activation_at_all_may_stand_at_ds_end(end):
    pair = [_generator(), _discriminator(end=(lambda: end,))]
    assert activations.build_pair(pair).message == D_TANH
    layers = [*first_networks._discriminator(head=(nn.Flatten(), nn.Linear(4096, 1))), end]
    verdict = first_networks.repair_discriminator(nn.Sequential(*layers))
    assert verdict.message == first_networks.END_BENT


@pytest.mark.parametrize("kind", [nn.Mish, nn.CELU, nn.Softplus, nn.RReLU])
def test_an_activation_that_the_lesson_does_not_name_is_an_activation(kind):
    assert is_activation(kind()) and not shuts_off(kind())
    pair = [_generator(hidden=(kind,)), _discriminator(hidden=(kind,))]
    assert activations.build_pair(pair).passed
    assert first_networks.build_generator(first_networks._generator(bend=kind)).passed


def test_layers_that_bend_nothing_are_no_activations():
    for layer in (nn.Linear(1, 1), nn.Flatten(), nn.Identity(), nn.BatchNorm2d(1), nn.Dropout()):
        assert not is_activation(layer)
    assert shuts_off(nn.ReLU6()) and shuts_off(nn.Hardtanh()) and not shuts_off(nn.LeakyReLU())


def test_a_list_of_layers_is_not_said_to_be_empty():
    message = activations.build_pair([list(_generator()), _discriminator()]).message
    assert "of the type list" in message and "without any" not in message
    message = activations.build_pair([nn.Sequential(), _discriminator()]).message
    assert "without any layer" in message


@pytest.mark.parametrize("number", [1, 4, 5])
def test_one_accepted_line_is_not_taken_for_all_of_them(number):
    choices = [2, 3, 1, 2, 2]
    choices[number - 1] = 1
    message = first_networks.spot_the_errors(choices).message
    assert "every line" not in message and f"Look at number {number}" in message
    assert "every line" in first_networks.spot_the_errors([1] * 5).message


def test_entries_of_another_kind_are_named():
    def lists(x):
        var, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        return mean, var.tolist()

    verdict = batchnorm.batch_statistics(lists)
    assert "Entry 2 of what it gives is a list, but a tensor" in verdict.message
    assert "entry 1" not in verdict.details  # which is right
    message = first_networks.trace(lambda model, x: [(1, 1)] * 7).message
    assert "a list of 7, but a list of 3" in message


def test_nested_line_numbers_get_a_sentence():
    message = batchnorm.spot_the_errors([[6, 9], [13, 16]]).message
    assert "yours is [6, 9]" in message

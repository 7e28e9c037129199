"""What the general tests of the checkers do not see in lesson 05."""

import copy

import pytest
import torch
from torch import nn

from gan_course.arithmetic import trace_shapes
from gan_course.checks import first_networks as check
from gan_course.models.simple import SimpleDiscriminator, SimpleGenerator

NETWORKS = [
    pytest.param(task, mistake, id=f"{task.name}-{mistake.name}")
    for task in (check.repair_discriminator, check.build_generator)
    for mistake in task.mistakes
]


@pytest.mark.parametrize(("task", "mistake"), NETWORKS)
def test_a_network_that_makes_a_mistake_is_told_so_whoever_built_it(task, mistake):
    """Two networks are never equal, so the mistake has to be seen in the layers themselves."""
    verdict = task(copy.deepcopy(mistake.answer))
    assert mistake.message in verdict.message, verdict
    assert "output shape" in verdict.details  # the trace is shown with it


def test_the_package_pair_passes():
    assert check.repair_discriminator(SimpleDiscriminator().net).passed
    assert check.build_generator(SimpleGenerator().net).passed


def test_a_network_is_handed_back_as_it_came():
    model = SimpleGenerator().net.train()
    before = [p.clone() for p in model.parameters()]
    check.build_generator(model)
    assert model.training and all(m.training for m in model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_an_unforeseen_misfit_is_placed_by_trace_shapes():
    model = SimpleGenerator().net
    model[3] = nn.ConvTranspose2d(64, 24, kernel_size=4, stride=2, padding=1)
    verdict = check.build_generator(model)
    assert "stops at layer 5" in verdict.message and "in_channels to 24" in verdict.message
    model = check.published_discriminator()
    model[5] = nn.Linear(1000, 1)
    verdict = check.repair_discriminator(model)
    assert "stops at layer 5" in verdict.message and "4096" in verdict.message


def test_a_class_and_a_module_of_another_kind_are_explained():
    assert "parentheses" in check.build_generator(nn.Sequential).message
    assert "nn.Sequential" in check.build_generator(SimpleGenerator()).message
    assert "empty" in check.repair_discriminator(nn.Sequential()).message


@pytest.mark.parametrize("halves", [nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(16)])
def test_any_other_path_to_the_number_is_declined(halves):
    model = nn.Sequential(*check.published_discriminator(), halves)
    assert check.repair_discriminator(model).message == check.RESIZED


def test_the_known_errors_are_errors():
    """What task 5 claims, tried."""
    x = torch.zeros(2, 3)
    with pytest.raises(TypeError):
        x.shape()
    assert callable(x.size)
    assert torch.tensor(1.0).tanh().item() == pytest.approx(0.76, abs=0.005)
    low, high = torch.tensor([-1.0, 1.0]).sigmoid().tolist()
    assert (round(low, 2), round(high, 2)) == (0.27, 0.73)
    assert trace_shapes(nn.Sequential(nn.Flatten(), nn.Linear(64 * 8 * 8, 1)), (2, 64, 8, 8)).ok
    generator = SimpleGenerator()
    assert not trace_shapes(generator, (16, 100, 1, 1)).ok
    assert not trace_shapes(generator, (100, 16)).ok
    assert trace_shapes(generator, (16, 100)).ok
    assert not any("Pool" in type(m).__name__ for m in SimpleDiscriminator().modules())

"""A choice that cannot work is named when it is made, with the value and what to do."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from gan_course.errors import CourseError
from gan_course.training import TrainConfig
from gan_course.training.device import choose_device


def test_defaults_hang_on_the_data_set():
    digits, others = TrainConfig(), TrainConfig(dataset="cifar10")
    assert (digits.batch_size, digits.learning_rate) == (32, 0.0004)
    assert (others.batch_size, others.learning_rate) == (128, 0.0002)
    assert TrainConfig(batch_size=7).batch_size == 7


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"loss": "hingee"}, "'hingee'; choose one of non-saturating"),
        ({"batch_size": "64"}, "batch_size must be a whole number, but is '64'"),
        ({"batch_size": 32.5}, "whole number, but is 32.5"),
        ({"num_epochs": True}, "whole number, but is True"),
        ({"latent_dim": None}, "latent_dim must be a whole number"),
        ({"learning_rate": "x"}, "learning_rate must be a number, but is 'x'"),
        ({"dataset": 3}, "dataset must be text, but is 3"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": -1}, "between 0 and 2"),
        ({"seed": 2**40}, "between 0 and 2"),
        ({"learning_rate": float("nan")}, "between 0 and 1"),
        ({"beta1": 1}, r"\[0, 1\)"),
        ({"label_smoothing": 1.0}, r"\[0, 1\)"),
        ({"label_smoothing": 0.1, "loss": "wasserstein"}, "no labels to smooth"),
        ({"image_size": 48}, "16, 32, 64 or 128, but is 48"),
        ({"num_epochs": 0}, "at least 1"),
    ],
)
def test_choices_that_cannot_work(choices, words):
    with pytest.raises(CourseError, match=words):
        TrainConfig(**choices)


def test_whole_numbers_are_good_where_a_number_is_asked_for():
    assert TrainConfig(beta1=0, label_smoothing=0, seed=2**40 - 1).beta1 == 0
    assert TrainConfig(learning_rate=float(np.float64(0.001))).learning_rate == 0.001


def test_difference_names_what_a_resumed_run_may_not_change():
    before = TrainConfig(seed=3, num_epochs=2, device="cpu")
    now = TrainConfig(seed=4, num_epochs=9, device="auto", output_dir="elsewhere", resume=True)
    assert now.difference(before) == ["seed: 3 before, 4 now"]


@pytest.mark.parametrize("name", ["toaster", "meta", "xpu", "vulkan", "", "cuda:x"])
def test_devices_that_nobody_has(name):
    with pytest.raises(CourseError, match="there is no device called"):
        choose_device(name)


def test_devices_of_this_machine():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    if torch.cuda.is_available():
        with pytest.raises(CourseError, match="no GPU number 99"):
            choose_device("cuda:99")
    else:
        with pytest.raises(CourseError, match="no GPU that torch can use"):
            choose_device("cuda:1")


@pytest.mark.parametrize(("mine", "seen"), [(None, "3000"), ("7", "7")])
def test_threads_do_not_wait_busily_unless_you_say_so(mine, seen):
    environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    if mine is not None:
        environment["GOMP_SPINCOUNT"] = mine
    code = "import gan_course, os; print(os.environ['GOMP_SPINCOUNT'])"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == seen

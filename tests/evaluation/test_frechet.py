"""The Fréchet distance against closed forms and against scipy's matrix root."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from gan_course.errors import CourseError
from gan_course.evaluation.frechet import frechet_distance, gaussian_distance


def by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(cov_a @ cov_b))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(30, 200), st.integers(30, 200), st.integers(0, 10_000))
def test_equal_to_scipy_on_random_features(width, n, m, seed):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(n, width, generator=g) @ torch.randn(width, width, generator=g)
    b = torch.randn(m, width, generator=g) @ torch.randn(width, width, generator=g) + 1
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-3, abs=1e-6)


def test_two_gaussians_along_one_axis():
    # (m1 - m2)^2 + (s1 - s2)^2
    one = (torch.tensor([0.0]).double(), torch.tensor([[4.0]]).double())
    other = (torch.tensor([3.0]).double(), torch.tensor([[1.0]]).double())
    assert gaussian_distance(*one, *other) == pytest.approx(9 + 1)


def test_the_same_set_is_at_distance_zero_and_order_does_not_count():
    a = torch.rand(50, 6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9)
    b = torch.rand(40, 6) * 2
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_fewer_images_than_features_still_give_a_number():
    a, b = torch.rand(5, 30), torch.rand(6, 30)
    assert 0 < frechet_distance(a, b) < 30


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (torch.zeros(1, 3), torch.zeros(5, 3), r"\(1, 3\)"),
        (torch.zeros(5), torch.zeros(5, 3), r"\(5,\)"),
        (torch.zeros(5, 2), torch.zeros(5, 3), "lengths 2 and 3"),
        (torch.full((5, 3), float("nan")), torch.zeros(5, 3), "no finite numbers"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(a, b, said):
    with pytest.raises(CourseError, match=said):
        frechet_distance(a, b)

"""Kernel distance, precision and recall, coverage: against independent code and closed forms."""

import importlib
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel as sklearn_kernel
from sklearn.neighbors import NearestNeighbors

from gan_course.errors import CourseError
from gan_course.evaluation.classifier import Classifier
from gan_course.evaluation.coverage import (
    coverage,
    perfect_coverage,
    stacked_classes,
)
from gan_course.evaluation.frechet import frechet_distance, gaussian_distance
from gan_course.evaluation.kernel import kernel_distance, squared_mmd
from gan_course.evaluation.precision_recall import precision_recall

SIZES = (st.integers(2, 12), st.integers(8, 60), st.integers(8, 60), st.integers(0, 10_000))


def features(width, n, m, seed):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(n, width, generator=g) @ torch.randn(width, width, generator=g)
    return a, torch.randn(m, width, generator=g) + 0.5


# ---- the kernel distance -------------------------------------------------------------------------


def mmd_by_sklearn(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    n, m = len(a), len(b)
    aa, bb, ab = (sklearn_kernel(x, y, degree=3, coef0=1) for x, y in ((a, a), (b, b), (a, b)))
    np.fill_diagonal(aa, 0)
    np.fill_diagonal(bb, 0)
    return aa.sum() / (n * (n - 1)) + bb.sum() / (m * (m - 1)) - 2 * ab.mean()


@settings(max_examples=25, deadline=None)
@given(*SIZES)
def test_mmd_is_sklearns(width, n, m, seed):
    a, b = features(width, n, m, seed)
    assert squared_mmd(a, b) == pytest.approx(mmd_by_sklearn(a, b), rel=1e-3, abs=1e-9)


def test_two_numbers_each_by_hand():
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    # within a: (0·1 + 1)³ = 1; within b: 1; between: (1 + 1 + 1 + 27) / 4
    assert squared_mmd(a, b) == pytest.approx(1 + 1 - 2 * 7.5)


def test_without_bias_where_frechet_has_one():
    g = torch.Generator().manual_seed(0)
    values, biased = [], []
    for _ in range(60):
        a, b = torch.randn(2, 40, 8, generator=g).unbind()
        values.append(squared_mmd(a, b))
        biased.append(frechet_distance(a, b))
    mean, error = np.mean(values), np.std(values) / math.sqrt(60)
    assert abs(mean) < 4 * error and min(values) < 0
    assert min(biased) > 0.2


def test_blocks_average_to_the_whole_and_the_seed_decides():
    a, b = features(6, 300, 260, 3)
    found = kernel_distance(a, b, blocks=80, block_size=100)
    assert found.mean == pytest.approx(squared_mmd(a, b), abs=4 * found.spread / math.sqrt(80))
    assert found == kernel_distance(a, b, blocks=80, block_size=100)
    assert found != kernel_distance(a, b, blocks=80, block_size=100, seed=1)
    whole = kernel_distance(a[:260], b)
    assert (whole.blocks, whole.block_size, whole.spread) == (1, 260, 0.0)
    assert whole.mean == pytest.approx(squared_mmd(a[:260], b))


# ---- precision and recall ------------------------------------------------------------------------


def shares_by_sklearn(real, fake, k):
    real, fake = real.double().numpy(), fake.double().numpy()

    def inside(points, centres):
        radii = NearestNeighbors(n_neighbors=k + 1).fit(centres).kneighbors(centres)[0][:, -1]
        distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
        return (distances <= radii + 1e-9).any(1).mean()

    return inside(fake, real), inside(real, fake)


@settings(max_examples=25, deadline=None)
@given(*SIZES, st.integers(1, 5))
def test_both_shares_are_sklearns(width, n, m, seed, k):
    real, fake = features(width, n, m, seed)
    found = precision_recall(real, fake, k)
    assert (found.precision, found.recall) == pytest.approx(shares_by_sklearn(real, fake, k))


def test_in_chunks_as_in_one_piece(monkeypatch):
    real, fake = features(4, 70, 61, 0)
    whole = precision_recall(real, fake)
    module = importlib.import_module("gan_course.evaluation.precision_recall")
    monkeypatch.setattr(module, "CHUNK", 8)
    assert precision_recall(real, fake) == whole


def test_what_the_two_say():
    g = torch.Generator().manual_seed(0)
    real = torch.randn(400, 2, generator=g)
    real[:200] += 20
    one_mode = torch.randn(400, 2, generator=g)
    found = precision_recall(real, one_mode)
    assert found.precision > 0.9 and found.recall == pytest.approx(0.5, abs=0.05)
    same = precision_recall(real, real)
    assert (same.precision, same.recall) == (1, 1)
    away = precision_recall(real, real + 1000)
    assert (away.precision, away.recall) == (0, 0)
    lonely = real.clone()
    lonely[0] = 1000.0  # the ball of one outlier covers all that lies between
    assert precision_recall(real, one_mode + 500).precision == 0
    assert precision_recall(lonely, one_mode + 500).precision == 1


@pytest.mark.parametrize("k", [0, 5, 9])
def test_an_impossible_k_is_a_sentence(k):
    with pytest.raises(CourseError, match=f"k is {k}, .* 1 and 4"):
        precision_recall(torch.rand(5, 2), torch.rand(8, 2), k)


@pytest.mark.parametrize("measure", [squared_mmd, kernel_distance, precision_recall])
def test_what_cannot_be_compared_is_a_sentence(measure):
    with pytest.raises(CourseError, match="lengths 2 and 3"):
        measure(torch.zeros(5, 2), torch.zeros(5, 3))
    with pytest.raises(CourseError, match="no finite"):
        measure(torch.full((5, 2), math.nan), torch.zeros(5, 2))


# ---- coverage ------------------------------------------------------------------------------------


def test_coverage_by_hand():
    found = coverage(torch.tensor([0, 0, 0, 1]), 4)
    assert (found.found, found.count) == (2, 4)
    assert found.kl == pytest.approx(0.75 * math.log(3) + 0.25 * math.log(1))
    assert found.total_variation == pytest.approx(0.5)
    shares = torch.tensor([3.0, 1, 0, 0])
    assert coverage(torch.tensor([0, 0, 0, 1]), 4, shares).kl == 0
    assert coverage(torch.tensor([2]), 4, shares).kl == math.inf


@pytest.mark.parametrize("count", [40, 500, 20_000])
def test_a_perfect_generator_gets_what_is_foretold(count):
    g = torch.Generator().manual_seed(0)
    drawn = [coverage(torch.randint(0, 1000, (count,), generator=g), 1000) for _ in range(20)]
    found, kl = perfect_coverage(1000, count)
    assert np.mean([x.found for x in drawn]) == pytest.approx(found, rel=0.02)
    assert np.mean([x.kl for x in drawn]) == pytest.approx(kl, rel=0.02)


def test_what_is_foretold_by_hand():
    # Two classes, two fakes: half of the time they are one class, and log 2 away from even.
    assert perfect_coverage(2, 2) == pytest.approx((1.5, math.log(2) / 2))


class ReadsThePixel(Classifier):
    """Says the digit that the upper left pixel codes."""

    def forward(self, images):
        return -(images[:, :, 0, 0] - torch.linspace(-1, 1, 10)).abs()


def test_a_mode_is_spelt_red_green_blue():
    images = torch.zeros(2, 3, 32, 32)
    images[0, :, 0, 0] = torch.linspace(-1, 1, 10)[[4, 0, 7]]
    images[1, :, 0, 0] = torch.linspace(-1, 1, 10)[[9, 9, 9]]
    assert stacked_classes(ReadsThePixel().eval(), images).tolist() == [407, 999]
    with pytest.raises(CourseError, match=r"\(N, 3, 32, 32\)"):
        stacked_classes(ReadsThePixel().eval(), images[:, :1])


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (torch.tensor([0, 4]), "lie in 0 to 3"),
        (torch.zeros(0, dtype=torch.long), "whole numbers"),
        (torch.zeros(3), "whole numbers"),
    ],
)
def test_wrong_classes_are_a_sentence(classes, said):
    with pytest.raises(CourseError, match=said):
        coverage(classes, 4)


# ---- the Fréchet distance in a second's time -----------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(30, 40), (300, 40), (40, 300), (2, 2)])
def test_fewer_images_than_features_in_float32_as_by_singular_values(n, m):
    """Covariances without full rank, of float32 features far from 0; neither way is ours."""
    g = torch.Generator().manual_seed(n)
    a, b = (torch.randn(k, 64, generator=g) @ torch.randn(64, 64, generator=g) + 9 for k in (n, m))
    x, y = ((f - f.mean(0)) / math.sqrt(len(f) - 1) for f in (a.double(), b.double()))
    # trace of (cov_a cov_b)^(1/2) = sum of the singular values of x yᵀ
    root = np.linalg.svd((x @ y.T).numpy(), compute_uv=False).sum()
    apart = (a.double().mean(0) - b.double().mean(0)).square().sum()
    expected = (apart + x.square().sum() + y.square().sum()).item() - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-3)


def test_flat_directions_do_not_stop_it():
    """No Cholesky factor exists: fewer images than features, or a feature that is always 0."""
    a, b = features(6, 200, 200, 0)
    a[:, 2] = 0
    cov = np.cov(b.double().numpy(), rowvar=False)
    alone = frechet_distance(a, b)
    expected = gaussian_distance(
        a.double().mean(0),
        torch.cov(a.double().T) + 1e-10 * torch.eye(6),
        b.double().mean(0),
        torch.from_numpy(cov),
    )
    assert alone == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_2048_features_of_10000_images_take_seconds():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 10_000, 2048, generator=g).unbind()
    start = time.process_time()  # of all cores: 40 s are 20 s on two
    distance = frechet_distance(a, b + 0.1)
    assert time.process_time() - start < 40
    # The means add 20.48; the rest is the bias of 10,000 samples, about F² / (2 N).
    assert 20.48 < distance < 20.48 + 1.3 * 2048**2 / 20_000

"""The measures, against cases that can be worked out by hand, and against a perfect generator."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan_course.errors import CourseError
from gan_course.toy import (
    ToyConfig,
    ToyGame,
    d_accuracy,
    floors,
    force_norm,
    hops,
    js_grid,
    make_distribution,
    measure,
    modes_covered,
    optimal_discriminator,
    reverse_kl_modes,
    share_on_modes,
    share_per_mode,
    sliced_wasserstein,
)

RING = make_distribution("ring8")
SEEDS = st.integers(0, 10_000)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def on_modes(which, n=240):
    centres = RING.modes[torch.tensor(which)]
    return centres.repeat(n // len(which), 1) + 0.05 * torch.randn(n, 2, generator=rng())


# ---- modes -----------------------------------------------------------------------------------


def test_a_hand_made_fake_on_three_modes_covers_three():
    fake = on_modes([0, 3, 5])
    assert modes_covered(fake, RING) == 3
    assert share_on_modes(fake, RING) > 0.98
    assert share_per_mode(fake, RING)[[1, 2, 4, 6, 7]].sum() == 0
    assert reverse_kl_modes(fake, RING) == pytest.approx(math.log2(8 / 3), abs=1e-6)


def test_a_mode_with_too_small_a_share_is_not_covered():
    # 2.5 % is a fifth of the share that one mode of eight should have.
    few = torch.cat([RING.modes[:1].repeat(976, 1), RING.modes[1:2].repeat(24, 1)])
    enough = torch.cat([RING.modes[:1].repeat(975, 1), RING.modes[1:2].repeat(25, 1)])
    assert modes_covered(few, RING) == 1 and modes_covered(enough, RING) == 2


def test_points_beyond_four_sigma_lie_on_no_mode():
    ray = RING.modes[:1] + torch.tensor([[0.19, 0.0], [0.21, 0.0]])
    assert share_on_modes(ray, RING) == 0.5


def test_shares_of_unequal_modes_are_compared_with_their_own():
    uneven = make_distribution("imbalanced", share=0.95)
    assert modes_covered(uneven.sample(4000, rng()), uneven) == 2
    assert reverse_kl_modes(uneven.modes[:1].repeat(10, 1), uneven) == pytest.approx(
        math.log2(1 / 0.95), abs=1e-5
    )


@given(st.lists(st.integers(0, 7), min_size=1, max_size=60))
def test_reverse_kl_lies_between_0_and_3_bits_and_agrees_with_its_formula(which):
    found = reverse_kl_modes(RING.modes[torch.tensor(which)], RING)
    shares = [which.count(k) / len(which) for k in range(8)]
    assert found == pytest.approx(sum(q * math.log2(8 * q) for q in shares if q), abs=1e-5)
    assert 0 <= found <= 3 + 1e-6


@pytest.mark.parametrize(
    ("run", "expected"), [([], 0), ([2], 0), ([1, 1, 2, 2, 1], 2), ([-1, 3, -1, 3, 4], 1)]
)
def test_hops(run, expected):
    assert hops(run) == expected


def test_a_cloud_without_modes_says_so():
    with pytest.raises(CourseError, match="moons has no separate modes"):
        modes_covered(torch.zeros(5, 2), make_distribution("moons"))


# ---- distances -------------------------------------------------------------------------------


@given(st.floats(-2, 2), st.floats(-2, 2), SEEDS)
def test_sliced_wasserstein_of_a_shift_is_its_mean_shadow(dx, dy, seed):
    points = RING.sample(50, rng(seed))
    angles = torch.arange(16) * math.pi / 16
    shadow = (dx * angles.cos() + dy * angles.sin()).abs().mean()
    found = sliced_wasserstein(points, points + torch.tensor([dx, dy]))
    assert found == pytest.approx(float(shadow), abs=1e-4)


@given(SEEDS)
def test_sliced_wasserstein_is_a_distance(seed):
    a, b, c = (RING.sample(40, rng(seed + i)) * (1 + i) for i in range(3))
    assert sliced_wasserstein(a, a[torch.randperm(40, generator=rng())]) == pytest.approx(
        0, abs=1e-6
    )
    assert sliced_wasserstein(a, b) == pytest.approx(sliced_wasserstein(b, a), rel=1e-6)
    assert sliced_wasserstein(a, c) <= sliced_wasserstein(a, b) + sliced_wasserstein(b, c) + 1e-5


def test_sliced_wasserstein_of_unequal_numbers_does_not_depend_on_copies():
    a, b = RING.sample(30, rng(1)), RING.sample(90, rng(2))
    tripled = a.repeat_interleave(3, dim=0)
    assert sliced_wasserstein(a, b) == pytest.approx(sliced_wasserstein(tripled, b), abs=1e-5)


def test_js_is_0_for_the_real_and_1_for_what_shares_no_square():
    assert js_grid(RING.sample(20_000, rng(5)), RING) < 0.002
    assert js_grid(torch.zeros(100, 2), RING) == pytest.approx(1)
    assert js_grid(torch.full((100, 2), 50.0), RING) == pytest.approx(1)  # all outside
    assert 0.5 < js_grid(on_modes([0]), RING) < 1


@pytest.mark.parametrize("bad", [torch.zeros(0, 2), torch.zeros(5, 3), torch.zeros(5)])
def test_what_is_no_list_of_points_is_told(bad):
    for function in (js_grid, share_per_mode):
        with pytest.raises(CourseError, match=r"must be points of shape \(N, 2\)"):
            function(bad, RING)


# ---- the floors ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ring8", "grid25", "imbalanced", "one", "moons", "spiral"])
def test_a_perfect_generator_scores_the_floor(name):
    real = make_distribution(name)
    floor = floors(real, n=1000)
    better = 0
    for seed in range(10):
        perfect, points = real.sample(1000, rng(seed)), real.sample(1000, rng(seed + 100))
        assert sliced_wasserstein(perfect, points) < 1.5 * floor["sliced_wasserstein"].worst
        assert js_grid(perfect, real) < 1.5 * floor["js"].worst
        better += sliced_wasserstein(perfect, points) < floor["sliced_wasserstein"].median
        if real.modes is not None:
            assert modes_covered(perfect, real) == len(real.modes)
            assert share_on_modes(perfect, real) > 0.99
            assert reverse_kl_modes(perfect, real) <= 2 * floor["reverse_kl"].worst
    assert 0 < better < 10  # the floor is the middle of such scores, and not a bound


def test_the_floor_sinks_with_more_points_and_is_never_0():
    few, many = floors(RING, n=250), floors(RING, n=4000)
    assert 0 < many["sliced_wasserstein"].median < few["sliced_wasserstein"].median / 2
    assert 0 < many["js"].median < few["js"].median / 2


def test_a_poor_generator_lies_well_above_the_floor():
    floor = floors(RING, n=1000)
    poor = on_modes([0, 1, 2, 3, 4, 5, 6], n=994)
    assert (
        sliced_wasserstein(poor, RING.sample(994, rng())) > 1.5 * floor["sliced_wasserstein"].worst
    )
    assert js_grid(poor, RING) > 3 * floor["js"].worst


# ---- the discriminator -----------------------------------------------------------------------


def test_the_optimal_d_is_one_half_where_both_are_equal_and_nan_where_nobody_is():
    one = make_distribution("one", centre=(0.0, 0.0), sigma=0.3)
    points = torch.tensor([[0.0, 0.0], [0.5, 0.1], [3.0, 3.0]])
    equal = optimal_discriminator(points, one, one.density(points))
    assert equal[:2].tolist() == pytest.approx([0.5, 0.5]) and equal[2].isnan()
    # Real and fake of one width, 1 apart: the log of the ratio is a straight line.
    fake = make_distribution("one", centre=(1.0, 0.0), sigma=0.3).density(points[:2])
    expected = 1 / (1 + torch.exp((points[:2, 0] - 0.5) / 0.09))
    assert torch.allclose(optimal_discriminator(points[:2], one, fake), expected, atol=1e-4)


def test_the_optimal_d_from_samples_comes_close_to_the_one_from_densities():
    two, other = make_distribution("two", sigma=0.4), make_distribution("one", sigma=0.4)
    points = torch.tensor([[-1.5, 0.0], [1.5, 0.0], [1.0, 0.5]])
    exact = optimal_discriminator(points, two, other.density(points))
    guess = optimal_discriminator(points, two, other.sample(5000, rng()), bandwidth=0.1)
    assert torch.allclose(exact, guess, atol=0.05)


def test_a_long_trained_d_approaches_the_optimal_one():
    """What the lesson proves on paper: D against a fixed G goes to p / (p + q)."""
    wide = make_distribution("one", centre=(1.0, 0.0), sigma=0.8)
    game = ToyGame(ToyConfig(distribution=wide, freeze_g=True, lr_d=0.003))
    game.generator.forward = lambda z: 0.8 * z  # a blob at the origin
    for _ in range(400):
        game.step_d()
    points = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [1.5, 0.0], [0.5, 0.8]])
    fake = make_distribution("one", centre=(0.0, 0.0), sigma=0.8).density(points)
    best = optimal_discriminator(points, wide, fake)
    assert torch.allclose(game.logits(points).sigmoid(), best, atol=0.12)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "wasserstein", "hinge"])
def test_d_accuracy_is_near_1_for_a_d_that_has_won(loss):
    game = ToyGame(ToyConfig(distribution="far", loss=loss, freeze_g=True, gp_lambda=0.1))
    game.step(200)
    assert d_accuracy(game) > 0.99


def test_force_norm_is_the_median_length():
    game = ToyGame(ToyConfig(loss="wasserstein", discriminator="linear", start_d=(3.0, 4.0)))
    assert force_norm(game) == pytest.approx(5)


def test_measure_has_all_and_twice_the_same():
    game = ToyGame(ToyConfig(units=16))
    game.step(10)
    first = measure(game, n=200)
    assert first == measure(game, n=200)
    assert first["step"] == 10 and len(first["share_per_mode"]) == 8
    assert first["force"] > 0 and 0 <= first["d_accuracy"] <= 1
    without = measure(ToyGame(ToyConfig(units=16, distribution="spiral")), n=200)
    assert "modes_covered" not in without and without["sliced_wasserstein"] > 0

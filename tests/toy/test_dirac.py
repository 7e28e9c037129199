"""The Dirac-GAN against the losses of the course, against formulas, and against itself."""

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_course.errors import CourseError
from gan_course.losses import LOSSES
from gan_course.toy.dirac import (
    DIRAC_LOSSES,
    ESCAPE_RADIUS,
    DiracGAN,
    radius_slope,
    sigmoid,
)

ORDERS = pytest.mark.parametrize("alternating", [False, True])
EVERY_LOSS = pytest.mark.parametrize("loss", sorted(DIRAC_LOSSES))


def bell(std, count=40_001, reach=9.0):
    """Points and weights of a fine rule for the mean over Gaussian noise, not the engine's."""
    points = np.linspace(-reach, reach, count)
    weights = np.exp(-(points**2) / 2)
    return std * points, weights / weights.sum()


# ---- the derivatives are those of gan_course.losses ----------------------------------------------


def test_same_names_as_the_losses_of_the_course():
    assert set(DIRAC_LOSSES) == set(LOSSES)


@EVERY_LOSS
def test_slopes_are_autograds(loss):
    loss_d, loss_g = LOSSES[loss]
    slopes = DIRAC_LOSSES[loss]
    # the kinks of the hinge, at -1 and 1, among them
    for value in [-800.0, -30.0, -2.5, -1.0, -0.3, 0.0, 0.3, 1.0, 2.5, 30.0, 800.0]:
        real = torch.tensor([value], dtype=torch.float64, requires_grad=True)
        fake = torch.tensor([value], dtype=torch.float64, requires_grad=True)
        loss_d(real, fake).backward()
        assert slopes.real(value) == pytest.approx(real.grad.item(), rel=1e-12, abs=1e-300)
        assert slopes.fake(value) == pytest.approx(fake.grad.item(), rel=1e-12, abs=1e-300)
        fake.grad = None
        loss_g(fake).backward()
        assert slopes.generator(value) == pytest.approx(fake.grad.item(), rel=1e-12, abs=1e-300)


@EVERY_LOSS
def test_curvature_is_the_second_derivative(loss):
    loss_d, _ = LOSSES[loss]
    logit = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(loss_d(logit, logit), logit, create_graph=True)
    second = 0.0
    if first.requires_grad:
        second = torch.autograd.grad(first.sum(), logit, allow_unused=True)[0]
        second = 0.0 if second is None else second.item()
    assert DIRAC_LOSSES[loss].curvature == pytest.approx(second)


@EVERY_LOSS
@pytest.mark.parametrize("noise_std", [0.0, 0.4, 1.0])
def test_gradients_are_autograds_of_the_whole_objective(loss, noise_std):
    """Losses, noise and R1 together, the penalty γ/2 · |∇D|² taken by autograd as well."""
    loss_d, loss_g = LOSSES[loss]
    points, weights = bell(noise_std) if noise_std else (np.zeros(1), np.ones(1))
    noise, weights = torch.from_numpy(points), torch.from_numpy(weights)
    game = DiracGAN(loss, r1_gamma=0.7, noise_std=noise_std)
    zero = torch.zeros(1, dtype=torch.float64)
    for start in [(1.2, 0.6), (-2.0, 1.5), (2.5, -2.5), (0.0, -1.0), (0.8, 0.0)]:
        theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in start)
        # A weighted mean: each point by itself, as the losses average with equal weights.
        x_real = noise.clone().requires_grad_()
        logits_real, logits_fake = psi * x_real, psi * (theta + noise)
        each_real = torch.func.vmap(lambda t: loss_d(t.reshape(1), zero))(logits_real)
        each_fake = torch.func.vmap(lambda t: loss_d(zero, t.reshape(1)))(logits_fake)
        (slope,) = torch.autograd.grad(logits_real.sum(), x_real, create_graph=True)
        objective = (weights * (each_real + each_fake)).sum() + 0.7 / 2 * (weights * slope**2).sum()
        (grad_psi,) = torch.autograd.grad(objective, psi, retain_graph=True)
        each_g = torch.func.vmap(lambda t: loss_g(t.reshape(1)))(logits_fake)
        (grad_theta,) = torch.autograd.grad((weights * each_g).sum(), theta)
        close = 2e-3 if noise_std else 1e-12  # the quadrature's promise; hinge: the fine rule's
        assert game.gradient_psi(*start) == pytest.approx(grad_psi.item(), abs=close)
        assert game.gradient_theta(*start) == pytest.approx(grad_theta.item(), abs=close)


def test_sigmoid_neither_overflows_nor_loses_its_tail():
    assert sigmoid(1e6) == 1.0 and sigmoid(-1e6) == 0.0 and sigmoid(0.0) == 0.5
    assert sigmoid(-700) == pytest.approx(math.exp(-700), rel=1e-12)


# ---- exact factors -------------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0.01, 0.1, 0.5, 1.5, 2.5])
def test_wasserstein_simultaneous_grows_by_the_same_factor_at_every_step(lr):
    game = DiracGAN("wasserstein", lr)
    path = game.trajectory((0.7, -0.4), 200)
    exact = math.sqrt(1 + lr**2)
    assert game.radius_factor() == pytest.approx(exact, rel=1e-15)
    assert path.radius[1:] / path.radius[:-1] == pytest.approx(exact, rel=1e-12)
    assert radius_slope(path.radius) == pytest.approx(exact, rel=1e-12)


def test_the_factor_of_the_lesson():
    assert round(DiracGAN("wasserstein", 0.1).radius_factor(), 5) == 1.00499


@pytest.mark.parametrize("lr", [0.01, 0.1, 1.0, 1.9, 1.999])
def test_wasserstein_alternating_circles_for_ever(lr):
    """Eigenvalues of modulus exactly 1, and an ellipse that is never left:
    theta² + psi² - η·theta·psi keeps its value."""
    game = DiracGAN("wasserstein", lr, alternating=True)
    assert game.radius_factor() == 1.0
    assert [abs(v) for v in game.eigenvalues()] == pytest.approx([1, 1], abs=1e-15)
    path = game.trajectory((1.0, 0.5), 5000)
    kept = path.theta**2 + path.psi**2 - lr * path.theta * path.psi
    assert kept == pytest.approx(kept[0], rel=1e-9)
    assert radius_slope(path.radius[:301]) == pytest.approx(1, abs=2e-3 if lr > 1 else 2e-4)


def test_alternating_leaves_from_a_learning_rate_of_2_on():
    at_two = DiracGAN("wasserstein", 2.0, alternating=True)
    assert at_two.eigenvalues() == (-1, -1)
    radius = at_two.trajectory((1.0, 0.0), 300).radius
    steps = np.diff(radius[100:])
    assert steps == pytest.approx(steps[0], rel=1e-3)  # a double eigenvalue: a straight line
    beyond = DiracGAN("wasserstein", 2.1, alternating=True)
    assert beyond.radius_factor() > 1.5 and beyond.trajectory((1.0, 0.0), 300).escaped_at


@pytest.mark.parametrize(
    ("loss", "alternating", "exact", "printed"),
    [
        # √(1 - ηγ + η²) and √(1 - ηγ); with a sigmoid η²/4. η = 0.1, γ = 0.3.
        ("wasserstein", False, math.sqrt(0.98), 0.990),
        ("wasserstein", True, math.sqrt(0.97), 0.985),
        ("hinge", False, math.sqrt(0.98), 0.990),
        ("non-saturating", False, math.sqrt(0.9725), 0.986),
        ("non-saturating", True, math.sqrt(0.97), 0.985),
        ("minimax", False, math.sqrt(0.9725), 0.986),
    ],
)
def test_r1_brings_it_in(loss, alternating, exact, printed):
    game = DiracGAN(loss, 0.1, alternating, r1_gamma=0.3)
    assert game.radius_factor() == pytest.approx(exact, rel=1e-14)
    assert round(game.radius_factor(), 3) == printed
    path = game.trajectory((0.1, 0.0), 400)
    assert radius_slope(path.radius) == pytest.approx(exact, abs=2e-4)


def test_without_its_half_r1_would_bring_it_in_faster():
    """The penalty is γ/2 · psi², so γ = 0.3 damps by 0.3 and not by 0.6."""
    assert DiracGAN(r1_gamma=0.3).gradient_psi(0.0, 1.0) == pytest.approx(0.3)


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.3])
def test_minimax_simultaneous_turns_and_stretches_at_every_step(lr):
    game = DiracGAN("minimax", lr)
    path = game.trajectory((0.9, 0.3), 200)
    logits = path.theta[:-1] * path.psi[:-1]
    exact = np.sqrt(1 + (lr / (1 + np.exp(-logits))) ** 2)
    assert path.radius[1:] / path.radius[:-1] == pytest.approx(exact, rel=1e-12)


def test_non_saturating_comes_in_from_afar_though_its_eigenvalues_say_out():
    game = DiracGAN("non-saturating", 0.1)
    assert game.radius_factor() == pytest.approx(math.sqrt(1 + 0.1**2 / 4), rel=1e-14)
    assert game.radius_factor() > 1
    assert round(radius_slope(game.trajectory((1.0, 0.0), 300).radius), 3) == 0.998
    near = game.trajectory((0.01, 0.0), 300)
    assert radius_slope(near.radius) == pytest.approx(game.radius_factor(), abs=1e-6)


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("start", [0.1, 2.0])
def test_non_saturating_simultaneous_ends_on_a_circle(lr, start):
    """Growth η²/4·r² of a step against η·(theta·psi)², on average η·r⁴/8: balance at r² = 2η."""
    path = DiracGAN("non-saturating", lr).trajectory((start, 0.0), 16_000)
    assert path.radius[-500:].mean() == pytest.approx(math.sqrt(2 * lr), rel=0.02)


def test_non_saturating_alternating_comes_in_ever_more_slowly():
    radius = DiracGAN("non-saturating", 0.1, alternating=True).trajectory((1.0, 0.0), 9000).radius
    first, second, third = (radius[k : k + 300].max() for k in (0, 4000, 8000))
    assert first > second > third and second / first < third / second < 1


@EVERY_LOSS
@ORDERS
def test_near_the_equilibrium_noise_acts_like_r1(loss, alternating):
    noisy = DiracGAN(loss, 0.1, alternating, noise_std=0.6)
    penalised = DiracGAN(loss, 0.1, alternating, r1_gamma=0.36 * DIRAC_LOSSES[loss].curvature)
    assert noisy.damping == pytest.approx(penalised.damping)
    assert noisy.eigenvalues() == pytest.approx(penalised.eigenvalues())
    if loss in ("minimax", "non-saturating"):
        assert noisy.radius_factor() < 1 < DiracGAN(loss, 0.1).radius_factor()


def test_noise_changes_nothing_for_a_straight_critic():
    clean, noisy = DiracGAN("wasserstein"), DiracGAN("wasserstein", noise_std=0.8)
    assert (clean.trajectory((1, 0), 50).theta == noisy.trajectory((1, 0), 50).theta).all()


@settings(max_examples=150, deadline=None)
@given(
    loss=st.sampled_from(sorted(DIRAC_LOSSES)),
    lr=st.floats(0, 2.5),
    alternating=st.booleans(),
    r1_gamma=st.floats(0, 3),
    noise_std=st.floats(0, 1),
)
def test_the_matrix_is_the_jacobian_of_a_step_and_has_these_eigenvalues(
    loss, lr, alternating, r1_gamma, noise_std
):
    game = DiracGAN(loss, lr, alternating, r1_gamma, noise_std)
    matrix, h = game.update_matrix(), 1e-5
    columns = [
        np.subtract(game.step(h * a, h * b), game.step(-h * a, -h * b)) / (2 * h)
        for a, b in ((1.0, 0.0), (0.0, 1.0))
    ]
    assert matrix == pytest.approx(np.stack(columns, axis=1), abs=1e-6)
    first, second = game.eigenvalues()
    assert first + second == pytest.approx(np.trace(matrix), abs=1e-9)
    assert first * second == pytest.approx(np.linalg.det(matrix), abs=1e-9)
    assert game.radius_factor() == pytest.approx(max(abs(first), abs(second)), abs=1e-9)


# ---- the run -------------------------------------------------------------------------------------


def test_d_steps_first_and_g_answers():
    together = DiracGAN("wasserstein", 0.1).step(1.0, 0.0)
    in_turn = DiracGAN("wasserstein", 0.1, alternating=True).step(1.0, 0.0)
    assert together == pytest.approx((1.0, -0.1)) and in_turn == pytest.approx((0.99, -0.1))


def test_inside_the_flat_region_of_the_hinge_d_stands_still():
    game = DiracGAN("hinge", 0.1)
    assert game.gradient_psi(2.0, -2.0) == 0 and game.gradient_psi(-2.0, 0.6) == 0
    assert game.gradient_psi(2.0, -0.4) == 2.0 and game.gradient_psi(2.0, 2.0) == 2.0
    path = game.trajectory((2.0, -2.0), 5)
    assert (path.psi == -2.0).all() and path.theta == pytest.approx([2, 1.8, 1.6, 1.4, 1.2, 1.0])


def test_the_noisy_hinge_survives_numbers_at_the_edge():
    game = DiracGAN("hinge", noise_std=1e-200)
    for psi in (0.0, 1e-200, -5e-324, 3.0):
        assert game.gradient_psi(0.5, psi) == pytest.approx(0.5)


@EVERY_LOSS
@ORDERS
def test_the_equilibrium_is_at_rest(loss, alternating):
    path = DiracGAN(loss, 0.5, alternating, 0.3, 0.5).trajectory((0, 0), 20)
    assert abs(path.radius).max() < 1e-15 and path.steps == 20 and path.escaped_at is None
    assert radius_slope(path.radius) is None


def test_a_run_that_leaves_is_stopped():
    path = DiracGAN("wasserstein", 1.5).trajectory((1.0, 0.0), 10_000)
    assert path.escaped_at == path.steps == 24  # the first k with √3.25^k > 10⁶
    assert path.radius[-2] <= ESCAPE_RADIUS < path.radius[-1]
    assert np.isfinite(path.radius).all()
    wild = DiracGAN("least-squares", 1e300).trajectory((3.0, 3.0), 100)
    assert wild.escaped_at is not None


def test_a_run_can_arrive():
    path = DiracGAN("wasserstein", 1.0, alternating=True, r1_gamma=1.0).trajectory((1.0, 0.0), 9)
    assert path.radius.tolist() == [1.0, 1.0] + [0.0] * 8


def test_zero_steps_and_bad_numbers():
    assert DiracGAN().trajectory((1.0, 2.0), 0).steps == 0
    with pytest.raises(CourseError, match=r"steps must be 0 or more, but is -1"):
        DiracGAN().trajectory((1.0, 2.0), -1)
    with pytest.raises(CourseError, match="finite"):
        DiracGAN().trajectory((math.nan, 0.0), 5)
    with pytest.raises(CourseError, match=r"'hinges'.*hinge"):
        DiracGAN("hinges")
    for name in ("lr", "r1_gamma", "noise_std"):
        with pytest.raises(CourseError, match=f"{name} must be .* but is -1"):
            DiracGAN(**{name: -1.0})
        with pytest.raises(CourseError, match=name):
            DiracGAN(**{name: math.inf})


def test_the_field_is_the_step_without_its_learning_rate():
    game = DiracGAN("non-saturating", 0.25, r1_gamma=0.2)
    thetas, psis = [-1.0, 0.0, 2.0], [0.5, -1.5]
    right, up = game.vector_field(thetas, psis)
    assert right.shape == up.shape == (2, 3)
    for i, psi in enumerate(psis):
        for j, theta in enumerate(thetas):
            after = game.step(theta, psi)
            assert (theta + 0.25 * right[i, j], psi + 0.25 * up[i, j]) == pytest.approx(after)


def test_the_slope_of_the_radius_stops_where_nothing_is_left_to_measure():
    radius = np.array([0.5**k for k in range(30)] + [0.0] * 5)
    assert radius_slope(radius) == pytest.approx(0.5)
    assert radius_slope(np.array([1.0])) is None and radius_slope(np.array([1.0, 0.0])) is None


@pytest.mark.parametrize("loss", ["wasserstein", "non-saturating", "hinge"])
def test_300_steps_take_less_than_a_millisecond(loss):
    game, times = DiracGAN(loss), []
    for _ in range(20):
        begin = time.process_time()
        game.trajectory((1.0, 0.0), 300)
        times.append(time.process_time() - begin)
    assert min(times) < 1e-3

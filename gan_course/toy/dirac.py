"""The smallest GAN there is: one number for each player.

All real data sits at 0. G puts all its fakes at one place, ``theta``. D is a straight line through
the origin, ``logit(x) = psi * x``, so its only parameter is its slope ``psi``. The one equilibrium
worth having is theta = psi = 0: the fakes lie on the real data, and D can't tell them apart.

Both players follow their own gradient with the same learning rate. Whether they get to the
equilibrium can be worked out by hand, which no larger GAN allows.

Source: Mescheder, Geiger & Nowozin 2018, "Which Training Methods for GANs do actually Converge?",
section 2 (the Dirac-GAN) and section 3 (instance noise, zero-centred gradient penalties).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gan_course.errors import CourseError

__all__ = ["DIRAC_LOSSES", "ESCAPE_RADIUS", "DiracGAN", "LossSlopes", "Trajectory", "radius_slope"]

ESCAPE_RADIUS = 1e6  # further out than this a run is stopped: it will not come back
VANISHED_RADIUS = 1e-12  # closer than this a run counts as arrived when its rate is measured
NODES = 16  # of the Gauss-Hermite quadrature: good to 0.002 for |psi|, |theta| <= 3, std <= 1


# ---- the losses, by their derivatives ------------------------------------------------------------


def sigmoid(t: float) -> float:
    """1 / (1 + exp(-t)), without overflow at either end."""
    if t >= 0:
        return 1.0 / (1.0 + math.exp(-t))
    e = math.exp(t)
    return e / (1.0 + e)


@dataclass(frozen=True)
class LossSlopes:
    """The derivatives of one pair of losses with respect to a single logit t.

    Attributes:
        real: of D's loss on a real logit.
        fake: of D's loss on a fake logit.
        generator: of G's loss on a fake logit.
        curvature: second derivatives of D's loss at t = 0, real and fake added. It says how
            strongly instance noise pulls D's slope back to 0.
    """

    real: Callable[[float], float]
    fake: Callable[[float], float]
    generator: Callable[[float], float]
    curvature: float


# Under the names of gan_course.losses, whose derivatives these are.
DIRAC_LOSSES: dict[str, LossSlopes] = {
    "minimax": LossSlopes(
        real=lambda t: -sigmoid(-t), fake=sigmoid, generator=lambda t: -sigmoid(t), curvature=0.5
    ),
    "non-saturating": LossSlopes(
        real=lambda t: -sigmoid(-t), fake=sigmoid, generator=lambda t: -sigmoid(-t), curvature=0.5
    ),
    "hinge": LossSlopes(
        real=lambda t: -1.0 if t < 1 else 0.0,
        fake=lambda t: 1.0 if t > -1 else 0.0,
        generator=lambda t: -1.0,
        curvature=0.0,
    ),
    "wasserstein": LossSlopes(
        real=lambda t: -1.0, fake=lambda t: 1.0, generator=lambda t: -1.0, curvature=0.0
    ),
    # Without a bias D can't say 1 at x = 0, as this loss asks: every point with psi = 0 is at rest.
    "least-squares": LossSlopes(
        real=lambda t: t - 1, fake=lambda t: t, generator=lambda t: t - 1, curvature=2.0
    ),
}


# ---- the game ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trajectory:
    """The path of both players.

    Attributes:
        theta, psi: float arrays of shape (steps done + 1,), the start first.
        radius: sqrt(theta² + psi²) at each of these points, the distance to the equilibrium.
        escaped_at: the step at which the radius passed ``ESCAPE_RADIUS`` and the run was stopped,
            or None.
    """

    theta: np.ndarray
    psi: np.ndarray
    radius: np.ndarray
    escaped_at: int | None

    @property
    def steps(self) -> int:
        """Steps that were done."""
        return len(self.theta) - 1


@dataclass(frozen=True)
class DiracGAN:
    """A Dirac-GAN under gradient descent.

    Args:
        loss: a key of ``DIRAC_LOSSES``; "minimax" is the saturating loss.
        lr: the learning rate η of both players, at least 0.
        alternating: False: both players step from the same point. True: D steps first and G answers
            to the new D, as in the training loop of this course.
        r1_gamma: γ of the R1 penalty γ/2 · |∇D(x)|² on real data, at least 0. The gradient of D is
            psi everywhere, so the penalty adds γ·psi to D's gradient.
        noise_std: standard deviation σ of Gaussian instance noise on real and fake points, at
            least 0. Its mean is taken exactly (hinge) or by quadrature, never by drawing.

    Raises:
        CourseError: for an unknown loss, or a number that is negative or not finite.
    """

    loss: str = "wasserstein"
    lr: float = 0.1
    alternating: bool = False
    r1_gamma: float = 0.0
    noise_std: float = 0.0

    def __post_init__(self) -> None:
        if self.loss not in DIRAC_LOSSES:
            known = ", ".join(DIRAC_LOSSES)
            raise CourseError(f"there is no loss called {self.loss!r}; choose one of {known}.")
        for name in ("lr", "r1_gamma", "noise_std"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise CourseError(f"{name} must be a number from 0 upwards, but is {value}.")

    def gradient_theta(self, theta: float, psi: float) -> float:
        """The gradient of G's loss by theta."""
        slope = DIRAC_LOSSES[self.loss].generator
        if self._straight or self.loss == "hinge":
            return psi * slope(psi * theta)
        return sum(weight * psi * slope(psi * (theta + noise)) for noise, weight in self._noise)

    def gradient_psi(self, theta: float, psi: float) -> float:
        """The gradient of D's loss by psi, with that of the R1 penalty."""
        slopes = DIRAC_LOSSES[self.loss]
        penalty = self.r1_gamma * psi
        if self._straight:
            # The real data sits at x = 0, where D's slope changes nothing.
            return theta * slopes.fake(psi * theta) + penalty
        if self.loss == "hinge":
            return _hinge_mean(theta, psi, self.noise_std) + penalty
        mean = 0.0
        for noise, weight in self._noise:
            x_fake = theta + noise
            mean += weight * (noise * slopes.real(psi * noise) + x_fake * slopes.fake(psi * x_fake))
        return mean + penalty

    @property
    def _straight(self) -> bool:
        """No noise, or noise that a straight critic can't see: the mean of psi·x is psi·theta."""
        return self.noise_std == 0 or self.loss == "wasserstein"

    @cached_property
    def _noise(self) -> list[tuple[float, float]]:
        """(value, weight) pairs that stand for the Gaussian noise."""
        points, weights = np.polynomial.hermite_e.hermegauss(NODES)
        return list(
            zip((self.noise_std * points).tolist(), (weights / weights.sum()).tolist(), strict=True)
        )

    def step(self, theta: float, psi: float) -> tuple[float, float]:
        """Both parameters after one step of D and one of G."""
        new_psi = psi - self.lr * self.gradient_psi(theta, psi)
        seen = new_psi if self.alternating else psi
        return theta - self.lr * self.gradient_theta(theta, seen), new_psi

    def trajectory(self, start: tuple[float, float], steps: int) -> Trajectory:
        """Follow both players from ``start = (theta, psi)`` for so many steps.

        A run that leaves the circle of radius ``ESCAPE_RADIUS`` is stopped there.

        Raises:
            CourseError: if the start is not finite, or steps is negative.
        """
        theta, psi = (float(value) for value in start)
        if not (math.isfinite(theta) and math.isfinite(psi)):
            raise CourseError(f"start must be two finite numbers, but is ({theta}, {psi}).")
        if steps < 0:
            raise CourseError(f"steps must be 0 or more, but is {steps}.")
        thetas, psis, radii = [theta], [psi], [math.hypot(theta, psi)]
        escaped_at = 0 if radii[0] > ESCAPE_RADIUS else None
        while escaped_at is None and len(thetas) <= steps:
            theta, psi = self.step(theta, psi)
            radius = math.hypot(theta, psi)
            thetas.append(theta)
            psis.append(psi)
            radii.append(radius)
            if not radius <= ESCAPE_RADIUS:
                escaped_at = len(thetas) - 1
        return Trajectory(np.array(thetas), np.array(psis), np.array(radii), escaped_at)

    def vector_field(
        self, thetas: Sequence[float], psis: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where both players want to go, -gradient, at every point of a grid.

        Args:
            thetas, psis: the grid's columns (n of them) and rows (m).

        Returns:
            Two arrays of shape (m, n): the direction in theta and the one in psi.
        """
        right = [[-self.gradient_theta(theta, psi) for theta in thetas] for psi in psis]
        up = [[-self.gradient_psi(theta, psi) for theta in thetas] for psi in psis]
        shape = (len(psis), len(thetas))
        return np.array(right).reshape(shape), np.array(up).reshape(shape)

    # ---- what can be said exactly ----------------------------------------------------------------

    @property
    def damping(self) -> float:
        """How strongly D's slope is pulled back to 0 at the equilibrium: γ + σ² · curvature.

        Near the equilibrium instance noise does the same as R1.
        """
        return self.r1_gamma + self.noise_std**2 * DIRAC_LOSSES[self.loss].curvature

    @property
    def coupling(self) -> float:
        """How strongly each player pushes the other at the equilibrium: 1 for the losses without a
        sigmoid, 1/4 for those with one, whose derivative at 0 is 1/2 for either player, and 0 for
        least squares."""
        slopes = DIRAC_LOSSES[self.loss]
        return -slopes.generator(0.0) * slopes.fake(0.0)

    def update_matrix(self) -> np.ndarray:
        """(2, 2): one step near the equilibrium takes (theta, psi) to ``matrix @ (theta, psi)``.

        With the Wasserstein loss that is the step itself, at any distance.
        """
        slopes = DIRAC_LOSSES[self.loss]
        step_d = np.array([[1.0, 0.0], [-self.lr * slopes.fake(0.0), 1 - self.lr * self.damping]])
        step_g = np.array([[1.0, -self.lr * slopes.generator(0.0)], [0.0, 1.0]])
        if self.alternating:
            return step_g @ step_d
        return step_g + step_d - np.eye(2)

    def eigenvalues(self) -> tuple[complex, complex]:
        """The eigenvalues of ``update_matrix``, the larger imaginary or real part first.

        Both inside the unit circle: steps that start close enough come in. One outside: they leave.
        Exactly on it: the matrix alone does not decide, unless the loss is Wasserstein's.
        """
        damping, coupling = self.lr * self.damping, self.lr**2 * self.coupling
        # Written out, not by numpy, so that a modulus of 1 is a modulus of 1.
        if self.alternating:
            trace, determinant = 2 - damping - coupling, 1 - damping
        else:
            trace, determinant = 2 - damping, 1 - damping + coupling
        discriminant = trace**2 / 4 - determinant
        if discriminant < 0:
            height = math.sqrt(-discriminant)
            return complex(trace / 2, height), complex(trace / 2, -height)
        width = math.sqrt(discriminant)
        return complex(trace / 2 + width), complex(trace / 2 - width)

    def radius_factor(self) -> float:
        """By how much the radius is multiplied in one step near the equilibrium, in the long run:
        the largest modulus of an eigenvalue.

        Wasserstein, simultaneous: sqrt(1 + η²), at every step and at any distance: it always
        leaves. Alternating: 1 for η < 2. With R1: sqrt(1 - ηγ + η²) and sqrt(1 - ηγ), as long as
        the eigenvalues are a complex pair. For the losses with a sigmoid, η²/4 takes the place
        of η².
        """
        first, second = self.eigenvalues()
        if first.imag:  # for a pair, det = |eigenvalue|², without a rounded square root in between
            damping = self.lr * self.damping
            growth = 0.0 if self.alternating else self.lr**2 * self.coupling
            return math.sqrt(1 - damping + growth)
        return max(abs(first), abs(second))


def _hinge_mean(theta: float, psi: float, std: float) -> float:
    """E[x_real · real'(psi x_real)] + E[x_fake · fake'(psi x_fake)] of the hinge loss.

    Only points on D's wrong side of the margin count, so both are means of a cut-off Gaussian.
    """
    if abs(psi) * std == 0:
        return theta
    margin = 1 / (abs(psi) * std)  # from 0 to a logit of ±1, in standard deviations
    mean = theta if psi > 0 else -theta  # mirrored, so that the slope is positive
    real = std * _bell(margin)
    distance = mean / std + margin
    inside = 0.5 * math.erfc(-distance / math.sqrt(2))  # share of the fakes with a logit over -1
    fake = mean * inside + std * _bell(distance)
    return math.copysign(1.0, psi) * (real + fake)


def _bell(t: float) -> float:
    """Density of the standard normal distribution."""
    return math.exp(-t * t / 2) / math.sqrt(2 * math.pi)


def radius_slope(radius: np.ndarray) -> float | None:
    """The measured factor per step: exp of the least-squares slope of log radius against step.

    A straight line through all steps, and not last divided by first, because an orbit may be an
    ellipse, on which the radius swings. Steps from the first radius below ``VANISHED_RADIUS`` on
    are left out.

    Args:
        radius: shape (steps + 1,), from a ``Trajectory``.

    Returns:
        The factor, or None if fewer than two radii are left.
    """
    vanished = np.flatnonzero(~(radius >= VANISHED_RADIUS))
    end = vanished[0] if len(vanished) else len(radius)
    if end < 2:
        return None
    steps = np.arange(end) - (end - 1) / 2
    return math.exp(float(steps @ np.log(radius[:end])) / float(steps @ steps))

"""All the choices of one toy game in one place, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache

from torch import Tensor

from gan_course.errors import CourseError
from gan_course.losses import LOSSES
from gan_course.toy.distributions import Distribution, make_distribution

__all__ = ["LOSS_NAMES", "NOT_MID_RUN", "ToyConfig"]

# name here -> name in gan_course.losses
LOSS_NAMES = {
    "saturating": "minimax",
    "non_saturating": "non-saturating",
    "least_squares": "least-squares",
    "hinge": "hinge",
    "wasserstein": "wasserstein",
}
_HAS_LABELS = ("saturating", "non_saturating")

# They fix the networks or the beginning of the game, so a running game cannot change them.
NOT_MID_RUN = (
    "noise_dim",
    "units",
    "depth",
    "pretrain_d",
    "generator",
    "discriminator",
    "start",
    "start_d",
    "seed",
)


@dataclass(frozen=True)
class ToyConfig:
    """The choices of one toy game.

    Raises:
        CourseError: for a value that cannot work, with the value and what to do.
    """

    distribution: str | Distribution = "ring8"
    """What is to be learnt: a name of ``DISTRIBUTIONS``, or what ``make_distribution`` returns."""
    loss: str = "non_saturating"
    """saturating, non_saturating, least_squares, hinge or wasserstein."""
    lr_d: float = 0.001
    """D's learning rate."""
    lr_g: float = 0.001
    """G's learning rate."""
    optimizer_d: str = "adam"
    """adam or sgd (without momentum)."""
    optimizer_g: str = "adam"
    """adam or sgd (without momentum)."""
    beta1: float = 0.5
    """Adam's averaging of past gradients, in [0, 1). beta2 is 0.999."""
    k_d: int = 1
    """D's updates in one step, 0 to 100."""
    k_g: int = 1
    """G's updates in one step, 0 to 100."""
    r1_gamma: float = 0.0
    """Weight of R1: gamma / 2 times the mean of |grad D|^2 on real points. 0 is off."""
    gp_lambda: float = 0.0
    """Weight of WGAN-GP's penalty, the mean of (|grad D| - 1)^2 between real and fake. 0 is off."""
    spectral_norm: bool = False
    """Divide each of D's weight matrices by its largest singular value."""
    instance_noise: float = 0.0
    """Width of the Gaussian noise on all that D sees, real and fake."""
    real_label: float = 1.0
    """D's target for real points, in (0, 1]; 0.9 is one-sided label smoothing."""
    noise_dim: int = 2
    """Length of z, G's input."""
    noise: str = "gaussian"
    """gaussian, or uniform in [-1, 1]."""
    batch_size: int = 128
    """Points in one update."""
    units: int = 64
    """Width of the hidden layers of both networks."""
    depth: int = 2
    """Hidden layers of both networks."""
    freeze_d: bool = False
    """D keeps its weights; its loss is still worked out and recorded."""
    freeze_g: bool = False
    """G keeps its weights."""
    pretrain_d: int = 0
    """Updates of D alone, before the game begins."""
    simultaneous: bool = False
    """Both gradients are taken before either network moves. Usually D moves first."""
    skip_d_when_winning: float | None = None
    """D skips its update while it is right on more than this share of the batch, in (0.5, 1)."""
    generator: str = "mlp"
    """mlp, or shift: a blob that can only move, with two parameters."""
    discriminator: str = "mlp"
    """mlp, or linear: D(x) = w . x, with two parameters."""
    start: tuple[float, float] | None = None
    """Where G's first outputs lie. Default: what the distribution says, usually the middle."""
    start_d: tuple[float, float] = (0.0, 0.0)
    """First w of the linear discriminator."""
    seed: int = 0
    """Start of all random numbers of this game."""

    def __post_init__(self) -> None:
        # The names of gan_course.losses are understood too.
        alias = {theirs: ours for ours, theirs in LOSS_NAMES.items()}
        if isinstance(self.loss, str):
            object.__setattr__(self, "loss", alias.get(self.loss, self.loss))
        for name in ("start", "start_d"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        self._check()

    def replace(self, **changes: object) -> ToyConfig:
        """The same choices but for these. Raises CourseError for a name that is none."""
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise CourseError(f"ToyConfig has no {name!r}; it has {', '.join(known)}.")
        return replace(self, **changes)

    @cached_property
    def real(self) -> Distribution:
        """The distribution itself, also where the config holds only its name."""
        if isinstance(self.distribution, Distribution):
            return self.distribution
        return _by_name(self.distribution)

    @property
    def loss_d(self) -> Callable[[Tensor, Tensor], Tensor]:
        """D's loss, from (logits_real, logits_fake)."""
        function = LOSSES[LOSS_NAMES[self.loss]][0]
        if self.real_label == 1.0:
            return function
        return lambda logits_real, logits_fake: function(logits_real, logits_fake, self.real_label)

    @property
    def loss_g(self) -> Callable[[Tensor], Tensor]:
        """G's loss, from logits_fake."""
        return LOSSES[LOSS_NAMES[self.loss]][1]

    def _check(self) -> None:
        for name, choices in (
            ("loss", tuple(LOSS_NAMES)),
            ("optimizer_d", ("adam", "sgd")),
            ("optimizer_g", ("adam", "sgd")),
            ("noise", ("gaussian", "uniform")),
            ("generator", ("mlp", "shift")),
            ("discriminator", ("mlp", "linear")),
        ):
            if getattr(self, name) not in choices:
                raise CourseError(
                    f"{name}={getattr(self, name)!r} is none of {', '.join(choices)}."
                )
        for name, least, most in (
            ("k_d", 0, 100),
            ("k_g", 0, 100),
            ("noise_dim", 1, 256),
            ("batch_size", 1, 10_000),
            ("units", 1, 1024),
            ("depth", 1, 8),
            ("pretrain_d", 0, 100_000),
            ("seed", 0, 10**8),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise CourseError(
                    f"{name}={value!r} must be a whole number from {least} to {most}."
                )
        for name, least, most, usual in (
            ("lr_d", 0, 10, 0.001),
            ("lr_g", 0, 10, 0.001),
            ("r1_gamma", 0, 1000, 0.1),
            ("gp_lambda", 0, 1000, 1),
            ("instance_noise", 0, 3, 0.1),
            ("beta1", 0, 0.9999, 0.5),
            ("real_label", 0, 1, 1),
        ):
            value = getattr(self, name)
            if not _is_number(value) or not least <= value <= most:
                raise CourseError(
                    f"{name}={value!r} must be a number from {least} to {most}; {usual} is usual."
                )
        for name in ("spectral_norm", "freeze_d", "freeze_g", "simultaneous"):
            if not isinstance(getattr(self, name), bool):
                raise CourseError(f"{name}={getattr(self, name)!r} must be True or False.")
        self._check_places()
        self._check_together()

    def _check_places(self) -> None:
        if not isinstance(self.distribution, str | Distribution):
            raise CourseError(
                f"distribution={self.distribution!r} must be a name such as 'ring8', or what "
                f"make_distribution returns."
            )
        for name in ("start", "start_d"):
            value = getattr(self, name)
            if value is None and name == "start":
                continue
            pair = isinstance(value, tuple) and len(value) == 2
            if not pair or not all(_is_number(number) for number in value):
                raise CourseError(f"{name}={value!r} must be a pair of numbers, (x, y).")
        limit = self.skip_d_when_winning
        if limit is not None and not (_is_number(limit) and 0.5 < limit < 1):
            raise CourseError(
                f"skip_d_when_winning={limit!r} must be None, or a share of right answers between "
                f"0.5 and 1; 0.8 is usual."
            )

    def _check_together(self) -> None:
        self.real  # noqa: B018  an unknown name, or one that needs data, is told here at once
        if self.real_label == 0:
            raise CourseError("real_label=0 would call real points fake; take one in (0, 1].")
        if self.real_label != 1 and self.loss not in _HAS_LABELS:
            raise CourseError(
                f"real_label={self.real_label} has no meaning for the {self.loss} loss; set it to "
                f"1, or take one of {', '.join(_HAS_LABELS)}."
            )
        if self.simultaneous and (self.k_d, self.k_g) != (1, 1):
            raise CourseError(
                f"simultaneous moves both networks once, so k_d and k_g must be 1, but they are "
                f"{self.k_d} and {self.k_g}."
            )
        if self.generator == "shift" and (self.noise_dim != 2 or self.real.sigma == 0):
            raise CourseError(
                "the shift generator draws a round blob: it needs noise_dim=2, and a distribution "
                "that has a width."
            )
        if self.discriminator == "linear" and self.spectral_norm:
            raise CourseError("spectral_norm is for the mlp discriminator; switch one of them.")


@lru_cache
def _by_name(name: str) -> Distribution:
    """The same object for the same name, so that what is worked out for it is worked out once."""
    return make_distribution(name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

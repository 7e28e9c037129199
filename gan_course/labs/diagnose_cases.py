"""The cases of ``Diagnose``: games of 1,200 steps, what ails each of them, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gan_course.toy import Distribution, ToyConfig, make_distribution

__all__ = ["ANSWERS", "CASES", "EVERY", "STEPS", "Case"]

STEPS = 1200
EVERY = 30  # steps between two of the doctor's measurements

# The names to choose from, and what each means, for a learner who has forgotten.
ANSWERS: dict[str, str] = {
    "healthy": "nothing is wrong: the fakes come to lie where the real points lie",
    "mode collapse": "all fakes crowd at one place, and jump to another when D has noticed",
    "vanishing gradients": "D is sure of everything, and no gradient reaches G any more",
    "oscillation": "G and D chase each other in circles, without any friction",
    "a rare kind is missing": "all is well but for a few real points, and G never draws their kind",
    "D is held flat": "D may hardly have an opinion, so it has nothing to teach",
    "learning rates too high": "every step is longer than the way to the goal",
}


@dataclass(frozen=True)
class Case:
    """A game whose settings the learner does not see.

    Attributes:
        name: key of ``CASES``, and of the record.
        answer: the right one of ``ANSWERS``.
        config: the game.
        cause: what the settings do, in words, for the end.
        section: of lesson 09, where it is explained.
        remedy: fields of ``ToyConfig`` that mend it; empty where nothing is wrong.
        remedy_text: the remedy in words.
        setup: a line of code that makes ``real``, if the distribution has no name of its own.
    """

    name: str
    answer: str
    config: ToyConfig
    cause: str
    section: str
    remedy: Mapping[str, object] = field(default_factory=dict)
    remedy_text: str = ""
    setup: str = ""


# Real points without a name in ``DISTRIBUTIONS``, each with the code that the learner gets for it;
# a test holds the two together.

_THREE = Distribution(
    "three blobs, one of them rare",
    [(-1.6, 1.2), (-1.6, -1.2), (1.8, 0)],
    0.1,
    [47, 47, 6],
    has_modes=True,
)
_THREE_CODE = (
    'real = Distribution("three blobs, one of them rare", [(-1.6, 1.2), (-1.6, -1.2), (1.8, 0)], '
    "0.1, [47, 47, 6], has_modes=True)"
)
_FOUR = Distribution(
    "four blobs, one of them rare",
    [(-1.5, -1.5), (0, -1.5), (1.5, -1.5), (0, 1.8)],
    0.1,
    [32, 32, 32, 4],
    has_modes=True,
)
_FOUR_CODE = (
    'real = Distribution("four blobs, one of them rare", [(-1.5, -1.5), (0, -1.5), (1.5, -1.5), '
    "(0, 1.8)], 0.1, [32, 32, 32, 4], has_modes=True)"
)
_NINE = Distribution(
    "nine blobs",
    [(x, y) for x in (-1.8, 0, 1.8) for y in (-1.8, 0, 1.8)],
    0.1,
    has_modes=True,
)
_NINE_CODE = (
    'real = Distribution("nine blobs", [(x, y) for x in (-1.8, 0, 1.8) for y in (-1.8, 0, 1.8)], '
    "0.1, has_modes=True)"
)
_PAIR = Distribution(
    "two blobs, far from where G starts",
    [(1.5, 1), (1.5, -1)],
    0.1,
    has_modes=True,
    start=(-2.25, 0),
)
_PAIR_CODE = (
    'real = Distribution("two blobs, far from where G starts", [(1.5, 1), (1.5, -1)], 0.1, '
    "has_modes=True, start=(-2.25, 0))"
)
_MIDDLE = make_distribution("one", centre=(0.0, 0.0))
_MIDDLE_CODE = 'real = make_distribution("one", centre=(0.0, 0.0))'

_SURE_D = {"loss": "saturating", "optimizer_g": "sgd", "lr_g": 0.02, "pretrain_d": 400}
_TWO_PARAMETERS = {
    "distribution": _MIDDLE,
    "generator": "shift",
    "discriminator": "linear",
    "optimizer_d": "sgd",
    "optimizer_g": "sgd",
}

_ALL = (
    Case(
        "collapse_ring",
        "mode collapse",
        ToyConfig(lr_d=1e-4),
        "D's learning rate is a tenth of G's, so G is always a jump ahead.",
        "section 3",
        {"lr_d": 1e-3, "r1_gamma": 0.1},
        "D's rate as large as G's, and R1 with γ = 0.1.",
    ),
    Case(
        "collapse_moons",
        "mode collapse",
        ToyConfig(distribution="moons", k_g=5, seed=1),
        "G has five turns for each of D's, which is as good as a D that is five times too slow.",
        "section 3",
        {"k_g": 1, "r1_gamma": 0.1},
        "One turn each, and R1 with γ = 0.1.",
    ),
    Case(
        "vanishing_far",
        "vanishing gradients",
        ToyConfig(distribution="far", k_d=5, **_SURE_D),
        "D had a start of 400 updates and has five turns to each of G's. The minimax (saturating) "
        "loss is flat where D is sure.",
        "section 4",
        {"loss": "non_saturating", "r1_gamma": 1.0},
        "The non-saturating loss, and R1 with γ = 1.",
    ),
    Case(
        "vanishing_pair",
        "vanishing gradients",
        ToyConfig(distribution=_PAIR, k_d=3, **_SURE_D),
        "D had a start of 400 updates and has three turns to each of G's. The minimax "
        "(saturating) loss is flat where D is sure.",
        "section 4",
        {"loss": "wasserstein", "gp_lambda": 1.0},
        "The Wasserstein loss with a gradient penalty, which is never flat for G.",
        _PAIR_CODE,
    ),
    Case(
        "orbit_wasserstein",
        "oscillation",
        ToyConfig(
            loss="wasserstein",
            lr_d=0.03,
            lr_g=0.03,
            simultaneous=True,
            start=(1.2, 0.0),
            start_d=(0.6, 0.8),
            **_TWO_PARAMETERS,
        ),
        "G can only move its blob and D can only tilt its plane. Both move at once, and nothing "
        "brakes them.",
        "section 6",
        {"r1_gamma": 0.3},
        "Friction: R1 with γ = 0.3.",
        _MIDDLE_CODE,
    ),
    Case(
        "orbit_hinge",
        "oscillation",
        ToyConfig(
            loss="hinge",
            lr_d=0.03,
            lr_g=0.03,
            start=(1.0, 0.0),
            start_d=(0.3, 0.6),
            **_TWO_PARAMETERS,
        ),
        "G can only move its blob and D can only tilt its plane. They move in turn, and nothing "
        "brakes them.",
        "section 6",
        {"r1_gamma": 0.3},
        "Friction: R1 with γ = 0.3.",
        _MIDDLE_CODE,
    ),
    Case(
        "rare_of_three",
        "a rare kind is missing",
        ToyConfig(distribution=_THREE),
        "Six real points in a hundred lie in the blob on the right. They weigh little in D's loss, "
        "and no slope leads G there.",
        "section 5",
        {"r1_gamma": 3.0},
        "A strong R1, γ = 3, leaves slopes that reach across. And look for it at all: count kinds.",
        _THREE_CODE,
    ),
    Case(
        "rare_of_four",
        "a rare kind is missing",
        ToyConfig(distribution=_FOUR),
        "Four real points in a hundred lie in the blob at the top. They weigh little in D's loss, "
        "and no slope leads G there.",
        "section 5",
        {"r1_gamma": 3.0},
        "A strong R1, γ = 3, leaves slopes that reach across. And look for it at all: count kinds.",
        _FOUR_CODE,
    ),
    Case(
        "flat_ring",
        "D is held flat",
        ToyConfig(r1_gamma=1000.0),
        "R1 with γ = 1000: every slope of D costs more than it brings.",
        "section 9, game B",
        {"r1_gamma": 0.1},
        "R1 with γ = 0.1, a ten-thousandth of it.",
    ),
    Case(
        "flat_nine",
        "D is held flat",
        ToyConfig(distribution=_NINE, r1_gamma=1000.0),
        "R1 with γ = 1000: every slope of D costs more than it brings.",
        "section 9, game B",
        {"r1_gamma": 0.1},
        "R1 with γ = 0.1, a ten-thousandth of it.",
        _NINE_CODE,
    ),
    Case(
        "rates_ring",
        "learning rates too high",
        ToyConfig(lr_d=0.1, lr_g=0.1, r1_gamma=0.1, seed=1),
        "Both learning rates are 0.1, a hundred times too high: the points are thrown about "
        "together.",
        "section 7",
        {"lr_d": 0.001, "lr_g": 0.001},
        "A hundredth of both rates.",
    ),
    Case(
        "rates_nine",
        "learning rates too high",
        ToyConfig(distribution=_NINE, lr_d=0.1, lr_g=0.1),
        "Both learning rates are 0.1, a hundred times too high: the points are thrown about "
        "together.",
        "section 7",
        {"lr_d": 0.001, "lr_g": 0.001, "r1_gamma": 0.1},
        "A hundredth of both rates, and R1 with γ = 0.1.",
        _NINE_CODE,
    ),
    Case(
        "healthy_ring",
        "healthy",
        ToyConfig(r1_gamma=3.0),
        "Equal learning rates, and R1 with γ = 3. D is hardly ever sure, because G draws the ring.",
        "section 9",
    ),
    Case(
        "healthy_spiral",
        "healthy",
        ToyConfig(distribution="spiral", r1_gamma=0.1, seed=2),
        "Equal learning rates, and R1 with γ = 0.1.",
        "section 10",
    ),
    Case(
        "healthy_uneven",
        "healthy",
        ToyConfig(distribution="imbalanced", r1_gamma=1.0, seed=1),
        "One real point in ten lies in the small blob, and R1 with γ = 1 keeps it.",
        "section 5",
    ),
    Case(
        "healthy_wgan",
        "healthy",
        ToyConfig(loss="wasserstein", gp_lambda=1.0, k_d=2, beta1=0.0, seed=1),
        "WGAN-GP. Its losses look wrong to an eye that is used to log 4 and log 2, but a critic's "
        "score has no zero: G's loss says nothing, and only the gap between real and fake counts.",
        "section 9",
    ),
)

CASES: dict[str, Case] = {case.name: case for case in _ALL}

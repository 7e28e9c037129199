"""Lesson 09, task 7: repair a collapsed game. The checker plays it, on seeds of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gan_course.checks.compare import describe
from gan_course.checks.framework import Mistake, PropertyTask
from gan_course.errors import CourseError
from gan_course.toy.config import ToyConfig
from gan_course.toy.many import run_many
from gan_course.toy.metrics import modes_covered

LESSON = "09_failure_modes"

SICK = ToyConfig(distribution="ring8", lr_d=1e-4, lr_g=1e-3)
STEPS = 1000
SEEDS = (901, 902, 903)  # of no table and no picture
WANTED = 5  # modes, in all but one of the games

MAY_CHANGE = (
    "lr_d",
    "lr_g",
    "k_d",
    "k_g",
    "r1_gamma",
    "gp_lambda",
    "spectral_norm",
    "instance_noise",
    "real_label",
    "skip_d_when_winning",
    "beta1",
    "loss",
)
_GENTLER = {
    "r1_gamma",
    "gp_lambda",
    "spectral_norm",
    "instance_noise",
    "real_label",
    "skip_d_when_winning",
}
MOST_D_STEPS = 10  # so that the check ends within seconds


@lru_cache(maxsize=64)
def _play(config: ToyConfig) -> tuple[int, ...]:
    """Modes covered at the end, for each seed. Kept, so that a second check costs nothing."""
    many = run_many(config, SEEDS, STEPS)
    broken = many.broken()
    return tuple(
        0 if broken[i] else modes_covered(samples, config.real)
        for i, samples in enumerate(many.samples(1000))
    )


def _problem(changes: Any) -> str | None:
    if not isinstance(changes, Mapping):
        return (
            f"The check wants a dict of changes such as {{'beta1': 0.9}}, but got "
            f"{describe(changes)}."
        )
    if not changes:
        return "The dict is empty, so nothing is changed and the game collapses as before."
    for name in changes:
        if name not in MAY_CHANGE:
            return (
                f"{name!r} is not among what a repair may change. These are: "
                f"{', '.join(MAY_CHANGE)}."
            )
    try:
        config = SICK.replace(**changes)
    except CourseError as error:
        return f"The game can't be played like that: {error}"
    if config.k_d > MOST_D_STEPS or config.k_g > MOST_D_STEPS:
        return (
            f"More than {MOST_D_STEPS} updates in a step take too long here. It works with fewer."
        )
    covered = _play(config)
    good = sum(modes >= WANTED for modes in covered)
    if good >= len(SEEDS) - 1:
        return None
    return (
        f"Played {STEPS:,} steps with {len(SEEDS)} seeds, the games end with "
        f"{', '.join(map(str, covered))} of 8 modes. Asked for are at least {WANTED}, in all but "
        f"one of them. Who is too slow for whom?"
    )


def _only_gentler(changes: dict) -> bool:
    return bool(changes) and set(changes) <= _GENTLER


def _g_slower(changes: dict) -> bool:
    return set(changes) - _GENTLER == {"lr_g"} and 0 < changes["lr_g"] < SICK.lr_g


def _g_faster(changes: dict) -> bool:
    return changes.get("lr_g", 0) > SICK.lr_g or changes.get("k_g", 1) > 1


def _far_too_fast(changes: dict) -> bool:
    return not _g_faster(changes) and changes.get("lr_d", 0) >= 0.05


def _frozen(changes: dict) -> bool:
    return changes.get("lr_g") == 0 or changes.get("k_g") == 0


choose_repair = PropertyTask(
    LESSON,
    "choose_repair",
    "It covers the modes on seeds that you never saw. One run could have been luck.",
    (
        Mistake(
            "a gentler D",
            "All of that makes D gentler, and it stays as slow as it was. This D was not too "
            "strong: look at its learning rate beside G's.",
            {"r1_gamma": 0.1},
            also=({"spectral_norm": True}, {"real_label": 0.9, "instance_noise": 0.2}),
            fits=_only_gentler,
        ),
        Mistake(
            "a slower G",
            "The ratio is right now, but both are slow: the game is healthy, and after 1,000 steps "
            "it has not arrived. Make D faster instead.",
            {"lr_g": 1e-4},
            fits=_g_slower,
        ),
        Mistake(
            "a faster G",
            "That makes G still faster than D, and D was too slow already. Turn it round.",
            {"lr_g": 1e-2},
            also=({"k_g": 3},),
            fits=_g_faster,
        ),
        Mistake(
            "far too fast",
            "Now every step of D is longer than the way to its goal, and the points are thrown "
            "about. Ten times the sick rate is enough.",
            {"lr_d": 1.0},
            fits=_far_too_fast,
        ),
        Mistake(
            "G stands still",
            "Now G does not learn at all: no collapse, and no samples either.",
            {"lr_g": 0.0},
            also=({"k_g": 0},),
            fits=_frozen,
        ),
    ),
    problem=_problem,
)

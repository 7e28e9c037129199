"""Lesson 13: the Fréchet distance, the kernel distance, precision and recall, coverage, copies."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gan_course.checks import evaluation_counts as counts
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask
from gan_course.evaluation.frechet import frechet_distance
from gan_course.evaluation.kernel import squared_mmd

LESSON = "13_evaluation"


def _features(rng: torch.Generator, rows: int, width: int) -> Tensor:
    """(rows, width) float64 with a covariance of their own, and away from 0."""
    mixed = torch.randn(width, width, generator=rng, dtype=torch.float64)
    points = torch.randn(rows, width, generator=rng, dtype=torch.float64)
    return points @ mixed + 0.5 + torch.rand(width, generator=rng, dtype=torch.float64)


def _pairs(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        width, rows = 2 + i // 3, 6 + 2 * i
        a, b = _features(rng, rows, width), _features(rng, rows + 3, width)
        cases.append({"features_real": a, "features_fake": b - 2})
    return cases


# ---- 1: fair or not ---------------------------------------------------------------------------

_CLAIMS = (
    ("FID 9 (50,000 fakes) against FID 11 (5,000 fakes): the first one is better", False),
    ("the same code, features, counts and seeds: 9.1 against 14.2 in each of three runs", True),
    ("KID −0.0004: the code has a bug, a distance cannot be negative", False),
    ("precision 0.95, recall 0.10: the images are good, but much is never drawn", True),
    ("D's loss fell from 0.7 to 0.3, so the images got better", False),
    (
        "fakes straight from G, real images from JPEG files: part may come from that",
        True,
    ),
    ("900 of 1,000 modes in 2,300 fakes: 100 modes are missing from G", False),
    ("FID 0.3 against the training images: G may have copied them", True),
)

fair_or_not = ValuesTask(
    LESSON,
    "fair_or_not",
    "You read tables like a referee now.",
    (
        Mistake(
            "everything is believed",
            "You believe every claim. Ask of each: is all but the generator the same, and what "
            "would a perfect one get?",
            [True] * len(_CLAIMS),
        ),
        Mistake(
            "nothing is believed",
            "You believe no claim. Some of these compare like with like.",
            [False] * len(_CLAIMS),
        ),
        Mistake(
            "turned round",
            "Each of them is the other way round: True stands for a claim that holds.",
            [not holds for _, holds in _CLAIMS],
        ),
    ),
    questions=tuple(text for text, _ in _CLAIMS),
    expected=lambda: [holds for _, holds in _CLAIMS],
)

# ---- 2: the Fréchet distance ------------------------------------------------------------------


def _frechet(
    means: Callable[[Tensor], Tensor] = lambda d: d.square().sum(),
    correction: int = 1,
    cross: float = 2.0,
    root_of_trace: bool = False,
    elementwise: bool = False,
    end: Callable[[Tensor], Tensor] = lambda x: x,
) -> Callable:
    """The distance with one of its parts changed."""

    def distance(features_real: Tensor, features_fake: Tensor) -> Tensor:
        a, b = (torch.cov(f.T, correction=correction) for f in (features_real, features_fake))
        eigenvalues = torch.linalg.eigvals(a @ b).real.clamp(min=0)
        root = eigenvalues.sum().sqrt() if root_of_trace else eigenvalues.sqrt().sum()
        if elementwise:
            root = (a @ b).clamp(min=0).sqrt().trace()
        apart = means(features_real.mean(0) - features_fake.mean(0))
        return end(apart + a.trace() + b.trace() - cross * root)

    return distance


frechet = FunctionTask(
    LESSON,
    "frechet",
    "That is the number behind the FID. The rest of it is the name of the features.",
    (
        Mistake(
            "means not squared",
            "The distance of the means is not squared: the sum of the squared differences, without "
            "a root.",
            _frechet(means=lambda d: d.norm()),
        ),
        Mistake(
            "mean of the squares",
            "The squared differences of the means are averaged. They are added up: every feature "
            "counts in full.",
            _frechet(means=lambda d: d.square().mean()),
        ),
        Mistake(
            "divided by N",
            "The covariances are divided by N. Divide by N − 1, as torch.cov does by itself.",
            _frechet(correction=0),
        ),
        Mistake(
            "the 2 is missing",
            "The trace of the root is taken off twice: for two equal sets, trace C + trace C must "
            "vanish.",
            _frechet(cross=1.0),
            also=(_frechet(cross=-2.0),),
        ),
        Mistake(
            "root of the trace",
            "It takes the root of the trace. First the root of each eigenvalue, then their sum.",
            _frechet(root_of_trace=True),
        ),
        Mistake(
            "root of each number",
            "It takes the root of each entry of the matrix. A matrix root is another thing: its "
            "trace is the sum of the roots of the eigenvalues.",
            _frechet(elementwise=True),
        ),
        Mistake(
            "a root at the end",
            "That is the root of the right number. The FID is the squared distance, so no root at "
            "the end.",
            _frechet(end=lambda x: x.clamp(min=0).sqrt()),
        ),
        Mistake(
            "means only",
            "Only the means are compared. Two clouds with one centre can be quite different: add "
            "the part of the covariances.",
            lambda features_real, features_fake: (
                (features_real.mean(0) - features_fake.mean(0)).square().sum()
            ),
        ),
    ),
    oracle=lambda features_real, features_fake: frechet_distance(features_real, features_fake),
    cases=_pairs,
    outcome=lambda result, arguments: counts.number(result),
    returns=True,
    tolerance=1e-3,
)


# ---- 3: the kernel distance -------------------------------------------------------------------


def _near_and_far(rng: torch.Generator) -> list[dict]:
    """As ``_pairs``; in the first, the fakes are the real ones, so the estimate is below 0."""
    cases = _pairs(rng)
    real = cases[0]["features_real"]
    cases[0]["features_fake"] = real[torch.randperm(len(real), generator=rng)]
    return cases


def _mmd(
    diagonal: bool = False,
    divide: bool = True,
    power: int = 3,
    plus: float = 1.0,
    cross: float = 2.0,
    end: Callable[[float], float] = lambda x: x,
) -> Callable:
    """The estimate with one of its parts changed."""

    def distance(features_real: Tensor, features_fake: Tensor) -> float:
        def kernel(a: Tensor, b: Tensor) -> Tensor:
            return (a @ b.T / (a.shape[1] if divide else 1) + plus) ** power

        def within(a: Tensor) -> Tensor:
            k, n = kernel(a, a), len(a)
            return k.mean() if diagonal else (k.sum() - k.trace()) / (n * (n - 1))

        a, b = features_real, features_fake
        return end((within(a) + within(b) - cross * kernel(a, b).mean()).item())

    return distance


kernel_distance = FunctionTask(
    LESSON,
    "kernel_distance",
    "No bias, whatever the number of images. The price: now and then it is below 0.",
    (
        Mistake(
            "with the diagonal",
            "Each row is compared with itself, too. Leave the diagonal out, and divide by "
            "n · (n − 1): otherwise a perfect generator gets more than 0 on average.",
            _mmd(diagonal=True),
        ),
        Mistake(
            "not divided by F",
            "The dot product is not divided by the number of features F.",
            _mmd(divide=False),
        ),
        Mistake("another power", "The kernel is cubic: to the power of 3.", _mmd(power=2)),
        Mistake(
            "the 1 is missing",
            "Inside the bracket stands the dot product over F, plus 1.",
            _mmd(plus=0.0),
        ),
        Mistake(
            "the 2 is missing",
            "The mean between the two sets is taken off twice.",
            _mmd(cross=1.0),
            also=(_mmd(cross=-2.0),),
        ),
        Mistake(
            "a root",
            "Take no root: the squared discrepancy is what has no bias, and it may be below 0.",
            _mmd(end=lambda x: math.sqrt(max(0.0, x))),
        ),
        Mistake(
            "never below 0",
            "What is below 0 is made positive or 0 here. Leave it: the mean of many estimates is "
            "right only with those that are below 0.",
            _mmd(end=lambda x: max(0.0, x)),
            also=(_mmd(end=abs),),
        ),
        Mistake(
            "the sign",
            "The sign is turned: what is within the sets counts plus, what is between them minus.",
            _mmd(end=lambda x: -x),
        ),
    ),
    oracle=lambda features_real, features_fake: squared_mmd(features_real, features_fake),
    cases=_near_and_far,
    outcome=lambda result, arguments: counts.number(result),
    returns=True,
    tolerance=1e-3,
)

# ---- 4 to 6: in evaluation_counts.py ----------------------------------------------------------

precision_recall = counts.precision_recall
mode_coverage = counts.mode_coverage
share_nearer = counts.share_nearer

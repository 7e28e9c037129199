"""Fidelity and diversity as two numbers: improved precision and recall.

Around each real point lies a ball that reaches to its k-th nearest real neighbour. All balls
together are a guess at where real images live. Precision is the share of fakes inside it; recall is
the share of real images inside the balls of the fakes.

Source: Kynkäänniemi et al. 2019, eq. 1 and 2, with their k = 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.evaluation.features import check_pair

CHUNK = 1024  # rows whose distances to all others are held at a time


@dataclass(frozen=True)
class PrecisionRecall:
    """precision: the share of fakes that look real. recall: the share of the real that G can do."""

    precision: float
    recall: float
    k: int


def precision_recall(features_real: Tensor, features_fake: Tensor, k: int = 3) -> PrecisionRecall:
    """Both shares, each from 0 to 1.

    Args:
        features_real, features_fake: (N, F) and (M, F), more than k rows each. Take the same number
            of both: more points make smaller balls.
        k: which neighbour a ball reaches to.

    Raises:
        CourseError: for shapes that do not fit, values that are not finite, or a k that is too
            large.
    """
    check_pair(features_real, features_fake)
    fewest = min(len(features_real), len(features_fake))
    if not 1 <= k < fewest:
        raise CourseError(
            f"k is {k}, but must lie between 1 and {fewest - 1}: the smaller set has {fewest} rows "
            f"and a point is not its own neighbour."
        )
    real, fake = features_real.double(), features_fake.double()
    return PrecisionRecall(
        precision=inside_any_ball(fake, real, ball_radii(real, k)).double().mean().item(),
        recall=inside_any_ball(real, fake, ball_radii(fake, k)).double().mean().item(),
        k=k,
    )


def ball_radii(points: Tensor, k: int = 3) -> Tensor:
    """The distance of each point (N, F) to its k-th nearest other one: (N,)."""
    radii = []
    for rows in torch.arange(len(points), device=points.device).split(CHUNK):
        distances = distances_between(points[rows], points)
        distances[torch.arange(len(rows)), rows] = torch.inf  # not its own neighbour
        radii.append(distances.kthvalue(k, dim=1).values)
    return torch.cat(radii)


def inside_any_ball(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """Whether each point (N, F) lies in one of the balls around ``centres`` (M, F): bool (N,)."""
    parts = [(distances_between(part, centres) <= radii).any(1) for part in points.split(CHUNK)]
    return torch.cat(parts)


def distances_between(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances of all rows of a (N, F) to all of b (M, F): (N, M)."""
    # |a - b|² = |a|² + |b|² - 2 a·b: one matrix product. In float64 the rounding does not matter.
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
    return squares.clamp_min_(0).sqrt_()

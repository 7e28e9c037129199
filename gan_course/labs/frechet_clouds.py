"""The clouds of ``FrechetBench``: samples, and the true means and covariances behind them."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from gan_course.evaluation.frechet import frechet_distance

CHANGES = ("nothing", "shift", "scale", "rotate", "drop modes", "blur")
SIZES = (50, 100, 200, 500, 1000, 2000, 5000)
SPREAD = 0.22  # standard deviation of each mode
# Five modes on a slanted line, so that turning the cloud changes its covariance.
CENTRES = torch.tensor([[-1.6, -1.0], [-0.8, -0.1], [0.0, 0.4], [0.8, 0.1], [1.6, 0.6]])


def modes_left(change: str, amount: float) -> int:
    """How many of the five modes the fakes still have."""
    dropped = round(4 * amount) if change == "drop modes" else 0
    return len(CENTRES) - dropped


def cloud(count: int, dimensions: int, rng: torch.Generator, modes: int = 5) -> Tensor:
    """(count, dimensions): the modes in the first two, plain noise in the others."""
    points = torch.randn(count, dimensions, generator=rng)
    which = torch.randint(0, modes, (count,), generator=rng)
    points[:, :2] = CENTRES[which] + SPREAD * points[:, :2]
    return points


def changed(points: Tensor, change: str, amount: float, rng: torch.Generator) -> Tensor:
    """What the generator makes of it: ``amount`` 0 is no change."""
    points = points.clone()
    if change == "shift":
        points[:, 0] += 1.5 * amount
    elif change == "scale":
        points[:, :2] *= 1 - 0.8 * amount
    elif change == "rotate":
        points[:, :2] = points[:, :2] @ turn(amount).T
    elif change == "blur":
        points[:, :2] += amount * torch.randn(len(points), 2, generator=rng)
    return points


def turn(amount: float) -> Tensor:
    """By a quarter of a circle for amount 1."""
    angle = amount * math.pi / 2
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s], [s, c]])


def true_moments(change: str, amount: float) -> tuple[Tensor, Tensor]:
    """Mean (2,) and covariance (2, 2) of the first two dimensions, for endless samples."""
    centres = CENTRES[: modes_left(change, amount)].double()
    mean = centres.mean(0)
    away = centres - mean
    cov = away.T @ away / len(centres) + SPREAD**2 * torch.eye(2, dtype=torch.float64)
    if change == "shift":
        mean = mean + torch.tensor([1.5 * amount, 0.0])
    elif change == "scale":
        mean, cov = mean * (1 - 0.8 * amount), cov * (1 - 0.8 * amount) ** 2
    elif change == "rotate":
        rotation = turn(amount).double()
        mean, cov = rotation @ mean, rotation @ cov @ rotation.T
    elif change == "blur":
        cov = cov + amount**2 * torch.eye(2, dtype=torch.float64)
    return mean, cov


@functools.lru_cache(maxsize=16)
def floor(dimensions: int, repeats: int, seed: int) -> list[list[float]]:
    """The distance of two samples of the real cloud, ``repeats`` times for each of ``SIZES``."""
    rng = torch.Generator().manual_seed(seed)
    return [
        [
            frechet_distance(cloud(n, dimensions, rng), cloud(n, dimensions, rng))
            for _ in range(repeats)
        ]
        for n in SIZES
    ]

"""What the generator has to learn to draw: clouds of points in the square [-3, 3] x [-3, 3].

Almost all of them are mixtures: many small round Gaussian blobs of one width, each with a weight.
Eight blobs make a ring, two hundred in a row make a line, one for each dark pixel makes a picture.
So one class can sample them all, and for all of them the true density is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.toy.own_data import read_picture, read_table

__all__ = ["DISTRIBUTIONS", "LIMIT", "Distribution", "make_distribution"]

LIMIT = 3.0  # the plane is [-LIMIT, LIMIT] in both directions
CURVE_CENTRES = 200  # blobs along a curve: so close that no gap shows


class Distribution:
    """A mixture of round Gaussian blobs in the plane.

    Attributes:
        name: what was asked for, for example ``"ring8"``.
        centres: (K, 2), the middle of every blob.
        weights: (K,), how much of the mass each blob has; they add up to 1.
        sigma: the width (standard deviation) of a blob; 0 for a table, whose rows are the points.
        modes: (M, 2) if the blobs are separate places that a generator can miss, else None.
        shares: (M,), the true share of each mode; (0,) if there are no modes.
        start: where a generator should start, as an offset of its first outputs.

    Raises:
        CourseError: if a weight is negative or all are 0.
    """

    def __init__(
        self,
        name: str,
        centres: Tensor | np.ndarray | Iterable,
        sigma: float,
        weights: Tensor | np.ndarray | Iterable | None = None,
        has_modes: bool = False,
        start: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.name = name
        self.centres = _copy(centres, torch.float32).reshape(-1, 2)
        mass = torch.ones(len(self.centres), dtype=torch.float64)
        if weights is not None:
            mass = _copy(weights, torch.float64)
        if len(mass) != len(self.centres) or (mass < 0).any() or mass.sum() <= 0:
            raise CourseError(
                f"{name} needs one weight of 0 or more for each of its {len(self.centres)} "
                f"centres, and not all of them 0."
            )
        self.sigma = float(sigma)
        self.weights = (mass / mass.sum()).float()
        self.modes = self.centres if has_modes else None
        self.shares = self.weights if has_modes else torch.zeros(0)
        self.start = start
        self._cumulative = (mass / mass.sum()).cumsum(0).float()

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """n points, float32 (n, 2). The random numbers come from ``rng`` and from nowhere else."""
        which = torch.searchsorted(self._cumulative, torch.rand(n, generator=rng), right=True)
        points = self.centres[which.clamp_(max=len(self.centres) - 1)]
        if self.sigma == 0:
            return points
        return points + self.sigma * torch.randn(n, 2, generator=rng)

    def density(self, points: Tensor) -> Tensor | None:
        """The true density at points (N, 2), as (N,); None for a table, where nobody knows it.

        Mass 1 over the whole plane: a value of 2 means 2 per square unit.
        """
        if self.sigma == 0:
            return None
        norm = 1 / (2 * math.pi * self.sigma**2)
        parts = []
        for some in points.detach().float().split(512):  # a picture has thousands of blobs
            distance = torch.cdist(some, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
            blobs = torch.exp(-0.5 * (distance / self.sigma) ** 2)  # (n, K)
            parts.append(norm * (blobs @ self.weights))
        return torch.cat(parts) if parts else torch.zeros(0)

    def mean(self) -> Tensor:
        """The centre of mass, (2,)."""
        return self.weights @ self.centres

    def __repr__(self) -> str:
        modes = "no modes" if self.modes is None else f"{len(self.modes)} modes"
        return f"Distribution({self.name!r}, {modes}, sigma={self.sigma:g})"


def _copy(values: Tensor | np.ndarray | Iterable, dtype: torch.dtype) -> Tensor:
    """A tensor of its own: changing what was given changes no distribution."""
    if isinstance(values, Tensor):
        return values.detach().to("cpu", dtype, copy=True)
    return torch.tensor(np.array(values), dtype=dtype)


def _one(centre: tuple[float, float] = (1.5, 0.0), sigma: float = 0.1) -> Distribution:
    return Distribution("one", [centre], sigma, has_modes=True)


def _two(sigma: float = 0.1) -> Distribution:
    return Distribution("two", [(-1.5, 0.0), (1.5, 0.0)], sigma, has_modes=True)


def _imbalanced(share: float = 0.9, sigma: float = 0.1) -> Distribution:
    if not 0.5 <= share <= 0.99:
        raise CourseError(
            f"share={share} is the large blob's part of the points; it must lie in 0.5 to 0.99."
        )
    return Distribution(
        "imbalanced", [(-1.5, 0.0), (1.5, 0.0)], sigma, weights=[share, 1 - share], has_modes=True
    )


def _ring8(sigma: float = 0.05, radius: float = 2.0) -> Distribution:
    angles = np.arange(8) * (2 * np.pi / 8)
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Distribution("ring8", centres, sigma, has_modes=True)


def _grid25(sigma: float = 0.05) -> Distribution:
    centres = [(x, y) for y in range(-2, 3) for x in range(-2, 3)]
    return Distribution("grid25", centres, sigma, has_modes=True)


def _line(sigma: float = 0.05) -> Distribution:
    t = np.linspace(-1, 1, CURVE_CENTRES)
    return Distribution("line", np.stack([2 * t, t], axis=1), sigma)


def _moons(sigma: float = 0.08) -> Distribution:
    t = np.linspace(0, np.pi, CURVE_CENTRES // 2)
    upper = np.stack([np.cos(t) - 0.5, np.sin(t) - 0.25], axis=1)
    lower = np.stack([0.5 - np.cos(t), 0.25 - np.sin(t)], axis=1)
    return Distribution("moons", 1.4 * np.concatenate([upper, lower]), sigma)


def _spiral(sigma: float = 0.06, turns: float = 1.75) -> Distribution:
    # An angle that grows with the square root of t gives points at even distances.
    angle = 2 * np.pi * turns * np.sqrt(np.linspace(0.02, 1, CURVE_CENTRES))
    radius = 2.4 * angle / angle[-1]
    return Distribution(
        "spiral", np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), sigma
    )


def _far(sigma: float = 0.1) -> Distribution:
    # The generator starts 4.5 away: the two clouds do not touch.
    return Distribution("far", [(2.25, 0.0)], sigma, has_modes=True, start=(-2.25, 0.0))


def _drawn(points: Iterable = (), sigma: float = 0.08) -> Distribution:
    try:
        centres = np.array([tuple(point) for point in points], dtype=float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise CourseError(
            "drawn needs points=[(x, y), ...]: a list of pairs of numbers."
        ) from error
    if len(centres) == 0:
        raise CourseError("drawn needs at least one point: points=[(x, y), ...].")
    if not np.isfinite(centres).all() or np.abs(centres).max() > LIMIT:
        bad = centres[~(np.abs(centres) <= LIMIT).all(axis=1)][0]
        raise CourseError(
            f"the point ({bad[0]:g}, {bad[1]:g}) lies outside the plane: both numbers must lie "
            f"between -{LIMIT:g} and {LIMIT:g}."
        )
    return Distribution("drawn", centres, sigma)


def _table(data: np.ndarray | str | Path = "", columns: tuple[int, int] = (0, 1)) -> Distribution:
    return Distribution("table", read_table(data, columns), sigma=0.0)


def _picture(image: object = "", invert: bool = False) -> Distribution:
    centres, weights, pixel = read_picture(image, invert)
    return Distribution("picture", centres, sigma=pixel / 2, weights=weights)


# name -> (builder, what it is, for a menu)
DISTRIBUTIONS: dict[str, tuple[Callable[..., Distribution], str]] = {
    "one": (_one, "one blob"),
    "two": (_two, "two blobs"),
    "imbalanced": (_imbalanced, "two blobs, nine points in ten in the left one"),
    "ring8": (_ring8, "eight blobs on a ring"),
    "grid25": (_grid25, "twenty-five blobs on a grid (hard)"),
    "line": (_line, "a line"),
    "moons": (_moons, "two half moons"),
    "spiral": (_spiral, "a spiral"),
    "far": (_far, "one blob, far from where the generator starts"),
    "drawn": (_drawn, "points that you draw"),
    "table": (_table, "your own table of two columns"),
    "picture": (_picture, "the dark pixels of your own picture"),
}


def make_distribution(name: str, **options: object) -> Distribution:
    """A distribution by name.

    Args:
        name: a key of ``DISTRIBUTIONS``.
        options: ``sigma`` for all but table and picture; ``centre`` for one; ``share`` (0.5 to
            0.99) for imbalanced; ``radius`` for ring8; ``turns`` for spiral; ``points`` for drawn;
            ``data`` (an (N, 2) array or the path of a CSV file) and ``columns`` for table;
            ``image`` (a path, a PIL image or an array) and ``invert`` for picture.

    Raises:
        CourseError: for an unknown name or option, or for data that cannot be used.
    """
    if name not in DISTRIBUTIONS:
        raise CourseError(
            f"there is no distribution called {name!r}; choose one of {', '.join(DISTRIBUTIONS)}."
        )
    builder, _ = DISTRIBUTIONS[name]
    known = builder.__code__.co_varnames[: builder.__code__.co_argcount]
    for option in options:
        if option not in known:
            raise CourseError(f"{name} has no option {option!r}; it has {', '.join(known)}.")
    sigma = options.get("sigma", 0.1)
    if not isinstance(sigma, int | float) or not 0 < sigma <= 1:
        raise CourseError(f"sigma={sigma} is the width of a blob; it must lie in (0, 1].")
    return builder(**options)

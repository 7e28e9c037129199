"""How good is a toy generator? Each measure comes with the score of a perfect one.

A sample is never exactly its distribution. Two samples of 1,000 points from the same ring are 0.07
apart in sliced Wasserstein distance, so that is as low as the best possible generator gets on
average, and a score of 0.08 is not a fault. ``floors`` gives that score for every measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.toy.distributions import LIMIT, Distribution

if TYPE_CHECKING:
    from gan_course.toy.game import ToyGame

MODE_RADIUS = 4.0  # in sigmas: a point this close to a mode lies on it
COVERED = 0.2  # a mode counts from this part of its true share on
DIRECTIONS = 16
REAL_POINTS = 20_000  # real points behind js_grid


# ---- modes -----------------------------------------------------------------------------------


def share_per_mode(samples: Tensor, distribution: Distribution) -> Tensor:
    """For samples (N, 2): which part of them lies on each mode, within 4 sigma. (M,).

    Raises:
        CourseError: if the distribution has no modes, or there are no samples.
    """
    nearest, distance = _nearest_mode(samples, distribution)
    on_mode = nearest[distance <= MODE_RADIUS * distribution.sigma]
    return torch.bincount(on_mode, minlength=len(distribution.modes)).float() / len(samples)


def share_on_modes(samples: Tensor, distribution: Distribution) -> float:
    """The part of the samples that lies on any mode, in [0, 1]. A perfect generator: 0.9997."""
    return float(share_per_mode(samples, distribution).sum())


def modes_covered(samples: Tensor, distribution: Distribution) -> int:
    """How many modes get at least a fifth of the samples that they should, within 4 sigma."""
    return int((share_per_mode(samples, distribution) >= COVERED * distribution.shares).sum())


def reverse_kl_modes(samples: Tensor, distribution: Distribution) -> float:
    """KL(fake shares || true shares) over the modes, in bits; each sample counts for its nearest.

    0 if every mode has its share; log2(8) = 3 if all samples sit on one of eight equal modes. It
    looks only at how the modes are shared out, not at how close the samples come to them.
    """
    nearest, _ = _nearest_mode(samples, distribution)
    q = torch.bincount(nearest, minlength=len(distribution.modes)).double() / len(samples)
    ratio = torch.where(q > 0, q / distribution.shares.double(), 1.0)  # 0 log 0 = 0
    return max(0.0, float((q * ratio.log2()).sum()))


def hops(dominant: Sequence[int]) -> int:
    """How often the most crowded mode changes along a run. -1 (no mode at all) does not count."""
    seen = [mode for mode in dominant if mode >= 0]
    return sum(a != b for a, b in pairwise(seen))


def dominant_mode(samples: Tensor, distribution: Distribution) -> int:
    """The mode that most samples are nearest to; -1 if the distribution has no modes."""
    if distribution.modes is None:
        return -1
    nearest, _ = _nearest_mode(samples, distribution)
    return int(torch.bincount(nearest).argmax())


def _nearest_mode(samples: Tensor, distribution: Distribution) -> tuple[Tensor, Tensor]:
    if distribution.modes is None:
        raise CourseError(
            f"{distribution.name} has no separate modes to count; use sliced_wasserstein or "
            f"js_grid."
        )
    _check_points(samples, "samples")
    distance = torch.cdist(
        samples.float(), distribution.modes, compute_mode="donot_use_mm_for_euclid_dist"
    )
    distance, nearest = distance.min(dim=1)
    return nearest, distance


# ---- distances -------------------------------------------------------------------------------


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = DIRECTIONS) -> float:
    """Mean distance that points must travel to make a (N, 2) into b (M, 2), seen along lines.

    The points are projected on ``directions`` lines at even angles. On a line the cheapest way is
    known: the first goes to the first, the second to the second. 0 for equal sets. In the unit of
    the plane, so two far blobs score more than two near ones, whether or not they overlap.

    Source: Rabin et al. 2012; Deshpande et al. 2018.
    """
    _check_points(a, "a")
    _check_points(b, "b")
    angles = torch.arange(directions) * (math.pi / directions)
    lines = torch.stack([angles.cos(), angles.sin()])  # (2, directions)
    a, b = (a.float() @ lines).sort(dim=0).values, (b.float() @ lines).sort(dim=0).values
    if len(a) != len(b):
        # Compare the same quantiles, the middle of each of n equal parts.
        n = max(len(a), len(b))
        middle = (torch.arange(n) + 0.5) / n
        a = a[(middle * len(a)).long()]
        b = b[(middle * len(b)).long()]
    return float((a - b).abs().mean())


def js_grid(samples: Tensor, distribution: Distribution, cells: int = 12) -> float:
    """Jensen-Shannon divergence between samples (N, 2) and 20,000 real points on a grid, in bits.

    Both are counted in ``cells`` x ``cells`` squares of the plane and one more for all outside.
    0 for equal counts, 1 if no square holds both. A sample of N points scores a little above 0
    even from a perfect generator, and the more so the finer the grid: see ``floors``.
    """
    _check_points(samples, "samples")
    p = _real_counts(distribution, cells)
    q = _counts(samples, cells)
    middle = (p + q) / 2
    return max(0.0, float((_kl(p, middle) + _kl(q, middle)) / 2))


@lru_cache(maxsize=64)
def _real_counts(distribution: Distribution, cells: int) -> Tensor:
    return _counts(distribution.sample(REAL_POINTS, torch.Generator().manual_seed(12345)), cells)


def _counts(points: Tensor, cells: int) -> Tensor:
    cell = ((points + LIMIT) * (cells / (2 * LIMIT))).floor().clamp(-1, cells).long()
    outside = ((cell < 0) | (cell >= cells)).any(dim=1)
    index = torch.where(outside, cells * cells, cell[:, 1] * cells + cell[:, 0])
    return torch.bincount(index, minlength=cells * cells + 1).double() / len(points)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * (p / q.clamp_min(1e-300)).log2(), 0.0).sum()


# ---- the discriminator -----------------------------------------------------------------------


def optimal_discriminator(
    points: Tensor, real: Distribution, fake: Tensor, bandwidth: float = 0.15
) -> Tensor:
    """What the best possible D would say: D*(x) = p_real(x) / (p_real(x) + p_fake(x)), (N,).

    Args:
        points: (N, 2), where to ask.
        real: a distribution with a known density.
        fake: fake samples (M, 2), whose density is estimated by a small blob of width
            ``bandwidth`` on each; or, if it is known, p_fake at the points, (N,).
        bandwidth: in the unit of the plane. The narrower, the more the single samples show.

    Returns:
        A probability for each point; NaN where neither has any mass: nothing there trains D, so no
        answer is better than another.

    Raises:
        CourseError: for a distribution whose density is not known (a table).

    Source: Goodfellow et al. 2014, proposition 1.
    """
    p_real = real.density(points)
    if p_real is None:
        raise CourseError(
            f"the density of {real.name} is not known, so its optimal D is not either."
        )
    if fake.ndim == 2:
        p_fake = Distribution("fakes", fake.detach().numpy(), bandwidth).density(points)
    else:
        p_fake = fake.float()
    total = p_real + p_fake
    return torch.where(total > 1e-12, p_real / total, torch.nan)


def d_accuracy(game: ToyGame, n: int = 1000) -> float:
    """D's share of right answers on n real and n fake points, in [0, 1]. 0.5 is guessing."""
    from gan_course.toy.step import right_answers

    logits_real = game.logits(_real_points(game.config.real, n))
    logits_fake = game.logits(game.samples(n))
    return float(right_answers(game.config, logits_real, logits_fake))


def force_norm(game: ToyGame, n: int = 1000) -> float:
    """Median length of the force on a fake point: how hard G's loss pushes it."""
    return float(game.force(game.samples(n)).norm(dim=1).median())


# ---- all together ----------------------------------------------------------------------------


class Floor(NamedTuple):
    """What a perfect generator scores: the median and the worst of 20 tries."""

    median: float
    worst: float


@lru_cache(maxsize=64)
def floors(distribution: Distribution, n: int = 1000) -> dict[str, Floor]:
    """The scores of a perfect generator, whose n samples are real points.

    Returns:
        sliced_wasserstein and js, and for distributions with modes modes_covered, share_on_modes
        and reverse_kl. The worst is the highest, or the lowest where more is better. Do not
        change the dict: it is kept for the next call.
    """
    rng = torch.Generator().manual_seed(54321)
    scores = [
        score(distribution.sample(n, rng), distribution.sample(n, rng), distribution)
        for _ in range(20)
    ]
    more_is_better = ("modes_covered", "share_on_modes")
    found = {}
    for name in scores[0]:
        values = torch.tensor([float(one[name]) for one in scores])
        worst = values.min() if name in more_is_better else values.max()
        found[name] = Floor(float(values.median()), float(worst))
    return found


def score(samples: Tensor, points_real: Tensor, distribution: Distribution) -> dict[str, float]:
    """The measures that need only samples. See ``floors`` for their names."""
    scores = {
        "sliced_wasserstein": sliced_wasserstein(samples, points_real),
        "js": js_grid(samples, distribution),
    }
    if distribution.modes is not None:
        scores["modes_covered"] = modes_covered(samples, distribution)
        scores["share_on_modes"] = share_on_modes(samples, distribution)
        scores["reverse_kl"] = reverse_kl_modes(samples, distribution)
    return scores


def measure(game: ToyGame, n: int = 1000) -> dict:
    """All measures of a game as it stands, on n fresh fakes and n real points. Changes nothing.

    Returns:
        ``sliced_wasserstein``, ``js``; with modes also ``modes_covered``, ``share_on_modes``,
        ``reverse_kl``, ``share_per_mode`` (a list); then ``d_accuracy``, ``mean_d_real`` and
        ``mean_d_fake`` (means of D as a probability), ``force`` (median), ``centre`` (x, y),
        ``distance`` (from there to the real centre), ``spread`` (mean distance from the centre),
        and ``step``.
    """
    from gan_course.toy.step import right_answers

    real = game.config.real
    samples, points_real = game.samples(n), _real_points(real, n)
    logits_real, logits_fake = game.logits(points_real), game.logits(samples)
    centre = samples.mean(dim=0)
    found = {"step": game.steps_done, **score(samples, points_real, real)}
    if real.modes is not None:
        found["share_per_mode"] = share_per_mode(samples, real).tolist()
    return found | {
        "d_accuracy": float(right_answers(game.config, logits_real, logits_fake)),
        "mean_d_real": float(logits_real.sigmoid().mean()),
        "mean_d_fake": float(logits_fake.sigmoid().mean()),
        "force": float(game.force(samples).norm(dim=1).median()),
        "centre": tuple(centre.tolist()),
        "distance": float((centre - real.mean()).norm()),
        "spread": float((samples - centre).norm(dim=1).mean()),
    }


@lru_cache(maxsize=64)
def _real_points(distribution: Distribution, n: int) -> Tensor:
    return distribution.sample(n, torch.Generator().manual_seed(777))


def _check_points(points: Tensor, name: str) -> None:
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise CourseError(
            f"{name} must be points of shape (N, 2) with N at least 1, but has the shape "
            f"{tuple(points.shape)}."
        )

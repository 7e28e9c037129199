"""Lesson 13, tasks 4 to 6: precision and recall, coverage, copies."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.evaluation.coverage import coverage
from gan_course.evaluation.precision_recall import ball_radii, distances_between
from gan_course.evaluation.precision_recall import precision_recall as both_shares

LESSON = "13_evaluation"


def number(result: object) -> object:
    """A number out of a tensor of any kind of float."""
    if isinstance(result, Tensor) and result.numel() == 1 and not result.is_complex():
        return float(result)
    return float(result) if isinstance(result, int) and not isinstance(result, bool) else result


# ---- 4: precision and recall ------------------------------------------------------------------


def _clouds(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n, m, width = 24 + 3 * i, 30 + 3 * i, 2 + i % 3
        real = torch.randn(n, width, generator=rng, dtype=torch.float64)
        fake = 0.6 * torch.randn(m, width, generator=rng, dtype=torch.float64)
        fake[: m // 3] += 2.5
        cases.append({"features_real": real, "features_fake": fake, "k": 1 + i % 4})
    # On a grid, where fakes lie just on the edges of balls; few enough for exact distances.
    real = 2 * torch.randperm(12, generator=rng, dtype=torch.float64)[:, None]
    fake = torch.randperm(40, generator=rng, dtype=torch.float64)[:15, None] - 8
    fake[:2] = torch.tensor([[-2.0], [24.0]], dtype=torch.float64)
    cases[-1] = {"features_real": real, "features_fake": fake, "k": 1}
    return cases


def _shares(features_real: Tensor, features_fake: Tensor, k: int) -> list[float]:
    found = both_shares(features_real, features_fake, k)
    return [found.precision, found.recall]


def _balls(
    radii: Callable[[Tensor, int], Tensor] = ball_radii,
    inside: Callable[[Tensor, Tensor], Tensor] = lambda d, r: (d <= r).any(1),
) -> Callable:
    """Both shares with one of their parts changed."""

    def shares(features_real: Tensor, features_fake: Tensor, k: int) -> list[float]:
        found = []
        for points, centres in ((features_fake, features_real), (features_real, features_fake)):
            distances = distances_between(points, centres)
            found.append(inside(distances, radii(centres, k)).double().mean().item())
        return found

    return shares


def _with_itself(points: Tensor, k: int) -> Tensor:
    return distances_between(points, points).fill_diagonal_(0).kthvalue(k, dim=1).values


def _own_radii(features_real: Tensor, features_fake: Tensor, k: int) -> list[float]:
    """The radius of the point that is tested instead of the centre's."""
    distances = distances_between(features_fake, features_real)
    fake = (distances <= ball_radii(features_fake, k)[:, None]).any(1).double().mean().item()
    real = (ball_radii(features_real, k)[:, None] >= distances.T).any(1).double().mean().item()
    return [fake, real]


precision_recall = FunctionTask(
    LESSON,
    "precision_recall",
    "The same balls twice, once around the real ones and once around the fakes.",
    (
        Mistake(
            "a point is its own neighbour",
            "A point counts as its own nearest neighbour here, at distance 0, so the balls are one "
            "neighbour too small. Leave it out, or count one further.",
            _balls(radii=_with_itself),
        ),
        Mistake(
            "exchanged",
            "The two are exchanged. Precision comes first: the share of fakes in the balls around "
            "the real points.",
            lambda features_real, features_fake, k: _shares(features_real, features_fake, k)[::-1],
        ),
        Mistake(
            "the ball of the point that is tested",
            "A ball belongs to its centre. A fake is inside if its distance to a real point is at "
            "most that real point's radius.",
            _own_radii,
        ),
        Mistake(
            "one radius for all",
            "All balls have the mean radius here. Each centre has a radius of its own: small where "
            "points are dense.",
            _balls(radii=lambda p, k: ball_radii(p, k).mean().expand(len(p))),
        ),
        Mistake(
            "nearest centre only",
            "Only the ball of the nearest centre is asked. Another, larger one may hold the point: "
            "any ball counts.",
            _balls(inside=lambda d, r: d.min(1).values <= r[d.argmin(1)]),
        ),
        Mistake(
            "the edge left out",
            "Right but for points that lie just on the edge of a ball, as its k-th neighbour does: "
            "they are inside, so compare with <=.",
            _balls(inside=lambda d, r: (d < r).any(1)),
        ),
        Mistake(
            "one number",
            "Precision is right. Return both, precision and recall.",
            lambda features_real, features_fake, k: _shares(features_real, features_fake, k)[0],
        ),
    ),
    oracle=_shares,
    cases=_clouds,
    outcome=lambda result, arguments: _numbers(result),
    returns=True,
)


def _numbers(result: object) -> object:
    """A list of plain floats, whatever kind of pair it is."""
    if isinstance(result, Tensor) and result.ndim == 1 and not result.is_complex():
        result = result.tolist()
    if isinstance(result, tuple | list):
        return [number(entry) for entry in result]
    return number(result)


# ---- 5: coverage ------------------------------------------------------------------------------


def _class_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        classes = 4 + i
        kept = torch.randperm(classes, generator=rng)[: classes - 2]
        drawn = kept[torch.randint(0, len(kept), (10 + 3 * i,), generator=rng)]
        drawn[:4] = kept[0]  # never even, and one class comes just once
        drawn[drawn == kept[1]] = kept[0]
        drawn[-1] = kept[1]
        cases.append({"classes": drawn, "num_classes": classes})
    return cases


def _spread(classes: Tensor, num_classes: int) -> list[float]:
    found = coverage(classes, num_classes)
    return [float(found.found), found.kl]


def _counted(
    kl: Callable[[Tensor, float], Tensor] | None = None,
    found: Callable[[Tensor], Tensor] = lambda counts: (counts > 0).sum(),
) -> Callable:
    """(found, kl) with one of them changed."""

    def count(classes: Tensor, num_classes: int) -> list[float]:
        counts = torch.bincount(classes, minlength=num_classes)
        p = counts.double() / len(classes)
        right = _spread(classes, num_classes)[1]
        changed = right if kl is None else kl(p, 1 / num_classes).item()
        return [float(found(counts)), changed]

    return count


mode_coverage = FunctionTask(
    LESSON,
    "mode_coverage",
    "Two numbers for one question: is everything there, and in its right share?",
    (
        Mistake(
            "0 · log 0",
            "Where a class never comes, 0 · log 0 is nan. Such a class adds 0: leave it out, or "
            "take torch.special.xlogy.",
            _counted(kl=lambda p, q: (p * (p / q).log()).sum()),
        ),
        Mistake(
            "the other direction",
            "That is the divergence of the real shares from the fakes'. It is infinite as soon as "
            "a class is missing. The fakes' share p comes first: p · log(p / q).",
            _counted(kl=lambda p, q: (q * (q / p).log()).sum()),
            also=(_counted(kl=lambda p, q: (q * (q / p[p > 0]).log()).sum()),),
        ),
        Mistake(
            "the entropy",
            "That is the entropy of the shares. The divergence compares them with 1 / num_classes.",
            _counted(kl=lambda p, q: -torch.special.xlogy(p, p).sum()),
            also=(_counted(kl=lambda p, q: torch.special.xlogy(p, p).sum()),),
        ),
        Mistake(
            "logarithm to base 2",
            "The divergence is right in bits. Here the natural logarithm is asked for.",
            _counted(kl=lambda p, q: torch.special.xlogy(p, p / q).sum() / math.log(2)),
        ),
        Mistake(
            "average",
            "The terms are averaged over the classes. They are added up: p is the weight already.",
            _counted(kl=lambda p, q: torch.special.xlogy(p, p / q).mean()),
        ),
        Mistake(
            "once is enough",
            "A class that comes just once was found, too.",
            _counted(found=lambda counts: (counts > 1).sum()),
        ),
        Mistake(
            "share instead of number",
            "found is the number of classes, not their share.",
            _counted(found=lambda counts: (counts > 0).double().mean()),
        ),
    ),
    oracle=_spread,
    cases=_class_cases,
    outcome=lambda result, arguments: _numbers(result),
    returns=True,
)

# ---- 6: copies --------------------------------------------------------------------------------


def _copy_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        training = torch.randn(12 + 2 * i, 1, 2, 2, generator=rng, dtype=torch.float64)
        fakes = torch.randn(5, 1, 2, 2, generator=rng, dtype=torch.float64)
        training[-1] += 50.0  # far from everything
        if i % 2:
            fakes[2] += 25.0  # half way: even its farthest one is nearer than that one's nearest
        else:
            training[-2] -= 50.0
        fakes[0] = training[i] + 1e-6  # a copy
        fakes[1] += 30.0  # like nothing in the training images
        cases.append({"fakes": fakes, "training": training})
    return cases


def _share_nearer(
    own: Callable[[Tensor], Tensor] = lambda d: d.clone().fill_diagonal_(torch.inf).min(1).values,
    of_fake: Callable[[Tensor], Tensor] = lambda d: d.min(1).values,
    p: float = 2.0,
    turned: bool = False,
) -> Callable:
    """For each fake the share of training images that have a nearer neighbour than it has."""

    def shares(fakes: Tensor, training: Tensor) -> Tensor:
        images, known = fakes.flatten(1), training.flatten(1)
        real = own(torch.cdist(known, known, p=p))
        mine = of_fake(torch.cdist(images, known, p=p))
        nearer = real > mine[:, None] if turned else real < mine[:, None]
        return nearer.double().mean(1)

    return shares


share_nearer = FunctionTask(
    LESSON,
    "share_nearer",
    "0 smells of a copy, 1 of an image like no other. A distance alone would have said neither.",
    (
        Mistake(
            "each image is its own neighbour",
            "The nearest training image of a training image is itself here, at distance 0. Leave "
            "it out: put infinity on the diagonal of the table.",
            _share_nearer(own=lambda d: d.clone().fill_diagonal_(0).min(1).values),
        ),
        Mistake(
            "turned round",
            "The comparison is turned round. A copy is nearer than all: its share must be 0.",
            _share_nearer(turned=True),
        ),
        Mistake(
            "sum of absolute differences",
            "These are sums of absolute differences. Asked for is the Euclidean distance, the root "
            "of the sum of squares.",
            _share_nearer(p=1.0),
        ),
        Mistake(
            "mean distance",
            "It takes the mean distance to all training images. A copy is near to one of them: "
            "take the smallest.",
            _share_nearer(of_fake=lambda d: d.mean(1)),
        ),
        Mistake(
            "the farthest",
            "It takes the farthest training image of each fake. A copy is near to one of them: "
            "take the smallest distance.",
            _share_nearer(of_fake=lambda d: d.max(1).values),
        ),
        Mistake(
            "the distances themselves",
            "These are the distances to the nearest training image. How near is near? Compare them "
            "with those of the training images among themselves.",
            lambda fakes, training: (
                torch.cdist(fakes.flatten(1), training.flatten(1)).min(1).values
            ),
        ),
    ),
    oracle=_share_nearer(),
    cases=_copy_cases,
    outcome=lambda result, arguments: (
        result.double() if isinstance(result, Tensor) and result.is_floating_point() else result
    ),
    returns=True,
)

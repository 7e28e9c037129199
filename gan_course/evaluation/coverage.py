"""Does the generator draw everything? Class coverage, and the thousand modes of stacked digits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.evaluation.classifier import Classifier, judge


@dataclass(frozen=True)
class Coverage:
    """How a set of fakes spreads over the classes.

    Attributes:
        found: how many classes have at least one fake.
        num_classes: of how many.
        kl: KL divergence of the fakes' shares from the real ones, in nats. 0 if they are the same.
        total_variation: the part of the fakes that would have to change class.
        count: how many fakes.
    """

    found: int
    num_classes: int
    kl: float
    total_variation: float
    count: int


def coverage(classes: Tensor, num_classes: int, shares_real: Tensor | None = None) -> Coverage:
    """Count the classes that occur.

    Args:
        classes: (N,) whole numbers from 0 to num_classes - 1, what each fake was taken for.
        num_classes: of how many classes.
        shares_real: (num_classes,) how often each class is real; all alike if None.

    Raises:
        CourseError: if there are no fakes, or numbers that are no classes.

    ``kl`` is the sum of p log(p / q) over the classes that occur, p the fakes' shares, q the real
    ones; infinite if the fakes show a class that is never real. This direction, as in VEEGAN and
    PacGAN, stays finite when classes are missing.
    """
    if classes.ndim != 1 or len(classes) == 0 or classes.is_floating_point():
        raise CourseError(
            f"classes must be whole numbers (N,), but has shape {tuple(classes.shape)} and type "
            f"{classes.dtype}."
        )
    if classes.min() < 0 or classes.max() >= num_classes:
        raise CourseError(
            f"classes must lie in 0 to {num_classes - 1}, but reach from {classes.min().item()} to "
            f"{classes.max().item()}."
        )
    counts = torch.bincount(classes, minlength=num_classes)
    p = counts.double() / len(classes)
    q = torch.full_like(p, 1 / num_classes)
    if shares_real is not None:
        if shares_real.shape != (num_classes,):
            raise CourseError(
                f"shares_real must have shape ({num_classes},), not {tuple(shares_real.shape)}."
            )
        q = shares_real.double().to(p.device) / shares_real.sum()
    here = p > 0
    kl = (p[here] * (p[here] / q[here]).log()).sum().item()
    return Coverage(
        found=int((counts > 0).sum()),
        num_classes=num_classes,
        kl=max(0.0, kl),
        total_variation=(p - q).abs().sum().item() / 2,
        count=len(classes),
    )


def perfect_coverage(num_classes: int, count: int) -> tuple[float, float]:
    """What a perfect generator gets on average with ``count`` fakes: classes found, and ``kl``.

    All K classes equally likely, so each is drawn n times with the probability of the binomial
    distribution: n = 0 is a class that is missed, and any other n adds p log(p K), p = n / count.
    """
    n = torch.arange(count + 1, dtype=torch.float64)
    chance = torch.tensor(1 / num_classes, dtype=torch.float64)
    probability = torch.distributions.Binomial(count, chance).log_prob(n).exp()
    p = n / count
    found = num_classes * (1 - probability[0])
    kl = num_classes * (probability * torch.special.xlogy(p, p * num_classes)).sum()
    return found.item(), kl.item()


def stacked_classes(classifier: Classifier, images: Tensor, batch_size: int = 256) -> Tensor:
    """Three digits as colour channels (N, 3, 32, 32) -> their mode (N,), from 0 to 999.

    The channels are read one by one by a classifier of grey digits: red gives the hundreds, green
    the tens, blue the ones.

    Source: Metz et al. 2016; Srivastava et al. 2017 for the counting.
    """
    if images.ndim != 4 or images.shape[1] != 3 or classifier.image_channels != 1:
        raise CourseError(
            f"stacked digits are (N, 3, 32, 32), read by a classifier of grey images; these are "
            f"{tuple(images.shape)}, and the classifier takes {classifier.image_channels} channels."
        )
    digits = judge(classifier, images.flatten(0, 1)[:, None], batch_size).classes.view(-1, 3)
    return digits @ torch.tensor([100, 10, 1], device=digits.device)

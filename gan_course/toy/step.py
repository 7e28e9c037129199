"""The two halves of a training step, as plain functions of networks and points.

The same functions serve one game, where points have the shape (N, 2), and twelve games at once,
where they have the shape (S, N, 2): every mean below is over all points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gan_course.errors import CourseError
from gan_course.toy.config import ToyConfig

__all__ = [
    "as_scalar",
    "boundary",
    "discriminator_objective",
    "forget_gradients",
    "gradient_penalty",
    "make_optimizer",
    "one_thread",
    "r1_penalty",
    "right_answers",
]

Network = Callable[[Tensor], Tensor]


def r1_penalty(logits_real: Tensor, points_real: Tensor, gamma: float) -> Tensor:
    """gamma / 2 times the mean of |grad D(x)|^2 on real points: D may not be steep there.

    Args:
        logits_real: D(points_real); ``points_real`` must have ``requires_grad`` set before.

    Source: Mescheder et al. 2018, eq. 9.
    """
    (slope,) = torch.autograd.grad(logits_real.sum(), points_real, create_graph=True)
    return gamma / 2 * slope.square().sum(-1).mean()


def gradient_penalty(
    discriminator: Network, points_real: Tensor, points_fake: Tensor, mix: Tensor, weight: float
) -> Tensor:
    """weight times the mean of (|grad D(x)| - 1)^2, at points between a real and a fake one.

    Args:
        mix: (N, 1) in [0, 1], how far each point lies towards its real partner.

    Source: Gulrajani et al. 2017, algorithm 1.
    """
    between = (mix * points_real + (1 - mix) * points_fake).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    # The small number keeps the root's own gradient finite where D is flat.
    length = (slope.square().sum(-1) + 1e-12).sqrt()
    return weight * (length - 1).square().mean()


def discriminator_objective(
    discriminator: Network,
    points_real: Tensor,
    points_fake: Tensor,
    config: ToyConfig,
    loss: Callable[[Tensor, Tensor], Tensor],
    mix: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What D minimises.

    Returns:
        The whole objective; the loss alone, without penalties; logits_real; logits_fake.
    """
    points_fake = points_fake.detach()  # in this half only D learns
    if config.r1_gamma > 0:
        points_real = points_real.detach().requires_grad_(True)
    logits_real = discriminator(points_real)
    logits_fake = discriminator(points_fake)
    loss_d = loss(logits_real, logits_fake)
    objective = loss_d
    if config.r1_gamma > 0:
        objective = objective + r1_penalty(logits_real, points_real, config.r1_gamma)
    if config.gp_lambda > 0:
        objective = objective + gradient_penalty(
            discriminator, points_real, points_fake, mix, config.gp_lambda
        )
    return objective, loss_d.detach(), logits_real.detach(), logits_fake.detach()


def boundary(config: ToyConfig, logits_real: Tensor, logits_fake: Tensor) -> Tensor | float:
    """The logit above which D says "real".

    0 where the logit stands for a probability, and for hinge; 0.5 for least squares, whose targets
    are 1 and 0. A Wasserstein critic has no such place: its scores count only against each other,
    so the middle between the two mean scores is taken.
    """
    if config.loss == "wasserstein":
        middle = (logits_real.mean(-1) + logits_fake.mean(-1)) / 2
        return middle.unsqueeze(-1)
    return 0.5 if config.loss == "least_squares" else 0.0


def right_answers(config: ToyConfig, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """D's share of right answers, half of it from real and half from fake points."""
    limit = boundary(config, logits_real, logits_fake)
    right_real = (logits_real > limit).float().mean(-1)
    right_fake = (logits_fake <= limit).float().mean(-1)
    return (right_real + right_fake) / 2


@contextmanager
def one_thread() -> Iterator[None]:
    """These networks are so small that sharing the work costs more than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_optimizer(network: nn.Module, config: ToyConfig, which: str) -> torch.optim.Optimizer:
    """The optimiser that the config wants for G (``which="g"``) or D (``"d"``)."""
    rate = getattr(config, f"lr_{which}")
    if getattr(config, f"optimizer_{which}") == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate)
    # fused: all weights in one go; twice as fast for networks this small.
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(config.beta1, 0.999), fused=True)


def forget_gradients(weights: list[nn.Parameter]) -> None:
    """What ``optimizer.zero_grad`` does, without its book-keeping: it would be 4 % of a step."""
    for weight in weights:
        weight.grad = None


def as_scalar(loss: Tensor, name: str) -> Tensor:
    """The loss, if it is one. Raises CourseError if a function of your own gave something else."""
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
        raise CourseError(
            f"{name} must give one number that depends on the logits, but it gave {what}. A mean "
            f"over the batch is usual, for example torch.nn.functional.softplus(-logits).mean()."
        )
    return loss.reshape(())

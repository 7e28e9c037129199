"""Lesson 16, tasks 5 and 6: the penalty on D's slope, and the share of changed images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "16_your_own_images"


def numbers(result: object) -> object:
    """Plain floats out of tensors, also inside a pair."""
    if isinstance(result, Tensor) and not result.is_complex() and not result.is_meta:
        result = result.detach()
        if result.ndim == 0:
            return float(result)
        return [float(entry) for entry in result] if result.ndim == 1 else result
    if isinstance(result, tuple | list):
        return [numbers(entry) for entry in result]
    if isinstance(result, int) and not isinstance(result, bool):
        return float(result)
    return result


# ---- 5: the penalty ---------------------------------------------------------------------------


def _steep(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        pixels = 2 * (2 + i % 3)
        first, second = nn.Linear(pixels, 3).double(), nn.Linear(3, 1).double()
        with torch.no_grad():
            for parameter in (*first.parameters(), *second.parameters()):
                drawn = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
                parameter.copy_(0.3 + drawn)
        discriminator = nn.Sequential(nn.Flatten(), first, nn.Softplus(), second, nn.Flatten(0))
        shape = (3 + i % 4, 1, 2, pixels // 2)
        images = torch.randn(shape, generator=rng, dtype=torch.float64)
        gamma = 0.5 + 0.25 * i
        cases.append({"discriminator": discriminator, "images": images, "gamma": gamma})
    return cases


def _penalty(
    of: Callable[[Tensor], Tensor] = lambda slope: slope.square().flatten(1).sum(1).mean(),
    total: Callable[[Tensor], Tensor] = torch.sum,
    half: float = 0.5,
    graph: bool = True,
) -> Callable:
    """gamma / 2 times the mean squared slope, with one of its parts changed."""

    def penalty(discriminator: nn.Module, images: Tensor, gamma: float) -> Tensor:
        images = images.detach().requires_grad_()
        logits = discriminator(images)
        (slope,) = torch.autograd.grad(total(logits), images, create_graph=graph)
        return half * gamma * of(slope)

    return penalty


def _with_what_d_learns(result: object, arguments: dict) -> object:
    """The penalty, and the gradient that it gives D's weights."""
    if not isinstance(result, Tensor) or result.numel() != 1 or result.is_complex():
        return result
    discriminator = arguments["discriminator"]
    discriminator.zero_grad()
    parameters = list(discriminator.parameters())
    gradients = [torch.zeros_like(p) for p in parameters]
    if result.requires_grad:
        found = torch.autograd.grad(result.sum(), parameters, allow_unused=True)
        gradients = [g if f is None else f for g, f in zip(gradients, found, strict=True)]
    together = torch.cat([g.flatten() for g in gradients])
    return {"the penalty": float(result.detach()), "its gradient for D's weights": together}


slope_penalty = FunctionTask(
    LESSON,
    "slope_penalty",
    "A gradient of a gradient, and D pays for being steep. At real images it is R1, at fakes R2.",
    (
        Mistake(
            "no graph",
            "The number is right, but D learns nothing from it: autograd.grad has thrown the graph "
            "away. Ask for create_graph=True.",
            _penalty(graph=False),
            also=(lambda **arguments: _penalty()(**arguments).detach(),),
        ),
        Mistake(
            "mean over the pixels",
            "The squares are averaged over the pixels, too. Add them up over an image, and take "
            "the mean over the batch only.",
            _penalty(of=lambda slope: slope.square().mean()),
        ),
        Mistake(
            "sum over the batch",
            "The squares are added up over the batch as well. Take the mean over its images.",
            _penalty(of=lambda slope: slope.square().sum()),
        ),
        Mistake(
            "length, not its square",
            "That is the mean length of the slope. The penalty takes its square: no root.",
            _penalty(of=lambda slope: slope.flatten(1).norm(dim=1).mean()),
        ),
        Mistake(
            "towards 1",
            "That pulls the slope towards 1, as WGAN-GP does. R1 and R2 pull it towards 0.",
            _penalty(of=lambda slope: (slope.flatten(1).norm(dim=1) - 1).square().mean()),
        ),
        Mistake(
            "half of gamma",
            "It is gamma / 2 times the mean, not gamma times.",
            _penalty(half=1.0),
        ),
        Mistake(
            "slope of the mean",
            "It differentiates the mean of the logits, so each image's slope is divided by the "
            "batch size. Differentiate their sum: each logit depends on its own image only.",
            _penalty(total=torch.mean),
        ),
    ),
    oracle=_penalty(),
    cases=_steep,
    outcome=_with_what_d_learns,
    returns=True,
)

# ---- 6: the share -----------------------------------------------------------------------------

MOST = 0.8


def _shares(rng: torch.Generator) -> list[dict]:
    """Shares in the middle, and at both ends; never exactly at the target, which is not always
    the usual one."""
    cases = []
    for i in range(CASES):
        count = 16
        right = (15, 9, 12, 16, 14, 3)[i % 6]  # mean signs 0.875, 0.125, 0.5, 1, 0.75, -0.625
        size = torch.rand(count, generator=rng, dtype=torch.float64) * 0.3 + 0.05
        sign = torch.ones(count, dtype=torch.float64)
        sign[right:] = -1
        logits = size * sign
        logits[right - 1] *= (20, -1, 1)[i % 3] if i % 3 != 1 else 1
        p = (0.3, 0.4, 0.5, 0.79, 0.2, 0.004)[i % 6]
        cases.append({"p": p, "logits_real": logits, "step": 0.01 + 0.002 * i})
        # Between two of the mean signs; 0.6 and the others judge some of the cases differently.
        cases[-1]["target"] = (0.6, 0.6, 0.4, 0.6, 0.8, 0.6)[i % 6]
    return cases


def _next(
    sign: Callable[[Tensor], float] = lambda logits: logits.sign().mean().item(),
    way: Callable[[float, float, float], float] = lambda r, target, step: (
        step if r > target else -step
    ),
    low: float = 0.0,
    high: float = MOST,
) -> Callable:
    """The new share with one of the parts of the rule changed."""

    def next_share(p: float, logits_real: Tensor, step: float, target: float) -> float:
        return min(max(p + way(sign(logits_real), target, step), low), high)

    return next_share


next_share = FunctionTask(
    LESSON,
    "next_share",
    "That is the heart of adaptive augmentation: a thermostat for D's memory.",
    (
        Mistake(
            "turned round",
            "It goes the wrong way. Above the target D is too sure of the real images: change "
            "more of them.",
            _next(way=lambda r, target, step: -step if r > target else step),
        ),
        Mistake(
            "mean logit",
            "It compares the mean logit with the target. One image of which D is very sure would "
            "outweigh all others: take the mean of the signs.",
            _next(sign=lambda logits: logits.mean().item()),
        ),
        Mistake(
            "share of right ones",
            "That is the share of positive logits, from 0 to 1. The mean sign goes from −1 to 1.",
            _next(sign=lambda logits: (logits > 0).double().mean().item()),
        ),
        Mistake(
            "no limit above",
            "The share must not pass 0.8: beyond it G would see changed images nearly always, and "
            "draw such ones.",
            _next(high=1.0),
            also=(_next(high=99.0), _next(low=-99.0, high=99.0)),
        ),
        Mistake(
            "no limit below",
            "A share cannot fall below 0.",
            _next(low=-99.0),
        ),
        Mistake(
            "always 0.6",
            "It compares with 0.6, whatever the target is. Use the argument target.",
            lambda p, logits_real, step, target: _next()(p, logits_real, step, 0.6),
        ),
        Mistake(
            "in proportion",
            "The step does not depend on how far the mean sign is from the target: it is always "
            "the same, up or down.",
            _next(way=lambda r, target, step: step * (r - target)),
        ),
    ),
    oracle=_next(),
    cases=_shares,
    outcome=lambda result, arguments: numbers(result),
    returns=True,
    tolerance=1e-6,
)

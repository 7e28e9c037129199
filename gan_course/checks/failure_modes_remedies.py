"""Lesson 09, tasks 5 and 6: instance noise that fades, and the R1 penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.losses import minimax_d_loss

LESSON = "09_failure_modes"


def smoothed(logits_real: Tensor, logits_fake: Tensor, real_label: float) -> Tensor:
    """The oracle of task 4."""
    return minimax_d_loss(logits_real, logits_fake, real_label)


# ---- 5: instance noise ------------------------------------------------------------------------


def _noise_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        count = 2 + i // 4
        draw = [torch.randn(count, 2, generator=rng) for _ in range(4)]
        fade = 10 * (1 + i // 3)
        # At the beginning, on the way, and in the last third of the cases past the end.
        late = i >= CASES - 4
        step = fade + 1 + i if late else int(torch.randint(1, fade, (1,), generator=rng))
        cases.append(
            {
                "points_real": draw[0],
                "points_fake": draw[1].requires_grad_(),
                "noise_real": draw[2],
                "noise_fake": draw[3],
                "start_width": round(0.5 + 0.1 * (i % 5), 1),
                "step": step if i else 0,
                "fade_steps": fade,
            }
        )
    return cases


def _width(start_width: float, step: int, fade_steps: int) -> float:
    return start_width * max(0.0, 1 - step / fade_steps)


def _plus(points: Tensor, width: float, own: Tensor, other: Tensor) -> Tensor:
    return points + width * own


def _noisy(
    width: Callable = _width, for_real: Callable = _plus, for_fake: Callable = _plus
) -> Callable:
    """Instance noise, with something about it changed."""

    def noisy(
        points_real: Tensor,
        points_fake: Tensor,
        noise_real: Tensor,
        noise_fake: Tensor,
        start_width: float,
        step: int,
        fade_steps: int,
    ) -> tuple[Tensor, Tensor]:
        w = width(start_width, step, fade_steps)
        return (
            for_real(points_real, w, noise_real, noise_fake),
            for_fake(points_fake, w, noise_fake, noise_real),
        )

    return noisy


def _none(points: Tensor, width: float, own: Tensor, other: Tensor) -> Tensor:
    return points


def _times(points: Tensor, width: float, own: Tensor, other: Tensor) -> Tensor:
    return points * (1 + width * own)


def _pair_and_gradient(result: Any, arguments: dict) -> dict:
    """Both batches, and whether a gradient still reaches the fakes: G learns through them."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        return {"what it returns": result}
    told = {"real": result[0], "fake": result[1]}
    fake = result[1]
    if not isinstance(fake, Tensor) or not fake.requires_grad:
        told["gradient for points_fake"] = "none"
    else:
        weights = torch.arange(1.0, fake.numel() + 1).reshape(fake.shape)
        (gradient,) = torch.autograd.grad(
            (weights * fake).sum(), arguments["points_fake"], allow_unused=True
        )
        told["gradient for points_fake"] = "none" if gradient is None else gradient
    for name in ("real", "fake"):
        if isinstance(told[name], Tensor):
            told[name] = told[name].detach()
    return told


noise_for_d = FunctionTask(
    LESSON,
    "noise_for_d",
    "Both sides get it, each its own, and at the end it is gone: D judges clean points again.",
    (
        Mistake(
            "only the fakes",
            "Only the fakes get noise. Then noise is what tells them from the real points, and D "
            "learns to see it: both sides need it.",
            _noisy(for_real=_none),
        ),
        Mistake(
            "only the real points",
            "Only the real points get noise. G would have to learn to draw it: both sides need it.",
            _noisy(for_fake=_none),
        ),
        Mistake(
            "it does not fade",
            "The width stays start_width for ever, and G learns the blurred distribution. Let it "
            "shrink: times 1 − step / fade_steps.",
            _noisy(lambda start_width, step, fade_steps: start_width),
        ),
        Mistake(
            "it grows",
            "The noise grows with the steps. It is wanted at the beginning, while the clouds do "
            "not touch: times 1 − step / fade_steps.",
            _noisy(lambda start_width, step, fade_steps: start_width * min(1.0, step / fade_steps)),
            also=(_noisy(lambda start_width, step, fade_steps: start_width * step / fade_steps),),
        ),
        Mistake(
            "noise again after the end",
            "Right until fade_steps. After that 1 − step / fade_steps is negative, and the noise "
            "comes back: cut it off at 0, with max.",
            _noisy(lambda start_width, step, fade_steps: start_width * (1 - step / fade_steps)),
        ),
        Mistake(
            "the same noise for both",
            "Both get the same noise. Then real point i and fake i are shifted together, and D "
            "sees differences as clearly as before: use noise_fake for the fakes.",
            _noisy(for_fake=lambda points, width, own, other: points + width * other),
        ),
        Mistake(
            "times instead of plus",
            "The points are multiplied by the noise. It is added, so that points at 0 move, too.",
            _noisy(for_real=_times, for_fake=_times),
        ),
        Mistake(
            "the fakes are cut off",
            "The numbers are right, but no gradient reaches the fakes any more: G learns through "
            "these points. No detach() and no no_grad() here.",
            _noisy(for_fake=lambda points, width, own, other: points.detach() + width * own),
        ),
    ),
    oracle=_noisy(),
    cases=_noise_cases,
    outcome=_pair_and_gradient,
    returns=True,
)

# ---- 6: R1 ------------------------------------------------------------------------------------


def _r1_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            discriminator = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
        count = 3 + i // 4
        cases.append(
            {
                "discriminator": discriminator,
                "points_real": 1.5 * torch.randn(count, 2, generator=rng),
                "points_fake": 1.5 * torch.randn(count, 2, generator=rng),
                "gamma": (0.2, 1.0, 5.0, 10.0)[i % 4],
            }
        )
    return cases


def _slopes(discriminator: nn.Module, points: Tensor, graph: bool = True) -> Tensor:
    """The slope of D's logit at each point, (N, 2)."""
    points = points.detach().requires_grad_()
    logits = discriminator(points)
    return torch.autograd.grad(logits.sum(), points, create_graph=graph)[0]


def _r1(discriminator: nn.Module, points_real: Tensor, points_fake: Tensor, gamma: float) -> Tensor:
    return gamma / 2 * _slopes(discriminator, points_real).square().sum(1).mean()


def _of_the_mean(
    discriminator: nn.Module, points_real: Tensor, points_fake: Tensor, gamma: float
) -> Tensor:
    slopes = _slopes(discriminator, points_real) / len(points_real)
    return gamma / 2 * slopes.square().sum(1).mean()


def _penalty_and_gradient(result: Any, arguments: dict) -> dict:
    """The penalty, and what D would learn from it: the second derivative."""
    told: dict = {"penalty": result.detach() if isinstance(result, Tensor) else result}
    weights = list(arguments["discriminator"].parameters())
    gradient: Any = "none"
    if isinstance(result, Tensor) and result.ndim == 0 and result.requires_grad:
        found = torch.autograd.grad(result, weights, allow_unused=True)
        if any(g is not None for g in found):
            filled = (
                torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)
            )
            gradient = torch.cat([g.flatten() for g in filled])
    told["gradient for D's weights"] = gradient
    return told


def _scaled(penalty: Callable[[Tensor], Tensor]) -> Callable:
    """A penalty on the slopes at real points, times gamma."""
    return lambda discriminator, points_real, points_fake, gamma: (
        gamma * penalty(_slopes(discriminator, points_real))
    )


r1 = FunctionTask(
    LESSON,
    "r1",
    "That is the friction of section 6: D pays for every slope that it keeps at a real point.",
    (
        Mistake(
            "without the half",
            "It is twice what is asked for: R1 has gamma / 2 in front.",
            _scaled(lambda slopes: slopes.square().sum(1).mean()),
        ),
        Mistake(
            "at the fakes",
            "The slope is taken at the fakes. R1 looks at real points only (its sister at the "
            "fakes is called R2).",
            lambda discriminator, points_real, points_fake, gamma: _r1(
                discriminator, points_fake, points_real, gamma
            ),
        ),
        Mistake(
            "at both",
            "The slope is taken at real points and fakes. R1 looks at the real ones only: there D "
            "should be flat at the end of the game.",
            lambda discriminator, points_real, points_fake, gamma: (
                gamma
                / 2
                * _slopes(discriminator, torch.cat([points_real, points_fake]))
                .square()
                .sum(1)
                .mean()
            ),
            also=(
                lambda discriminator, points_real, points_fake, gamma: (
                    _r1(discriminator, points_real, points_fake, gamma)
                    + _r1(discriminator, points_fake, points_real, gamma)
                ),
            ),
        ),
        Mistake(
            "not squared",
            "The length of the slope is not squared. Near 0 that would be a corner, and D would "
            "never come to rest there.",
            _scaled(lambda slopes: slopes.norm(dim=1).mean() / 2),
        ),
        Mistake(
            "mean over the coordinates",
            "It takes one mean over points and coordinates. The squared length of a slope is the "
            "sum over its coordinates; the mean is over the points only.",
            _scaled(lambda slopes: slopes.square().mean() / 2),
        ),
        Mistake(
            "slope of the mean logit",
            "It differentiates the mean of the logits, so every slope is N times too small. Each "
            "logit depends on its own point only: differentiate their sum.",
            _of_the_mean,
        ),
        Mistake(
            "pulled to 1",
            "It pulls the length of the slope to 1: that is WGAN-GP's penalty. R1 pulls it to 0.",
            _scaled(lambda slopes: (slopes.norm(dim=1) - 1).square().mean() / 2),
            also=(_scaled(lambda slopes: (slopes.norm(dim=1) - 1).square().mean()),),
        ),
        Mistake(
            "no graph",
            "The number is right, but D learns nothing from it: it does not remember D's weights. "
            "Work the slope out with create_graph=True, and return the tensor as it is, without "
            ".item() or .detach().",
            lambda discriminator, points_real, points_fake, gamma: (
                gamma / 2 * _slopes(discriminator, points_real, graph=False).square().sum(1).mean()
            ),
            also=(
                lambda discriminator, points_real, points_fake, gamma: _r1(
                    discriminator, points_real, points_fake, gamma
                ).item(),
            ),
        ),
        Mistake(
            "sum over the points",
            "It adds up over the points. Take the mean, or the penalty depends on the batch size.",
            _scaled(lambda slopes: slopes.square().sum() / 2),
        ),
        Mistake(
            "the logits themselves",
            "That penalises the logits, not their slope. Ask torch.autograd.grad how the logits "
            "change with the points.",
            lambda discriminator, points_real, points_fake, gamma: (
                gamma / 2 * discriminator(points_real).square().mean()
            ),
        ),
    ),
    oracle=_r1,
    cases=_r1_cases,
    outcome=_penalty_and_gradient,
    returns=True,
)

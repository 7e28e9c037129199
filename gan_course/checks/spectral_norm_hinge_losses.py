"""Lesson 11, tasks 7 and 8: the hinge losses, and the gradient penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.losses import hinge_d_loss, hinge_g_loss

LESSON = "11_spectral_norm_hinge"

# ---- 7: the hinge losses ----------------------------------------------------------------------


def _hinge_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        # On both sides of the margins; in every second case D is right on the whole.
        count = 2 + i // 3
        far = torch.tensor([2.0, -2.5])
        real, fake = (torch.cat([1.5 * torch.randn(count, generator=rng), far]) for _ in range(2))
        if i % 2:
            real, fake = real - real.mean() + 1.5, fake - fake.mean() - 1.5
        cases.append({"logits_real": real.requires_grad_(), "logits_fake": fake.requires_grad_()})
    return cases


def _pair(
    loss_d: Callable[[Tensor, Tensor], Tensor] = hinge_d_loss,
    loss_g: Callable[[Tensor], Tensor] = hinge_g_loss,
) -> Callable:
    """The two losses, with one of them changed."""
    return lambda logits_real, logits_fake: (loss_d(logits_real, logits_fake), loss_g(logits_fake))


def _losses_and_gradients(result: Any, arguments: dict) -> dict:
    """Both losses, and what each asks of the logits."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        return {"what it returns": result}
    told: dict = {}
    for name, loss in zip(("loss_d", "loss_g"), result, strict=True):
        told[name] = loss.detach() if isinstance(loss, Tensor) else loss
        for who in ("logits_real", "logits_fake"):
            gradient: Any = "none"
            if isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad:
                (found,) = torch.autograd.grad(
                    loss.sum(), arguments[who], allow_unused=True, retain_graph=True
                )
                gradient = "none" if found is None else found
            told[f"gradient of {name} for {who}"] = gradient
    return told


hinge_losses = FunctionTask(
    LESSON,
    "hinge_losses",
    "D stops once both are past their margin; G never does.",
    (
        Mistake(
            "relu in G",
            "G has a margin here, too. Then a fake whose logit is past it gets no gradient any "
            "more. G's loss is −mean of the logits, without relu.",
            _pair(loss_g=lambda f: F.relu(1 - f).mean()),
        ),
        Mistake(
            "G is D's half turned round",
            "G gets the negative of D's half for the fakes. Its gradient is 0 wherever D's is: at "
            "every fake that D has pushed below −1, which are just those that G has to move. G's "
            "loss is −mean of the logits.",
            _pair(loss_g=lambda f: -F.relu(1 + f).mean()),
        ),
        Mistake(
            "G's sign",
            "G lowers the logits of its fakes: then they look *less* real. G wants them high, and "
            "minimises, so its loss needs the minus.",
            _pair(loss_g=lambda f: f.mean()),
        ),
        Mistake(
            "halved",
            "D's loss is half of what is asked for: the two means are added, not averaged. A half "
            "is a hidden change of D's learning rate (with SGD), or of the weight of a penalty.",
            _pair(lambda r, f: hinge_d_loss(r, f) / 2),
        ),
        Mistake(
            "margins exchanged",
            "D's signs are exchanged: it pushes real logits below −1 and fakes above 1. For real "
            "ones it is relu(1 − logit), for fakes relu(1 + logit).",
            _pair(lambda r, f: F.relu(1 + r).mean() + F.relu(1 - f).mean()),
        ),
        Mistake(
            "no margin",
            "The margin of 1 is missing: relu(−logit) is 0 as soon as the sign is right, so D "
            "never moves the two apart.",
            _pair(lambda r, f: F.relu(-r).mean() + F.relu(f).mean()),
        ),
        Mistake(
            "no relu in D",
            "D has no relu: that is the Wasserstein loss (plus 2). It never stops pushing, also "
            "where the logits are long past their margin.",
            _pair(lambda r, f: (1 - r).mean() + (1 + f).mean()),
        ),
        Mistake(
            "relu of the mean",
            "The relu is taken of the mean. Then one very good logit pays for a bad one. First "
            "relu for each image, then the mean.",
            _pair(lambda r, f: F.relu(1 - r.mean()) + F.relu(1 + f.mean())),
        ),
        Mistake(
            "sum over the batch",
            "It adds up over the batch. Take the mean of each half.",
            _pair(
                lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(),
                lambda f: -f.sum(),
            ),
            also=(_pair(lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum()),),
        ),
        Mistake(
            "order",
            "The two are in another order: D's loss first.",
            lambda logits_real, logits_fake: (
                hinge_g_loss(logits_fake),
                hinge_d_loss(logits_real, logits_fake),
            ),
        ),
    ),
    oracle=_pair(),
    cases=_hinge_cases,
    outcome=_losses_and_gradients,
    returns=True,
)

# ---- 8: the gradient penalty ------------------------------------------------------------------


def _penalty_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        size = 2 + i % 3
        count = (2, 3, size, 5)[i % 4]  # as many images as pixels in a row, now and then
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            discriminator = nn.Sequential(
                nn.Flatten(), nn.Linear(2 * size * size, 6), nn.Tanh(), nn.Linear(6, 1)
            )
        cases.append(
            {
                "discriminator": discriminator,
                "images_real": torch.randn(count, 2, size, size, generator=rng),
                "images_fake": torch.randn(count, 2, size, size, generator=rng),
                "eps": torch.rand(count, generator=rng),
                "gp_lambda": (10.0, 1.0, 5.0)[i % 3],
            }
        )
    return cases


def _each(eps: Tensor) -> Tensor:
    return eps.reshape(-1, 1, 1, 1)


def _length(slopes: Tensor) -> Tensor:
    return (slopes.flatten(1).square().sum(1) + 1e-12).sqrt()


def _between(real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    return _each(eps) * real + (1 - _each(eps)) * fake


def _penalty(
    place: Callable = _between,
    reduce: Callable = lambda slopes: (_length(slopes) - 1).square().mean(),
    logit: Callable = lambda logits: logits.sum(),
    graph: bool = True,
    weight: Callable = lambda gp_lambda: gp_lambda,
) -> Callable:
    """The gradient penalty, with something about it changed."""

    def gradient_penalty(
        discriminator: nn.Module,
        images_real: Tensor,
        images_fake: Tensor,
        eps: Tensor,
        gp_lambda: float,
    ) -> Tensor:
        x = place(images_real, images_fake, eps).detach().requires_grad_()
        (slopes,) = torch.autograd.grad(logit(discriminator(x)), x, create_graph=graph)
        return weight(gp_lambda) * reduce(slopes)

    return gradient_penalty


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


gradient_penalty = FunctionTask(
    LESSON,
    "gradient_penalty",
    "Sum over pixels, mean over the batch, one eps for each image: three places in which public "
    "code goes wrong.",
    (
        Mistake(
            "eps along a row",
            "eps of shape (N,) meets images of shape (N, C, H, W), and is laid along the last "
            "axis: an error mostly, and silently wrong when N happens to equal the width. Reshape "
            "it to (N, 1, 1, 1).",
            _penalty(place=lambda real, fake, eps: eps * real + (1 - eps) * fake),
        ),
        Mistake(
            "one eps for all",
            "All images get the same eps. Each needs its own: reshape eps to (N, 1, 1, 1).",
            _penalty(place=lambda real, fake, eps: eps[0] * real + (1 - eps[0]) * fake),
            also=(
                _penalty(place=lambda real, fake, eps: eps.mean() * real + (1 - eps.mean()) * fake),
            ),
        ),
        Mistake(
            "mean over the pixels",
            "The length of a slope is the root of the *sum* over all its pixels. With a mean it is "
            "smaller by the root of their number, and D is pulled to a slope that many times too "
            "steep.",
            _penalty(
                reduce=lambda s: (
                    ((s.flatten(1).square().mean(1) + 1e-12).sqrt() - 1).square().mean()
                )
            ),
        ),
        Mistake(
            "a length along one axis",
            "The length is taken along one axis only, so each image has many. One slope has all of "
            "C, H and W in it: flatten(1) first.",
            _penalty(reduce=lambda s: (s.norm(dim=1) - 1).square().mean()),
        ),
        Mistake(
            "one length for the batch",
            "The slopes of all images are taken as one long vector. Each image has its own: norm "
            "over C, H and W, then the mean over the batch.",
            _penalty(reduce=lambda s: (s.norm() - 1).square()),
        ),
        Mistake(
            "pulled to 0",
            "It pulls the length to 0: that is R1's way. This penalty pulls it to 1.",
            _penalty(reduce=lambda s: s.flatten(1).square().sum(1).mean()),
        ),
        Mistake(
            "not squared",
            "The distance of the length from 1 is not squared.",
            _penalty(reduce=lambda s: (_length(s) - 1).abs().mean()),
            also=(_penalty(reduce=lambda s: (_length(s) - 1).mean()),),
        ),
        Mistake(
            "slope of the mean logit",
            "It differentiates the mean of the logits, so every slope is N times too small. Each "
            "logit depends on its own image only: differentiate their sum.",
            _penalty(logit=lambda logits: logits.mean()),
        ),
        Mistake(
            "no graph",
            "The number is right, but D learns nothing from it: the slope was worked out without "
            "create_graph=True, so it does not remember D's weights.",
            _penalty(graph=False),
            also=(lambda **arguments: _penalty()(**arguments).item(),),
        ),
        Mistake(
            "sum over the batch",
            "It adds up over the batch. Take the mean, or the penalty depends on the batch size.",
            _penalty(reduce=lambda s: (_length(s) - 1).square().sum()),
        ),
        Mistake(
            "at the real images",
            "The slope is taken at the real images. This penalty looks in between, at eps times "
            "real plus (1 − eps) times fake.",
            _penalty(place=lambda real, fake, eps: real),
            also=(_penalty(place=lambda real, fake, eps: fake),),
        ),
        Mistake(
            "eps the other way round",
            "eps goes with the fakes here. By the law of averages it would not matter, but the "
            "check hands you eps: it is the share of the real image.",
            _penalty(place=lambda real, fake, eps: _between(fake, real, eps)),
        ),
        Mistake(
            "without lambda",
            "The factor gp_lambda is missing, or is not the one handed over.",
            _penalty(weight=lambda gp_lambda: 1.0),
            also=(
                _penalty(weight=lambda gp_lambda: 10.0),
                _penalty(weight=lambda gp_lambda: gp_lambda / 2),
            ),
        ),
    ),
    oracle=_penalty(),
    cases=_penalty_cases,
    outcome=_penalty_and_gradient,
    returns=True,
)

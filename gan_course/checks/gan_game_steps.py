"""Lesson 06, tasks 5 and 6: training steps in the plane, right and wrong in all the usual ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.framework import Mistake
from gan_course.losses import minimax_g_loss, non_saturating_d_loss, non_saturating_g_loss

# ---- where detach belongs ---------------------------------------------------------------------


def _players(rng: torch.Generator, rate: float) -> dict:
    """Two tiny networks on points of the plane, in float64, with plain SGD."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
        generator = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2)).double()
        discriminator = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1)).double()
    return {
        "generator": generator,
        "discriminator": discriminator,
        "optimizer_g": torch.optim.SGD(generator.parameters(), lr=rate),
        "optimizer_d": torch.optim.SGD(discriminator.parameters(), lr=rate),
    }


def _normal(rng: torch.Generator) -> Tensor:
    return torch.randn(5, 2, generator=rng, dtype=torch.float64)


def detach_cases(rng: torch.Generator) -> list[dict]:
    return [
        {**_players(rng, rate=0.3), "real": _normal(rng) + 1, "z": _normal(rng)} for _ in range(4)
    ]


OLD = 0.5  # the gradients left over from an earlier step


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _gradient_of(network: nn.Module) -> Any:
    """A copy of the gradient, all parameters together, or what to say where there is none."""
    gradients = [p.grad for p in network.parameters()]
    return "none" if None in [g if g is None else 0 for g in gradients] else _flat(gradients)


def leave_old_gradients(arguments: dict) -> None:
    """As after an earlier step: this is what zero_grad is there for."""
    for model in (arguments["generator"], arguments["discriminator"]):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, OLD)


def watch_the_steps(arguments: dict) -> None:
    """Let each optimizer note G's gradient at the moment when it steps."""
    leave_old_gradients(arguments)
    for name in ("optimizer_d", "optimizer_g"):
        optimizer = arguments[name]
        optimizer.noted = f"{name} made no step"

        def note(optimizer, args, kwargs, generator=arguments["generator"]):
            optimizer.noted = _gradient_of(generator)

        optimizer.register_step_pre_hook(note)


def weights_after(result: Any, arguments: dict) -> dict:
    """The weights of both networks after the step, and whether they can still learn."""
    models = {"G": arguments["generator"], "D": arguments["discriminator"]}
    told = {}
    for name, model in models.items():
        told[f"weights of {name} afterwards"] = _flat(list(model.parameters()))
        told[f"{name} can learn on"] = all(p.requires_grad for p in model.parameters())
    return told


def gradients_seen(result: Any, arguments: dict) -> dict:
    at_d = arguments["optimizer_d"].noted
    reached = isinstance(at_d, Tensor) and bool(((at_d != OLD) & (at_d != 0)).any())
    return {
        "D's half reached G's gradients": reached,
        "G's gradient when optimizer_g steps": arguments["optimizer_g"].noted,
        **weights_after(result, arguments),
    }


def _detached(where_d: str, where_g: str, again: bool = False) -> Callable:
    """A step that asks D about ``fake`` in each half in one of several ways."""

    def ask(discriminator, fake, way):
        if way == "fake":
            return discriminator(fake.detach())
        return discriminator(fake).detach() if way == "logits" else discriminator(fake)

    def step(generator, discriminator, optimizer_g, optimizer_d, real, z):
        fake = generator(z)
        logits_fake = ask(discriminator, fake, where_d)
        loss_d = non_saturating_d_loss(discriminator(real), logits_fake)
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        logits_fake = ask(discriminator, generator(z) if again else fake, where_g)
        loss_g = non_saturating_g_loss(logits_fake)
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()

    return step


right_detach = _detached("fake", "")

DETACH_MISTAKES = (
    Mistake(
        "still in G's half",
        "It is as the notes have it: detach stands in G's half. There it cuts the only way to "
        "G, whose gradient is None, so G never moves; and D's half runs on into G. Exchange "
        "them.",
        _detached("", "fake"),
        also=(_detached("", "fake", again=True),),
    ),
    Mistake(
        "detached in both halves",
        "D's half is right. But in G's half the fakes are detached too, so no gradient reaches "
        "G, and no error tells you.",
        _detached("fake", "fake"),
    ),
    Mistake(
        "path used up",
        "loss_g.backward() walks a path that loss_d.backward() has used up already. D's half asks "
        "about fake.detach(), and G's half asks D anew about fake: two questions, and no logits "
        "of the first half are used in the second.",
        _detached("", ""),
    ),
    Mistake(
        "detached nowhere",
        "D's half runs on into G: its gradients fill up with what makes G worse. Detach the fakes "
        "in D's half: discriminator(fake.detach()).",
        _detached("", "", again=True),
    ),
    Mistake(
        "D's answer detached",
        "In D's half the answer is detached, not the question: discriminator(fake).detach(), or "
        "torch.no_grad() around it, keeps D from learning about the fakes at all. Detach what "
        "goes in.",
        _detached("logits", ""),
    ),
    Mistake(
        "G's loss cut off",
        "In G's half the answer of D is cut off, so loss_g leads nowhere and backward() "
        "refuses. G learns through D: no detach and no torch.no_grad() in that half.",
        _detached("fake", "logits"),
        also=(_detached("", "logits"), _detached("logits", "logits")),
    ),
)

# ---- a whole step -----------------------------------------------------------------------------


def step_cases(rng: torch.Generator) -> list[dict]:
    return [
        {
            **_players(rng, rate=0.3),
            "real": _normal(rng) + 1,
            "z_d": _normal(rng),
            "z_g": _normal(rng),
        }
        for _ in range(4)
    ]


def _step(
    generator,
    discriminator,
    optimizer_g,
    optimizer_d,
    real,
    z_d,
    z_g,
    *,
    detach=True,
    zero_d=True,
    zero_g=True,
    step_d=True,
    step_g=True,
    d_loss=non_saturating_d_loss,
    g_loss=non_saturating_g_loss,
    order="dg",
    exchange=False,
) -> None:
    """One step with fresh z for each half, and a choice of what to get wrong."""

    def update_d() -> None:
        fake = generator(z_d)
        loss = d_loss(discriminator(real), discriminator(fake.detach() if detach else fake))
        if zero_d:
            optimizer_d.zero_grad()
        loss.backward()
        if step_d:
            (optimizer_g if exchange else optimizer_d).step()

    def update_g() -> None:
        loss = g_loss(discriminator(generator(z_g)))
        if zero_g:
            optimizer_g.zero_grad()
        loss.backward()
        if step_g:
            (optimizer_d if exchange else optimizer_g).step()

    for half in order:
        update_d() if half == "d" else update_g()


def _mistaken(**choices: Any) -> Callable:
    def wrong(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g):
        _step(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g, **choices)

    return wrong


def _with_noise(first: str, second: str) -> Callable:
    """A step that uses these two of its arguments as z."""

    def wrong(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g):
        z = {"z_d": z_d, "z_g": z_g}
        _step(generator, discriminator, optimizer_g, optimizer_d, real, z[first], z[second])

    return wrong


def _step_together(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g) -> None:
    """G asks the D that has not moved yet."""
    loss_d = non_saturating_d_loss(discriminator(real), discriminator(generator(z_d).detach()))
    optimizer_d.zero_grad()
    loss_d.backward()
    gradients = [p.grad.clone() for p in discriminator.parameters()]
    loss_g = non_saturating_g_loss(discriminator(generator(z_g)))
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    for p, gradient in zip(discriminator.parameters(), gradients, strict=True):
        p.grad = gradient
    optimizer_d.step()


def _steps_last(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g) -> None:
    """Both backward first: D's gradient holds both losses."""
    optimizer_d.zero_grad()
    optimizer_g.zero_grad()
    non_saturating_d_loss(discriminator(real), discriminator(generator(z_d).detach())).backward()
    non_saturating_g_loss(discriminator(generator(z_g))).backward()
    optimizer_d.step()
    optimizer_g.step()


def _clears_both_before(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g) -> None:
    """Not detached, both cleared at the start only: D's loss stays in G's gradients."""
    optimizer_d.zero_grad()
    optimizer_g.zero_grad()
    choices = {"detach": False, "zero_d": False, "zero_g": False}
    _step(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g, **choices)


right_step = _mistaken()

STEP_MISTAKES = (
    Mistake(
        "D's gradients not cleared",
        "D moves with gradients that were left over from before: optimizer_d.zero_grad() "
        "belongs before loss_d.backward().",
        _mistaken(zero_d=False),
    ),
    Mistake(
        "G's gradients not cleared",
        "G moves with gradients that were left over from before: optimizer_g.zero_grad() "
        "belongs before loss_g.backward().",
        _mistaken(zero_g=False),
    ),
    Mistake(
        "no gradients cleared",
        "Neither network's old gradients are cleared. backward() adds to what is there: call "
        "zero_grad() on each optimizer before its backward().",
        _mistaken(zero_d=False, zero_g=False),
    ),
    Mistake(
        "D's loss left in G",
        "D's loss flows on into G and is not cleared before G's half. Detach the fakes in D's "
        "half.",
        _clears_both_before,
        also=(_mistaken(detach=False, zero_g=False),),
    ),
    Mistake(
        "the same z twice",
        "Both halves use the same z. Here D's half draws its fakes from z_d, and G's half anew, "
        "from z_g.",
        _with_noise("z_d", "z_d"),
        also=(_with_noise("z_g", "z_g"),),
    ),
    Mistake("z exchanged", "z_d and z_g are exchanged.", _with_noise("z_g", "z_d")),
    Mistake(
        "saturating",
        "G's half minimises log(1 − D(G(z))), the minimax loss. Asked for is −log D(G(z)).",
        _mistaken(g_loss=minimax_g_loss),
    ),
    Mistake(
        "G helps D",
        "In G's half the fakes have the target 0, so G makes D right. G wants to hear 'real': "
        "target 1.",
        _mistaken(g_loss=lambda logits: F.softplus(logits).mean()),
        also=(_mistaken(g_loss=lambda logits: -F.softplus(-logits).mean()),),
    ),
    Mistake(
        "D's targets exchanged",
        "D learns to call real points fake and fakes real. Its targets are 1 for real, 0 for fake.",
        _mistaken(d_loss=lambda real, fake: F.softplus(real).mean() + F.softplus(-fake).mean()),
    ),
    Mistake(
        "half of D's loss",
        "D's loss is halved. Add the mean over the real points and the mean over the fakes.",
        _mistaken(d_loss=lambda real, fake: non_saturating_d_loss(real, fake) / 2),
    ),
    Mistake(
        "sums instead of means",
        "A loss is a sum over the batch. Take means, or the step grows with the batch.",
        _mistaken(
            d_loss=lambda real, fake: F.softplus(-real).sum() + F.softplus(fake).sum(),
            g_loss=lambda logits: F.softplus(-logits).sum(),
        ),
        also=(
            _mistaken(d_loss=lambda real, fake: F.softplus(-real).sum() + F.softplus(fake).sum()),
            _mistaken(g_loss=lambda logits: F.softplus(-logits).sum()),
        ),
    ),
    Mistake(
        "G first",
        "G learns before D. Here D goes first, so that G hears D's newest opinion.",
        _mistaken(order="gd"),
    ),
    Mistake(
        "at the same time",
        "G learns from the D of before. Ask D about G's fakes after optimizer_d.step().",
        _step_together,
    ),
    Mistake(
        "both step at the end",
        "D steps after G's backward(), so its gradients hold both losses. Let D finish first: "
        "zero_grad, backward and step, and only then G's half.",
        _steps_last,
    ),
    Mistake(
        "optimizers exchanged",
        "The optimizers are exchanged: optimizer_d moves D after loss_d, optimizer_g moves G "
        "after loss_g.",
        _mistaken(exchange=True),
    ),
    Mistake(
        "D does not move",
        "D's weights do not change. optimizer_d.step() is missing, or a zero_grad() stands "
        "right before it.",
        _mistaken(step_d=False),
    ),
    Mistake(
        "G does not move",
        "G's weights do not change: optimizer_g.step() is missing, or the fakes are detached "
        "in G's half too.",
        _mistaken(step_g=False),
    ),
    Mistake(
        "nothing moves",
        "Neither network's weights have changed. A network moves when its loss has gone "
        "backward() and then its optimizer makes a step().",
        _mistaken(step_d=False, step_g=False),
    ),
)

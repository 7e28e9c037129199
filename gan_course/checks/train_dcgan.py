"""Lesson 08: the losses, one training step, and sampling."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.losses import non_saturating_d_loss, non_saturating_g_loss
from gan_course.training import training_step

LESSON = "08_train_dcgan"

# ---- 1 and 2: the losses ----------------------------------------------------------------------


def _logits(count: int, rng: torch.Generator, scale: float) -> Tensor:
    return (scale * torch.randn(count, generator=rng)).requires_grad_()


def _d_cases(rng: torch.Generator) -> list[dict]:
    """Small logits, then some so large that a sigmoid in float32 is exactly 0 or 1."""
    scales = [1.0] * 8 + [3.0] * 2 + [120.0] * 2
    return [
        {"logits_real": _logits(4 + i % 3, rng, s), "logits_fake": _logits(5, rng, s)}
        for i, s in enumerate(scales[:CASES])
    ]


def _g_cases(rng: torch.Generator) -> list[dict]:
    scales = [1.0] * 8 + [3.0] * 2 + [120.0] * 2
    return [{"logits_fake": _logits(5, rng, s)} for s in scales[:CASES]]


def _loss_and_gradients(result: Any, arguments: dict) -> Any:
    """The loss and what it tells the networks: a right value with a wrong gradient is no loss."""
    if not isinstance(result, Tensor) or result.ndim != 0:
        return result
    inputs = list(arguments.values())
    if not result.requires_grad:
        return (result, "no gradient: was a tensor turned into a number on the way?")
    gradients = torch.autograd.grad(result, inputs, allow_unused=True)
    return (result.detach(), *gradients)


def _bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _with_sigmoid(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    real, fake = logits_real.sigmoid(), logits_fake.sigmoid()
    return -real.log().mean() - (1 - fake).log().mean()


def _bce_on_probabilities(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    real, fake = logits_real.sigmoid(), logits_fake.sigmoid()
    loss_real = F.binary_cross_entropy(real, torch.ones_like(real))
    return loss_real + F.binary_cross_entropy(fake, torch.zeros_like(fake))


d_loss = FunctionTask(
    LESSON,
    "d_loss",
    "Right, and safe on huge logits too.",
    (
        Mistake(
            "labels swapped",
            "The targets are exchanged: D should say 1 to real images and 0 to fakes.",
            lambda logits_real, logits_fake: _bce(logits_real, 0.0) + _bce(logits_fake, 1.0),
        ),
        Mistake(
            "log of sigmoid",
            "On small logits it is right. At a logit of 120 the sigmoid is exactly 1 in float32, "
            "the logarithm of 1 − 1 is minus infinity, and the run is lost. Use softplus or "
            "F.binary_cross_entropy_with_logits.",
            _with_sigmoid,
        ),
        Mistake(
            "BCE on probabilities",
            "On small logits it is right. On large ones F.binary_cross_entropy cuts the loss off "
            "at 100 and its gradient vanishes. Leave the sigmoid out and use "
            "F.binary_cross_entropy_with_logits.",
            _bce_on_probabilities,
        ),
        Mistake(
            "half the loss",
            "It is half of what is asked for: add the mean over the real logits and the mean over "
            "the fake ones, without dividing by 2. Half a loss is half a learning rate.",
            lambda logits_real, logits_fake: (_bce(logits_real, 1.0) + _bce(logits_fake, 0.0)) / 2,
        ),
        Mistake(
            "one mean over all",
            "It takes one mean over all logits together. Then the longer batch counts more: take "
            "the mean of each, and add the two.",
            lambda logits_real, logits_fake: F.binary_cross_entropy_with_logits(
                torch.cat([logits_real, logits_fake]),
                torch.cat([torch.ones_like(logits_real), torch.zeros_like(logits_fake)]),
            ),
        ),
        Mistake(
            "sum instead of mean",
            "It adds up over the batch. Take the mean, or the learning rate depends on the batch "
            "size.",
            lambda logits_real, logits_fake: (
                F.softplus(-logits_real).sum() + F.softplus(logits_fake).sum()
            ),
        ),
        Mistake(
            "real half only",
            "Only the real images count. D also has to say 0 to the fakes.",
            lambda logits_real, logits_fake: _bce(logits_real, 1.0) + 0 * logits_fake.sum(),
        ),
    ),
    oracle=non_saturating_d_loss,
    cases=_d_cases,
    outcome=_loss_and_gradients,
)

g_loss = FunctionTask(
    LESSON,
    "g_loss",
    "That is the non-saturating loss: it pulls hardest where G is worst.",
    (
        Mistake(
            "saturating",
            "This is log(1 − D(G(z))), the loss of the minimax game. It is nearly flat where D "
            "sees through every fake, so G hardly learns. Ask for −log D(G(z)) instead.",
            lambda logits_fake: -F.softplus(logits_fake).mean(),
        ),
        Mistake(
            "target 0",
            "This is D's half: target 0 for fakes. G wants D to say 1 to its images.",
            lambda logits_fake: _bce(logits_fake, 0.0),
        ),
        Mistake(
            "sign",
            "The sign is turned: minimising it makes D surer that the images are fake.",
            lambda logits_fake: -_bce(logits_fake, 1.0),
        ),
        Mistake(
            "log of sigmoid",
            "On small logits it is right. At a logit of −120 the sigmoid is exactly 0 in float32 "
            "and its logarithm minus infinity. Use softplus, or binary_cross_entropy_with_logits.",
            lambda logits_fake: -logits_fake.sigmoid().log().mean(),
        ),
        Mistake(
            "a small number in the logarithm",
            "The 1e-8 inside the logarithm avoids infinity, but there the gradient is 0: where D "
            "is sure, G learns nothing. Work on the logits.",
            lambda logits_fake: -(logits_fake.sigmoid() + 1e-8).log().mean(),
        ),
        Mistake(
            "smoothed target",
            "The target of G is 1, not 0.9. Smoothing is for D's real images alone.",
            lambda logits_fake: _bce(logits_fake, 0.9),
        ),
    ),
    oracle=non_saturating_g_loss,
    cases=_g_cases,
    outcome=_loss_and_gradients,
)

# ---- 3: one step ------------------------------------------------------------------------------


def _step_cases(rng: torch.Generator) -> list[dict]:
    """Tiny networks with plain SGD."""
    cases = []
    for _ in range(4):
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            generator = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 3))
            discriminator = nn.Sequential(nn.Linear(3, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1))
        cases.append(
            {
                "generator": generator,
                "discriminator": discriminator,
                "optimizer_g": torch.optim.SGD(generator.parameters(), lr=0.3),
                "optimizer_d": torch.optim.SGD(discriminator.parameters(), lr=0.3),
                "real": torch.randn(5, 3, generator=rng) + 1,
                "z": torch.randn(5, 2, generator=rng),
            }
        )
    return cases


def _leave_old_gradients(arguments: dict) -> None:
    """As after an earlier step: this is what zero_grad is there for."""
    for model in (arguments["generator"], arguments["discriminator"]):
        for parameter in model.parameters():
            parameter.grad = 0.5 * torch.ones_like(parameter)


def _weights_after(result: Any, arguments: dict) -> Any:
    """The weights of both networks after the step, and whether D can still learn."""
    models = (arguments["generator"], arguments["discriminator"])
    weights = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in models]
    trainable = all(p.requires_grad for m in models for p in m.parameters())
    return (*weights, trainable)


def _oracle_step(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    training_step(generator, discriminator, optimizer_g, optimizer_d, real, z)


def _step(
    generator,
    discriminator,
    optimizer_g,
    optimizer_d,
    real,
    z,
    *,
    zero_d=True,
    zero_g=True,
    step_d=True,
    step_g=True,
    g_first=False,
    stale=False,
    leave_frozen=False,
    joint=False,
) -> None:
    """One step with a choice of what to get wrong."""

    def update_d() -> None:
        fake = generator(z)
        logits_fake = discriminator(fake if joint else fake.detach())
        loss = non_saturating_d_loss(discriminator(real), logits_fake)
        if zero_d:
            optimizer_d.zero_grad()
        loss.backward()
        if step_d:
            optimizer_d.step()

    def update_g(logits: Tensor | None = None) -> None:
        loss = non_saturating_g_loss(discriminator(generator(z)) if logits is None else logits)
        if zero_g:
            optimizer_g.zero_grad()
        loss.backward()
        if step_g:
            optimizer_g.step()

    if joint:  # D's loss flows into G, whose gradients are never cleared of it
        optimizer_g.zero_grad()
        update_d()
        zero_g = False
        update_g()
    elif stale:
        # D's opinion from before its own update
        old = copy.deepcopy(discriminator)
        update_d()
        update_g(old(generator(z)))
    elif g_first:
        update_g()
        update_d()
    else:
        update_d()
        update_g()
    if leave_frozen:
        discriminator.requires_grad_(False)


def _mistaken_step(**choices: bool):
    def wrong(generator, discriminator, optimizer_g, optimizer_d, real, z):
        _step(generator, discriminator, optimizer_g, optimizer_d, real, z, **choices)

    return wrong


one_step = FunctionTask(
    LESSON,
    "one_step",
    "Both networks end exactly where the course's own training step leaves them.",
    (
        Mistake(
            "D's gradients not cleared",
            "D moves with gradients that were left over from before: clear them with "
            "optimizer_d.zero_grad() before loss_d.backward().",
            _mistaken_step(zero_d=False),
        ),
        Mistake(
            "G's gradients not cleared",
            "G moves with gradients that were left over from before: clear them with "
            "optimizer_g.zero_grad() before loss_g.backward().",
            _mistaken_step(zero_g=False),
        ),
        Mistake(
            "no gradients cleared",
            "Neither network's old gradients are cleared. backward() adds to what is there: call "
            "zero_grad() on each optimizer before its backward().",
            _mistaken_step(zero_d=False, zero_g=False),
        ),
        Mistake(
            "detach forgotten",
            "D's loss flows on into G: detach the fakes in D's half, discriminator(fake.detach()), "
            "or clear G's gradients after it.",
            _mistaken_step(joint=True),
        ),
        Mistake(
            "G first",
            "G learns before D. Here D goes first, so that G hears D's newest opinion.",
            _mistaken_step(g_first=True),
        ),
        Mistake(
            "old opinion",
            "G learns from what D said before its own update. Ask D again after "
            "optimizer_d.step().",
            _mistaken_step(stale=True),
        ),
        Mistake(
            "D does not move",
            "D's weights do not change: optimizer_d.step() is missing.",
            _mistaken_step(step_d=False),
        ),
        Mistake(
            "G does not move",
            "G's weights do not change: optimizer_g.step() is missing.",
            _mistaken_step(step_g=False),
        ),
        Mistake(
            "D left frozen",
            "The numbers are right, but D stays frozen afterwards and can never learn again. "
            "Thaw it: discriminator.requires_grad_(True).",
            _mistaken_step(leave_frozen=True),
        ),
    ),
    oracle=_oracle_step,
    cases=_step_cases,
    outcome=_weights_after,
    prepare=_leave_old_gradients,
)

# ---- 4: sampling ------------------------------------------------------------------------------


class _TinyGenerator(nn.Module):
    """Enough of a generator to get everything wrong with: it has a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
        self.net[1].running_mean += 0.5
        self.net[1].running_var *= 2

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.net(z))


def _sample_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for training in (True, True, False):
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            generator = _TinyGenerator().train(training)
        cases.append({"generator": generator, "z": torch.randn(6, 3, generator=rng)})
    return cases


def _sample(generator, z, *, eval_mode=True, restore=True, no_grad=True, again=False) -> Tensor:
    was_training = generator.training
    if eval_mode:
        generator.eval()
    with torch.set_grad_enabled(not no_grad):
        images = generator(torch.rand_like(z) if again else z)
    if restore:
        generator.train(was_training)
    return images


def _images_and_traces(result: Any, arguments: dict) -> Any:
    """The images, and what sampling left behind."""
    if not isinstance(result, Tensor):
        return result
    generator = arguments["generator"]
    return {
        "images": result.detach(),
        "carry a gradient": result.requires_grad,
        "running statistics": torch.cat([b.flatten().float() for b in generator.buffers()]),
        "in training mode afterwards": generator.training,
    }


def _mistaken_sample(**choices: bool):
    return lambda generator, z: _sample(generator, z, **choices)


sample = FunctionTask(
    LESSON,
    "sample",
    "Clean: the images depend on z alone, and nothing is left behind.",
    (
        Mistake(
            "training mode",
            "It samples in training mode: BatchNorm then uses the statistics of this batch, so "
            "each image depends on its neighbours, and the running statistics change. Call "
            "generator.eval() first.",
            _mistaken_sample(eval_mode=False),
        ),
        Mistake(
            "gradients kept",
            "The images carry a gradient, and with it the memory of the whole network. Wrap the "
            "call in torch.no_grad().",
            _mistaken_sample(no_grad=False),
        ),
        Mistake(
            "mode not restored",
            "The generator stays in eval mode, so further training would leave its statistics "
            "unchanged. Put the mode back as it was.",
            _mistaken_sample(restore=False),
        ),
        Mistake(
            "training mode, gradients kept",
            "Two things are missing: generator.eval(), so that an image does not depend on its "
            "neighbours, and torch.no_grad().",
            _mistaken_sample(eval_mode=False, no_grad=False),
        ),
        Mistake(
            "nothing restored, gradients kept",
            "eval() is right. But the images carry a gradient (use torch.no_grad()), and the mode "
            "is not put back.",
            _mistaken_sample(restore=False, no_grad=False),
        ),
        Mistake(
            "always back to training",
            "It always ends in training mode. A generator that was in eval mode should stay there: "
            "remember generator.training before you change it.",
            lambda generator, z: (_sample(generator, z), generator.train())[0],
        ),
    ),
    oracle=_sample,
    cases=_sample_cases,
    outcome=_images_and_traces,
)

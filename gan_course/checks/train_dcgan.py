"""Lesson 08: the losses, one training step, sampling, and what belongs to a run."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks import train_dcgan_numbers as numbers
from gan_course.checks import train_dcgan_state as state
from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.losses import non_saturating_d_loss, non_saturating_g_loss
from gan_course.training import training_step

LESSON = "08_train_dcgan"

# ---- 1 and 2: the losses ----------------------------------------------------------------------


# Small logits, and twice some so large that a sigmoid in float32 is exactly 0 or 1.
SCALES = (1.0,) * 8 + (3.0,) * (CASES - 10) + (40.0,) * 2
EXTREME = (120.0, -120.0)


def _logits(count: int, rng: torch.Generator, scale: float) -> Tensor:
    logits = scale * torch.randn(count, generator=rng)
    if scale > 10:
        logits = torch.cat([logits, torch.tensor(EXTREME)])
    return logits.requires_grad_()


def _d_cases(rng: torch.Generator) -> list[dict]:
    return [
        {"logits_real": _logits(3 + i % 3, rng, s), "logits_fake": _logits(4, rng, s)}
        for i, s in enumerate(SCALES)
    ]


def _g_cases(rng: torch.Generator) -> list[dict]:
    return [{"logits_fake": _logits(4, rng, s)} for s in SCALES]


def _loss_and_gradients(result: Any, arguments: dict) -> dict:
    """The loss and what it tells the networks: a right value with a wrong gradient is no loss."""
    told = {"loss": result.detach() if isinstance(result, Tensor) else result}
    if isinstance(result, Tensor) and result.ndim == 0 and result.requires_grad:
        try:
            gradients = torch.autograd.grad(result, list(arguments.values()), allow_unused=True)
        except RuntimeError as error:
            gradients = [str(error).splitlines()[0]] * len(arguments)
    else:
        gradients = ["none"] * len(arguments)
    for name, gradient in zip(arguments, gradients, strict=True):
        told[f"gradient for {name}"] = "none" if gradient is None else gradient
    return told


def _bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _with_sigmoid(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    real, fake = logits_real.sigmoid(), logits_fake.sigmoid()
    return -real.log().mean() - (1 - fake).log().mean()


def _bce_on_probabilities(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    real, fake = logits_real.sigmoid(), logits_fake.sigmoid()
    loss_real = F.binary_cross_entropy(real, torch.ones_like(real))
    return loss_real + F.binary_cross_entropy(fake, torch.zeros_like(fake))


def _int_labels(logits: Tensor, target: int) -> Tensor:
    labels = torch.full(logits.shape, target, dtype=torch.int64)
    return F.binary_cross_entropy_with_logits(logits, labels)


def _by_hand(x: Tensor) -> Tensor:
    """The sigmoid as its formula has it; exp overflows."""
    return 1 / (1 + torch.exp(-x))


def _guarded(small: float):
    """Log of sigmoid with a small number added, so that it is not infinite."""

    def d(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        real, fake = logits_real.sigmoid(), logits_fake.sigmoid()
        return -(real + small).log().mean() - (1 - fake + small).log().mean()

    def g(logits_fake: Tensor) -> Tensor:
        return -(logits_fake.sigmoid() + small).log().mean()

    return d, g


GUARDED_D, GUARDED_G = zip(*map(_guarded, (1e-8, 1e-5, 1e-6, 1e-7, 1e-10, 1e-12)), strict=True)


def _walked_twice(loss: Tensor) -> Tensor:
    """A loss on which backward was called already."""
    loss.backward()
    return loss


def _right_d(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    return _bce(logits_real, 1.0) + _bce(logits_fake, 0.0)


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
            also=(
                lambda logits_real, logits_fake: (
                    -torch.log(_by_hand(logits_real)).mean()
                    - torch.log(1 - _by_hand(logits_fake)).mean()
                ),
            ),
        ),
        Mistake(
            "a small number in the logarithm",
            "The small number inside the logarithm avoids infinity, but there the gradient is 0: "
            "where D is far off, it learns nothing. Work on the logits.",
            GUARDED_D[0],
            also=GUARDED_D[1:],
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
            "both targets smoothed",
            "Both targets are smoothed, 0.9 and 0.1. Here they are 1 and 0. (Smoothing, where it "
            "is asked for, is for the real images only: a fake target above 0 rewards G for "
            "staying where it is.)",
            lambda logits_real, logits_fake: _bce(logits_real, 0.9) + _bce(logits_fake, 0.1),
        ),
        Mistake(
            "real target smoothed",
            "The target of the real images is 1 here, not 0.9. Label smoothing is an extra that "
            "is not asked for.",
            lambda logits_real, logits_fake: _bce(logits_real, 0.9) + _bce(logits_fake, 0.0),
        ),
        Mistake(
            "whole-number labels",
            "The labels are whole numbers (int64), and binary cross-entropy wants floats, as the "
            "logits are: torch.ones_like(logits) has the right kind.",
            lambda logits_real, logits_fake: (
                _int_labels(logits_real, 1) + _int_labels(logits_fake, 0)
            ),
        ),
        Mistake(
            "no mean",
            "It puts out a loss for each image. Take the mean over the real ones and the mean over "
            "the fakes: there need not be equally many.",
            lambda logits_real, logits_fake: F.softplus(-logits_real) + F.softplus(logits_fake),
        ),
        Mistake(
            "turned into a plain number",
            "The number is right, but it is cut off from the networks: .item(), float() and "
            ".detach() lose the gradient. Return the tensor as it is.",
            lambda logits_real, logits_fake: _right_d(logits_real, logits_fake).item(),
            also=(lambda logits_real, logits_fake: _right_d(logits_real, logits_fake).detach(),),
        ),
        Mistake(
            "backward inside",
            "It calls backward() itself. A loss only says how bad it is; the training step calls "
            "backward() on it, and that works once.",
            lambda logits_real, logits_fake: _walked_twice(_right_d(logits_real, logits_fake)),
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
    returns=True,
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
            also=(lambda logits_fake: -torch.log(_by_hand(logits_fake)).mean(),),
        ),
        Mistake(
            "BCE on probabilities",
            "On small logits it is right. On large ones F.binary_cross_entropy cuts the loss off "
            "at 100 and its gradient vanishes. Leave the sigmoid out and use "
            "F.binary_cross_entropy_with_logits.",
            lambda logits_fake: F.binary_cross_entropy(
                logits_fake.sigmoid(), torch.ones_like(logits_fake)
            ),
        ),
        Mistake(
            "a small number in the logarithm",
            "The small number inside the logarithm avoids infinity, but there the gradient is 0: "
            "where D is sure, G learns nothing. Work on the logits.",
            GUARDED_G[0],
            also=GUARDED_G[1:],
        ),
        Mistake(
            "smoothed target",
            "The target of G is 1, not 0.9. Smoothing is for D's real images alone.",
            lambda logits_fake: _bce(logits_fake, 0.9),
        ),
        Mistake(
            "the raw logits",
            "This is minus the mean logit, the generator's half of the hinge and Wasserstein "
            "losses. Asked for is the mean of −log D(G(z)), which stops pulling where D is fooled.",
            lambda logits_fake: -logits_fake.mean(),
        ),
        Mistake(
            "cut off at 0",
            "relu makes a corner where the logarithm bends smoothly: beyond it the gradient is 0. "
            "−log sigmoid(x) is F.softplus(-x), not F.relu(-x).",
            lambda logits_fake: F.relu(-logits_fake).mean(),
            also=(lambda logits_fake: F.relu(1 - logits_fake).mean(),),
        ),
        Mistake(
            "whole-number labels",
            "The labels are whole numbers (int64), and binary cross-entropy wants floats, as the "
            "logits are: torch.ones_like(logits) has the right kind.",
            lambda logits_fake: _int_labels(logits_fake, 1),
        ),
        Mistake(
            "no mean",
            "It puts out a loss for each image. Take the mean over them.",
            lambda logits_fake: F.softplus(-logits_fake),
        ),
        Mistake(
            "sum instead of mean",
            "It adds up over the batch. Take the mean, or the learning rate depends on the batch "
            "size.",
            lambda logits_fake: F.softplus(-logits_fake).sum(),
        ),
        Mistake(
            "turned into a plain number",
            "The number is right, but it is cut off from the networks: .item(), float() and "
            ".detach() lose the gradient. Return the tensor as it is.",
            lambda logits_fake: F.softplus(-logits_fake).mean().item(),
            also=(lambda logits_fake: F.softplus(-logits_fake).mean().detach(),),
        ),
        Mistake(
            "backward inside",
            "It calls backward() itself. A loss only says how bad it is; the training step calls "
            "backward() on it, and that works once.",
            lambda logits_fake: _walked_twice(F.softplus(-logits_fake).mean()),
        ),
    ),
    oracle=non_saturating_g_loss,
    cases=_g_cases,
    outcome=_loss_and_gradients,
    returns=True,
)

# ---- 3: one step ------------------------------------------------------------------------------


def _step_cases(rng: torch.Generator) -> list[dict]:
    """Tiny networks with plain SGD."""
    cases = []
    for _ in range(4):
        with torch.random.fork_rng(devices=[]):
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


def _weights_after(result: Any, arguments: dict) -> dict:
    """The weights of both networks after the step, and whether they can still learn."""
    models = {"G": arguments["generator"], "D": arguments["discriminator"]}
    told = {}
    for name, model in models.items():
        told[f"weights of {name} afterwards"] = torch.cat(
            [p.detach().flatten() for p in model.parameters()]
        )
        told[f"{name} can learn on"] = all(p.requires_grad for p in model.parameters())
    return told


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


def _one_graph(retain: bool):
    """D's opinion of the fakes is asked once, not detached, and used for both losses."""

    def wrong(generator, discriminator, optimizer_g, optimizer_d, real, z):
        logits_fake = discriminator(generator(z))
        loss_d = non_saturating_d_loss(discriminator(real), logits_fake)
        optimizer_d.zero_grad()
        loss_d.backward(retain_graph=retain)
        optimizer_d.step()
        loss_g = non_saturating_g_loss(logits_fake)
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()

    return wrong


def _not_detached(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    """The fakes are drawn once and not detached; D is asked anew."""
    fake = generator(z)
    loss_d = non_saturating_d_loss(discriminator(real), discriminator(fake))
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    loss_g = non_saturating_g_loss(discriminator(fake))
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()


def _both_step_at_the_end(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    fake = generator(z)
    optimizer_d.zero_grad()
    optimizer_g.zero_grad()
    non_saturating_d_loss(discriminator(real), discriminator(fake.detach())).backward()
    non_saturating_g_loss(discriminator(fake)).backward()
    optimizer_d.step()
    optimizer_g.step()


def _optimizers_exchanged(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    """Each half clears its own gradients, and steps with the other's optimizer."""
    fake = generator(z)
    optimizer_d.zero_grad()
    non_saturating_d_loss(discriminator(real), discriminator(fake.detach())).backward()
    optimizer_g.step()
    fake = generator(z)
    optimizer_g.zero_grad()
    non_saturating_g_loss(discriminator(fake)).backward()
    optimizer_d.step()


def _d_steps_twice(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    """D's optimizer steps once more, with the gradients of G's loss."""
    _step(generator, discriminator, optimizer_g, optimizer_d, real, z)
    optimizer_d.step()


def _g_pulls_wrong_way(generator, discriminator, optimizer_g, optimizer_d, real, z) -> None:
    fake = generator(z)
    optimizer_d.zero_grad()
    non_saturating_d_loss(discriminator(real), discriminator(fake.detach())).backward()
    optimizer_d.step()
    optimizer_g.zero_grad()
    F.softplus(discriminator(fake)).mean().backward()
    optimizer_g.step()


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
            "one graph walked twice",
            "loss_d.backward() went through the fakes into G and freed that path, so the second "
            "backward() finds it gone. Detach the fakes in D's half, discriminator(fake.detach()), "
            "and ask D anew for G's half, discriminator(fake).",
            _not_detached,
            also=(_one_graph(retain=False),),
        ),
        Mistake(
            "opinion older than D",
            "G's loss is made of what D said before it learned, and D's weights have changed "
            "since, so torch refuses to walk back. Ask D anew: discriminator(fake).",
            _one_graph(retain=True),
        ),
        Mistake(
            "both step at the end",
            "D steps after G's backward(), so its gradients hold both losses. Let D finish first: "
            "zero_grad, backward and step, and only then G's half.",
            _both_step_at_the_end,
        ),
        Mistake(
            "D steps twice",
            "D also steps after G's backward(), with gradients that help G. Only optimizer_g steps "
            "in G's half.",
            _d_steps_twice,
        ),
        Mistake(
            "optimizers exchanged",
            "The optimizers are exchanged: optimizer_d moves D after loss_d, optimizer_g moves G "
            "after loss_g.",
            _optimizers_exchanged,
        ),
        Mistake(
            "G helps D",
            "G is moved to make D right about the fakes. In G's half the fakes get the target of "
            "real images: use your g_loss.",
            _g_pulls_wrong_way,
        ),
        Mistake(
            "nothing moves",
            "Neither network's weights have changed. A network moves when its loss has gone "
            "backward() and then its optimizer makes a step().",
            _mistaken_step(step_d=False, step_g=False),
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
            "D's weights do not change: optimizer_d.step() is missing, or zero_grad() stands "
            "between backward() and step() and clears what was just computed.",
            _mistaken_step(step_d=False),
        ),
        Mistake(
            "G does not move",
            "G's weights do not change: optimizer_g.step() is missing, zero_grad() stands right "
            "before it, or the fakes are detached in G's half too, so that no gradient reaches G.",
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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            generator = _TinyGenerator().train(training)
        cases.append({"generator": generator, "z": torch.randn(6, 3, generator=rng)})
    return cases


def _sample(generator, z, *, eval_mode=True, restore=True, no_grad=True) -> Tensor:
    was_training = generator.training
    if eval_mode:
        generator.eval()
    with torch.set_grad_enabled(not no_grad):
        images = generator(z)
    if restore:
        generator.train(was_training)
    return images


def _images_and_traces(result: Any, arguments: dict) -> dict:
    """The images, and what sampling left behind."""
    generator = arguments["generator"]
    return {
        "images": result.detach() if isinstance(result, Tensor) else result,
        "carry a gradient": isinstance(result, Tensor) and result.requires_grad,
        "running statistics": torch.cat([b.flatten().float() for b in generator.buffers()]),
        "in training mode afterwards": generator.training,
        "can learn on": all(p.requires_grad for p in generator.parameters()),
        "torch computes gradients afterwards": torch.is_grad_enabled(),
    }


def _gradients_off(generator, z) -> Tensor:
    torch.set_grad_enabled(False)
    return _sample(generator, z)


def _frozen_for_good(generator, z) -> Tensor:
    generator.requires_grad_(False)
    return _sample(generator, z)


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
            "gradients off for good",
            "It switches gradients off for everything that comes after, and the next training "
            "would learn nothing. `with torch.no_grad():` switches them on again at its end.",
            _gradients_off,
        ),
        Mistake(
            "generator frozen",
            "The images are right, but the generator's weights stay frozen (requires_grad is "
            "False), so it would never learn again. torch.no_grad() is enough, and ends by itself.",
            _frozen_for_good,
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
    returns=True,
)

# ---- 5 to 10: in files of their own -----------------------------------------------------------

best_smoothed_d = numbers.best_smoothed_d
deal_out = numbers.deal_out
count_images = numbers.count_images
update_average = state.update_average
film = state.film
keep_everything = state.keep_everything

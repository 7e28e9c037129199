"""The bug zoo, first house: losses, their averages and explanations, and the range of the data."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks.bug_task import LESSON, bug_task
from gan_course.checks.compare import describe, plain
from gan_course.checks.framework import FunctionTask, Mistake, PropertyTask

# ---- the loss that breaks at 17 ---------------------------------------------------------------


def _loss_and_gradient(result: Any, arguments: dict) -> dict:
    """The loss and what it tells the network."""
    (logits,) = arguments.values()
    told = {"loss": result.detach() if isinstance(result, Tensor) else result, "gradient": "none"}
    if isinstance(result, Tensor) and result.ndim == 0 and result.requires_grad:
        told["gradient"] = torch.autograd.grad(result, logits)[0]
    return told


def _logits(name: str, large: tuple[float, ...] = ()):
    """Cases with logits (N,): small ones, and in half of the cases some large ones beside them."""

    def cases(rng: torch.Generator) -> list[dict]:
        made = []
        for i in range(6):
            logits = 2 * torch.randn(3 + i % 3, generator=rng)
            if i % 2:
                logits = torch.cat([logits, torch.tensor(large)])
            made.append({name: logits.requires_grad_()})
        return made

    return cases


def _on_probabilities(logits_fake: Tensor) -> Tensor:
    p = torch.sigmoid(logits_fake)
    return F.binary_cross_entropy(p, torch.zeros_like(p))


def _with_a_small_number(small: float):
    return lambda logits_fake: -torch.log(1 - torch.sigmoid(logits_fake) + small).mean()


def _clamped(small: float):
    return lambda logits_fake: -torch.log((1 - torch.sigmoid(logits_fake)).clamp(min=small)).mean()


log_of_sigmoid = bug_task(
    "log_of_sigmoid",
    mended="Mended: loss and gradient are finite at a logit of 200, and right.",
    shipped=(
        "The sigmoid followed by a hand-written logarithm is in many courses; ARENA's pull request "
        "#369 describes how it made the DCGAN of chapter 0.5 give NaN early in training."
    ),
    cause=2,
    others={
        1: "a smaller learning rate makes large logits rarer, but the loss is infinite as soon as "
        "one comes. And nothing was trained in the cell above.",
        3: "a large logit only means that D is sure. The formula −log(1 − D) has a finite value "
        "there: at a logit of 200 it is 200.",
        4: "the mean of finite numbers is finite. Here a single logit is enough.",
    },
    bug=Mistake(
        "the bug",
        "at a logit of 200 the loss is infinite and its gradient is NaN.",
        lambda logits_fake: -torch.log(1 - torch.sigmoid(logits_fake)).mean(),
    ),
    mend=FunctionTask(
        LESSON,
        "log_of_sigmoid",
        "",
        (
            Mistake(
                "a small number in the logarithm",
                "The small number keeps the loss finite, but where D is far off the gradient is "
                "now 0: D would never learn from its worst mistakes. Work on the logits.",
                _with_a_small_number(1e-8),
                also=(
                    *map(_with_a_small_number, (1e-7, 1e-6, 1e-5, 1e-12)),
                    *map(_clamped, (1e-8, 1e-7, 1e-6, 1e-12)),
                ),
            ),
            Mistake(
                "BCE on probabilities",
                "F.binary_cross_entropy cuts the loss off at 100, and beyond that its gradient is "
                "0. Leave the sigmoid out: F.binary_cross_entropy_with_logits.",
                _on_probabilities,
            ),
            Mistake(
                "real instead of fake",
                "This is −log D: it asks D to say 1. For fakes the target is 0, and −log(1 − D) is "
                "F.softplus(logits_fake) without a minus sign.",
                lambda logits_fake: F.softplus(-logits_fake).mean(),
            ),
            Mistake(
                "sign",
                "The loss is finite, but its sign is turned: it rewards D for calling fakes real.",
                lambda logits_fake: -F.softplus(logits_fake).mean(),
                also=(lambda logits_fake: F.logsigmoid(-logits_fake).mean(),),
            ),
            Mistake(
                "no mean",
                "It gives a loss for each image. Take the mean over the batch.",
                lambda logits_fake: F.softplus(logits_fake),
            ),
            Mistake(
                "logits cut off",
                "Cutting the logits off keeps the loss finite, but beyond the cut the gradient is "
                "0. There is a function of the raw logits that needs no cut.",
                lambda logits_fake: (
                    -torch.log(1 - torch.sigmoid(logits_fake.clamp(-10, 10))).mean()
                ),
                also=(
                    lambda logits_fake: (
                        -torch.log(1 - torch.sigmoid(logits_fake.clamp(max=15))).mean()
                    ),
                ),
            ),
        ),
        oracle=lambda logits_fake: F.softplus(logits_fake).mean(),
        cases=_logits("logits_fake", (20.0, 200.0)),
        outcome=_loss_and_gradient,
        returns=True,
    ),
)

# ---- labels without a decimal point -----------------------------------------------------------


def _bce(logits_real: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits_real, labels)


integer_labels = bug_task(
    "integer_labels",
    mended="Mended: one decimal point, and the loss runs.",
    shipped=(
        "Labels of this kind are in the DCGAN notebook of pytorch_advanced and in many other "
        "tutorials; pytorch issue #45373 reports the error."
    ),
    cause=3,
    others={
        1: "the labels have one entry for each logit: (4,) and (4,). A misfit of shapes is a "
        "ValueError that names both sizes.",
        2: "this loss wants raw logits, of any size. It contains the sigmoid.",
        4: "D's logits are as they should be: floats. Look at the other argument.",
    },
    bug=Mistake(
        "the bug",
        "torch.full((n,), 1) is filled with whole numbers (int64), and the loss stops with a "
        "RuntimeError.",
        lambda logits_real: _bce(logits_real, torch.full((len(logits_real),), 1)),
    ),
    mend=FunctionTask(
        LESSON,
        "integer_labels",
        "",
        (
            Mistake(
                "label 0",
                "It runs, but the label of a real image is 1, not 0.",
                lambda logits_real: _bce(logits_real, torch.zeros_like(logits_real)),
            ),
            Mistake(
                "smoothed",
                "It runs, but with 0.9. Smoothing is a choice of its own; here the label is 1.",
                lambda logits_real: _bce(logits_real, torch.full((len(logits_real),), 0.9)),
            ),
            Mistake(
                "another axis",
                "Now the labels have an axis more than the logits: (N, 1) is not (N,).",
                lambda logits_real: _bce(logits_real, torch.ones(len(logits_real), 1)),
            ),
            Mistake(
                "logits made whole",
                "The logits became whole numbers, and the loss stops all the same. It is the "
                "labels that should become floats.",
                lambda logits_real: _bce(
                    logits_real.long(), torch.full((len(logits_real),), 1).long()
                ),
            ),
            Mistake(
                "one label",
                "There is one label for the whole batch. Each of the N logits needs its own.",
                lambda logits_real: _bce(logits_real, torch.ones(1)),
                also=(lambda logits_real: _bce(logits_real, torch.tensor(1.0)),),
            ),
        ),
        oracle=lambda logits_real: F.softplus(-logits_real).mean(),
        cases=_logits("logits_real", (-3.0,)),
        outcome=_loss_and_gradient,
        returns=True,
    ),
)

# ---- a mean by the wrong number ---------------------------------------------------------------


def _average_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i, (steps, batch_size) in enumerate([(7, 64), (3, 8), (10, 4), (1, 16), (29, 64), (5, 2)]):
        losses = (0.5 + 2 * torch.rand(steps, generator=rng) + i).tolist()
        cases.append({"step_losses": losses, "batch_size": batch_size})
    return cases


loss_average = bug_task(
    "loss_average",
    mended="Mended: the mean is the mean, whatever the batch size.",
    shipped=(
        "In the DCGAN notebook of pytorch_advanced the sum over 7 iterations is divided by the "
        "batch size, 64, so the printed losses are about 9 times too small."
    ),
    cause=4,
    others={
        1: "every loss that went in is 1.386; a D that learned would change what goes in.",
        2: "−log ½ − log ½ = 1.386 is what a D that knows nothing gets. The curve shows 0.152.",
        3: "the order of a sum does not matter, and seven floats lose no digit worth speaking of.",
    },
    bug=Mistake(
        "the bug",
        "seven losses of 1.386 still give a mean of 0.152.",
        lambda step_losses, batch_size: sum(step_losses) / batch_size,
    ),
    mend=FunctionTask(
        LESSON,
        "loss_average",
        "",
        (
            Mistake(
                "sum",
                "That is the sum. It grows with the number of iterations: divide by that.",
                lambda step_losses, batch_size: sum(step_losses),
            ),
            Mistake(
                "divided by images",
                "It divides by the number of images, iterations times batch size. But each entry "
                "is a mean over its batch already: only the iterations are left to divide by.",
                lambda step_losses, batch_size: sum(step_losses) / (len(step_losses) * batch_size),
            ),
            Mistake(
                "last loss",
                "That is the last loss of the epoch, not the mean of all.",
                lambda step_losses, batch_size: step_losses[-1],
            ),
            Mistake(
                "a mean for each image, summed",
                "It multiplies by the batch size: the sum over all images, divided by the "
                "iterations. The entries are means; no batch size is needed at all.",
                lambda step_losses, batch_size: sum(step_losses) * batch_size / len(step_losses),
            ),
            Mistake(
                "a fixed number",
                "It divides by 7, as if every epoch had 7 iterations. Count the entries of the "
                "list.",
                lambda step_losses, batch_size: sum(step_losses) / 7,
            ),
        ),
        oracle=lambda step_losses, batch_size: sum(step_losses) / len(step_losses),
        cases=_average_cases,
    ),
)

# ---- an explanation turned round --------------------------------------------------------------

CLAIM = {"who is perfect": "generator", "D(G(z)) is near": 1}
PLAYERS = ("generator", "discriminator")


def saturating_loss(p: float) -> tuple[float, float]:
    """−log(1 − D) where D(G(z)) = p, and its slope along the logit. Both by autograd on logits."""
    logit = torch.logit(torch.tensor(float(p), dtype=torch.float64)).requires_grad_()
    loss = F.softplus(logit)
    loss.backward()
    return loss.item(), logit.grad.item()


def _claim_problem(claim: Any) -> str | None:
    if not isinstance(claim, dict) or set(claim) != set(CLAIM):
        return (
            f"The check wants a dict with the two entries {', '.join(map(repr, CLAIM))}, but got "
            f"{describe(claim)}."
        )
    who, near = claim["who is perfect"], plain(claim["D(G(z)) is near"])
    if who not in PLAYERS:
        return f'"who is perfect" is "generator" or "discriminator", not {describe(who)}.'
    if isinstance(near, bool) or not isinstance(near, int | float) or not 0 <= near <= 1:
        return f'"D(G(z)) is near" is a probability, a number from 0 to 1, not {describe(near)}.'
    loss, slope = saturating_loss(min(max(near, 1e-4), 1 - 1e-4))
    if abs(loss) > 0.02 or abs(slope) > 0.02:
        return (
            f"At D(G(z)) = {near} the loss is {loss:.3g} and its slope {slope:.3g}: neither is "
            f"near 0, so the sentence does not hold there."
        )
    if who == "generator":
        return (
            "The place is right now: loss and slope are near 0 there. But D(G(z)) near 0 means "
            "that D sees through every fake. Which player is perfect then?"
        )
    return None


backwards_explanation = bug_task(
    "backwards_explanation",
    mended="Mended: G gets no slope from this loss where the discriminator is perfect.",
    shipped=(
        "The GAN section of Dive into Deep Learning (d2l-en, gan.md) explains the non-saturating "
        "loss with the sentence that you started from."
    ),
    cause=1,
    others={
        2: "the table's last column shows the other loss, −log D, with a slope near −1 where the "
        "first one has 0. So changing the loss does help.",
        3: "at D(G(z)) = 0.999 the table has a loss of 6.9, and it goes on growing to infinity.",
        4: "the sign is a matter of taste: G may make −log(1 − D) large or log(1 − D) small. "
        "The slope is the same.",
    },
    bug=Mistake(
        "the bug",
        "at D(G(z)) near 1 the loss is large and its slope is near 1: the sentence says the "
        "opposite.",
        CLAIM,
        fits=lambda claim: claim == CLAIM,
    ),
    mend=PropertyTask(
        LESSON,
        "backwards_explanation",
        "",
        (
            Mistake(
                "player only",
                "A perfect discriminator is never fooled. So what does it say to every fake, 1 or "
                "0?",
                {"who is perfect": "discriminator", "D(G(z)) is near": 1},
            ),
            Mistake(
                "place only",
                "The place is right now: loss and slope are near 0 there. But who is perfect when "
                "D says 0 to every fake?",
                {"who is perfect": "generator", "D(G(z)) is near": 0},
            ),
            Mistake(
                "undecided",
                "0.5 is where D can't tell. There the loss is log 2 and its slope 0.5: neither is "
                "near 0.",
                {"who is perfect": "generator", "D(G(z)) is near": 0.5},
                also=({"who is perfect": "discriminator", "D(G(z)) is near": 0.5},),
            ),
        ),
        problem=_claim_problem,
    ),
)

# ---- two ranges -------------------------------------------------------------------------------


def _pixel_cases(rng: torch.Generator) -> list[dict]:
    images = [torch.rand(2 + i, 1, 4, 4, generator=rng) for i in range(5)]
    for image in images:  # black and white are always there
        image[0, 0, 0, 0], image[0, 0, 0, 1] = 0.0, 1.0
    images.append(0.2 + 0.5 * torch.rand(3, 1, 4, 4, generator=rng))  # and once neither is
    return [{"images": image} for image in images]


data_range = bug_task(
    "data_range",
    mended="Mended: real images and fakes have the same range, −1 to 1.",
    shipped=(
        "MNIST normalised by its mean and standard deviation stands before a tanh generator in "
        "ARENA's chapter 0.5 and in the GAN example of the Lightning tutorials."
    ),
    cause=1,
    others={
        2: "D's rule has no weights at all, so nothing was trained too long.",
        3: "the rule above would find out even a perfect G: its tanh cannot reach 2.8.",
        4: "more images would have the same range. Compare the two printed rows.",
    },
    bug=Mistake(
        "the bug",
        "white pixels of real images are still at 2.82, where no tanh can follow.",
        lambda images: (images - 0.1307) / 0.3081,
    ),
    mend=FunctionTask(
        LESSON,
        "data_range",
        "",
        (
            Mistake(
                "stretched batch by batch",
                "It stretches each batch from its own darkest to its own lightest pixel. A batch "
                "without black would get one: the same grey must become the same number always.",
                lambda images: 2 * (images - images.min()) / (images.max() - images.min()) - 1,
            ),
            Mistake(
                "0 to 1",
                "Real images lie in 0 to 1 now, and G's tanh paints down to −1: D would tell them "
                "apart by every pixel below 0.",
                lambda images: images + 0.0,
            ),
            Mistake(
                "cut off",
                "Cutting off at ±1 brings the range together, but it paints every light grey "
                "white. Move and stretch instead.",
                lambda images: ((images - 0.1307) / 0.3081).clamp(-1, 1),
            ),
            Mistake(
                "only moved",
                "−0.5 to 0.5: the middle is right, but the width of tanh is 2, not 1.",
                lambda images: images - 0.5,
            ),
            Mistake(
                "only stretched",
                "0 to 2: the width is right, but it has to be moved down by 1.",
                lambda images: 2 * images,
            ),
            Mistake(
                "bytes",
                "Dividing by 127.5 is for pixels from 0 to 255. These come from 0 to 1.",
                lambda images: images / 127.5 - 1,
            ),
            Mistake(
                "negative",
                "The range is right, but black and white have changed places.",
                lambda images: 1 - 2 * images,
            ),
            Mistake(
                "through tanh",
                "A tanh bends the greys: 1 becomes 0.76, and black no longer is −1. Move and "
                "stretch is enough.",
                lambda images: torch.tanh(2 * images - 1),
                also=(lambda images: torch.tanh((images - 0.1307) / 0.3081),),
            ),
        ),
        oracle=lambda images: 2 * images - 1,
        cases=_pixel_cases,
    ),
)

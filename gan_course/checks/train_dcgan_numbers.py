"""Lesson 08, tasks 5 to 7: the best D under smoothing, which images a step sees, images seen."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask

LESSON = "08_train_dcgan"

# ---- 5: the best D, with smoothed labels ------------------------------------------------------


def _density_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        p_real, p_fake = 0.05 + torch.rand(2, 2 + i // 3, generator=rng)
        p_real[0], p_fake[0] = 1 + p_real[0], 0.05  # once D* lies above 0.9
        smoothing = (0.0, 0.1, 0.2, 0.3)[i % 4]
        cases.append({"p_real": p_real, "p_fake": p_fake, "smoothing": smoothing})
    return cases


def _best(p_real: Tensor, p_fake: Tensor, smoothing: float) -> Tensor:
    """Where (1 − s) p_real / D − (s p_real + p_fake) / (1 − D), the slope, is 0."""
    return (1 - smoothing) * p_real / (p_real + p_fake)


best_smoothed_d = FunctionTask(
    LESSON,
    "best_smoothed_d",
    "Smoothing the real side only presses D* down, and leaves its ups and downs where they were.",
    (
        Mistake(
            "not smoothed",
            "This is D* without smoothing. With targets of 1 − s the real images ask for less "
            "than 1: that must show where there are no fakes at all.",
            lambda p_real, p_fake, smoothing: p_real / (p_real + p_fake),
        ),
        Mistake(
            "both sides smoothed",
            "Here the fakes are smoothed too: with s p_fake in the numerator, D is asked to give "
            "fakes a probability of s, and G's own images pull D* up. One-sided means that the "
            "target of the fakes stays 0.",
            lambda p_real, p_fake, smoothing: (
                ((1 - smoothing) * p_real + smoothing * p_fake) / (p_real + p_fake)
            ),
        ),
        Mistake(
            "fewer real images",
            "The factor stands below the line as well, as if there were fewer real images. There "
            "are as many as before, and the part s of each now says 'fake': below the line stay "
            "p_real + p_fake.",
            lambda p_real, p_fake, smoothing: (
                (1 - smoothing) * p_real / ((1 - smoothing) * p_real + p_fake)
            ),
        ),
        Mistake(
            "the target itself is s",
            "The target of the real images is 1 − s, 0.9 for s = 0.1. Here it is s.",
            lambda p_real, p_fake, smoothing: smoothing * p_real / (p_real + p_fake),
        ),
        Mistake(
            "densities exchanged",
            "It is high where the fakes are. D is to be high where the real images are.",
            lambda p_real, p_fake, smoothing: (1 - smoothing) * p_fake / (p_real + p_fake),
        ),
        Mistake(
            "cut off",
            "It cuts D* off at 1 − s and changes nothing below. Smoothing changes the loss of "
            "every real image, so D* is lower everywhere: where is the slope of the loss 0?",
            lambda p_real, p_fake, smoothing: (p_real / (p_real + p_fake)).clamp(max=1 - smoothing),
        ),
        Mistake(
            "a logit",
            "This is D's logit. Asked for is the probability, its sigmoid.",
            lambda p_real, p_fake, smoothing: torch.logit(_best(p_real, p_fake, smoothing)),
        ),
    ),
    oracle=_best,
    cases=_density_cases,
)

# ---- 6: which images which step sees ----------------------------------------------------------


def _deal_cases(rng: torch.Generator) -> list[dict]:
    """Small first; one step of D, then two and three; leftovers in most."""
    cases = []
    for i in range(CASES):
        d_steps = (1, 2, 3)[i // 4]
        batch_size = d_steps * (2 if i % 2 else 4)
        rest = (0, 1, batch_size - 1, batch_size * d_steps - 1)[i % 4]
        count = batch_size * d_steps * (2 + i % 3) + rest
        order = torch.randperm(count, generator=rng)
        cases.append({"order": order, "batch_size": batch_size, "discriminator_steps": d_steps})
    return cases


def _deal(order: Tensor, batch_size: int, discriminator_steps: int) -> Tensor:
    steps = len(order) // (batch_size * discriminator_steps)
    kept = order[: steps * batch_size * discriminator_steps]
    return kept.reshape(steps, discriminator_steps, batch_size)


def _same_batch(order: Tensor, batch_size: int, discriminator_steps: int) -> Tensor:
    steps = len(order) // batch_size
    batches = order[: steps * batch_size].reshape(steps, 1, batch_size)
    return batches.repeat(1, discriminator_steps, 1)


def _same_batch_but_fewer(order: Tensor, batch_size: int, discriminator_steps: int) -> Tensor:
    return _deal(order, batch_size, discriminator_steps)[:, :1].repeat(1, discriminator_steps, 1)


def _pieces(order: Tensor, batch_size: int, discriminator_steps: int) -> Tensor:
    steps = len(order) // batch_size
    kept = order[: steps * batch_size]
    return kept.reshape(steps, discriminator_steps, batch_size // discriminator_steps)


deal_out = FunctionTask(
    LESSON,
    "deal_out",
    "Every image is seen once in an epoch at most, and no two updates of D share one.",
    (
        Mistake(
            "the same batch for all of D's steps",
            "All of D's steps within one step get the same images. Then D learns one batch by "
            "heart; each of its updates should see images of its own.",
            _same_batch,
            also=(_same_batch_but_fewer,),
        ),
        Mistake(
            "leftovers kept",
            "The images left over make no full step, and the numbers do not fit any more. Count "
            "the full steps first, len(order) // (batch_size * discriminator_steps), and drop the "
            "rest.",
            lambda order, batch_size, discriminator_steps: order.reshape(
                -1, discriminator_steps, batch_size
            ),
            also=(
                lambda order, batch_size, discriminator_steps: order[
                    : len(order) // batch_size * batch_size
                ].reshape(-1, discriminator_steps, batch_size),
            ),
        ),
        Mistake(
            "first two axes exchanged",
            "The first axis should count the steps, the second D's updates within a step.",
            lambda order, batch_size, discriminator_steps: _deal(
                order, batch_size, discriminator_steps
            ).transpose(0, 1),
            also=(
                lambda order, batch_size, discriminator_steps: _deal(
                    order, batch_size, discriminator_steps
                ).reshape(discriminator_steps, -1, batch_size),
            ),
        ),
        Mistake(
            "a batch cut into pieces",
            "One batch is cut into a piece for each update of D. Each update gets batch_size "
            "images, so a step uses batch_size × discriminator_steps of them.",
            _pieces,
        ),
        Mistake(
            "the order forgotten",
            "It counts 0, 1, 2, … and forgets the order. Then every epoch shows the same images in "
            "the same company.",
            lambda order, batch_size, discriminator_steps: _deal(
                torch.arange(len(order)), batch_size, discriminator_steps
            ),
        ),
        Mistake(
            "dealt like cards",
            "No image comes twice, but they are dealt like cards, one to each update in turn. Here "
            "the first batch_size images of the order go to the first update, the next ones to the "
            "second.",
            lambda order, batch_size, discriminator_steps: (
                order[: _deal(order, batch_size, discriminator_steps).numel()]
                .reshape(-1, batch_size, discriminator_steps)
                .transpose(1, 2)
            ),
        ),
    ),
    oracle=_deal,
    cases=_deal_cases,
)

# ---- 7: images, not epochs --------------------------------------------------------------------

QUESTIONS = (
    "1,797 digits, batch_size 32: images seen in one epoch",
    "the same after 30 epochs",
    "60,000 images, batch_size 128, one step of D for each of G: steps in one epoch",
    "60,000 images, batch_size 128, three steps of D for each of G: steps in one epoch",
    "images seen after 1,000 of the steps of question 4",
    "digits again, batch_size 32: whole epochs until at least 358,400 images are seen",
    "10,000 images, batch_size 128, 25 epochs: images seen",
)


def _count(keep_last: bool = False, d_steps: int = 3) -> list[int]:
    """The answers; with ``keep_last`` the last batch of an epoch may be short."""

    def per_epoch(images: int, batch: int) -> int:
        return -(-images // batch) if keep_last else images // batch

    def seen(images: int, batch: int) -> int:
        return images if keep_last else per_epoch(images, batch) * batch

    return [
        seen(1797, 32),
        30 * seen(1797, 32),
        per_epoch(60_000, 128),
        per_epoch(60_000, 128 * d_steps),
        1000 * 128 * d_steps,
        -(-358_400 // seen(1797, 32)),
        25 * seen(10_000, 128),
    ]


count_images = ValuesTask(
    LESSON,
    "count_images",
    "So 25 epochs may be 250,000 images or 1.5 million: say how many images, and anyone can "
    "compare.",
    (
        Mistake(
            "the last batch kept",
            "The last batch of an epoch is dropped when it is not full: only whole batches count.",
            _count(keep_last=True),
        ),
        Mistake(
            "D's steps not counted",
            "With three steps of D, one step uses three batches: 3 × 128 real images.",
            _count(d_steps=1),
        ),
        Mistake(
            "steps instead of images",
            "These are steps. Asked for are images: steps × images in a step.",
            [1797 // 32, 30 * (1797 // 32), *_count()[2:4], 1000, 358_400 // 32, 25 * 78],
        ),
        Mistake(
            "more steps for more of D",
            "Three steps of D use up the images three times as fast, so an epoch has fewer steps, "
            "not more.",
            [*_count()[:3], 3 * (60_000 // 128), *_count()[4:]],
        ),
    ),
    questions=QUESTIONS,
    expected=_count,
)

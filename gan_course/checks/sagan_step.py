"""Lesson 12: one training step of a conditional SAGAN, against the package's own."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.framework import FunctionTask, Mistake
from gan_course.training import training_step

LESSON = "12_sagan"
CLASSES = 3


class _TinyG(nn.Module):
    """z (N, 2), labels (N,) -> "images" (N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(2, 6)
        self.gain = nn.Embedding(CLASSES, 6)
        self.end = nn.Linear(6, 3)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.end(torch.tanh(self.start(z)) * (1 + self.gain(labels)))


class _TinyD(nn.Module):
    """Images (N, 3), labels (N,) -> logits (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(3, 6)
        self.end = nn.Linear(6, 1)
        self.embed = nn.Embedding(CLASSES, 6)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        h = F.leaky_relu(self.start(images), 0.1)
        return self.end(h)[:, 0] + (self.embed(labels) * h).sum(dim=1)


def _cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for bias in (0.0, 6.0, -6.0, 1.0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
            generator, discriminator = _TinyG(), _TinyD()
        # Logits on both sides of both margins, for real and fake: else no case would show a hinge
        # where none belongs.
        discriminator.end.weight.data.mul_(3)
        discriminator.end.bias.data.fill_(bias)
        cases.append(
            {
                "generator": generator,
                "discriminator": discriminator,
                "optimizer_g": torch.optim.SGD(generator.parameters(), lr=0.1),
                "optimizer_d": torch.optim.SGD(discriminator.parameters(), lr=0.4),
                "images_real": torch.randn(7, 3, generator=rng) + 1,
                "labels": torch.tensor([0, 2, 1, 2, 2, 0, 2]),
                "z": torch.randn(7, 2, generator=rng),
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
    told = {}
    for name, model in (("G", arguments["generator"]), ("D", arguments["discriminator"])):
        weights = [p.detach().flatten() for p in model.parameters()]
        told[f"weights of {name} afterwards"] = torch.cat(weights)
        told[f"{name} can learn on"] = all(p.requires_grad for p in model.parameters())
    return told


def _oracle(generator, discriminator, optimizer_g, optimizer_d, images_real, labels, z) -> None:
    training_step(
        generator,
        discriminator,
        optimizer_g,
        optimizer_d,
        images_real,
        z,
        loss="hinge",
        labels=labels,
    )


def hinge_d(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    return F.relu(1 - logits_real).mean() + F.relu(1 + logits_fake).mean()


def _bce_d(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    return F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()


def _turned(labels: Tensor) -> Tensor:
    """Other labels for the same batch: as if they had been drawn anew."""
    return labels.roll(1)


def _step(
    loss_d=hinge_d,
    loss_g=lambda logits: -logits.mean(),
    labels_to_d=lambda labels: labels,
    labels_to_real=lambda labels: labels,
    labels_of_g_turn=lambda labels: labels,
    labels_to_g=lambda labels: labels,
    detach: bool = True,
    zero: bool = True,
    learns: str = "DG",
):
    """One step with a choice of what to get wrong."""

    def wrong(generator, discriminator, optimizer_g, optimizer_d, images_real, labels, z):
        fake = generator(z, labels_to_g(labels))
        logits_real = discriminator(images_real, labels_to_real(labels))
        logits_fake = discriminator(fake.detach() if detach else fake, labels_to_d(labels))
        loss = loss_d(logits_real, logits_fake)
        if zero:
            optimizer_d.zero_grad()
            optimizer_g.zero_grad()
        loss.backward(retain_graph=not detach)
        if "D" in learns:
            optimizer_d.step()
        if not detach:
            fake = generator(z, labels_to_g(labels))
        logits = discriminator(fake, labels_of_g_turn(labels))
        if zero and detach:
            optimizer_g.zero_grad()
        loss_g(logits).backward()
        if "G" in learns:
            optimizer_g.step()

    return wrong


sagan_step = FunctionTask(
    LESSON,
    "sagan_step",
    "Both networks end exactly where the course's own training step leaves them: you can train a "
    "conditional SAGAN.",
    (
        Mistake(
            "G's loss has a hinge too",
            "G's loss has a margin: beyond a logit of 1 it would give no gradient. Only D's loss "
            "has a hinge; G's is −mean(logits).",
            _step(loss_g=lambda logits: F.relu(1 - logits).mean()),
            also=(_step(loss_g=lambda logits: F.relu(-logits).mean()),),
        ),
        Mistake(
            "G helps D",
            "G is moved to lower D's opinion of its images. G's loss is −mean(logits), with a "
            "minus.",
            _step(loss_g=lambda logits: logits.mean()),
        ),
        Mistake(
            "cross-entropy instead of hinge",
            "The losses are those of lesson 08, with softplus. Here D's is the hinge, and G's is "
            "−mean(logits).",
            _step(loss_d=_bce_d, loss_g=lambda logits: F.softplus(-logits).mean()),
            also=(
                _step(loss_d=_bce_d),
                _step(loss_g=lambda logits: F.softplus(-logits).mean()),
            ),
        ),
        Mistake(
            "signs in D's hinge exchanged",
            "D is taught that fakes are real: relu(1 − logit) is for real images, relu(1 + logit) "
            "for fakes.",
            _step(loss_d=lambda r, f: hinge_d(f, r)),
        ),
        Mistake(
            "D's hinge halved",
            "D's loss is divided by 2. That is a smaller learning rate in disguise: here the two "
            "means are added.",
            _step(loss_d=lambda r, f: hinge_d(r, f) / 2),
        ),
        Mistake(
            "other labels for D than for G",
            "In D's turn the fakes come with other labels than they were drawn for. D then learns "
            "that label and image have nothing to do with each other. Give D the labels that G "
            "got.",
            _step(labels_to_d=_turned),
            also=(_step(labels_to_d=_turned, labels_of_g_turn=_turned),),
        ),
        Mistake(
            "other labels in G's turn",
            "In G's turn D is asked about other labels than the images were drawn for, so G learns "
            "to draw the wrong digit. Give D the labels that G got.",
            _step(labels_of_g_turn=_turned),
        ),
        Mistake(
            "one label for all",
            "All images come with the same label. Hand over the whole vector `labels`.",
            _step(
                labels_to_g=torch.zeros_like,
                labels_to_d=torch.zeros_like,
                labels_of_g_turn=torch.zeros_like,
            ),
            also=(
                _step(
                    labels_to_g=torch.zeros_like,
                    labels_to_d=torch.zeros_like,
                    labels_of_g_turn=torch.zeros_like,
                    labels_to_real=torch.zeros_like,
                ),
            ),
        ),
        Mistake(
            "detach forgotten",
            "D's loss flows on into G, and is still in G's gradients when G steps. Detach the "
            "fakes in D's turn, or clear G's gradients after it.",
            _step(detach=False),
        ),
        Mistake(
            "old gradients",
            "Gradients of an earlier step are still there: call zero_grad() on each optimizer "
            "before its backward().",
            _step(zero=False),
        ),
        Mistake(
            "D does not move",
            "D's weights do not change: optimizer_d.step() is missing.",
            _step(learns="G"),
        ),
        Mistake(
            "G does not move",
            "G's weights do not change: optimizer_g.step() is missing.",
            _step(learns="D"),
        ),
        Mistake(
            "nothing moves",
            "Neither network's weights have changed: after each backward() its optimizer has to "
            "make a step().",
            _step(learns=""),
        ),
    ),
    oracle=_oracle,
    cases=_cases,
    outcome=_weights_after,
    prepare=_leave_old_gradients,
    returns=False,
)

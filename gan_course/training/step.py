"""One training step: first the discriminator learns, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer

from gan_course.losses import PAIRED, discriminator_loss, generator_loss, squared_slope
from gan_course.training.augment import moved


@dataclass
class StepStats:
    """What one step leaves to look at. The values stay on the device until ``floats`` is called:
    reading a number from a GPU makes the processor wait for it."""

    loss_d: Tensor
    loss_g: Tensor
    mean_d_real: Tensor  # mean of D(x), a probability
    mean_d_fake: Tensor  # mean of D(G(z)), before D's update
    logits_real: Tensor  # (N,), before D's update, as the two means above
    logits_fake: Tensor
    images_fake: Tensor  # (N, C, H, W)
    step: int = 0  # steps done in this run
    epoch: int = 0  # epoch that the step belongs to, from 0
    images_seen: int = 0  # real images seen so far

    def floats(self) -> dict[str, float]:
        """The numbers for a history or a progress bar."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "images_seen": self.images_seen,
            "loss_d": float(self.loss_d),
            "loss_g": float(self.loss_g),
            "mean_d_real": float(self.mean_d_real),
            "mean_d_fake": float(self.mean_d_fake),
        }


def training_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer_g: Optimizer,
    optimizer_d: Optimizer,
    images_real: Tensor,
    z: Tensor,
    loss: str = "non-saturating",
    label_smoothing: float = 0.0,
    discriminator_steps: int = 1,
    labels: Tensor | None = None,
    moves: Tensor | None = None,
    r1: float = 0.0,
    r2: float = 0.0,
) -> StepStats:
    """Update D, once unless told otherwise, and then G once.

    Args:
        generator: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1]; takes labels after z, if
            there are any.
        discriminator: images -> logits (N,); takes labels after the images.
        optimizer_g, optimizer_d: one for each network, over its own parameters only.
        images_real: (k N, C, H, W) in [-1, 1], where k is ``discriminator_steps``: each of D's
            updates sees N images that no other sees.
        z: (k N, latent_dim), standard normal.
        loss: a key of ``gan_course.losses.LOSSES`` or ``PAIRED``.
        label_smoothing: 0.1 makes D's target for real images 0.9.
        discriminator_steps: updates of D for one of G.
        labels: for networks that take them: the classes (k N,) of the real images. G draws a fake
            of the class of each real image, so that D meets each class as often in the fakes, and
            learns nothing from how often it comes.
        moves: to move what D sees, real and fake alike: (k N, 2, ...), see ``draw_moves``.
        r1, r2: gamma of the two penalties: half of it times ``squared_slope`` of D, at the real
            images and at the fakes as D sees them, is added to D's loss. 0: none. Not for a D with
            BatchNorm. ``loss_d`` counts the game alone, without them.

    Returns:
        The losses, D's opinions and the fakes of the last of D's updates, as tensors that carry no
        gradient.

    Raises:
        ValueError: if the batches cannot be divided evenly among D's updates.

    G runs once for each of D's updates, and the last images serve G's own too: D's update does not
    change G, so drawing them again would give images of the same kind for more work.

    Source: Goodfellow et al. 2014, algorithm 1. The paper too takes one step of D per step of G.
    """
    if len(images_real) % discriminator_steps or len(images_real) != len(z):
        raise ValueError(
            f"{len(images_real)} images and {len(z)} z cannot be dealt out evenly to "
            f"{discriminator_steps} steps of D."
        )

    k = discriminator_steps
    label_parts = [()] * k if labels is None else [(part,) for part in labels.chunk(k)]
    move_parts = [(None, None)] * k if moves is None else [m.unbind(1) for m in moves.chunk(k)]
    parts = zip(images_real.chunk(k), z.chunk(k), label_parts, move_parts, strict=True)

    # 1. D's turn, once for each part of the batch. Unless told otherwise there is only one part,
    #    no labels are given, and the images stay where they are.
    for real_part, z_part, given, move in parts:
        # The generator draws as many fakes, and D learns to tell them apart. detach() cuts the
        # fakes off from G: in this half only D learns. Real and fake go through D in two calls,
        # because BatchNorm normalises each call on its own: in one mixed batch its statistics
        # would tell D which half is which.
        images_fake = generator(z_part, *given)  # (N, C, H, W)
        real_seen = moved(real_part, move[0]).detach().requires_grad_(r1 > 0)
        fake_seen = moved(images_fake.detach(), move[0]).detach().requires_grad_(r2 > 0)
        logits_real = discriminator(real_seen, *given)  # (N,)
        logits_fake = discriminator(fake_seen, *given)  # (N,)
        loss_d = total = discriminator_loss(loss, logits_real, logits_fake, label_smoothing)
        if r1 > 0:  # D pays for being steep where the real images are,
            total = total + r1 / 2 * squared_slope(logits_real, real_seen)
        if r2 > 0:  # and where the fakes are
            total = total + r2 / 2 * squared_slope(logits_fake, fake_seen)
        optimizer_d.zero_grad(set_to_none=True)
        total.backward()
        optimizer_d.step()

    # 2. G's turn: it learns to raise D's opinion of the same fakes. The gradient flows back through
    #    D into G; D itself is frozen meanwhile, which saves the work of computing its gradients.
    discriminator.requires_grad_(False)
    logits = discriminator(moved(images_fake, move[1]), *given)
    partners = None
    if loss in PAIRED:  # where fakes are compared with real images, G needs D's new opinion of both
        partners = discriminator(moved(real_part, move[1]), *given)
    loss_g = generator_loss(loss, logits, partners)
    optimizer_g.zero_grad(set_to_none=True)
    loss_g.backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)

    return StepStats(
        loss_d=loss_d.detach(),
        loss_g=loss_g.detach(),
        mean_d_real=logits_real.detach().sigmoid().mean(),
        mean_d_fake=logits_fake.detach().sigmoid().mean(),
        logits_real=logits_real.detach(),
        logits_fake=logits_fake.detach(),
        images_fake=images_fake.detach(),
    )

"""Right answers to the exercises of lesson 08, written another way than the solutions."""

import torch
import torch.nn.functional as F


def bce_step(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """G drawn twice, D not detached but G cleared afterwards, D frozen and thawed."""
    optimizer_d.zero_grad()
    (
        F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z))).mean()
    ).backward()
    optimizer_d.step()
    optimizer_g.zero_grad()
    for p in discriminator.parameters():
        p.requires_grad = False
    F.softplus(-discriminator(generator(z))).mean().backward()
    for p in discriminator.parameters():
        p.requires_grad = True
    optimizer_g.step()
    return 3.0


@torch.no_grad()
def decorated_sample(generator, z):
    mode = generator.training
    try:
        return generator.eval()(z)
    finally:
        generator.train(mode)


SECOND = {
    "d_loss": lambda logits_real, logits_fake: (
        F.softplus(-logits_real).sum() / len(logits_real)
        + F.softplus(logits_fake).sum() / len(logits_fake)
    ),
    "g_loss": lambda logits_fake: torch.nn.BCEWithLogitsLoss()(
        logits_fake, torch.ones(logits_fake.shape)
    ),
    "one_step": bce_step,
    "sample": decorated_sample,
}

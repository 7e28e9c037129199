"""Right answers to the exercises of lesson 08, written another way than the solutions."""

import io

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


def best_by_search(p_real, p_fake, smoothing):
    """The minimum of D's loss, by bisection of its slope."""
    low, high = torch.zeros_like(p_real), torch.ones_like(p_real)
    for _ in range(60):
        d = (low + high) / 2
        slope = -(1 - smoothing) * p_real / d + (smoothing * p_real + p_fake) / (1 - d)
        low, high = torch.where(slope < 0, d, low), torch.where(slope < 0, high, d)
    return (low + high) / 2


def deal_by_loops(order, batch_size, discriminator_steps):
    steps, position = [], 0
    while position + batch_size * discriminator_steps <= len(order):
        parts = []
        for _ in range(discriminator_steps):
            parts.append(order[position : position + batch_size])
            position += batch_size
        steps.append(torch.stack(parts))
    return torch.stack(steps)


def average_by_data(average, generator, keep):
    latest = dict(generator.named_parameters())
    for name, p in average.named_parameters():
        p.data = keep * p.data + (1 - keep) * latest[name].data
    for name, b in average.named_buffers():
        b.data = generator.get_buffer(name).clone()


def film_by_steps(generator, train_step, fixed_z, moments):
    """A look at every step, and a list of frames."""
    frames = []
    for step in range(moments[-1] + 1):
        if step:
            train_step()
        if step in moments:
            generator.eval()
            frames.append(generator(fixed_z).detach())
            generator.train()
    return frames


def keep_as_bytes(run):
    """Through a file, which copies by itself."""
    names = ("generator", "discriminator", "averaged", "optimizer_g", "optimizer_d")
    saved = {name: getattr(run, name).state_dict() for name in names}
    saved.update(step=run.step, rng=run.rng.get_state())
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


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
    "best_smoothed_d": best_by_search,
    "deal_out": deal_by_loops,
    "count_images": [
        32 * 56,
        30 * 32 * 56,
        468,
        156,
        1000 * 3 * 128,
        358_400 // (56 * 32),
        25 * 78 * 128,
    ],
    "update_average": average_by_data,
    "film": film_by_steps,
    "keep_everything": keep_as_bytes,
}

"""Right answers to the exercises of lesson 06, written another way than the solutions."""

import torch
import torch.nn.functional as F


def loop_value(p_data, p_g, d):
    total = 0.0
    for real, fake, says in zip(p_data.tolist(), p_g.tolist(), d.tolist(), strict=True):
        total += real * torch.tensor(says).log().item()
        total += fake * torch.tensor(1 - says).log().item()
    return total


def masked_best_d(p_data, p_g):
    answer = torch.full(p_data.shape, 0.5)
    comes = (p_data != 0) | (p_g != 0)
    answer[comes] = 1 - p_g[comes] / (p_g[comes] + p_data[comes])
    return answer


def slopes_by_autograd(logits):
    x = logits.clone().requires_grad_()
    minimax = torch.autograd.grad(F.logsigmoid(-x).sum(), x)[0]
    return [minimax, torch.autograd.grad(-F.logsigmoid(x).sum(), x)[0]]


def logaddexp_bce(logits, targets):
    zero = torch.zeros_like(logits)
    right, wrong = torch.logaddexp(zero, -logits), torch.logaddexp(zero, logits)
    return (targets * right + (1 - targets) * wrong).sum() / len(logits)


def fakes_without_a_path(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """No detach at all: D's half draws its fakes under no_grad, G's half draws them again."""
    with torch.no_grad():
        plain_fake = generator(z)
    optimizer_d.zero_grad()
    real_part = F.softplus(-discriminator(real)).mean()
    (real_part + F.softplus(discriminator(plain_fake)).mean()).backward()
    optimizer_d.step()
    optimizer_g.zero_grad()
    F.softplus(-discriminator(generator(z))).mean().backward()
    optimizer_g.step()


def bce_step(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g):
    """Labels and torch's own loss; not detached, but G is cleared before its own half."""
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
    optimizer_d.zero_grad()
    bce(discriminator(real), ones).backward()
    bce(discriminator(generator(z_d)), zeros).backward()
    optimizer_d.step()
    generator.zero_grad()
    discriminator.requires_grad_(False)
    bce(discriminator(generator(z_g)), ones).backward()
    discriminator.requires_grad_(True)
    optimizer_g.step()


SECOND = {
    "value_of_game": loop_value,
    "best_d": masked_best_d,
    "logit_gradients": slopes_by_autograd,
    "safe_bce": logaddexp_bce,
    "place_the_detach": fakes_without_a_path,
    "whole_step": bce_step,
    "wasserstein_1d": lambda a, b: (
        sum(abs(x - y) for x, y in zip(sorted(a.tolist()), sorted(b.tolist()), strict=True))
        / len(a)
    ),
    "spot_the_errors": (True, False, True, False, False, True, False, False),
}

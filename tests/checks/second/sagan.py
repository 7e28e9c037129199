"""Right answers to the exercises of lesson 12, written another way than the solutions."""

import torch
import torch.nn.functional as F


def norm_by_one_hot(x, labels, gain, bias, eps):
    known = F.one_hot(labels, len(gain)).to(x.dtype)  # (N, classes)
    flat = x.transpose(0, 1).flatten(1)  # (C, N*H*W)
    centred = flat - flat.mean(1, keepdim=True)
    normal = centred / (centred.square().mean(1, keepdim=True) + eps) ** 0.5
    normal = normal.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)
    shape = (*x.shape[:2], 1, 1)
    return normal * (known @ gain).view(shape) + (known @ bias).view(shape)


def projection_by_einsum(maps, labels, weight, bias, embed):
    return torch.einsum("nchw,nc->n", maps, weight + embed[labels]) + bias


def leak_by_tensors(counts_real, counts_fake):
    real, fake = torch.tensor(counts_real).double(), torch.tensor(counts_fake).double()
    logits = real.log() - fake.log() + fake.sum().log() - real.sum().log()
    return logits.tolist()


def step_with_frozen_d(generator, discriminator, optimizer_g, optimizer_d, images_real, labels, z):
    """The fakes are drawn twice, and D is frozen while G learns."""
    with torch.no_grad():
        fake = generator(z, labels)
    both = discriminator(torch.cat([images_real, fake]), torch.cat([labels, labels]))
    sides = torch.cat([torch.ones(len(z)), -torch.ones(len(z))])
    optimizer_d.zero_grad()
    (2 * (1 - sides * both).clamp(min=0).mean()).backward()
    optimizer_d.step()
    for parameter in discriminator.parameters():
        parameter.requires_grad_(False)
    optimizer_g.zero_grad()
    discriminator(generator(z, labels), labels).mean().neg().backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)


def average_what_is_learned(average, current, keep):
    learned = [name for name in average if name == "gamma" or name.endswith("original")]
    mixed = {name: torch.lerp(current[name], average[name], keep) for name in learned}
    return {**current, **mixed}


def look_by_unravel(weights, row, column, width, pool):
    height = weights.shape[0] // width
    asked = weights.unflatten(0, (height, width))[row][column]
    if not pool:
        return torch.unravel_index(asked.argmax(), (height, width))
    place = torch.unravel_index(asked.argmax(), (height // 2, width // 2))
    return [2 * int(i) for i in place]


def cost_in_eighths(channels, height, width, pool):
    c = channels // 8
    pairs = (height * width) ** 2 // (4 if pool else 1)
    return [80 * c * c + 1, height * width * 80 * c * c + pairs * 5 * c]


SECOND = {
    "conditional_batch_norm": norm_by_one_hot,
    "projection_logit": projection_by_einsum,
    "label_leak": leak_by_tensors,
    "sagan_step": step_with_frozen_d,
    "update_average": average_what_is_learned,
    "where_it_looks": look_by_unravel,
    "attention_cost": cost_in_eighths,
    "find_defects": torch.tensor([1, 2, 3, 1, 4, 1, 5, 1]),
}

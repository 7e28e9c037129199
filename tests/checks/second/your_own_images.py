"""Right answers to the exercises of lesson 16, written another way than the solutions."""

import math
from itertools import pairwise

import torch


def compared_pixel_by_pixel(grey):
    rows = grey.tolist()
    return torch.tensor([[a > b for a, b in pairwise(row)] for row in rows])


def kept_as_texts(hashes, reach):
    kept = []
    for number, row in enumerate(hashes.tolist()):
        for _, other in kept:
            if sum(a != b for a, b in zip(row, other, strict=True)) <= reach:
                break
        else:
            kept.append((number, row))
    return [number for number, _ in kept]


def losses_by_logaddexp(logits_real, logits_fake):
    zero = torch.zeros(())
    loss_d = torch.logaddexp(zero, logits_fake - logits_real).mean()
    loss_g = torch.logaddexp(zero, logits_real - logits_fake).mean()
    return loss_d, loss_g


def penalty_image_by_image(discriminator, images, gamma):
    total = 0
    for image in images:
        image = image[None].clone().requires_grad_()
        [slope] = torch.autograd.grad(discriminator(image).squeeze(), image, create_graph=True)
        total = total + (slope * slope).sum()
    return gamma * total / (2 * len(images))


def share_by_counting(p, logits_real, step, target):
    signs = [math.copysign(1, value) for value in logits_real.tolist()]
    p = p + step if sum(signs) / len(signs) > target else p - step
    return 0.0 if p < 0 else 0.8 if p > 0.8 else p


SECOND = {
    "true_or_not": (False, True, False, True, False, True, False, True),
    "difference_hash": compared_pixel_by_pixel,
    "keep_first": kept_as_texts,
    "relativistic_losses": losses_by_logaddexp,
    "slope_penalty": penalty_image_by_image,
    "next_share": share_by_counting,
}

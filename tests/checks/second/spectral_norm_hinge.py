"""Right answers to the exercises of lesson 11, written another way than the solutions."""

import torch
from torch import nn


def with_lists(weight, v, iterations):
    for _ in range(iterations):
        u = (weight * v).sum(1)
        u = u / u.square().sum() ** 0.5
        v = (weight * u[:, None]).sum(0)
        v = v / v.square().sum() ** 0.5
    return [float((u[:, None] * weight * v).sum()), u, v]


def by_slices(weight, transposed):
    if transposed:
        rows = [weight[:, o].flatten() for o in range(weight.shape[1])]
    else:  # the kernel's cells first, then the channels: another order of the columns
        rows = [weight[o].permute(1, 2, 0).flatten() for o in range(weight.shape[0])]
    return torch.stack(rows)


def detached(weight, u, v, training):
    if training:
        fixed = weight.detach()
        u = torch.mv(fixed, v)
        u = u / torch.linalg.vector_norm(u)
        v = torch.mv(fixed.T, u)
        v = v / torch.linalg.vector_norm(v)
    return weight / torch.einsum("o,oi,i->", u, weight, v), u, v


class Wrapped(nn.Module):
    """The older spectral norm, in a class of its own."""

    def __init__(self, base_channels):
        super().__init__()
        c = base_channels
        self.first = self.held(nn.Conv2d(1, c, 4, 2, 1))
        self.second = self.held(nn.Conv2d(c, 2 * c, 4, 2, 1))
        self.last = self.held(nn.Linear(32 * c, 1))

    @staticmethod
    def held(layer):
        with torch.no_grad():
            layer.weight.copy_(0.02 * torch.randn_like(layer.weight))
            layer.bias.zero_()
        return nn.utils.spectral_norm(layer)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.first(x), 0.2)
        return self.last(nn.functional.leaky_relu(self.second(x), 0.2).flatten(1))


def one_big_matrix(weight, stride, padding, size):
    x = torch.zeros(1, weight.shape[1], size, size)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: nn.functional.conv2d(x, weight, stride=stride, padding=padding), x
    )
    return torch.linalg.matrix_norm(jacobian.reshape(-1, x.numel()), ord=2)


def with_clamp(logits_real, logits_fake):
    real = (1 - logits_real).clamp(min=0).sum() / len(logits_real)
    fake = torch.maximum(1 + logits_fake, torch.zeros(())).sum() / len(logits_fake)
    return [real + fake, logits_fake.neg().mean()]


def one_by_one(discriminator, images_real, images_fake, eps, gp_lambda):
    total = 0.0
    for real, fake, share in zip(images_real, images_fake, eps, strict=True):
        x = torch.lerp(fake, real, share).requires_grad_()
        slope = torch.autograd.grad(discriminator(x[None])[0, 0], x, create_graph=True)[0]
        total = total + (slope.norm() - 1) ** 2
    return gp_lambda * total / len(eps)


SECOND = {
    "predict_stretch": (2.0, 1.0, 2.0, 3.0, 4.0, 5.0),
    "power_iteration": with_lists,
    "weight_matrix": by_slices,
    "spectral_weight": detached,
    "build_discriminator": Wrapped,
    "true_norm": one_big_matrix,
    "hinge_losses": with_clamp,
    "gradient_penalty": one_by_one,
}

"""Right answers to the exercises of lesson 07, written another way than the solutions."""

import itertools
import math

import torch
from torch import nn


def shapes_from_the_small_end(image_size, image_channels, base_channels):
    sizes = [2**k for k in range(2, int(math.log2(image_size)))]
    inner = [(base_channels * image_size // 2 // size, size, size) for size in sizes]
    return [(image_channels, image_size, image_size), *inner[::-1]]


def parameters_layer_by_layer(image_size, image_channels, latent_dim, base_channels):
    widths = [base_channels * 2**k for k in reversed(range(int(math.log2(image_size // 8)) + 1))]
    stem = nn.Linear(latent_dim, widths[0] * 16, bias=False, device="meta").weight.numel()
    stamps = sum(16 * a * b for a, b in zip(widths, [*widths[1:], image_channels], strict=True))
    return stem + stamps + 2 * sum(widths) + image_channels


class Block(nn.Module):
    """Not an nn.Sequential, and nested."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.stamp = nn.ConvTranspose2d(
            in_channels, out_channels, (4, 4), (2, 2), padding=(1, 1), bias=False
        )
        self.rest = nn.Sequential(nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.rest(self.stamp(x))


def stem_by_asking(linear, channels):
    """Put each unit vector in, and see which maps come out."""
    answers = linear(torch.eye(linear.in_features)).detach()
    stem = nn.ConvTranspose2d(linear.in_features, channels, 4, stride=1, bias=False)
    stem.weight = nn.Parameter(answers.unflatten(1, (channels, 4, 4)))
    return stem


@torch.no_grad()
def init_by_hand(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.copy_(1 + 0.02 * torch.randn_like(module.weight))
            module.bias.zero_()
        elif isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.copy_(0.02 * torch.randn_like(module.weight))
            if module.bias is not None:
                module.bias.mul_(0)
    return model


def generator_with_the_papers_stem(image_size, image_channels, latent_dim, base_channels):
    widths = [base_channels * 2**k for k in reversed(range(int(math.log2(image_size // 8)) + 1))]
    stem = nn.ConvTranspose2d(latent_dim, widths[0], 4, bias=False)
    head = [nn.Unflatten(1, (latent_dim, 1, 1)), stem, nn.BatchNorm2d(widths[0]), nn.ReLU()]
    blocks = [Block(a, b) for a, b in itertools.pairwise(widths)]
    last = nn.ConvTranspose2d(widths[-1], image_channels, 4, stride=2, padding=1)
    return nn.Sequential(*head, *blocks, last, nn.Tanh())


SECOND = {
    "discriminator_shapes": shapes_from_the_small_end,
    "generator_parameters": parameters_layer_by_layer,
    "up_block": Block,
    "conv_stem": stem_by_asking,
    "init_all": init_by_hand,
    "broken_rules": (1, 0.0, torch.tensor(2), 3, 5, 4, 0, 1),
    "any_generator": generator_with_the_papers_stem,
}

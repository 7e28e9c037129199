"""A DCGAN pair with each rule of the paper as a switch, for the trials of lesson 07.

With all switches at their defaults the two networks are layer for layer those of
``gan_course.models.dcgan`` at 32x32 pixels; a test holds that.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from gan_course.models import init_weights

IMAGE_SIZE = 32


@dataclass(frozen=True)
class Recipe:
    """How to build the pair.

    Attributes:
        pooling_d: D halves by max pooling behind a 3x3 convolution, instead of by a stride of 2.
        nearest_g: G doubles by repeating pixels before a 3x3 convolution, instead of by a
            transposed convolution of stride 2.
        norm_g, norm_d: BatchNorm in the hidden layers of G, of D.
        norm_edges: BatchNorm also where the paper leaves it out: at G's output, on D's first layer.
        hidden_linear: one more fully connected layer of 128 numbers in each network.
        leaky_g: LeakyReLU in G instead of ReLU.
        relu_d: ReLU in D instead of LeakyReLU.
        tanh: whether G ends in a tanh.
        paper_init: whether the weights come from N(0, 0.02), or as PyTorch draws them.
    """

    pooling_d: bool = False
    nearest_g: bool = False
    norm_g: bool = True
    norm_d: bool = True
    norm_edges: bool = False
    hidden_linear: bool = False
    leaky_g: bool = False
    relu_d: bool = False
    tanh: bool = True
    paper_init: bool = True


def build_pair(
    recipe: Recipe, latent_dim: int = 64, base_channels: int = 12
) -> tuple[nn.Sequential, nn.Sequential]:
    """G: z (N, latent_dim) -> images (N, 1, 32, 32); D: images -> logits (N,)."""
    generator = build_generator(recipe, latent_dim, base_channels)
    discriminator = build_discriminator(recipe, base_channels)
    if recipe.paper_init:
        init_weights(generator)
        init_weights(discriminator)
    return generator, discriminator


def build_generator(recipe: Recipe, latent_dim: int, base_channels: int) -> nn.Sequential:
    def bend() -> nn.Module:
        return nn.LeakyReLU(0.2) if recipe.leaky_g else nn.ReLU()

    bias = not recipe.norm_g  # BatchNorm brings its own
    channels = base_channels * 4
    layers: list[nn.Module] = []
    width = latent_dim
    if recipe.hidden_linear:
        layers += [nn.Linear(latent_dim, 128), bend()]
        width = 128
    layers += [nn.Linear(width, channels * 4 * 4, bias=bias), nn.Unflatten(1, (channels, 4, 4))]
    if recipe.norm_g:
        layers.append(nn.BatchNorm2d(channels))
    layers.append(bend())
    for _ in range(2):  # 4 -> 8 -> 16
        layers += _double(recipe, channels, channels // 2, bias)
        channels = channels // 2
        if recipe.norm_g:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(bend())
    layers += _double(recipe, channels, 1, bias=True)  # 16 -> 32, the image
    if recipe.norm_edges:
        layers.append(nn.BatchNorm2d(1))
    if recipe.tanh:
        layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def build_discriminator(recipe: Recipe, base_channels: int) -> nn.Sequential:
    def bend() -> nn.Module:
        return nn.ReLU() if recipe.relu_d else nn.LeakyReLU(0.2)

    channels = base_channels
    layers = _halve(recipe, 1, channels, bias=True)  # 32 -> 16
    if recipe.norm_edges:
        layers.append(nn.BatchNorm2d(channels))
    layers.append(bend())
    for _ in range(2):  # 16 -> 8 -> 4
        layers += _halve(recipe, channels, channels * 2, bias=not recipe.norm_d)
        channels = channels * 2
        if recipe.norm_d:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(bend())
    layers.append(nn.Flatten())
    width = channels * 4 * 4
    if recipe.hidden_linear:
        layers += [nn.Linear(width, 128), bend()]
        width = 128
    layers += [nn.Linear(width, 1), nn.Flatten(0)]  # (N, 1) -> (N,)
    return nn.Sequential(*layers)


def _double(recipe: Recipe, in_channels: int, out_channels: int, bias: bool) -> list[nn.Module]:
    if recipe.nearest_g:
        grow = nn.Upsample(scale_factor=2)
        return [grow, nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)]
    return [
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias),
    ]


def _halve(recipe: Recipe, in_channels: int, out_channels: int, bias: bool) -> list[nn.Module]:
    if recipe.pooling_d:
        read = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
        return [read, nn.MaxPool2d(2)]
    return [nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)]

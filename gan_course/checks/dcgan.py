"""Lesson 07: shapes and parameters of a DCGAN, its blocks, its start, and its rules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_course.checks import dcgan_build as build
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask
from gan_course.models import DCGANDiscriminator, DCGANGenerator

LESSON = "07_dcgan"

# ---- 1: the shapes in D -----------------------------------------------------------------------


def _d_shapes(image_size: int, image_channels: int, base_channels: int) -> list[tuple[int, ...]]:
    """By running the package's discriminator, on no device."""
    with torch.device("meta"):
        model = DCGANDiscriminator(image_size, image_channels, base_channels)
        x = torch.empty(2, image_channels, image_size, image_size)
    shapes = [tuple(x.shape[1:])]
    for part in (model.from_image, *model.blocks):
        x = part(x)
        shapes.append(tuple(x.shape[1:]))
    return shapes


def _sized_cases(rng: torch.Generator) -> list[dict]:
    """Small sizes first; every size comes, with grey and with colour."""
    cases = []
    for i in range(CASES):
        base = int(torch.randint(2, 9, (1,), generator=rng)) * 2 + i
        size = (16, 32, 64, 128)[i % 4]
        channels = (1, 3)[i // 4 % 2]
        cases.append({"image_size": size, "image_channels": channels, "base_channels": base})
    return cases


def _by_rule(first: int, grow: int, stop: int = 4, image: bool = True, batch: tuple = ()):
    """Wrong answers to ``discriminator_shapes``: other channels, other ends."""

    def shapes(image_size: int, image_channels: int, base_channels: int) -> list[tuple[int, ...]]:
        found = [(*batch, image_channels, image_size, image_size)] if image else []
        channels, size = base_channels * first, image_size // 2
        while size >= stop:
            found.append((*batch, channels, size, size))
            channels, size = channels * grow, size // 2
        return found

    return shapes


def _from_image_channels(image_size: int, image_channels: int, base_channels: int) -> list[tuple]:
    right = _d_shapes(image_size, image_channels, base_channels)
    return [(image_channels * 2**i, *shape[1:]) for i, shape in enumerate(right)]


discriminator_shapes = FunctionTask(
    LESSON,
    "discriminator_shapes",
    "You can draw a discriminator for any size on the back of an envelope, and its mirror too.",
    (
        Mistake(
            "upside down",
            "That is the order of G, from 4×4 to the image. D goes the other way.",
            lambda **sizes: _d_shapes(**sizes)[::-1],
        ),
        Mistake(
            "image missing",
            "The list begins with the image itself, before any layer.",
            _by_rule(1, 2, image=False),
        ),
        Mistake(
            "channels do not double",
            "Each convolution after the first doubles the channels; yours stay as they are.",
            _by_rule(1, 1),
        ),
        Mistake(
            "doubled at once",
            "The first layer makes base_channels of them, not twice as many: doubling begins with "
            "the second.",
            _by_rule(2, 2),
        ),
        Mistake(
            "doubled from the image",
            "The channels do not grow from those of the image: the first layer makes "
            "base_channels, whatever comes in.",
            _from_image_channels,
        ),
        Mistake(
            "too far", "The last maps are 4×4. Yours go on to smaller ones.", _by_rule(1, 2, 1)
        ),
        Mistake("too early", "The last maps are 4×4. Yours stop before that.", _by_rule(1, 2, 8)),
        Mistake(
            "batch axis",
            "The batch axis is not asked for: a shape here is (channels, height, width).",
            _by_rule(1, 2, batch=(1,)),
        ),
    ),
    oracle=_d_shapes,
    cases=_sized_cases,
)

# ---- 2: the parameters of G -------------------------------------------------------------------


def _count(image_size: int, image_channels: int, latent_dim: int, base_channels: int) -> int:
    with torch.device("meta"):
        model = DCGANGenerator(image_size, image_channels, latent_dim, base_channels)
    return sum(p.numel() for p in model.parameters())


def _count_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for case in _sized_cases(rng):
        latent_dim = int(torch.randint(5, 120, (1,), generator=rng))
        cases.append(case | {"latent_dim": latent_dim})
    return cases


def _formula(
    stem_bias: bool = False,
    norm: int = 2,
    block_bias: bool = False,
    last_bias: bool = True,
    cells: int = 16,
    kernel: int = 16,
    stem: bool = True,
    last: bool = True,
):
    """The sum by hand, with a choice of what to get wrong."""

    def count(image_size: int, image_channels: int, latent_dim: int, base_channels: int) -> int:
        channels = base_channels * image_size // 8
        total = stem * latent_dim * channels * cells + norm * channels
        total += stem_bias * channels * cells
        while channels > base_channels:
            half = channels // 2
            total += channels * half * kernel + norm * half + block_bias * half
            channels = half
        return total + last * (channels * image_channels * kernel + last_bias * image_channels)

    return count


generator_parameters = FunctionTask(
    LESSON,
    "generator_parameters",
    "And you know where they sit: nearly all of them near z.",
    (
        Mistake(
            "biases in front of BatchNorm",
            "You count biases that are not there: the stem and the blocks have bias=False, since "
            "BatchNorm follows.",
            _formula(stem_bias=True, block_bias=True),
            also=(_formula(stem_bias=True), _formula(block_bias=True)),
        ),
        Mistake(
            "BatchNorm forgotten",
            "BatchNorm learns something too: gamma and beta, one of each for every channel, after "
            "the stem and in each block.",
            _formula(norm=0),
        ),
        Mistake(
            "running statistics counted",
            "The running mean and variance are remembered, not learned: BatchNorm has two "
            "parameters for each channel, not four.",
            _formula(norm=4),
        ),
        Mistake(
            "half a BatchNorm",
            "BatchNorm has two parameters for each channel: gamma and beta.",
            _formula(norm=1),
        ),
        Mistake(
            "last bias forgotten",
            "The last layer has no BatchNorm behind it, so it has a bias: one for each channel of "
            "the image.",
            _formula(last_bias=False),
        ),
        Mistake(
            "4 instead of 4 times 4",
            "A kernel of 4 is a table of 4·4 numbers for each pair of channels, not 4.",
            _formula(kernel=4),
        ),
        Mistake(
            "stem without its cells",
            "The stem makes 4·4 cells for each channel: latent_dim · channels · 16 weights.",
            _formula(cells=1),
        ),
        Mistake("stem forgotten", "The stem is missing from your sum.", _formula(stem=False)),
        Mistake(
            "last layer forgotten",
            "The layer that makes the image is missing from your sum.",
            _formula(last=False),
        ),
    ),
    oracle=_count,
    cases=_count_cases,
)

# ---- 3, 4 and 7: see dcgan_build --------------------------------------------------------------

up_block = build.up_block

# ---- 4: two stems, one map --------------------------------------------------------------------


def _stem(weight: Tensor, channels: int, bias: bool = False, size: int = 4) -> nn.Module:
    """A transposed convolution with this weight (latent_dim, channels, size, size)."""
    layer = nn.ConvTranspose2d(len(weight), channels, size, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def _conv_stem(linear: nn.Linear, channels: int) -> nn.Module:
    return _stem(linear.weight.T.reshape(-1, channels, 4, 4), channels)


def _stem_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        latent_dim = int(torch.randint(2, 6, (1,), generator=rng)) + i
        channels = int(torch.randint(2, 6, (1,), generator=rng))
        linear = nn.Linear(latent_dim, channels * 16, bias=False)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(linear.weight.shape, generator=rng))
        cases.append({"linear": linear, "channels": channels})
    return cases


def _same_numbers(a: Tensor, b: Tensor) -> bool:
    """The same numbers in whatever order: were they copied at all?"""
    a, b = a.detach().flatten().sort().values, b.detach().flatten().sort().values
    return a.shape == b.shape and torch.allclose(a, b, atol=1e-5)


def _stem_outcome(result: nn.Module, arguments: dict) -> dict:
    """What it is, and its maps for one z. A bias would be random, so it is a fact of its own."""
    build.need_a_network(result)
    linear = arguments["linear"]
    z = torch.linspace(-1, 2, linear.in_features)[None, :, None, None]
    facts = {
        "kind": type(result).__name__,
        "channels in, out": (result.in_channels, result.out_channels),
        "has a bias": result.bias is not None,
        "holds the numbers of linear.weight": _same_numbers(result.weight, linear.weight),
    }
    if result.in_channels == linear.in_features:
        with torch.no_grad():
            if result.bias is not None:
                result.bias.zero_()
            facts["maps for one z"] = result(z)
    return facts


def _wrong_stem(order: str, bias: bool = False):
    def conv_stem(linear: nn.Linear, channels: int) -> nn.Module:
        w = linear.weight
        latent_dim = linear.in_features
        weight = {
            "no transpose": lambda: w.reshape(latent_dim, channels, 4, 4),
            "turned": lambda: w.T.reshape(-1, channels, 4, 4).transpose(2, 3),
            "flipped": lambda: w.T.reshape(-1, channels, 4, 4).flip(2, 3),
            "cells first": lambda: w.T.reshape(-1, 4, 4, channels).permute(0, 3, 1, 2),
            "right": lambda: w.T.reshape(-1, channels, 4, 4),
        }[order]()
        return _stem(weight, channels, bias)

    return conv_stem


def _not_copied(linear: nn.Linear, channels: int) -> nn.Module:
    return nn.ConvTranspose2d(channels * 16, linear.in_features, 4, bias=False)


conv_stem = FunctionTask(
    LESSON,
    "conv_stem",
    "Proved by you: the two stems are one map in two notations.",
    (
        Mistake(
            "not transposed",
            "You reshape linear.weight as it lies, (out, in). nn.ConvTranspose2d wants the inputs "
            "first: transpose with .T before you reshape.",
            _wrong_stem("no transpose"),
        ),
        Mistake(
            "rows and columns swapped",
            "The maps are there, but with rows and columns swapped. nn.Unflatten fills row by row: "
            "leave the last two axes in their order.",
            _wrong_stem("turned"),
        ),
        Mistake(
            "turned by 180 degrees",
            "You turn the kernels by 180 degrees. A transposed convolution stamps its kernel as it "
            "is: no flip.",
            _wrong_stem("flipped"),
        ),
        Mistake(
            "channels last",
            "nn.Unflatten(1, (channels, 4, 4)) keeps the 16 cells of one map together: reshape to "
            "(latent_dim, channels, 4, 4), not with the channels last.",
            _wrong_stem("cells first"),
        ),
        Mistake(
            "bias left in",
            "The weights are right, but your layer has a bias, with random numbers in it. The "
            "linear layer has none: bias=False.",
            _wrong_stem("right", bias=True),
        ),
        Mistake(
            "sizes swapped",
            "in_channels is the length of z, linear.in_features, and out_channels is `channels`.",
            _not_copied,
        ),
    ),
    oracle=_conv_stem,
    cases=_stem_cases,
    outcome=_stem_outcome,
    returns=True,
)

# ---- 5: initialisation ------------------------------------------------------------------------

init_all = build.init_all

# ---- 6: which rule is broken? -----------------------------------------------------------------

SNIPPETS = (
    "the D that begins with a Conv2d of stride 1 and a MaxPool2d",
    "the block of G with ConvTranspose2d, BatchNorm2d and ReLU",
    "the G that ends in ConvTranspose2d, BatchNorm2d and Tanh",
    "the D that ends in Flatten, Linear to 1024, LeakyReLU, Linear to 1",
    "the block of D with Conv2d, BatchNorm2d and ReLU",
    "the block of G with ConvTranspose2d, BatchNorm2d and Tanh",
    "the D that ends in Flatten and Linear to 1",
    "the block of G with Upsample and Conv2d",
)
RIGHT = [1, 0, 2, 3, 5, 4, 0, 1]


def _but(**changes: int) -> list[int]:
    """The right list with other answers: n3=0 changes number 3."""
    answer = list(RIGHT)
    for number, value in changes.items():
        answer[int(number[1:]) - 1] = value
    return answer


broken_rules = ValuesTask(
    LESSON,
    "broken_rules",
    "You read an architecture like its authors.",
    (
        Mistake(
            "BatchNorm everywhere",
            "Number 3: rule 2 has an exception. At G's output and on D's first layer there is no "
            "BatchNorm.",
            _but(n3=0),
        ),
        Mistake(
            "last linear layer accused",
            "Number 7 keeps all rules: the last linear layer is no hidden one. Rule 3 is about "
            "linear layers between others.",
            _but(n7=3),
        ),
        Mistake(
            "hidden linear layer overlooked",
            "Number 4: the linear layer to 1024 stands between two others. That is a hidden one.",
            _but(n4=0),
        ),
        Mistake(
            "ReLU in D overlooked",
            "Number 5: ReLU belongs to G. In D the paper takes LeakyReLU.",
            _but(n5=0),
            also=(_but(n5=4),),
        ),
        Mistake(
            "tanh in the middle",
            "Number 6: the tanh belongs at the end of G only. In its blocks stands ReLU.",
            _but(n6=0),
            also=(_but(n6=5),),
        ),
        Mistake(
            "growing without a stride",
            "Number 8: repeating pixels is for growing what pooling is for shrinking. In the paper "
            "the stride of a transposed convolution does it. (It is a good way all the same, as "
            "the table of the lesson says.)",
            _but(n8=0),
            also=(_but(n8=2),),
        ),
        Mistake(
            "pooling overlooked",
            "Number 1: max pooling shrinks the maps. In the paper the stride of a convolution does "
            "it.",
            _but(n1=0),
        ),
    ),
    questions=tuple(f"{text}." for text in SNIPPETS),
    expected=lambda: list(RIGHT),
)

# ---- 7: a generator for any size --------------------------------------------------------------

any_generator = build.any_generator

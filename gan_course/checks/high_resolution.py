"""Lesson 14: the parts of ProGAN, its fade-in and its schedule, and a D for all sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import high_resolution_growth as growth
from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "14_high_resolution"

# ---- 1: pixel norm ----------------------------------------------------------------------------


def _map_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        shape = (2 + i % 3, 3 + i, 2 + i % 2, 3)
        draw = {"generator": rng, "dtype": torch.float64}
        cases.append({"x": 1.5 + (1 + i) * torch.randn(shape, **draw)})
    cases[-1]["x"][0, :, 0, 0] = 0  # a pixel without anything: the 1e-8 keeps it from 0 / 0
    cases[-2]["x"][0, :, 0, 0] *= 1e-4  # a faint one: there it shows how large the 1e-8 is
    return cases


def _pixel_norm(
    dims: object = 1,
    root: bool = True,
    how: str = "mean",
    centre: bool = False,
    eps: float = 1e-8,
    behind: bool = False,
):
    def norm(x: Tensor) -> Tensor:
        y = x - x.mean(dim=dims, keepdim=True) if centre else x
        square = y.square()
        size = square.mean(dim=dims, keepdim=True)
        if how == "sum":
            size = square.sum(dim=dims, keepdim=True)
        if behind:
            return y / (size.sqrt() + eps)
        return y / ((size + eps).sqrt() if root else size + eps)

    return norm


pixel_norm = FunctionTask(
    LESSON,
    "pixel_norm",
    "Each pixel's channels have a mean square of 1, and no image knows of another.",
    (
        Mistake(
            "over the image",
            "The mean is taken over the pixels of each channel. Take it over the channels of each "
            "pixel: dim=1.",
            _pixel_norm(dims=(2, 3)),
        ),
        Mistake(
            "over everything",
            "The mean is taken over channels and pixels. Each pixel has a number of its own: dim=1 "
            "alone.",
            _pixel_norm(dims=(1, 2, 3)),
        ),
        Mistake(
            "over the batch",
            "The mean is taken over the batch, too. Then images depend on each other, as in "
            "BatchNorm: dim=1 alone.",
            _pixel_norm(dims=(0, 1)),
            also=(_pixel_norm(dims=0), _pixel_norm(dims=(0, 2, 3))),
        ),
        Mistake(
            "sum instead of mean",
            "It divides by the root of the *sum* of the squares, so that every pixel becomes a "
            "vector of length 1. Take the mean: then the numbers stay near 1 however many channels "
            "there are.",
            _pixel_norm(how="sum"),
            also=(lambda x: F.normalize(x, dim=1),),
        ),
        Mistake(
            "no root",
            "It divides by the mean of the squares. Take its root.",
            _pixel_norm(root=False),
        ),
        Mistake(
            "the mean taken off",
            "The mean over the channels is taken off first. Pixel norm only divides.",
            _pixel_norm(centre=True),
        ),
        Mistake(
            "no 1e-8",
            "Right but for a pixel that is 0 in all channels: 0 / 0 is nan. Add 1e-8 to the mean "
            "square, before the root.",
            _pixel_norm(eps=0.0),
        ),
        Mistake(
            "another small number",
            "Right but for a faint pixel, where the small number counts. It is 1e-8, and it is "
            "added to the mean square, before the root.",
            _pixel_norm(behind=True),
            also=tuple(_pixel_norm(eps=eps) for eps in (1e-5, 1e-6, 1e-12)),
        ),
    ),
    oracle=_pixel_norm(),
    cases=_map_cases,
)

# ---- 2: equalised learning rate ---------------------------------------------------------------


def _conv_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        inputs, outputs, side = 2 + i // 2, 3 + i % 4, (1, 3, 5)[i % 3]
        draw = {"generator": rng, "dtype": torch.float64}
        weight = torch.randn(outputs, inputs, side, side, **draw)
        x = torch.randn(2, inputs, 6, 6, **draw)
        cases.append({"x": x, "weight": weight, "bias": torch.randn(outputs, **draw)})
    return cases


def _equalized(
    factor: Callable[[Tensor], float] = lambda w: math.sqrt(2 / w[0].numel()),
    bias_too: bool = False,
    padding: Callable[[Tensor], int] = lambda w: w.shape[-1] // 2,
) -> Callable:
    """The convolution with one of its parts changed."""

    def conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        scale = factor(weight)
        return F.conv2d(
            x, weight * scale, bias * (scale if bias_too else 1), padding=padding(weight)
        )

    return conv


equalized_conv = FunctionTask(
    LESSON,
    "equalized_conv",
    "The weights stay near 1, so that one learning rate suits every layer.",
    (
        Mistake(
            "no factor",
            "The weights are used as they are stored. Multiply them by sqrt(2 / fan_in), or the "
            "signal grows from layer to layer.",
            _equalized(factor=lambda w: 1.0),
        ),
        Mistake(
            "fan_in without the kernel",
            "fan_in counts every number that one output pixel reads: channels times height times "
            "width of the kernel. Here only the channels are counted.",
            _equalized(factor=lambda w: math.sqrt(2 / w.shape[1])),
        ),
        Mistake(
            "fan_out",
            "That is the factor for fan_out. The first dimension of the weight is the output "
            "channels; count weight[0] instead.",
            _equalized(factor=lambda w: math.sqrt(2 / w[:, 0].numel())),
        ),
        Mistake(
            "the root is missing",
            "The factor is the *root* of 2 / fan_in: variances add up, not standard deviations.",
            _equalized(factor=lambda w: 2 / w[0].numel()),
        ),
        Mistake(
            "the 2 is missing",
            "A factor of sqrt(2) is missing: it makes up for the half that a LeakyReLU takes away.",
            _equalized(factor=lambda w: math.sqrt(1 / w[0].numel())),
        ),
        Mistake(
            "the bias too",
            "The bias is multiplied as well. It is added behind the convolution, as it is.",
            _equalized(bias_too=True),
        ),
        Mistake(
            "no padding",
            "The image shrinks. Pad by weight.shape[-1] // 2, so that its size stays.",
            _equalized(padding=lambda w: 0),
        ),
    ),
    oracle=_equalized(),
    cases=_conv_cases,
)

# ---- 3: minibatch standard deviation ----------------------------------------------------------


def _spread(
    correction: int = 0,
    over: tuple[int, ...] = (0,),
    append: bool = True,
    first: Callable[[Tensor], Tensor] = lambda v: (v + 1e-8).sqrt(),
    last: Callable[[Tensor], Tensor] = lambda s: s,
) -> Callable:
    def spread(x: Tensor) -> Tensor:
        value = last(first(x.var(dim=over, correction=correction)).mean())
        extra = value.expand(len(x), 1, *x.shape[2:])
        return torch.cat([x, extra], dim=1) if append else extra

    return spread


def _batch_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        draw = {"generator": rng, "dtype": torch.float64}
        x = torch.randn(2 + i % 4, 2 + i % 3, 3, 2 + i % 3, **draw)
        cases.append({"x": x * (1 + torch.rand(2 + i % 3, 1, 1, **draw) * 3)})
    x = cases[-1]["x"]
    cases[-1]["x"] = x[:1].repeat(len(x), 1, 1, 1)  # the same image again and again
    return cases


def _mean_first(x: Tensor) -> Tensor:
    """The spread of the images' means, instead of the mean of the spreads."""
    value = (x.mean(dim=(1, 2, 3)).var(correction=0) + 1e-8).sqrt()
    return torch.cat([x, value.expand(len(x), 1, *x.shape[2:])], dim=1)


def _per_place(x: Tensor) -> Tensor:
    """A map of its own for each place, not averaged over them."""
    value = (x.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=0)  # (H, W)
    return torch.cat([x, value.expand(len(x), 1, *x.shape[2:])], dim=1)


minibatch_stddev = FunctionTask(
    LESSON,
    "minibatch_stddev",
    "One number that tells D whether a batch is of one image only.",
    (
        Mistake(
            "divided by N − 1",
            "torch.std and torch.var divide by N − 1 by themselves. Here it is N: correction=0.",
            _spread(correction=1),
        ),
        Mistake(
            "of each image",
            "That is the standard deviation *within* each image, or over everything. Compare the "
            "images with each other: over dim 0, at each channel and place.",
            lambda x: torch.cat(
                [
                    x,
                    (x.var(dim=(1, 2, 3), correction=0) + 1e-8)
                    .sqrt()
                    .view(-1, 1, 1, 1)
                    .expand(-1, 1, *x.shape[2:]),
                ],
                dim=1,
            ),
            also=(_spread(over=(0, 1, 2, 3)), _spread(over=(0, 2, 3))),
        ),
        Mistake(
            "averaged too early",
            "The images are averaged before they are compared, so that two images with the same "
            "mean brightness count as equal. First the standard deviation at each place, then the "
            "mean.",
            _mean_first,
        ),
        Mistake(
            "not averaged over the places",
            "Each place has a number of its own. Take the mean over channels and places: one "
            "number for the whole batch.",
            _per_place,
        ),
        Mistake(
            "variance",
            "That is the variance. Take the root at each place, before the mean.",
            _spread(first=lambda v: v + 1e-8),
            also=(_spread(first=lambda v: v),),
        ),
        Mistake(
            "root at the end",
            "The root is taken after the mean. Take it at each place, then the mean.",
            _spread(first=lambda v: v + 1e-8, last=lambda s: s.sqrt()),
        ),
        Mistake(
            "no 1e-8 under the root",
            "Right but for a batch of copies: there the new channel has to be 0.0001, the root of "
            "1e-8. Add it before the root, or the gradient there is nan.",
            _spread(first=lambda v: v.sqrt()),
            also=(_spread(first=lambda v: v.sqrt() + 1e-8),),
        ),
        Mistake(
            "without x",
            "Only the new map is returned. Lay it beside the channels of x: torch.cat(..., dim=1).",
            _spread(append=False),
        ),
    ),
    oracle=_spread(),
    cases=_batch_cases,
    tolerance=1e-6,  # the 1e-8 shows as 0.0001
)

# ---- 4 to 6: in high_resolution_growth.py -----------------------------------------------------

fade_in = growth.fade_in
growth_schedule = growth.growth_schedule
discriminate_all = growth.discriminate_all
